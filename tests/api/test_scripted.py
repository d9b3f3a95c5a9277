# SPDX-License-Identifier: Apache-2.0
"""What the wire makes of calls, reasoning, failures and slow models, told apart from what a model says."""
import json
import os
import pathlib
import socket
import time
import unittest

from grokd import ROOT, Scripted
from test_wire import key_paths

RECORDED = pathlib.Path(os.environ.get("GOLDEN", ROOT.parent / "shared" / "golden")) / "wire" / "rest"
ARGUMENTS = '{"location":"S\u00e3o \\"P\\"", "n": [1, 2.50]}'


def call(n, name="weather", arguments=ARGUMENTS):
    return {"call": {"id": "call_%d" % n, "name": name, "arguments": arguments}}


def finish(why, **more):
    return {"finish": why, **more}


SCRIPTS = {
    "text": [{"text": "Hel"}, {"text": "lo"}, finish("stop")],
    "call": [call(1), finish("tool_calls")],
    "text, call": [{"text": "I look"}, {"text": " it up."}, call(1), finish("tool_calls")],
    "two calls": [call(1), {"wait_ms": 30}, call(2, "time", "{}"), finish("tool_calls")],
    "thoughts, call": [{"reasoning": "The user"}, {"reasoning": " asks"}, call(1), finish("tool_calls")],
    "thoughts, text, call": [{"reasoning": "why"}, {"text": "So"}, call(1), finish("tool_calls")],
    "cut in arguments": [{"text": "I look"}, finish("length")],
    "cut behind a call": [call(1), finish("length")],
    "call, failure": [call(1), {"wait_ms": 10}, {"fail": "the engine died"}],
    "failure": [{"fail": "the engine died"}],
    "nothing": [finish("stop")],
    "large": [call(1, "f", json.dumps({"text": "\u00e4" * 300000})), finish("tool_calls")],
    "very large": [call(1, "f", json.dumps({"text": "x" * 2000000})), finish("tool_calls")],
    "two choices": [call(1), {**call(2), "choice": 1}, {**call(3), "choice": 1}, finish("tool_calls", choice=1),
                    finish("tool_calls")],
    "slow": [{"text": "a"}, {"wait_ms": 400}, {"text": "b"}, {"wait_ms": 400}, call(1), finish("tool_calls")],
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]


def fold(chunks):
    """One choice's message, put together as a client does; and its finish_reason."""
    message, why = {}, None
    for chunk in chunks:
        for choice in chunk["choices"]:
            for key, value in choice["delta"].items():
                if key == "tool_calls":
                    message.setdefault(key, []).extend(value)
                elif isinstance(value, str):
                    message[key] = message.get(key, "") + value
            why = choice["finish_reason"] or why
    return message, why


