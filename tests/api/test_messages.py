# SPDX-License-Identifier: Apache-2.0
"""Anthropic's dialect over the socket: the order of a stream's events as a state machine, whole replies as its fold,
failures, pings, tokens counted; on prepared events and on the bundled model."""
import http.client
import json
import re
import unittest

from grokd import Grokd, Scripted

ARGUMENTS = '{"location":"S\u00e3o \\"P\\"", "n": [1, 2.50]}'


def call(n, name="weather", arguments=ARGUMENTS):
    return {"call": {"id": "call_%d" % n, "name": name, "arguments": arguments}}


def finish(why, **more):
    return {"finish": why, **more}


SCRIPTS = {
    "text": [{"text": "Hel"}, {"text": "lo"}, finish("stop")],
    "thoughts, text": [{"reasoning": "The user"}, {"reasoning": " asks"}, {"text": "So"}, finish("stop")],
    "thoughts between": [{"reasoning": "a"}, {"text": "b"}, {"reasoning": "c"}, {"text": "d"}, finish("stop")],
    "call": [call(1), finish("tool_calls")],
    "text, call": [{"text": "I look"}, {"text": " it up."}, call(1), finish("tool_calls")],
    "two calls": [call(1), {"wait_ms": 30}, call(2, "time", "{}"), finish("tool_calls")],
    "all": [{"reasoning": "why"}, {"text": "So"}, call(1), call(2, "time", "{}"), finish("tool_calls")],
    "stop string": [{"text": "one "}, finish("stop", stop="two")],
    "cut": [{"text": "I look"}, finish("length")],
    "nothing": [finish("stop")],
    "failure": [{"fail": "the engine died"}],
    "text, failure": [{"text": "Hel"}, {"wait_ms": 10}, {"fail": "the engine died"}],
    "call, failure": [call(1), {"wait_ms": 10}, {"fail": "the engine died"}],
    "large": [call(1, "f", json.dumps({"text": "\u00e4" * 300000})), finish("tool_calls")],
    "slow": [{"text": "a"}, {"wait_ms": 300}, {"text": "b"}, finish("stop")],
}
TOOLS = [{"name": "weather", "description": "Weather of a place",
          "input_schema": {"type": "object", "properties": {"location": {"type": "string"}}, "required": ["location"]}}]
THINK = {"type": "enabled", "budget_tokens": 1024}
DELTAS = {"text": "text_delta", "thinking": "thinking_delta", "tool_use": "input_json_delta"}
USAGE = {"input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"}


def body_of(content, **fields):
    return {"model": "grok-4", "max_tokens": 2000, "messages": [{"role": "user", "content": content}], **fields}


def post(server, path, body, key="x-api-key", **headers):
    sent = {"anthropic-version": "2023-06-01", **headers}
    if key == "x-api-key":
        sent["x-api-key"] = server.key
    status, got, text = server.request("POST", path, body, sent, key=key is True)
    return status, got, text.decode()


def events_of(text):
    """[(name, data)]; every record is one event line and one data line."""
    out = []
    assert text.endswith("\n\n"), text[-200:]
    for record in text.split("\n\n")[:-1]:
        event, data = record.split("\n")
        assert event.startswith("event: ") and data.startswith("data: "), record
        out.append((event[7:], json.loads(data[6:])))
        assert out[-1][0] == out[-1][1]["type"], record
    return out


