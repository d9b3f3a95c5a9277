// SPDX-License-Identifier: Apache-2.0
// Tools and structured output with the official OpenAI client for Node and zod.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PATH + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { default: OpenAI } = await load("openai");
const { zodResponseFormat, zodFunction } = await load("openai/helpers/zod");
const { z } = await load("zod");
const client = new OpenAI({ apiKey: process.env.XAI_API_KEY, baseURL: process.env.BASE_URL + "/v1", maxRetries: 0 });
const ask = [{ role: "user", content: "What is the weather in Paris?" }];
const Weather = z.object({ city: z.string().min(1).max(30), unit: z.enum(["celsius", "fahrenheit"]) });
const Event = z.object({
    title: z.string().max(40), guests: z.number().int().min(0).max(500), open: z.boolean(),
    place: z.object({ name: z.string().max(20) }).nullable(), tags: z.array(z.enum(["work", "family"])).max(3),
});
let failures = 0;

async function check(name, fn) {
    try {
        await fn();
        console.log("ok openai-node", name);
    } catch (error) {
        failures++;
        console.log("not ok openai-node", name + ":", String(error.stack).replaceAll("\n", " | "));
    }
}

function assert(truth, why) {
    if (!truth) throw new Error(why ?? "assertion failed");
}

await check("zodResponseFormat", async () => {
    const reply = await client.chat.completions.parse({
        model: "grok-4", messages: [{ role: "user", content: "Make up an event." }], max_tokens: 400,
        response_format: zodResponseFormat(Event, "event"),
    });
    Event.parse(reply.choices[0].message.parsed);
    assert(reply.choices[0].finish_reason === "stop");
});

await check("zodResponseFormat streamed", async () => {
    const stream = client.chat.completions.stream({
        model: "grok-4", messages: [{ role: "user", content: "Make up an event." }], max_tokens: 400,
        response_format: zodResponseFormat(Event, "event"),
    });
    Event.parse((await stream.finalChatCompletion()).choices[0].message.parsed);
});

await check("zodFunction", async () => {
    const reply = await client.chat.completions.parse({
        model: "grok-4", messages: ask, max_tokens: 200, tool_choice: "required",
        tools: [zodFunction({ name: "weather", parameters: Weather })],
    });
    Weather.parse(reply.choices[0].message.tool_calls[0].function.parsed_arguments);
    assert(reply.choices[0].finish_reason === "tool_calls");
});

// The runner asks, runs what is called, and asks again until the model answers in words.
for (const stream of [false, true])
    await check("runTools" + (stream ? " streamed" : ""), async () => {
        let n = 0;
        const runner = client.chat.completions.runTools({
            model: "grok-4", messages: ask, max_tokens: 200, temperature: 0, stream,
            tools: [{
                type: "function",
                function: {
                    name: "get_weather", description: "Current weather of a city.", parse: JSON.parse,
                    function: (given) => { n++; Weather.parse(given); return "21 degrees, clear"; },
                    parameters: {
                        type: "object", required: ["city", "unit"], properties: {
                            city: { type: "string", minLength: 1, maxLength: 30 },
                            unit: { type: "string", enum: ["celsius", "fahrenheit"] },
                        },
                    },
                },
            }],
        }, { maxChatCompletions: 6 });
        const text = await runner.finalContent();
        const calls = runner.messages.filter((m) => m.role === "tool");
        assert(n >= 1 && calls.length === n, "the model called " + n + " times");
        assert(typeof text === "string" && text.length > 0, "no final text");
    });

await check("streamed call", async () => {
    let call;
    for await (const chunk of await client.chat.completions.create({
        model: "grok-4", messages: ask, max_tokens: 200, stream: true,
        tools: [zodFunction({ name: "weather", parameters: Weather })],
        tool_choice: { type: "function", function: { name: "weather" } },
    }))
        call = chunk.choices[0]?.delta.tool_calls?.[0] ?? call;
    Weather.parse(JSON.parse(call.function.arguments));
});

process.exit(failures ? 1 : 0);
