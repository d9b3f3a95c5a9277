# SPDX-License-Identifier: Apache-2.0
"""Legacy completions over the bundled model: streams are whole replies in parts, several prompts are
each alone, ids are what the tokenizer says, stop strings cut wherever tokens end."""
import json
import socket
import sqlite3
import subprocess
import time
import unittest

from grokd import BINARY, Grokd, Scripted

PROMPTS = ["The capital of France is", "One, two, three, café €", "Ω", "<|im_end|><think>"]
URL = "/v1/completions"


class Completions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd("--max-body", "64M").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def post(self, path, **body):
        status, _, text = self.server.request("POST", path, {"model": "grok-4", **body})
        return status, json.loads(text)

    def complete(self, prompt, **fields):
        status, reply = self.post(URL, prompt=prompt, **fields)
        self.assertEqual(status, 200, reply)
        self.assertEqual([c["index"] for c in reply["choices"]], list(range(len(reply["choices"]))))
        return reply

    def refuse(self, status, text, **body):
        got, reply = self.post(URL, **body)
        self.assertEqual(got, status, reply)
        self.assertIn(text, reply["error"])

    def stream(self, prompt, **fields):
        """(text, logprobs, finish_reason) of each choice, and the usage."""
        body = {"model": "grok-4", "prompt": prompt, "stream": True,
                "stream_options": {"include_usage": True}, **fields}
        status, headers, text = self.server.request("POST", URL, body)
        self.assertEqual((status, headers["content-type"]), (200, "text/event-stream"), text)
        lines = [line[6:] for line in text.decode().split("\n") if line.startswith("data: ")]
        self.assertEqual(lines[-1], "[DONE]")
        chunks = [json.loads(line) for line in lines[:-1]]
        choices = {}
        for chunk in chunks:
            self.assertEqual((chunk["object"], chunk["id"]), ("text_completion", chunks[0]["id"]))
            self.assertEqual("usage" in chunk, chunk is chunks[-1])
            for c in chunk["choices"]:
                got = choices.setdefault(c["index"], {"text": "", "logprobs": None, "finish_reason": None})
                self.assertIsNone(got["finish_reason"], "a chunk behind the end")
                got["text"] += c["text"]
                got["finish_reason"] = c["finish_reason"]
                for key, values in (c["logprobs"] or {}).items():
                    got["logprobs"] = got["logprobs"] or {}
                    got["logprobs"].setdefault(key, []).extend(values)
        self.assertEqual(chunks[-1]["choices"], [])
        return [{"index": i, **choices[i]} for i in sorted(choices)], chunks[-1]["usage"]

    def tokens(self, text):
        status, reply = self.post("/v1/tokenize-text", text=text)
        self.assertEqual(status, 200, reply)
        return reply["token_ids"]

    # ---- streamed = whole ----

    def test_stream_is_whole(self):
        for fields in ({}, {"logprobs": 3}, {"echo": True}, {"n": 3}, {"stop": ["e", "\n"]}, {"max_tokens": 1}):
            fields = {"max_tokens": 24, "seed": 5, "temperature": 1.3, "ignore_eos": True, **fields}
            with self.subTest(fields):
                whole = self.complete(PROMPTS, **fields)
                choices, usage = self.stream(PROMPTS, **fields)
                for c in whole["choices"]:
                    if c["logprobs"] and not c["logprobs"]["tokens"]:
                        c["logprobs"] = None
                self.assertEqual(choices, sorted(whole["choices"], key=lambda c: c["index"]))
                for key in ("prompt_tokens", "completion_tokens", "total_tokens"):
                    self.assertEqual(usage[key], whole["usage"][key])

    # ---- prompts ----

    def test_each_prompt_is_as_alone(self):
        fields = {"max_tokens": 10, "temperature": 0, "ignore_eos": True}
        alone = [self.complete(p, **fields) for p in PROMPTS]
        for n in (1, 2):
            together = self.complete(PROMPTS, n=n, **fields)
            texts = [c["text"] for c in together["choices"]]
            self.assertEqual(texts, [a["choices"][0]["text"] for a in alone for _ in range(n)])
            self.assertEqual(together["usage"]["prompt_tokens"], sum(a["usage"]["prompt_tokens"] for a in alone))

    def test_ids_are_the_tokenizer_s(self):
        fields = {"max_tokens": 10, "temperature": 0, "ignore_eos": True}
        for text in PROMPTS:
            listed = self.tokens(text)
            joined = b"".join(bytes(t["token_bytes"]) for t in listed)
            self.assertEqual(joined, text.encode())
            ids = [t["token_id"] for t in listed]
            as_text = self.complete(text, **fields)
            self.assertEqual(as_text["usage"]["prompt_tokens"], len(ids))
            for prompt in (ids, [ids]):
                as_ids = self.complete(prompt, echo=True, **fields)
                self.assertEqual(as_ids["choices"][0]["text"], text + as_text["choices"][0]["text"])

    def test_a_prompt_seen_before_is_cached(self):
        prompt = "Once upon a time there was a model. " * 40
        first = self.complete(prompt, max_tokens=1)["usage"]
        again = self.complete(prompt, max_tokens=1)["usage"]
        self.assertEqual(first["prompt_tokens"], again["prompt_tokens"])
        self.assertGreater(again["prompt_tokens_details"]["cached_tokens"], again["prompt_tokens"] * 0.8)
        self.assertLess(again["cost_in_usd_ticks"], first["cost_in_usd_ticks"])

    # ---- logprobs and stop strings ----

    def test_logprobs(self):
        for k in range(6):
            reply = self.complete(PROMPTS[1], max_tokens=40, logprobs=k, seed=1, temperature=1.5, ignore_eos=True)
            choice = reply["choices"][0]
            p, text = choice["logprobs"], choice["text"]
            n = len(p["tokens"])
            self.assertEqual(n, 40)
            self.assertEqual({len(p[key]) for key in p}, {n})
            self.assertEqual(p["text_offset"], sorted(p["text_offset"]))
            for token, logprob, top, offset in zip(p["tokens"], p["token_logprobs"], p["top_logprobs"], p["text_offset"]):
                self.assertLessEqual(logprob, 0)
                self.assertIn(token, top)
                self.assertTrue(max(1, k) <= len(top) <= k + 1 or len(set(top)) < k, top)
                self.assertAlmostEqual(top[token], logprob, places=5)
                if not token.startswith("bytes:") and "�" not in text and not token.startswith("<|"):
                    self.assertEqual(text[offset:offset + len(token)], token)

    def test_stop_at_token_borders(self):
        """Every pair of neighbouring characters of a reply as the stop string: in a token and over borders."""
        fields = {"max_tokens": 40, "temperature": 0, "ignore_eos": True}
        text = self.complete(PROMPTS[1], **fields)["choices"][0]["text"]
        self.assertGreater(len(text), 20)
        for length in (1, 2, 5):
            for stop in sorted({text[i:i + length] for i in range(len(text) - length)}):
                whole = self.complete(PROMPTS[1], stop=stop, logprobs=0, **fields)["choices"][0]
                self.assertEqual(whole["text"], text[:text.index(stop)])
                self.assertEqual(whole["finish_reason"], "stop")
                shown = "".join(t for t in whole["logprobs"]["tokens"] if not t.startswith("<|"))
                self.assertTrue(whole["text"].startswith(shown), shown)
                streamed, _ = self.stream(PROMPTS[1], stop=stop, **fields)
                self.assertEqual(streamed[0]["text"], whole["text"])
        both = self.complete(PROMPTS[1], stop=[text[9:12], text[4:6]], **fields)["choices"][0]
        self.assertEqual(both["text"], text[:min(text.index(text[9:12]), text.index(text[4:6]))])

    def test_seed(self):
        fields = {"max_tokens": 12, "temperature": 1.5, "seed": 11, "n": 3}
        self.assertEqual([c["text"] for c in self.complete("Once", **fields)["choices"]],
                         [c["text"] for c in self.complete("Once", **fields)["choices"]])

    # ---- too much ----

    def test_limits(self):
        self.refuse(400, "'prompt' holds 10000 prompts", prompt=["a"] * 10000)
        self.refuse(400, "more than 1048576 token ids", prompt=[1] * (1 << 20) + [1])
        self.refuse(400, "maximum prompt length is", prompt=[1] * (1 << 20))
        self.refuse(400, "maximum prompt length is", prompt="a b " * 100000)
        self.refuse(400, "maximum prompt length is", prompt=["a", "a b " * 100000])
        self.refuse(400, "'echo' would repeat more than", prompt="x" * (9 << 20), echo=True)
        self.refuse(400, "'echo' would repeat more than", prompt="x" * (1 << 20), echo=True, n=9)
        self.assertEqual(len(self.complete(["a"] * 128, max_tokens=1)["choices"]), 128)
        status, reply = self.post("/v1/tokenize-text", text="a" * ((1 << 20) + 1))
        self.assertEqual((status, "at most 1048576" in reply["error"]), (400, True))
        self.assertEqual(sum(len(t["token_bytes"]) for t in self.tokens("ab" * (1 << 19))), 1 << 20)

    def test_a_client_that_goes_away(self):
        body = json.dumps({"model": "grok-4", "prompt": PROMPTS, "n": 4, "stream": True, "max_tokens": 3000,
                           "ignore_eos": True, "echo": True}).encode()
        head = ("POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
                "Content-Length: %d\r\n\r\n" % (URL, self.server.key, len(body))).encode()
        for length in (1, 600, 20000):
            with socket.create_connection((self.server.host, self.server.port)) as s:
                s.sendall(head + body)
                got = 0
                while got < length:
                    got += len(s.recv(length))
        until = time.monotonic() + 10
        while time.monotonic() < until:
            engine = json.loads(self.server.request("GET", "/health/engine", key=False)[2])["engines"][0]
            if engine["running"] == engine["queued"] == 0:
                return
            time.sleep(0.05)
        self.fail("sequences are still running: %s" % engine)

    def make_key(self, name, acls):
        made = subprocess.run([BINARY, "keys", "create", name, "--acls", acls, "--data-dir", self.server.data_dir],
                              capture_output=True, text=True, check=True)
        return made.stdout.strip()

    def test_who_may(self):
        """Who may chat may complete; any key that may use a model may have its tokens."""
        blind = self.make_key("blind", "api-key:endpoint:images api-key:model:*")
        other = self.make_key("other", "api-key:endpoint:* api-key:model:another")
        time.sleep(1)                          # until the server read the keys again
        for key, path, status in ((blind, URL, 403), (other, URL, 403), (blind, "/v1/tokenize-text", 200),
                                  (other, "/v1/tokenize-text", 403), (blind, "/v1/models/grok-4", 200),
                                  (other, "/v1/models/grok-4", 404), (other, "/v1/embedding-models", 200)):
            body = None if "models" in path else {"model": "grok-4", "prompt": "a", "text": "a"}
            got, _, text = self.server.request("GET" if body is None else "POST", path, body, key=key)
            self.assertEqual(got, status, (path, text))
        _, _, text = self.server.request("GET", "/v1/models", key=other)
        self.assertEqual(json.loads(text)["data"], [])

    def test_ledger(self):
        usage = self.complete(["a b c", "d"], n=2, max_tokens=3, ignore_eos=True)
        with sqlite3.connect(self.server.data_dir / "grokd.db") as db:
            for _ in range(50):
                rows = db.execute("SELECT endpoint, prompt_tokens, completion_tokens, cost_ticks FROM usage "
                                  "WHERE request_id = ?", (usage["id"],)).fetchall()
                if rows:
                    break
                time.sleep(0.1)
        u = usage["usage"]
        self.assertEqual(rows, [(URL, u["prompt_tokens"], 12, u["cost_in_usd_ticks"])])