class Reader:
    """Reads events as a client does and complains about every one out of its place."""

    def __init__(self):
        self.state, self.message, self.block, self.json = "start", None, None, ""

    def feed(self, name, data):
        assert self.state not in ("stopped", "failed"), (name, "behind the end")
        if name == "ping":
            assert self.state != "start" and data == {"type": "ping"}, name
        else:
            getattr(self, name)(data)

    def message_start(self, data):
        assert self.state == "start"
        self.message = data["message"]
        assert set(self.message["usage"]) == USAGE and self.message["usage"]["output_tokens"] == 0
        assert (self.message["content"], self.message["stop_reason"], self.message["stop_sequence"]) == ([], None, None)
        self.state = "between"

    def content_block_start(self, data):
        assert self.state == "between" and data["index"] == len(self.message["content"])
        self.block, self.json, self.state = data["content_block"], "", "block"
        empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}}
        wanted = {"type": self.block["type"], **empty[self.block["type"]]}
        assert {k: v for k, v in self.block.items() if k not in ("id", "name")} == wanted, self.block

    def content_block_delta(self, data):
        assert self.state == "block" and data["index"] == len(self.message["content"])
        delta, kind = data["delta"], self.block["type"]
        assert not self.block.get("signature"), "something behind the signature"
        if delta["type"] == "signature_delta":
            assert kind == "thinking" and self.block["thinking"]
            self.block["signature"] = delta["signature"]
        else:
            assert delta["type"] == DELTAS[kind], delta
            if kind == "tool_use":
                self.json += delta["partial_json"]
            else:
                self.block[kind] += delta[kind]

    def content_block_stop(self, data):
        assert self.state == "block" and data["index"] == len(self.message["content"])
        if self.block["type"] == "tool_use":
            self.block["input"] = json.loads(self.json)
        if self.block["type"] == "thinking":
            assert re.fullmatch(r"[A-Za-z0-9+/]{43}=", self.block["signature"])
        self.message["content"].append(self.block)
        self.state = "between"

    def message_delta(self, data):
        assert self.state == "between" and set(data["delta"]) == {"stop_reason", "stop_sequence"}
        assert set(data["usage"]) == USAGE
        self.message.update(data["delta"], usage=data["usage"])
        self.state = "ended"

    def message_stop(self, data):
        assert self.state == "ended" and data == {"type": "message_stop"}
        self.state = "stopped"

    def error(self, data):
        assert set(data) == {"type", "error", "request_id"} and set(data["error"]) == {"type", "message"}
        self.message, self.state = data, "failed"


class Dialect:
    """What both servers are asked."""

    def whole(self, content, **fields):
        status, headers, text = post(self.server, "/v1/messages", body_of(content, **fields))
        self.assertEqual(status, 200, text)
        reply = json.loads(text)
        self.assertEqual(headers["request-id"], headers["x-request-id"])
        self.assertEqual(reply["id"], headers["request-id"])
        self.assertEqual(set(reply["usage"]), USAGE)
        return reply

    def streamed(self, content, **fields):
        status, headers, text = post(self.server, "/v1/messages", body_of(content, stream=True, **fields))
        self.assertEqual(status, 200, text)
        self.assertEqual(headers["content-type"], "text/event-stream")
        reader, events = Reader(), events_of(text)
        for name, data in events:
            reader.feed(name, data)
        self.assertIn(reader.state, ("stopped", "failed"))
        self.assertEqual([name for name, _ in events[:2]], ["message_start", "ping"])
        return reader.message, events


