// SPDX-License-Identifier: Apache-2.0
// The Responses API with the official OpenAI client for Node.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PATH + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: OpenAI } = await load("openai");
const { zodTextFormat } = await load("openai/helpers/zod");
const { z } = await load("zod");
const client = new OpenAI({ apiKey: process.env.XAI_API_KEY, baseURL: process.env.BASE_URL + "/v1", maxRetries: 0 });
const City = z.object({ name: z.string().max(30), kind: z.enum(["capital", "town"]) });
const weather = {
    type: "function", name: "get_weather", description: "Current weather of a city.", strict: true,
    parameters: {
        type: "object", properties: { city: { type: "string", minLength: 1, maxLength: 40 } }, required: ["city"],
        additionalProperties: false,
    },
};
let failures = 0;

async function check(name, fn) {
    try {
        await fn();
        console.log("ok openai-node responses", name);
    } catch (error) {
        failures++;
        console.log("not ok openai-node responses", name + ":", String(error.stack).replaceAll("\n", " | "));
    }
}

function assert(truth, why) {
    if (!truth) throw new Error(why ?? "assertion failed");
}

const make = (fields) => client.responses.create({ model: "grok-4", max_output_tokens: 30, ...fields });

await check("create, retrieve, delete", async () => {
    const made = await make({ input: "Hello!" });
    assert(made.output_text.length > 0);
    assert((await client.responses.retrieve(made.id)).output_text === made.output_text);
    const items = await client.responses.inputItems.list(made.id);
    assert(items.data[0].content[0].text === "Hello!");
    await client.responses.delete(made.id);
    for (const gone of [() => client.responses.retrieve(made.id), () => client.responses.delete(made.id)])
        await gone().then(() => assert(false, "it is still there"), (error) => assert(error.status === 404));
});

await check("streamed", async () => {
    let text = "", last;
    for await (const event of await make({ input: "Hello!", temperature: 0, stream: true })) {
        if (event.type === "response.output_text.delta") text += event.delta;
        last = event;
    }
    assert(text === (await make({ input: "Hello!", temperature: 0 })).output_text, text);
    assert(["response.completed", "response.incomplete"].includes(last.type), last.type);
});

await check("stream helper", async () => {
    const stream = client.responses.stream({ model: "grok-4", input: "Hello!", max_output_tokens: 20 });
    const final = await stream.finalResponse();
    assert(final.output_text.length > 0);
});

await check("previous_response_id", async () => {
    const first = await make({ input: "Hello!" });
    const second = await make({ input: "And now?", previous_response_id: first.id });
    assert(second.usage.input_tokens > first.usage.input_tokens + first.usage.output_tokens);
});

await check("parse", async () => {
    const reply = await client.responses.parse({
        model: "grok-4", input: "Make up a city.", max_output_tokens: 200, text: { format: zodTextFormat(City, "city") },
    });
    City.parse(reply.output_parsed);
});

for (const store of [true, false])
    await check("tools loop, " + (store ? "with the id" : "with the history"), async () => {
        const input = [{ role: "user", content: "What is the weather in Paris?" }];
        const first = await make({ input, tools: [weather], tool_choice: "required", max_output_tokens: 200, store });
        const call = first.output.at(-1);
        assert(call.type === "function_call" && JSON.parse(call.arguments).city.length > 0);
        const result = { type: "function_call_output", call_id: call.call_id, output: "21 degrees, clear" };
        const more = store ? { input: [result], previous_response_id: first.id }
            : { input: [...input, ...first.output, result], store };
        assert((await make({ ...more, tools: [weather], tool_choice: "none" })).output_text.length > 0);
    });

await check("errors", async () => {
    for (const [fields, status] of [[{ previous_response_id: "x" }, 404], [{ model: "gpt-9" }, 400],
        [{ input: 1 }, 422], [{ tools: [{ type: "web_search" }] }, 400]])
        await make({ input: "Hello!", ...fields })
            .then(() => assert(false, "no error"), (error) => assert(error.status === status, String(error)));
});

process.exit(failures ? 1 : 0);
