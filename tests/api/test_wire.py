# SPDX-License-Identifier: Apache-2.0
"""The form of chat completions: keys as in recorded traffic of xAI, order of chunks, usage, cost."""
import json
import os
import pathlib
import threading
import time
import unittest

from grokd import ROOT, Grokd

RECORDED = pathlib.Path(os.environ.get("GOLDEN", ROOT.parent / "shared" / "golden")) / "wire" / "rest"


def key_paths(value, path=""):
    """Every path of member names; list items share one."""
    if isinstance(value, dict):
        found = set()
        for name, item in value.items():
            found |= {path + "." + name} | key_paths(item, path + "." + name)
        return found
    if isinstance(value, list):
        return set().union(*(key_paths(item, path + "[]") for item in value)) if value else set()
    return set()


class Wire(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def recorded(self, name):
        path = RECORDED / name
        if not path.exists():
            self.skipTest("no recorded traffic at %s" % path)
        return path.read_text()

    def test_whole_reply_has_the_recorded_keys(self):
        wanted = key_paths(json.loads(self.recorded("chat-xai-text.json")))
        wanted.discard(".choices[].message.reasoning_content")
        _, reply = self.server.chat(max_tokens=4)
        self.assertEqual(key_paths(reply) - {".choices[].message.reasoning_content"}, wanted)

    def test_chunks_have_the_recorded_keys(self):
        wanted = set()
        for line in self.recorded("chat-xai-text.chunks.txt").splitlines():
            wanted |= key_paths(json.loads(line)) if line.startswith("{") else set()
        found = set()
        for data in self.server.stream(max_tokens=4, stream_options={"include_usage": True})[:-1]:
            found |= key_paths(json.loads(data))
        trace = {".choices[].delta.reasoning_content"}
        self.assertEqual(found - trace, wanted - trace)

    def test_order_of_chunks(self):
        data = self.server.stream(max_tokens=6, stream_options={"include_usage": True})
        self.assertEqual(data[-1], "[DONE]")
        chunks = [json.loads(d) for d in data[:-1]]
        self.assertEqual(len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}), 1)
        self.assertEqual(chunks[0]["choices"][0]["delta"]["role"], "assistant")
        for chunk in chunks[1:-1]:
            self.assertNotIn("role", chunk["choices"][0]["delta"])
            self.assertNotIn("usage", chunk)
        self.assertEqual(chunks[-2]["choices"][0]["delta"], {})
        self.assertIn(chunks[-2]["choices"][0]["finish_reason"], ("stop", "length"))
        self.assertEqual(chunks[-1]["choices"], [])
        self.assertEqual(chunks[-1]["usage"]["prompt_tokens"] + chunks[-1]["usage"]["completion_tokens"],
                         chunks[-1]["usage"]["total_tokens"])

    def test_without_include_usage_there_is_none(self):
        self.assertFalse(any("usage" in json.loads(d) for d in self.server.stream(max_tokens=3)[:-1]))

    def test_stream_and_whole_say_the_same(self):
        fields = {"temperature": 0, "max_tokens": 40}
        _, whole = self.server.chat("Count from 1 to 5", **fields)
        chunks = [json.loads(d) for d in self.server.stream("Count from 1 to 5", **fields)[:-1]]
        text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks)
        self.assertEqual(text, whole["choices"][0]["message"]["content"])

    def test_n_choices(self):
        _, reply = self.server.chat(n=3, max_tokens=5, seed=1, temperature=1)
        self.assertEqual([c["index"] for c in reply["choices"]], [0, 1, 2])
        self.assertEqual(reply["usage"]["completion_tokens"] <= 15, True)
        chunks = [json.loads(d) for d in self.server.stream(n=3, max_tokens=5)[:-1]]
        ends = [c["choices"][0]["index"] for c in chunks if c["choices"] and c["choices"][0]["finish_reason"]]
        self.assertEqual(sorted(ends), [0, 1, 2])

    def test_seed_repeats(self):
        replies = {self.server.chat(seed=7, temperature=1, max_tokens=20)[1]["choices"][0]["message"]["content"]
                   for _ in range(3)}
        self.assertEqual(len(replies), 1)

    def test_stop_cuts_before_the_string(self):
        _, full = self.server.chat(temperature=0, max_tokens=30)
        text = full["choices"][0]["message"]["content"]
        self.assertGreater(len(text), 8, "the model said too little to test with")
        stop = text[3:6]
        _, cut = self.server.chat(temperature=0, max_tokens=30, stop=stop)
        self.assertEqual(cut["choices"][0]["message"]["content"], text[:text.index(stop)])
        self.assertEqual(cut["choices"][0]["finish_reason"], "stop")

    def test_logprobs(self):
        _, reply = self.server.chat(temperature=0, max_tokens=6, logprobs=True, top_logprobs=3)
        content = reply["choices"][0]["logprobs"]["content"]
        text = reply["choices"][0]["message"]["content"]
        self.assertEqual(b"".join(bytes(t["bytes"]) for t in content), text.encode())
        for token in content:
            self.assertLessEqual(token["logprob"], 0)
            self.assertEqual(len(token["top_logprobs"]), 3)
            self.assertEqual(token["top_logprobs"][0]["token"], token["token"])

    def test_cost_follows_the_listed_prices(self):
        _, _, text = self.server.request("GET", "/v1/language-models/grok-4")
        price = json.loads(text)
        for content in ("What is the capital of France? " * 20,) * 2:
            usage = self.server.chat(content, max_tokens=3)[1]["usage"]
            cached = usage["prompt_tokens_details"]["cached_tokens"]
            self.assertEqual(usage["cost_in_usd_ticks"],
                             (usage["prompt_tokens"] - cached) * price["prompt_text_token_price"]
                             + cached * price["cached_prompt_text_token_price"]
                             + (usage["completion_tokens"] + usage["completion_tokens_details"]["reasoning_tokens"])
                             * price["completion_text_token_price"])
        self.assertGreater(cached, 0, "the second prompt must come from the prefix cache")

    def test_headers_of_inference(self):
        body = {"model": "grok-4", "max_tokens": 2, "messages": [{"role": "user", "content": "Hi"}]}
        _, headers, text = self.server.request("POST", "/v1/chat/completions", body)
        self.assertEqual(headers["x-request-id"], json.loads(text)["id"])
        for name in ("x-ratelimit-limit-requests", "x-ratelimit-remaining-requests", "x-ratelimit-limit-tokens",
                     "x-ratelimit-remaining-tokens"):
            self.assertGreater(int(headers[name]), 0, name)
        for name in ("x-metrics-ttft-ms", "x-metrics-e2e-ms"):
            self.assertGreater(float(headers[name]), 0, name)
        self.assertEqual(headers["x-zero-data-retention"], "false")

    def test_bias_forbids_a_token(self):
        _, reply = self.server.chat(temperature=0, max_tokens=1, logprobs=True)
        word = reply["choices"][0]["logprobs"]["content"][0]["token"]
        ids = [i for i in range(1024)]
        _, other = self.server.chat(temperature=0, max_tokens=1, logprobs=True, logit_bias={str(i): -100 for i in ids})
        self.assertNotIn(other["choices"][0]["logprobs"]["content"][0]["token"], [chr(i) for i in range(33, 127)])
        self.assertTrue(word)


