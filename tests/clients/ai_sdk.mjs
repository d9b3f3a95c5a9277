// SPDX-License-Identifier: Apache-2.0
// Vercel's AI SDK, through its provider for OpenAI-compatible servers and through the one for xAI.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(process.env.NODE_PATH + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { generateObject, generateText, streamObject, streamText, stepCountIs, tool } = await load("ai");
const { createOpenAICompatible } = await load("@ai-sdk/openai-compatible");
const { createXai } = await load("@ai-sdk/xai");
const { z } = await load("zod");
const baseURL = process.env.BASE_URL + "/v1", apiKey = process.env.XAI_API_KEY;
const providers = {
    "openai-compatible": createOpenAICompatible({ name: "grokd", baseURL, apiKey, supportsStructuredOutputs: true })("grok-4"),
    "xai": createXai({ baseURL, apiKey }).chat("grok-4"),
};
const schema = z.object({
    title: z.string().max(40), minutes: z.number().int().min(1).max(600),
    level: z.enum(["easy", "normal", "hard"]), steps: z.array(z.string().max(30)).min(1).max(4),
});
const weather = tool({
    description: "Current weather of a city.", inputSchema: z.object({ city: z.string().min(1).max(30) }),
    execute: async ({ city }) => ({ city, degrees: 21 }),
});
globalThis.AI_SDK_LOG_WARNINGS = false;
let failures = 0;

async function check(name, fn) {
    try {
        await fn();
        console.log("ok ai-sdk", name);
    } catch (error) {
        failures++;
        console.log("not ok ai-sdk", name + ":", String(error.stack).replaceAll("\n", " | "));
    }
}

function assert(truth, why) {
    if (!truth) throw new Error(why ?? "assertion failed");
}

for (const [name, model] of Object.entries(providers)) {
    const common = { model, maxOutputTokens: 500, maxRetries: 0 };

    await check(name + " generateObject", async () => {
        const { object, finishReason } = await generateObject({ ...common, schema, prompt: "A recipe for soup." });
        schema.parse(object);
        assert(finishReason === "stop");
    });

    await check(name + " generateObject array and enum", async () => {
        const list = await generateObject({ ...common, output: "array", schema: z.object({ n: z.number().int().min(0).max(9) }),
            prompt: "Three numbers." });
        assert(Array.isArray(list.object));
        const one = await generateObject({ ...common, output: "enum", enum: ["tea", "coffee"], prompt: "Choose." });
        assert(["tea", "coffee"].includes(one.object));
    });

    await check(name + " streamObject", async () => {
        const result = streamObject({ ...common, schema, prompt: "A recipe for bread." });
        let n = 0;
        for await (const _ of result.partialObjectStream) n++;
        schema.parse(await result.object);
        assert(n > 1, "it came in " + n + " parts");
    });

    await check(name + " generateText with tools", async () => {
        const { steps } = await generateText({ ...common, tools: { weather }, stopWhen: stepCountIs(2),
            prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
            prompt: "What is the weather in Paris?" });
        assert(steps.length === 2 && steps[0].toolCalls.length > 0, "no tool was called");
        assert(steps[0].toolResults[0].output.degrees === 21 && steps[0].finishReason === "tool-calls");
        assert(steps[1].text.length > 0, "no final text");
    });

    await check(name + " streamText with tools", async () => {
        const result = streamText({ ...common, tools: { weather }, toolChoice: { type: "tool", toolName: "weather" },
            prompt: "What is the weather in Paris?", onError: ({ error }) => { throw error; } });
        const calls = await result.toolCalls;
        assert(calls.length === 1 && typeof calls[0].input.city === "string", JSON.stringify(calls));
    });
}

process.exit(failures ? 1 : 0);