class OtherBackends(unittest.TestCase):
    """A backend that knows no tokens, breaks in mid-stream, and says what no completion says."""

    SCRIPTS = {"breaks": [{"text": "Hi"}, {"fail": "broken"}],
               "chats": [{"reasoning": "why"}, {"text": "So"}, {"call": {"id": "c", "name": "f", "arguments": "{}"}},
                         {"finish": "tool_calls"}],
               "slow": [{"wait_ms": 500}, {"text": "Hi"}, {"finish": "length"}]}

    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(cls.SCRIPTS, "--keepalive-ms", 100).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def post(self, path, **body):
        status, _, text = self.server.request("POST", path, {"model": "grok-4", **body})
        return status, text.decode()

    def test_tokens_are_not_known(self):
        for path, body in (("/v1/tokenize-text", {"text": "a"}), (URL, {"prompt": [1], "echo": True})):
            status, text = self.post(path, **body)
            self.assertEqual((status, json.loads(text)["code"]), (501, "unimplemented"), text)

    def test_broken(self):
        status, text = self.post(URL, prompt="breaks")
        self.assertEqual((status, json.loads(text)["error"]), (500, "broken"))
        status, text = self.post(URL, prompt="breaks", stream=True)
        records = [line[6:] for line in text.split("\n") if line.startswith("data: ")]
        self.assertEqual((status, len(records)), (200, 2), text)
        self.assertEqual(json.loads(records[0])["choices"][0]["text"], "Hi")
        self.assertEqual(json.loads(records[1]), {"code": "internal", "error": "broken"})

    def test_only_text_is_told(self):
        whole = json.loads(self.post(URL, prompt="chats")[1])["choices"]
        self.assertEqual(whole, [{"text": "So", "index": 0, "logprobs": None, "finish_reason": "stop"}])
        text = self.post(URL, prompt="chats", stream=True, echo=True)[1]
        chunks = [json.loads(line[6:]) for line in text.split("\n") if line.startswith("data: {")]
        self.assertEqual([c["choices"][0]["text"] for c in chunks], ["chats", "So", ""])

    def test_company_while_waiting(self):
        text = self.post(URL, prompt="slow", stream=True)[1]
        self.assertGreaterEqual(text.count(": keep-alive\n\n"), 2)
        self.assertTrue(text.endswith("data: [DONE]\n\n"))


if __name__ == "__main__":
    unittest.main()
