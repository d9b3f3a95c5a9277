// SPDX-License-Identifier: Apache-2.0
// The official Anthropic client for Node.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PATH + "/");
const { default: Anthropic } = await import(pathToFileURL(require.resolve("@anthropic-ai/sdk")).href);
const client = new Anthropic({ apiKey: process.env.XAI_API_KEY, baseURL: process.env.BASE_URL, maxRetries: 0 });
const hello = [{ role: "user", content: "Hello!" }];
const fields = { model: "grok-4", max_tokens: 60, messages: hello, temperature: 0 };
const weather = {
    name: "get_weather", description: "Current weather of a city",
    input_schema: { type: "object", properties: { city: { type: "string", maxLength: 40 } }, required: ["city"] },
};
const question = [{ role: "user", content: "What is the weather in Paris?" }];
let failures = 0;

async function check(name, fn) {
    try {
        await fn();
        console.log("ok anthropic-node", name);
    } catch (error) {
        failures++;
        console.log("not ok anthropic-node", name + ":", String(error.stack).replaceAll("\n", " | "));
    }
}

function assert(truth, why) {
    if (!truth) throw new Error(why ?? "assertion failed");
}

await check("plain", async () => {
    const reply = await client.messages.create({ ...fields, system: "You are a helpful assistant." });
    assert(reply.content[0].text.length > 0 && reply.stop_reason === "end_turn", JSON.stringify(reply));
    assert(reply._request_id === reply.id);
});

await check("streamed", async () => {
    let text = "";
    for await (const event of await client.messages.create({ ...fields, stream: true }))
        if (event.type === "content_block_delta") text += event.delta.text;
    assert(text === (await client.messages.create(fields)).content[0].text, text);
});

await check("stream helper", async () => {
    const heard = [];
    const stream = client.messages.stream({
        ...fields, max_tokens: 2000, thinking: { type: "enabled", budget_tokens: 1024 },
    }).on("thinking", () => heard.push("thinking")).on("text", () => heard.push("text"));
    const final = await stream.finalMessage();
    assert(final.content.map((b) => b.type).join() === "thinking,text", JSON.stringify(final));
    assert(heard.includes("thinking") && heard.includes("text") && final.content[0].signature);
});

await check("tools loop", async () => {
    const stream = client.messages.stream({
        ...fields, max_tokens: 200, messages: question, tools: [weather], tool_choice: { type: "any" },
    });
    const first = await stream.finalMessage();
    const uses = first.content.filter((b) => b.type === "tool_use");
    assert(first.stop_reason === "tool_use" && uses.length > 0, JSON.stringify(first));
    assert(uses.every((u) => typeof u.input.city === "string"), JSON.stringify(uses));
    const results = uses.map((u) => ({ type: "tool_result", tool_use_id: u.id, content: "21 degrees, clear" }));
    const second = await client.messages.create({
        ...fields, tools: [weather], tool_choice: { type: "none" },
        messages: [...question, { role: "assistant", content: first.content }, { role: "user", content: results }],
    });
    assert(second.content[0].type === "text", JSON.stringify(second));
});

await check("count tokens", async () => {
    const { input_tokens } = await client.messages.countTokens({ model: "grok-4", messages: question, tools: [weather] });
    const { usage } = await client.messages.create({ ...fields, max_tokens: 1, messages: question, tools: [weather] });
    assert(input_tokens === usage.input_tokens + usage.cache_read_input_tokens, JSON.stringify(usage));
});

await check("abort", async () => {
    const stream = await client.messages.create({ ...fields, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
});

await check("errors", async () => {
    const wrong = new Anthropic({ apiKey: "xai-wrong", baseURL: process.env.BASE_URL, maxRetries: 0 });
    const cases = [
        [Anthropic.AuthenticationError, () => wrong.messages.create(fields)],
        [Anthropic.NotFoundError, () => client.messages.create({ ...fields, model: "gpt-9" })],
        [Anthropic.BadRequestError, () => client.messages.create({ ...fields, messages: [] })],
        [Anthropic.UnprocessableEntityError, () => client.messages.create({ ...fields, messages: "no" })],
    ];
    for (const [expected, call] of cases) {
        const error = await call().then(() => null, (e) => e);
        assert(error instanceof expected, `${expected.name} was expected, not ${error}`);
        assert(error.error.type === "error" && error.error.request_id === error.requestID, String(error));
    }
});

process.exit(failures ? 1 : 0);