class KeepAlive(unittest.TestCase):
    def test_a_waiting_stream_gets_comments(self):
        """One request at a time: the second waits and must hear something meanwhile."""
        with Grokd("--parallel", 1, "--keepalive-ms", 20) as server:
            first = threading.Thread(target=server.chat, args=("Tell me a very long story",),
                                     kwargs={"max_tokens": 1500, "ignore_eos": True})
            first.start()
            time.sleep(0.1)
            body = {"model": "grok-4", "stream": True, "max_tokens": 3,
                    "messages": [{"role": "user", "content": "Hello"}]}
            _, _, text = server.request("POST", "/v1/chat/completions", body)
            first.join()
        before, _, _ = text.partition(b"data: ")
        self.assertGreater(before.count(b": keep-alive\n\n"), 1, text[:300])
        self.assertTrue(text.endswith(b"data: [DONE]\n\n"))


class OpenAIShape(unittest.TestCase):
    def test_error_body_and_status(self):
        with Grokd("--error-shape", "openai", "--wrong-key-status", "401") as server:
            status, reply = server.chat(key="xai-wrong")
            self.assertEqual(status, 401)
            self.assertEqual(set(reply["error"]), {"message", "type", "param", "code"})
            self.assertEqual(reply["error"]["code"], "invalid_api_key")
            status, reply = server.chat("word " * 9000)
            self.assertEqual((status, reply["error"]["code"]), (400, "context_length_exceeded"))


if __name__ == "__main__":
    unittest.main()