class Calls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS, "--keepalive-ms", 10).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def whole(self, script, **fields):
        status, reply = self.server.chat(script, tools=TOOLS, **fields)
        self.assertEqual(status, 200, reply)
        return reply["choices"][0]["message"], reply["choices"][0]["finish_reason"], reply

    def streamed(self, script, **fields):
        data = self.server.stream(script, tools=TOOLS, **fields)
        self.assertEqual(data[-1], "[DONE]")
        return [json.loads(d) for d in data[:-1]]

    def test_streamed_and_whole_are_the_same(self):
        for script, events in SCRIPTS.items():
            if any("fail" in e for e in events) or "choice" in str(events):
                continue
            with self.subTest(script):
                message, why, _ = self.whole(script)
                folded, streamed_why = fold(self.streamed(script))
                self.assertEqual(why, events[-1]["finish"])
                self.assertEqual(streamed_why, why)
                self.assertEqual(folded.get("content", ""), message["content"])
                self.assertEqual(folded.get("reasoning_content"), message.get("reasoning_content"))
                for index, one in enumerate(folded.get("tool_calls", [])):
                    self.assertEqual(one.pop("index"), index)
                self.assertEqual(folded.get("tool_calls"), message.get("tool_calls"))

    def test_call(self):
        message, why, _ = self.whole("call")
        self.assertEqual(message, {"role": "assistant", "content": "", "refusal": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ARGUMENTS}}]})
        self.assertEqual(why, "tool_calls")

    def test_text_and_call(self):
        message, _, _ = self.whole("text, call")
        self.assertEqual(message["content"], "I look it up.")
        self.assertEqual(len(message["tool_calls"]), 1)

    def test_two_calls(self):
        chunks = self.streamed("two calls")
        calls = [c["choices"][0]["delta"]["tool_calls"] for c in chunks if "tool_calls" in c["choices"][0]["delta"]]
        self.assertEqual([(len(c), c[0]["index"], c[0]["id"]) for c in calls], [(1, 0, "call_1"), (1, 1, "call_2")])
        self.assertEqual([c["function"]["name"] for c in self.whole("two calls")[0]["tool_calls"]], ["weather", "time"])

    def test_reasoning_and_call(self):
        message, _, _ = self.whole("thoughts, call")
        self.assertEqual((message["reasoning_content"], message["content"]), ("The user asks", ""))
        first = self.streamed("thoughts, call")[0]["choices"][0]["delta"]
        self.assertEqual(first, {"role": "assistant", "reasoning_content": "The user"})

    def test_keys_as_recorded(self):
        path = RECORDED / "chat-xai-tool-call.json"
        if not path.exists():
            self.skipTest("no recorded traffic at %s" % path)
        recorded = json.loads(path.read_text())
        _, _, reply = self.whole("thoughts, call")
        self.assertEqual(key_paths(reply), key_paths(recorded))
        chunks = self.streamed("thoughts, call", stream_options={"include_usage": True})
        lines = (RECORDED / "chat-xai-tool-call.chunks.txt").read_text().splitlines()
        wanted = [json.loads(line) for line in lines if line.startswith("{")]
        self.assertEqual(set().union(*map(key_paths, chunks)), set().union(*map(key_paths, wanted)))
        self.assertEqual(key_paths(chunks[2]), key_paths(wanted[-3]) | {".choices[].finish_reason"})

    def test_cut(self):
        for script, n in (("cut in arguments", 0), ("cut behind a call", 1)):
            message, why, _ = self.whole(script)
            self.assertEqual((why, len(message.get("tool_calls", []))), ("length", n))

    def test_failure(self):
        for script in ("call, failure", "failure"):
            status, reply = self.server.chat(script, tools=TOOLS)
            self.assertEqual((status, reply), (500, {"code": "internal", "error": "the engine died"}))
            data = self.server.stream(script, tools=TOOLS)
            self.assertEqual(json.loads(data[-1]), {"code": "internal", "error": "the engine died"})
            self.assertEqual(len(data), 2 if "call" in script else 1)

    def test_choices(self):
        _, _, reply = self.whole("two choices", n=2)
        self.assertEqual([len(c["message"]["tool_calls"]) for c in reply["choices"]], [1, 2])
        indexes = [(c["index"], call["index"]) for chunk in self.streamed("two choices", n=2)
                   for c in chunk["choices"] for call in c["delta"].get("tool_calls", [])]
        self.assertEqual(indexes, [(0, 0), (1, 0), (1, 1)])

    def test_large_arguments_come_whole(self):
        arguments = self.streamed("large")[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]
        self.assertEqual(len(json.loads(arguments)["text"]), 300000)

    def test_a_slow_reader_gets_all(self):
        """Keep-alive comments while it does not read must not hide that output drained."""
        body = json.dumps({"model": "grok-4", "stream": True, "messages": [{"role": "user", "content": "very large"}]})
        for _ in range(3):
            with socket.create_connection((self.server.host, self.server.port), timeout=20) as s:
                s.sendall(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "
                           "application/json\r\nContent-Length: %d\r\n\r\n%s" % (self.server.key, len(body), body)).encode())
                got, end = b"", time.monotonic() + 15
                while b"[DONE]" not in got[-100:]:
                    self.assertLess(time.monotonic(), end, "the stream stands still: %r" % got[-100:])
                    time.sleep(0.03)
                    got += s.recv(200000)

    def test_a_slow_model_is_waited_for(self):
        body = {"model": "grok-4", "stream": True, "tools": TOOLS, "messages": [{"role": "user", "content": "slow"}]}
        start = time.monotonic()
        _, _, text = self.server.request("POST", "/v1/chat/completions", body)
        self.assertGreater(time.monotonic() - start, 0.8)
        self.assertGreater(text.count(b": keep-alive"), 2)
        self.assertIn(b'"call_1"', text)

    def test_functions(self):
        """The older spelling: sent as `functions`, answered as `function_call`."""
        fields = {"functions": [{"name": "weather"}]}
        _, reply = self.server.chat("call", **fields)
        self.assertEqual(reply["choices"][0]["message"]["function_call"], {"name": "weather", "arguments": ARGUMENTS})
        self.assertEqual(reply["choices"][0]["finish_reason"], "function_call")
        chunks = [json.loads(d) for d in self.server.stream("call", **fields)[:-1]]
        self.assertEqual(chunks[0]["choices"][0]["delta"]["function_call"]["name"], "weather")
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "function_call")


if __name__ == "__main__":
    unittest.main()
