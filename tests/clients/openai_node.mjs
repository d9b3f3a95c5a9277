// SPDX-License-Identifier: Apache-2.0
// The official OpenAI client for Node.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PATH + "/");
const { default: OpenAI } = await import(pathToFileURL(require.resolve("openai")).href);
const client = new OpenAI({ apiKey: process.env.XAI_API_KEY, baseURL: process.env.BASE_URL + "/v1", maxRetries: 0 });
const hello = [{ role: "system", content: "You are a helpful assistant." }, { role: "user", content: "Hello!" }];
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

await check("plain", async () => {
    const reply = await client.chat.completions.create({ model: "grok-2-latest", messages: hello, max_tokens: 40 });
    assert(reply.choices[0].message.content.length > 0);
    assert(reply.usage.total_tokens === reply.usage.prompt_tokens + reply.usage.completion_tokens);
});

await check("streamed", async () => {
    const fields = { model: "grok-4", messages: hello, max_tokens: 30, temperature: 0 };
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...fields, stream: true }))
        text += chunk.choices[0].delta.content ?? "";
    const whole = await client.chat.completions.create(fields);
    assert(text === whole.choices[0].message.content, text);
});

await check("stream helper", async () => {
    const stream = client.chat.completions.stream({ model: "grok-4", messages: hello, max_tokens: 20 });
    const final = await stream.finalChatCompletion();
    assert(final.choices[0].message.content.length > 0);
});

await check("abort", async () => {
    const stream = await client.chat.completions.create({ model: "grok-4", messages: hello, stream: true });
    for await (const _ of stream) break;
    stream.controller.abort();
});

await check("models", async () => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    assert((await client.models.retrieve("grok-beta")).id === listed[0]);
});

await check("errors", async () => {
    for (const [status, fields] of [[404, { model: "gpt-9", messages: hello }], [400, { model: "grok-4", messages: [] }]]) {
        const error = await client.chat.completions.create(fields).then(() => null, (e) => e);
        assert(error?.status === status, String(error));
    }
});

process.exit(failures ? 1 : 0);
