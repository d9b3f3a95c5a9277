# SPDX-License-Identifier: Apache-2.0
"""Formats and tools against the real engine: replies obey, hostile schemas are refused or obeyed
within their limits, and nobody else waits for them."""
import concurrent.futures
import http.client
import json
import re
import threading
import time
import unittest

from grokd import Grokd

REFUSED = "Invalid request content: Schema validation failed: "
COMPILE_MS = 2000                      # in the tests of time
STRINGS = ["value %d of ten thousand" % i for i in range(10000)]


def format_of(schema):
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}}


def function(name, parameters=None):
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def object_of(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def large(n_bytes):
    """A schema of about that many bytes that is not trivial anywhere."""
    one = object_of(a={"type": "string", "maxLength": 9}, b={"type": "integer", "minimum": -5, "maximum": 500},
                    c={"enum": ["x", 1, None]}, d={"type": "array", "items": {"type": "boolean"}, "maxItems": 3})
    return object_of(**{"p%d" % i: {**one, "title": "number %d" % i} for i in range(n_bytes // (len(json.dumps(one)) + 30))})


def product(depth):
    """2^depth combinations of alternatives that all overlap."""
    return {"allOf": [{"oneOf": [{"type": "object", "properties": {"k%d" % i: {"const": v}}, "required": ["k%d" % i]}
                                 for v in (0, 1)]} for i in range(depth)]}


# Each is refused with 400, or a reply that ends by itself satisfies `obeyed`.
HOSTILE = {
    "5 MB": (large(5 << 20), lambda v: isinstance(v, dict)),
    "10,000 enum values": ({"enum": STRINGS}, lambda v: v in STRINGS),
    "10,000 const in anyOf": ({"anyOf": [{"const": s} for s in STRINGS]}, lambda v: v in STRINGS),
    "oneOf product": (product(24), lambda v: all(v["k%d" % i] in (0, 1) for i in range(24))),
    "catastrophic regex": ({"type": "string", "pattern": "^(a+)+$"}, lambda v: set(v) == {"a"}),
    "catastrophic alternation": ({"type": "string", "pattern": "^(a|a|aa)*b$"}, lambda v: re.fullmatch("a*b", v)),
    "exponential automaton": ({"type": "string", "pattern": "^[ab]*a[ab]{24}$"},
                              lambda v: re.fullmatch("[ab]*a[ab]{24}", v)),
    "huge repetition": ({"type": "string", "pattern": "^((((a{1,99}){1,99}){1,99}){1,99})$"}, lambda v: set(v) == {"a"}),
    "huge counts": ({"type": "array", "items": {"type": "null"}, "minItems": 5, "maxItems": 2000000000},
                    lambda v: len(v) >= 5),
    "many properties, any of them": ({"type": "object", "properties": {"p%d" % i: {"type": "null"} for i in range(2000)},
                                      "additionalProperties": False}, lambda v: isinstance(v, dict)),
    "deep nesting": (json.loads('{"type":"array","items":' * 50 + "{}" + "}" * 50), lambda v: isinstance(v, list)),
    "deep references": ({"$ref": "#/$defs/d0", "$defs": {"d%d" % i: {"$ref": "#/$defs/d%d" % (i + 1)} for i in range(5000)}
                         | {"d5000": {"type": "null"}}}, lambda v: v is None),
    "doubling references": ({"$ref": "#/$defs/d0", "$defs": {"d%d" % i: {"anyOf": [
        object_of(a={"$ref": "#/$defs/d%d" % (i + 1)}), object_of(a={"$ref": "#/$defs/d%d" % (i + 1)}, b={"type": "null"})]}
        for i in range(40)} | {"d40": {"type": "null"}}}, lambda v: "a" in v),
    "anyOf of anyOf": (json.loads('{"anyOf":[{"type":"null"},' * 40 + '{"type":"null"}' + "]}" * 40), lambda v: v is None),
    "uniqueItems of an enum": ({"type": "array", "uniqueItems": True, "items": {"enum": list(range(40))}, "maxItems": 30},
                               lambda v: len(set(v)) == len(v)),
}


class Obey(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd("--schema-time-ms", COMPILE_MS).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def send(self, **fields):
        return self.server.chat(max_tokens=fields.pop("max_tokens", 200), **fields)

    def test_hostile_schemas(self):
        for name, (schema, obeyed) in HOSTILE.items():
            with self.subTest(name):
                status, reply = self.send(temperature=1, **format_of(schema))
                if status == 400:
                    self.assertIn(REFUSED, reply["error"])
                    continue
                self.assertEqual(status, 200, reply)
                choice = reply["choices"][0]
                if choice["finish_reason"] == "stop":
                    self.assertTrue(obeyed(json.loads(choice["message"]["content"])), choice)
                else:
                    self.assertEqual(choice["finish_reason"], "length")

    def test_hostile_parameters(self):
        for name, (schema, _) in HOSTILE.items():
            with self.subTest(name):
                tools = [function("look_up", object_of(value=schema))]
                status, reply = self.send(tools=tools, tool_choice="required")
                if status == 400 and "maximum prompt length" in reply["error"]:
                    continue                   # the model is shown its tools, which need room
                if status == 400:
                    self.assertIn(REFUSED + "tools['look_up'].function.parameters: ", reply["error"])
                else:
                    self.assertIn(reply["choices"][0]["finish_reason"], ("tool_calls", "length"))

    def test_ten_thousand_values(self):
        """This one is no reason to refuse."""
        status, reply = self.send(**format_of({"enum": STRINGS}))
        self.assertEqual(status, 200, reply)
        self.assertIn(json.loads(reply["choices"][0]["message"]["content"]), STRINGS)

    def test_length_in_arguments(self):
        """max_tokens inside a call's arguments: no call, whose arguments would be no JSON."""
        tools = [function("look_up", object_of(**{"word%d" % i: {"type": "string", "minLength": 9} for i in range(30)}))]
        for fields in ({}, {"reasoning_effort": "none"}):
            status, reply = self.send(tools=tools, tool_choice="required", max_tokens=25, **fields)
            self.assertEqual(status, 200, reply)
            choice = reply["choices"][0]
            self.assertEqual(choice["finish_reason"], "length")
            self.assertNotIn("tool_calls", choice["message"])

    def test_usage_counts_forced_tokens(self):
        """A single possible answer is forced, not sampled; it is output all the same."""
        answer = {"greeting": "hello", "to": ["the", "world"], "n": 12345}
        status, reply = self.send(**format_of({"const": answer}))
        self.assertEqual(status, 200, reply)
        self.assertEqual(json.loads(reply["choices"][0]["message"]["content"]), answer)
        self.assertGreater(reply["usage"]["completion_tokens"], 5)

    def test_logprobs(self):
        _, reply = self.send(logprobs=True, top_logprobs=2, temperature=0, **format_of(object_of(a={"type": "boolean"})))
        choice = reply["choices"][0]
        self.assertEqual(b"".join(bytes(t["bytes"]) for t in choice["logprobs"]["content"]).decode(),
                         choice["message"]["content"])
        for token in choice["logprobs"]["content"]:
            self.assertLessEqual(token["logprob"], 0)

    def test_choices_differ_and_obey(self):
        _, reply = self.send(n=4, temperature=1.5, seed=3, **format_of(object_of(a={"type": "integer"}, b={"enum": STRINGS[:50]})))
        values = [c["message"]["content"] for c in reply["choices"] if c["finish_reason"] == "stop"]
        self.assertGreater(len(set(values)), 1)
        for value in map(json.loads, values):
            self.assertTrue(isinstance(value["a"], int) and value["b"] in STRINGS[:50])

    def test_bias_cannot_break_it(self):
        schema = object_of(a={"type": "boolean"})
        bias = {str(i): 100 if i % 2 else -100 for i in range(1000)}
        _, reply = self.send(logit_bias=bias, reasoning_effort="none", **format_of(schema))
        self.assertIn(json.loads(reply["choices"][0]["message"]["content"]), ({"a": True}, {"a": False}))

    def test_same_bytes_from_a_warm_cache(self):
        fields = {"temperature": 0, **format_of(object_of(a={"type": "string", "maxLength": 12}, b={"type": "integer"}))}
        first = self.send(**fields)[1]["choices"][0]["message"]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for job in [pool.submit(self.send, **fields) for _ in range(8)]:
                self.assertEqual(job.result()[1]["choices"][0]["message"], first)


class Stream:
    """A stream that runs until it is closed; notes when each chunk came."""

    def __init__(self, server):
        self.times = []
        self.connection = http.client.HTTPConnection(server.host, server.port, timeout=60)
        body = {"model": "grok-4", "stream": True, "ignore_eos": True, "max_tokens": 3900,
                "messages": [{"role": "user", "content": "Tell me a long story."}]}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body), {
            "Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
        self.reply = self.connection.getresponse()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            while line := self.reply.readline():
                if line.startswith(b"data: {"):
                    self.times.append(time.monotonic())
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass

    def close(self):
        self.connection.close()
        self.thread.join(10)


class Limits(unittest.TestCase):
    HARD = {"type": "string", "pattern": "^[ab]*a[ab]{40}$"}

    def test_nobody_waits(self):
        """Compilations that use up their time, several at once, while another client's stream flows: the
        longest gap stays well under the time that one of them takes."""
        with Grokd("--schema-time-ms", COMPILE_MS, "--schema-states", 1 << 24, "--schema-memory", "2G") as server:
            streams = [Stream(server)]
            while len(streams[0].times) < 5:
                time.sleep(0.01)
            start = time.monotonic()
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                jobs = [pool.submit(server.chat, "x", max_tokens=5, **format_of({"anyOf": [self.HARD, {"const": i}]}))
                        for i in range(4)]
                while not all(j.done() for j in jobs):
                    if streams[-1].thread.is_alive():
                        time.sleep(0.02)
                    else:
                        streams.append(Stream(server))
                replies = [j.result() for j in jobs]
            end = time.monotonic()
            times = sorted(t for s in streams for t in s.times if start < t < end)
            for stream in streams:
                stream.close()
        for status, reply in replies:
            self.assertEqual(status, 400, reply)
            self.assertIn("time", reply["error"])
        self.assertGreater(end - start, COMPILE_MS / 1000)
        gap = max(b - a for a, b in zip([start, *times], [*times, end]))
        self.assertLess(gap, COMPILE_MS / 2000, "%d chunks in %.1f s" % (len(times), end - start))

    def test_each_limit_says_which(self):
        wide = object_of(**{"p%d" % i: {"type": "string", "pattern": "^[a-f]{1,%d}$" % (i + 20)} for i in range(300)})
        deep = {"$ref": "#/$defs/d0", "$defs": {"d%d" % i: object_of(a={"$ref": "#/$defs/d%d" % (i + 1)}) for i in range(60)}
                | {"d60": {"type": "null"}}}
        for option, value, schema, word in (("--schema-time-ms", 1, wide, "time"), ("--schema-memory", "64K", wide, "memory"),
                                            ("--schema-states", 64, {"type": "string", "pattern": "^[ab]*a[ab]{9}$"}, "states"), ("--schema-depth", 20, deep, "de"),
                                            ("--schema-nodes", 100, wide, "n")):
            with self.subTest(option), Grokd(option, value) as server:
                status, reply = server.chat("Hello", max_tokens=300, **format_of(schema))
                self.assertEqual(status, 400, reply)
                self.assertIn(REFUSED, reply["error"])
                self.assertIn(word, reply["error"][len(REFUSED):])
                self.assertEqual(server.chat("Hello", max_tokens=20, **format_of({"type": "boolean"}))[0], 200)

    def test_a_small_mask_pool(self):
        """Whatever its size: a reply that ends by itself obeys, or the request fails with an error."""
        for size in ("1M", "4M"):
            with Grokd("--mask-pool", size) as server:
                for _ in range(3):
                    status, reply = server.chat("Hello", max_tokens=60, temperature=1, **format_of({"enum": STRINGS}))
                    if status == 200 and reply["choices"][0]["finish_reason"] == "stop":
                        self.assertIn(json.loads(reply["choices"][0]["message"]["content"]), STRINGS)
                    else:
                        self.assertIn(status, (200, 400, 500), reply)

    def test_no_cache(self):
        with Grokd("--schema-cache", 0) as server:
            for _ in range(2):
                status, reply = server.chat("Hello", max_tokens=40, **format_of(object_of(a={"type": "null"})))
                self.assertEqual((status, reply["choices"][0]["message"]["content"]), (200, '{"a": null}'))


if __name__ == "__main__":
    unittest.main()