class Scripts(Dialect, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS, "--keepalive-ms", 10).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_streamed_and_whole_are_the_same(self):
        for script, events in SCRIPTS.items():
            if any("fail" in e for e in events):
                continue
            for fields in ({}, {"thinking": THINK}, {"tools": TOOLS}):
                with self.subTest(script, fields=fields):
                    whole = self.whole(script, **fields)
                    message, _ = self.streamed(script, **fields)
                    self.assertEqual({**message, "id": 0}, {**whole, "id": 0})

    def kinds(self, script, **fields):
        reply = self.whole(script, thinking=THINK, tools=TOOLS, **fields)
        return [b["type"] for b in reply["content"]], reply["stop_reason"], reply["stop_sequence"]

    def test_blocks(self):
        for script, kinds, reason, stop in (
                ("text", ["text"], "end_turn", None),
                ("thoughts, text", ["thinking", "text"], "end_turn", None),
                ("thoughts between", ["thinking", "text", "thinking", "text"], "end_turn", None),
                ("call", ["tool_use"], "tool_use", None),
                ("text, call", ["text", "tool_use"], "tool_use", None),
                ("two calls", ["tool_use", "tool_use"], "tool_use", None),
                ("all", ["thinking", "text", "tool_use", "tool_use"], "tool_use", None),
                ("stop string", ["text"], "stop_sequence", "two"),
                ("cut", ["text"], "max_tokens", None),
                ("nothing", [], "end_turn", None)):
            with self.subTest(script):
                self.assertEqual(self.kinds(script), (kinds, reason, stop))

    def test_contents(self):
        blocks = self.whole("all", thinking=THINK, tools=TOOLS)["content"]
        self.assertEqual((blocks[0]["thinking"], blocks[1]["text"]), ("why", "So"))
        self.assertEqual(blocks[2], {"type": "tool_use", "id": "call_1", "name": "weather",
                                     "input": json.loads(ARGUMENTS)})
        self.assertEqual(blocks[3]["input"], {})

    def test_hidden_thinking_counts(self):
        reply = self.whole("thoughts, text")
        self.assertEqual([b["type"] for b in reply["content"]], ["text"])
        self.assertEqual(reply["usage"]["output_tokens"], 3)
        self.assertEqual(reply["usage"]["output_tokens"],
                         self.whole("thoughts, text", thinking=THINK)["usage"]["output_tokens"])

    def test_same_thinking_same_signature(self):
        first, second = (self.whole("thoughts, text", thinking=THINK)["content"][0] for _ in range(2))
        self.assertEqual(first, second)

    def test_failures(self):
        for script in ("failure", "text, failure", "call, failure"):
            with self.subTest(script):
                status, headers, text = post(self.server, "/v1/messages", body_of(script))
                wanted = {"type": "error", "error": {"type": "api_error", "message": "the engine died"},
                          "request_id": headers["request-id"]}
                self.assertEqual((status, json.loads(text)), (500, wanted))
                message, events = self.streamed(script)
                self.assertEqual(events[-1][0], "error")
                self.assertEqual(message["error"], wanted["error"])

    def test_pings_while_waiting(self):
        _, events = self.streamed("slow")
        names = [name for name, _ in events]
        first, last = (i for i, name in enumerate(names) if name == "content_block_delta")
        self.assertGreater(names[first:last].count("ping"), 3)

    def test_large_arguments(self):
        message, _ = self.streamed("large", tools=TOOLS)
        self.assertEqual(message["content"][0]["input"]["text"], "\u00e4" * 300000)

    def test_cut_by_the_client_at_each_event(self):
        fields = {"stream": True, "thinking": THINK, "tools": TOOLS}
        n_event = post(self.server, "/v1/messages", body_of("all", **fields))[2].count("\n\n")
        for n in range(1, n_event + 1):
            for script in ("all", "slow"):             # over at once; still running
                link = http.client.HTTPConnection(self.server.host, self.server.port, timeout=20)
                link.request("POST", "/v1/messages", json.dumps(body_of(script, **fields)),
                             {"x-api-key": self.server.key, "content-type": "application/json"})
                reply, seen = link.getresponse(), 0
                while seen < n and (line := reply.readline()):
                    seen += line == b"\n"
                link.close()
        self.assertEqual(self.whole("text")["stop_reason"], "end_turn")

    def test_tool_results_end_the_history(self):
        blocks = self.whole("text, call", tools=TOOLS)["content"]
        history = [{"role": "user", "content": "weather?"}, {"role": "assistant", "content": blocks},
                   {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": "text"}]}]
        status, _, text = post(self.server, "/v1/messages", {"model": "grok-4", "max_tokens": 9, "messages": history})
        self.assertEqual((status, json.loads(text)["content"][0]["text"]), (200, "Hello"))

    def test_counts(self):
        for fields in ({}, {"tools": TOOLS}, {"system": "x" * 40000}):
            status, _, text = post(self.server, "/v1/messages/count_tokens", body_of("text", **fields))
            self.assertEqual((status, json.loads(text)), (200, {"input_tokens": 4 + len(fields.get("system", ""))}))

    def test_too_large(self):
        with Scripted(SCRIPTS, "--max-body", 2000) as server:
            status, headers, text = post(server, "/v1/messages", body_of("x" * 3000))
        self.assertEqual((status, json.loads(text)["error"]["type"]), (413, "request_too_large"))
        self.assertEqual(json.loads(text)["request_id"], headers["request-id"])

    def test_spelling_of_errors_is_the_routes(self):
        with Scripted(SCRIPTS, "--error-shape", "openai") as server:
            status, _, text = post(server, "/v1/messages", {})
            self.assertEqual((status, json.loads(text)["type"]), (422, "error"))
            status, _, text = post(server, "/v1/chat/completions", {})
            self.assertEqual((status, json.loads(text)["error"]["code"]), (422, "invalid_type"))

    def test_complete(self):
        for prompt, script in (("\n\nHuman: stop string\n\nAssistant:", "stop string"), ("text", "text"),
                               ("Be kind.\n\nHuman: a\n\nAssistant: b\n\nHuman: cut \n\nAssistant: ", "cut"),
                               ("text\n\nAssistant:", "text"), ("Human: text\n\nAssistant:", "text"),
                               ("\n\nHuman: x\n\nAssistant: thoughts, text", "thoughts, text")):
            status, headers, text = post(self.server, "/v1/complete", {"model": "grok-4", "prompt": prompt})
            reply = json.loads(text)
            self.assertEqual(status, 200, text)
            wanted = {"stop string": ("one ", "stop_sequence", "two"), "text": ("Hello", "stop_sequence", None),
                      "cut": ("I look", "max_tokens", None), "thoughts, text": ("So", "stop_sequence", None)}[script]
            self.assertEqual((reply["completion"], reply["stop_reason"], reply["stop"]), wanted)
            self.assertEqual((reply["type"], reply["id"]), ("completion", headers["request-id"]))
            self.assertEqual(set(reply), {"type", "id", "completion", "stop_reason", "stop", "model"})


class Bundled(Dialect, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_streamed_and_whole_are_the_same(self):
        for fields in ({}, {"thinking": THINK}, {"stop_sequences": ["you"]}, {"max_tokens": 3}, {"system": "Be kind."},
                       {"tools": TOOLS, "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
                       {"tools": TOOLS, "tool_choice": {"type": "tool", "name": "weather"}}):
            with self.subTest(fields=fields):
                whole = self.whole("Hello!", temperature=0, **fields)
                message, _ = self.streamed("Hello!", temperature=0, **fields)
                for reply in (whole, message):
                    reply.pop("id")
                    usage = reply["usage"]
                    usage["prompt"] = usage.pop("input_tokens") + usage.pop("cache_read_input_tokens")
                    for block in reply["content"]:
                        block.pop("id", None)
                self.assertEqual(message, whole)

    def test_reasons(self):
        for fields, reason in (({}, "end_turn"), ({"max_tokens": 2}, "max_tokens"),
                               ({"stop_sequences": ["zzz", "help"]}, "stop_sequence"),
                               ({"tools": TOOLS, "tool_choice": {"type": "any"}}, "tool_use")):
            reply = self.whole("Hello!", temperature=0, **fields)
            self.assertEqual(reply["stop_reason"], reason)
            self.assertEqual(reply["stop_sequence"], "help" if reason == "stop_sequence" else None)
            if reason == "tool_use":
                self.assertIsInstance(reply["content"][0]["input"]["location"], str)

    def test_thinking(self):
        reply = self.whole("Hello!", thinking=THINK, temperature=0)
        self.assertEqual([b["type"] for b in reply["content"]], ["thinking", "text"])
        again = [{"role": "user", "content": "Hello!"}, {"role": "assistant", "content": reply["content"]},
                 {"role": "user", "content": "And now?"}]
        status, _, text = post(self.server, "/v1/messages", {**body_of(""), "messages": again, "thinking": THINK})
        self.assertEqual(status, 200, text)

    def test_usage_tells_the_cache(self):
        words = "Please repeat: " + " ".join("word%d" % i for i in range(60))
        first, second = (self.whole(words, max_tokens=1)["usage"] for _ in range(2))
        self.assertGreater(second["cache_read_input_tokens"], 0)
        self.assertEqual(first["input_tokens"] + first["cache_read_input_tokens"],
                         second["input_tokens"] + second["cache_read_input_tokens"])

    def test_counts_are_what_is_billed(self):
        for fields in ({}, {"system": "Be kind."}, {"tools": TOOLS}, {"thinking": THINK}):
            _, _, text = post(self.server, "/v1/messages/count_tokens", body_of("Hello!", **fields))
            usage = self.whole("Hello!", **fields)["usage"]
            self.assertEqual(json.loads(text)["input_tokens"], usage["input_tokens"] + usage["cache_read_input_tokens"])

    def test_keys(self):
        for key, headers, status in (("x-api-key", {}, 200), (True, {}, 200), (None, {}, 401),
                                     (None, {"x-api-key": "wrong"}, 401), (None, {"authorization": "Bearer x"}, 401)):
            for path in ("/v1/messages", "/v1/messages/count_tokens"):
                got, _, text = post(self.server, path, body_of("Hi", max_tokens=1), key=key, **headers)
                self.assertEqual(got, status, text)
                if status == 401:
                    self.assertEqual(json.loads(text)["error"]["type"], "authentication_error")

    def test_ten_thousand_messages(self):
        turns = [{"role": ("user", "assistant")[i % 2], "content": "a"} for i in range(10001)]
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            status, _, text = post(self.server, path, {**body_of(""), "messages": turns})
            self.assertEqual((status, json.loads(text)["error"]["type"]), (400, "invalid_request_error"))
            self.assertIn("maximum prompt length", text)
        for n, why in ((5000, "maximum prompt length"), (50001, "at most 100000 messages")):
            prompt = "\n\nHuman: a\n\nAssistant: b" * n
            status, _, text = post(self.server, "/v1/complete", {"model": "grok-4", "prompt": prompt})
            self.assertEqual(status, 400)
            self.assertIn(why, text)

    def test_histories_that_do_not_add_up(self):
        use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"location": "Rome"}}
        result = {"type": "tool_result", "tool_use_id": "t1", "content": "sunny"}
        for turns in ([("user", [result])], [("assistant", [use])],
                      [("user", "a"), ("assistant", [use]), ("user", "b")],
                      [("user", "a"), ("assistant", [use, use]), ("user", [result, result])],
                      [("user", "a"), ("assistant", []), ("user", "b")],
                      [("user", [{**result, "tool_use_id": "other"}, {"type": "text", "text": "so?"}])]):
            messages = [{"role": role, "content": content} for role, content in turns]
            for fields in ({}, {"tools": TOOLS}):
                status, _, text = post(self.server, "/v1/messages",
                                       {**body_of(""), "max_tokens": 4, "messages": messages, **fields})
                self.assertEqual(status, 200, text)

    def test_text_that_is_no_text(self):
        for raw, status in ((b'"\\ud800"', 422), (b'"\xff"', 422), (b'"\\u0000\\u0007"', 200), (b'"\x07"', 422)):
            body = b'{"model":"grok-4","max_tokens":2,"messages":[{"role":"user","content":' + raw + b'}]}'
            got, _, text = self.server.request("POST", "/v1/messages", body,
                                               {"content-type": "application/json"})
            self.assertEqual(got, status, text)
            if status != 200:
                self.assertEqual(json.loads(text)["error"]["type"], "invalid_request_error")


if __name__ == "__main__":
    from grokd import run
    run()
