# SPDX-License-Identifier: Apache-2.0
"""The Responses API: its order of events, what is kept and for whom, conversations over many responses."""
import http.client
import json
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import time
import unittest

from grokd import BINARY, MODEL, Grokd, Scripted
from test_scripted import RECORDED, call, finish
from test_wire import key_paths

SCRIPTS = {
    "text": [{"text": "Hel"}, {"text": "lo"}, finish("stop")],
    "thoughts": [{"reasoning": "The user"}, {"reasoning": " greets."}, {"text": "Hi"}, finish("stop")],
    "call": [call(1), finish("tool_calls")],
    "two calls": [{"text": "I look."}, call(1), {"wait_ms": 30}, call(2, "time", "{}"), finish("tool_calls")],
    "all": [{"reasoning": "why"}, {"text": "So"}, call(1), {"reasoning": "again"}, {"text": "done"}, finish("stop")],
    "cut": [{"reasoning": "why"}, {"text": "I am lo"}, finish("length")],
    "cut in thoughts": [{"reasoning": "why"}, finish("length")],
    "nothing": [finish("stop")],
    "failure": [{"fail": "the engine died"}],
    "text, failure": [{"text": "Hel"}, {"wait_ms": 10}, {"fail": "the engine died"}],
    "slow": [{"text": "a"}, {"wait_ms": 150}, {"reasoning": "b"}, {"wait_ms": 150}, {"text": "c"}, finish("stop")],
}
TOOLS = [{"type": "function", "name": n, "parameters": {"type": "object"}} for n in ("weather", "time")]
PREFIX = "response."


class Api:
    """Responses of a server."""

    def __init__(self, server, key=True):
        self.server, self.key = server, key

    def send(self, method, path="", body=None):
        status, _, text = self.server.request(method, "/v1/responses" + path, body, key=self.key)
        return status, json.loads(text)

    def make(self, text="Hello", **fields):
        status, reply = self.send("POST", body={"model": "grok-4", "input": text, **fields})
        assert status == 200, reply
        return reply

    def stream(self, text="Hello", **fields):
        """Events, and what came behind them."""
        body = {"model": "grok-4", "input": text, "stream": True, **fields}
        status, headers, raw = self.server.request("POST", "/v1/responses", body, key=self.key)
        assert status == 200 and headers["content-type"] == "text/event-stream", raw
        records = [r for r in raw.decode().split("\n\n") if r and not r.startswith(":")]
        events = []
        for record in records[:-1]:
            name, data = record.split("\n")
            event = json.loads(data.removeprefix("data: "))
            assert name == "event: " + event["type"], record
            events.append(event)
        return events, records[-1]


class Order:
    """The order of events as a state machine: takes the events of one stream, gives the last response."""

    def __init__(self, case):
        self.case, self.items, self.open, self.last = case, [], None, None

    def run(self, events):
        case = self.case
        case.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
        case.assertEqual([e["type"] for e in events[:2]], ["response.created", "response.in_progress"])
        for event in events[:2]:
            case.assertEqual(event["response"]["status"], "in_progress")
            case.assertEqual((event["response"]["output"], event["response"]["usage"]), ([], None))
        for event in events[2:]:
            case.assertIsNone(self.last, "nothing comes behind the last event")
            self.take(event)
        return self.last

    def take(self, event):
        kind = event["type"].removeprefix(PREFIX)
        if kind in ("completed", "incomplete"):
            self.case.assertIsNone(self.open)
            self.last = event["response"]
            self.case.assertEqual(self.last["output"], self.items)
            self.case.assertEqual(self.last["status"], kind)
        elif kind == "output_item.added":
            self.case.assertIsNone(self.open)
            self.case.assertEqual(event["output_index"], len(self.items))
            self.case.assertEqual(event["item"]["status"], "in_progress")
            self.open, self.step, self.text = event["item"], "added", ""
        elif kind == "output_item.done":
            self.case.assertEqual(self.step, "closed")
            self.case.assertEqual((event["item"]["id"], event["item"]["type"]), (self.open["id"], self.open["type"]))
            self.case.assertEqual(self.text_of(event["item"]), self.text)
            self.items.append(event["item"])
            self.open = None
        else:
            self.case.assertEqual((event["item_id"], event["output_index"]), (self.open["id"], len(self.items)))
            self.inside(kind, event)

    # item type: {event: (state before, state after)}
    MOVES = {
        "message": {"content_part.added": ("added", "text"), "output_text.delta": ("text", "text"),
                    "output_text.done": ("text", "done"), "content_part.done": ("done", "closed")},
        "reasoning": {"reasoning_summary_part.added": ("added", "text"),
                      "reasoning_summary_text.delta": ("text", "text"),
                      "reasoning_summary_text.done": ("text", "done"),
                      "reasoning_summary_part.done": ("done", "closed")},
        "function_call": {"function_call_arguments.delta": ("added", "text"),
                          "function_call_arguments.done": ("text", "closed")},
    }

    def inside(self, kind, event):
        before, after = self.MOVES[self.open["type"]][kind]
        self.case.assertEqual(self.step, before, kind)
        self.step = after
        if kind.endswith(".delta"):
            self.text += event["delta"]
        elif kind.endswith("part.added"):
            self.case.assertEqual(event["part"]["text"], "")
        elif kind.endswith("part.done"):
            self.case.assertEqual(event["part"]["text"], self.text)
        else:
            self.case.assertEqual(event.get("text", event.get("arguments")), self.text)

    @staticmethod
    def text_of(item):
        if item["type"] == "function_call":
            return item["arguments"]
        parts = item["content"] if item["type"] == "message" else item["summary"]
        return parts[0]["text"]


def shape(reply):
    """The reply without what differs from one to the next."""
    text = json.dumps(reply).replace(reply["id"], "ID")
    value = json.loads(text)
    for key in ("created_at", "completed_at"):
        value[key] = value[key] is not None
    return value


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS, "--keepalive-ms", 20).start()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_order_of_every_script(self):
        for script in SCRIPTS:
            if "failure" in script:
                continue
            for fields in ({}, {"store": False}):
                with self.subTest(script=script, **fields):
                    events, behind = self.api.stream(script, tools=TOOLS, **fields)
                    self.assertEqual(behind, "data: [DONE]")
                    last = Order(self).run(events)
                    self.assertEqual(last["store"], not fields)
                    if not fields:
                        self.assertEqual(shape(last), shape(self.api.make(script, tools=TOOLS)))

    def kinds(self, script, **fields):
        return [i["type"] for i in self.api.make(script, tools=TOOLS, **fields)["output"]]

    def test_items(self):
        self.assertEqual(self.kinds("all"), ["reasoning", "message", "function_call", "reasoning", "message"])
        self.assertEqual(self.kinds("two calls"), ["message", "function_call", "function_call"])
        self.assertEqual(self.kinds("nothing"), ["message"])
        output = self.api.make("two calls", tools=TOOLS)["output"]
        self.assertEqual([i["call_id"] for i in output[1:]], ["call_1", "call_2"])
        self.assertEqual(len({i["id"] for i in output}), 3)

    def test_cut(self):
        for script in ("cut", "cut in thoughts"):
            reply = self.api.make(script)
            self.assertEqual((reply["status"], reply["incomplete_details"]),
                             ("incomplete", {"reason": "max_output_tokens"}))
            self.assertIsNone(reply["completed_at"])
            self.assertEqual(reply["output"][-1]["status"], "incomplete")

    def test_usage_counts_reasoning_as_output(self):
        usage = self.api.make("thoughts")["usage"]
        self.assertEqual((usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]), (10, 3, 13))
        self.assertEqual(usage["output_tokens_details"]["reasoning_tokens"], 2)

    def test_priority_costs_twice(self):
        cost = [self.api.make("text", service_tier=tier)["usage"]["cost_in_usd_ticks"] for tier in ("default", "priority")]
        self.assertEqual(cost[1], 2 * cost[0])
        self.assertEqual(self.api.make("text", service_tier="priority")["service_tier"], "priority")
        self.assertEqual(self.api.make("text", service_tier="flex")["service_tier"], "default")

    def test_failure(self):
        status, reply = self.api.send("POST", body={"model": "grok-4", "input": "failure"})
        self.assertEqual((status, reply["code"]), (500, "internal"))
        for script, n in (("failure", 0), ("text, failure", 1)):
            events, behind = self.api.stream(script)
            self.assertEqual([e["type"] for e in events[-2:]], ["error", "response.failed"])
            self.assertEqual(events[-2]["message"], "the engine died")
            self.assertEqual(events[-1]["response"]["status"], "failed")
            self.assertEqual(events[-1]["response"]["error"]["message"], "the engine died")
            self.assertEqual([e["sequence_number"] for e in events], list(range(len(events))))
            self.assertEqual(behind, "data: [DONE]")
            self.assertEqual(self.api.send("GET", "/" + events[0]["response"]["id"])[0], 404)

    def test_events_have_the_recorded_members(self):
        recorded = RECORDED / "responses-xai-text-with-reasoning-streaming-store-false.1.chunks.txt"
        if not recorded.exists():
            self.skipTest("no recordings at %s" % RECORDED)
        events, _ = self.api.stream("thoughts", store=False)
        ours = {}
        for event in events:
            ours.setdefault(event["type"], set()).update(key_paths(event))
        theirs = [json.loads(line) for line in recorded.read_text().splitlines() if line.startswith("{")]
        self.assertEqual([t for t in dict.fromkeys(e["type"] for e in theirs)], list(dict.fromkeys(ours)))
        for event in theirs:
            self.assertLessEqual(set(key_paths(event)), ours[event["type"]], event["type"])

    def test_cut_by_the_client_at_each_event(self):
        body = json.dumps({"model": "grok-4", "input": "slow", "stream": True})
        for n in range(1, 14, 2):
            c = http.client.HTTPConnection(self.server.host, self.server.port, timeout=20)
            c.request("POST", "/v1/responses", body, {"Authorization": "Bearer " + self.server.key,
                                                      "Content-Type": "application/json"})
            reply, seen = c.getresponse(), 0
            while seen < n and (line := reply.readline()):
                seen += line.startswith(b"event: ")
            reply.close()
            c.close()
        self.assertEqual(self.api.make("text")["status"], "completed")


class Sealed(unittest.TestCase):
    """encrypted_content: only with the server's key, only for its team, round trip."""

    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS).start()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def sealed(self, **fields):
        return self.api.make("thoughts", **fields)["output"][0].get("encrypted_content")

    def test_when(self):
        self.assertIsNone(self.sealed())
        self.assertTrue(self.sealed(store=False))
        self.assertTrue(self.sealed(include=["reasoning.encrypted_content"]))
        self.assertNotEqual(self.sealed(store=False), self.sealed(store=False), "each has a nonce of its own")
        self.assertNotIn("greets", self.sealed(store=False))

    def replay(self, content):
        item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}
        return self.api.send("POST", body={"model": "grok-4", "input": [
            item, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "text"}]})

    def test_replay(self):
        content = self.sealed(store=False)
        self.assertEqual(self.replay(content)[0], 200)
        changed = "".join("B" if i == 40 and c == "A" else "A" if i == 40 else c for i, c in enumerate(content))
        for wrong in (changed, content[:-4], content + "AAAA", "AAAA", "x", "=" * 40, "\u00e4" * 40, "A" * 400):
            status, reply = self.replay(wrong)
            self.assertEqual(status, 400, wrong)
            self.assertIn("could not be verified", reply["error"])
        self.assertEqual(self.replay("")[0], 200)

    def test_key_file(self):
        key = self.server.data_dir / "seal.key"
        self.assertEqual((key.stat().st_mode & 0o777, key.stat().st_size), (0o600, 32))


class Kept(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd("--model", MODEL).start()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_read_back(self):
        made = self.api.make(max_output_tokens=8, user="u", prompt_cache_key="k", metadata={"a": "b"})
        self.assertEqual(self.api.send("GET", "/" + made["id"]), (200, made))
        self.assertEqual(self.api.send("GET", "/%s/" % made["id"])[0], 200)
        events, _ = self.api.stream(max_output_tokens=8)
        last = Order(self).run(events)
        self.assertEqual(self.api.send("GET", "/" + last["id"]), (200, last))

    def test_not_kept(self):
        made = self.api.make(max_output_tokens=4, store=False)
        self.assertEqual(self.api.send("GET", "/" + made["id"])[0], 404)
        status, reply = self.api.send("POST", body={"model": "grok-4", "input": "x",
                                                    "previous_response_id": made["id"]})
        self.assertEqual((status, reply["code"]), (404, "not-found"))
        self.assertEqual(reply["error"], "Response with id=%s not found" % made["id"])

    def test_deleted_once(self):
        made = self.api.make(max_output_tokens=4)
        self.assertEqual(self.api.send("DELETE", "/" + made["id"]),
                         (200, {"id": made["id"], "object": "response", "deleted": True}))
        for method, path in (("DELETE", ""), ("GET", ""), ("GET", "/input_items")):
            self.assertEqual(self.api.send(method, "/" + made["id"] + path)[0], 404, method)

    def test_input_items(self):
        items = [{"role": "user", "content": "Say %d." % i, "id": "mine_%d" % i} for i in range(25)]
        path = "/%s/input_items" % self.api.make(items, max_output_tokens=2)["id"]
        status, first = self.api.send("GET", path)
        self.assertEqual(status, 200)
        self.assertEqual([i["id"] for i in first["data"]], ["mine_%d" % i for i in range(24, 4, -1)])
        self.assertEqual((first["first_id"], first["last_id"], first["has_more"]), ("mine_24", "mine_5", True))
        rest = self.api.send("GET", path + "?after=mine_5")[1]
        self.assertEqual(([i["id"] for i in rest["data"]], rest["has_more"]),
                         (["mine_%d" % i for i in range(4, -1, -1)], False))
        up = self.api.send("GET", path + "?order=asc&limit=3&after=mine_1")[1]
        self.assertEqual([i["id"] for i in up["data"]], ["mine_2", "mine_3", "mine_4"])
        self.assertEqual(up["data"][0], {"type": "message", "id": "mine_2", "status": "completed", "role": "user",
                                         "content": [{"type": "input_text", "text": "Say 2."}]})
        for query in ("limit=0", "limit=101", "limit=x", "order=up", "after=nobody"):
            self.assertEqual(self.api.send("GET", path + "?" + query)[0], 400, query)
        empty = self.api.send("GET", path + "?order=asc&after=mine_24")[1]
        self.assertEqual((empty["data"], empty["first_id"], empty["has_more"]), ([], None, False))

    def same(self, a, b):
        """Two responses to what the model must have seen as one and the same."""
        self.assertEqual(a["usage"]["input_tokens"], b["usage"]["input_tokens"])
        self.assertEqual([i.get("content", i.get("arguments")) for i in a["output"]],
                         [i.get("content", i.get("arguments")) for i in b["output"]])

    def test_conversation(self):
        fields = {"temperature": 0, "max_output_tokens": 12}
        first = self.api.make("What can you do?", instructions="Be short.", **fields)
        second = self.api.make("And in winter?", previous_response_id=first["id"], **fields)
        third = self.api.make("Thanks.", previous_response_id=second["id"], **fields)
        whole = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What can you do?"},
                 *first["output"], {"role": "user", "content": "And in winter?"}, *second["output"],
                 {"role": "user", "content": "Thanks."}]
        self.same(third, self.api.make(whole, **fields))
        self.assertEqual(third["previous_response_id"], second["id"])
        self.assertEqual([i["content"][0]["text"] for i in
                          self.api.send("GET", "/%s/input_items" % third["id"])[1]["data"]], ["Thanks."])
        other = self.api.make("Thanks.", previous_response_id=second["id"], instructions="Rhyme.", **fields)
        self.same(other, self.api.make([{"role": "system", "content": "Rhyme."}, *whole[1:]], **fields))
        self.api.send("DELETE", "/" + first["id"])
        status, reply = self.api.send("POST", body={"model": "grok-4", "input": "x",
                                                    "previous_response_id": third["id"]})
        self.assertEqual(status, 404)
        self.assertIn("was deleted or has expired", reply["error"])

    def test_calls_in_a_conversation(self):
        fields = {"temperature": 0, "max_output_tokens": 60, "tools": TOOLS[:1]}
        first = self.api.make("Weather?", tool_choice="required", **fields)
        asked = first["output"][-1]
        self.assertEqual(asked["type"], "function_call")
        result = {"type": "function_call_output", "call_id": asked["call_id"], "output": "{\"sky\": \"blue\"}"}
        short = {**fields, "max_output_tokens": 8}
        continued = self.api.make([result], previous_response_id=first["id"], **short)
        whole = [{"role": "user", "content": "Weather?"}, *first["output"], result]
        self.same(continued, self.api.make(whole, **short))

    def test_compaction(self):
        first = self.api.make("My name is Anna.", max_output_tokens=8)
        for body in ({"input": [{"role": "user", "content": "My name is Anna."}]},
                     {"previous_response_id": first["id"]}, {"previous_response_id": first["id"], "input": "More."}):
            status, made = self.api.send("POST", "/compact", {"model": "grok-4", **body})
            self.assertEqual((status, made["object"], len(made["output"])), (200, "response.compaction", 1), made)
            self.assertEqual(made["output"][0]["id"], made["id"])
            self.assertEqual(made["usage"]["dropped_message_count"], 1 + 1 * ("previous_response_id" in body)
                             + 1 * (len(body) == 2))
            again = self.api.make([made["output"][0], {"role": "user", "content": "Who am I?"}], max_output_tokens=4)
            self.assertGreater(again["usage"]["input_tokens"], 10)
            self.api.make("And you?", previous_response_id=again["id"], max_output_tokens=4)
        for wrong in ({}, {"input": []}, {"input": "x", "stream": True}, {"previous_response_id": "x"},
                      {"input": [{"type": "compaction", "encrypted_content": "AAAA"}]}):
            self.assertIn(self.api.send("POST", "/compact", {"model": "grok-4", **wrong})[0], (400, 404, 422))

    def test_item_reference(self):
        fields = {"temperature": 0, "max_output_tokens": 8}
        first = self.api.make("Hello", **fields)
        said = first["output"][0]
        refer = [{"role": "user", "content": "Hello"}, {"type": "item_reference", "id": said["id"]},
                 {"role": "user", "content": "Again."}]
        self.same(self.api.make(refer, **fields), self.api.make([refer[0], said, refer[2]], **fields))
        refer[1]["id"] = "msg_nobody"
        self.assertEqual(self.api.send("POST", body={"model": "grok-4", "input": refer})[0], 404)

    def test_long_chain(self):
        last = None
        for _ in range(100):
            more = {"previous_response_id": last["id"]} if last else {}
            last = self.api.make("a", max_output_tokens=1, **more)
        self.assertEqual(last["status"], "incomplete")
        self.assertGreater(last["usage"]["input_tokens"], 300)

    def test_reading_back_is_quick(self):
        items = [{"role": "user", "content": "word " * 10} for _ in range(100)]
        made = self.api.make(items, max_output_tokens=2)
        for path in ("", "/input_items?limit=100"):
            took = []
            for _ in range(20):
                start = time.monotonic()
                self.assertEqual(self.api.send("GET", "/" + made["id"] + path)[0], 200)
                took.append(time.monotonic() - start)
            print("reading back%s: median %.2f ms" % (path, 1000 * sorted(took)[10]))
            self.assertLess(sorted(took)[10], 0.05)

    def test_ids(self):
        for wrong in ("x", "%00", "' OR 1=1 --", "a" * 3000, "resp_%F0%9F%98%80"):
            path = "/" + wrong.replace(" ", "%20")
            for method in ("GET", "DELETE"):
                self.assertIn(self.api.send(method, path)[0], (400, 404), wrong)


class Owners(unittest.TestCase):
    """Owner, another key of the team, another team, nobody."""

    @classmethod
    def setUpClass(cls):
        cls.server = Grokd("--model", MODEL).start()
        cls.keys = {name: cls.make_key(name) for name in ("mate", "stranger")}
        with sqlite3.connect(cls.server.data_dir / "grokd.db", timeout=10) as db:
            db.execute("UPDATE api_key SET team_id = 'strangers' WHERE name = 'stranger'")
        db.close()
        cls.wait_for_keys()

    @classmethod
    def make_key(cls, name):
        return subprocess.run([str(BINARY), "keys", "create", name, "--data-dir", str(cls.server.data_dir)],
                              capture_output=True, text=True, check=True).stdout.strip()

    @classmethod
    def wait_for_keys(cls):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            status, _, text = cls.server.request("GET", "/v1/api-key", key=cls.keys["stranger"])
            if status == 200 and json.loads(text)["team_id"] == "strangers":
                return
            time.sleep(0.1)
        raise RuntimeError("the keys were not read again")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_matrix(self):
        owner = Api(self.server)
        made = owner.make(max_output_tokens=4, include=["reasoning.encrypted_content"])
        path = "/" + made["id"]
        more = {"model": "grok-4", "input": "x", "max_output_tokens": 2, "previous_response_id": made["id"]}
        refer = {"model": "grok-4", "max_output_tokens": 2,
                 "input": [{"type": "item_reference", "id": made["output"][0]["id"]}]}
        tries = (("GET", path, None), ("GET", path + "/input_items", None), ("POST", "", more), ("POST", "", refer))
        for who, wanted in ((True, 200), (self.keys["mate"], 200), (self.keys["stranger"], 404), (None, 401),
                            ("xai-nobody", 400)):
            for method, at, body in tries:
                status, _, text = self.server.request(method, "/v1/responses" + at, body, key=who)
                self.assertEqual(status, wanted, (who, method, at, text))
                if wanted != 200:
                    self.assertNotIn(made["output"][0]["content"][0]["text"].encode(), text)
        for who, wanted in ((None, 401), (self.keys["stranger"], 404), (self.keys["mate"], 200), (True, 404)):
            self.assertEqual(self.server.request("DELETE", "/v1/responses" + path, key=who)[0], wanted)


class Death(unittest.TestCase):
    def test_killed_right_after_completed(self):
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(3):
                server = Grokd("--model", MODEL, data_dir=folder).start()
                last = self.killed_at_completed(server)
                with Grokd("--model", MODEL, data_dir=folder) as again:
                    api = Api(again)
                    self.assertEqual(api.send("GET", "/" + last["id"]), (200, last))
                    self.assertEqual(len(api.send("GET", "/%s/input_items" % last["id"])[1]["data"]), 1)
                    api.make("Go on.", previous_response_id=last["id"], max_output_tokens=4)

    def test_full_disk(self):
        """What cannot be kept is not said to be done: an error within a bounded time, then all is well again."""
        with tempfile.TemporaryDirectory() as small:
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small],
                              capture_output=True).returncode:
                self.skipTest("cannot mount a small file system here")
            try:
                with Grokd("--model", MODEL, data_dir=small) as server:
                    self.fill_and_free(server, pathlib.Path(small))
            finally:
                subprocess.run(["umount", "-l", small], check=True)

    def fill_and_free(self, server, folder):
        api = Api(server)
        first = api.make(max_output_tokens=2)
        with open(folder / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        big = {"model": "grok-4", "input": "Hi", "max_output_tokens": 2, "user": "u" * 1500000}
        start = time.monotonic()
        status, reply = api.send("POST", body=big)
        self.assertEqual((status, reply["code"]), (500, "internal"))
        self.assertIn("could not be stored", reply["error"])
        self.assertLess(time.monotonic() - start, 15)
        events, _ = api.stream(max_output_tokens=2)
        self.assertEqual([e["type"] for e in events[-2:]], ["error", "response.failed"])
        self.assertEqual(api.send("GET", "/" + first["id"])[0], 200)
        (folder / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        time.sleep(1.5)
        again = api.make("Go on.", previous_response_id=first["id"], max_output_tokens=2)
        self.assertEqual(api.send("GET", "/" + again["id"])[0], 200)

    def killed_at_completed(self, server):
        c = http.client.HTTPConnection(server.host, server.port, timeout=20)
        c.request("POST", "/v1/responses", json.dumps({"model": "grok-4", "input": "Hello", "stream": True}),
                  {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
        reply = c.getresponse()
        while line := reply.readline():
            if line.startswith(b"data: ") and json.loads(line[6:])["type"] == "response.completed":
                server.stop(signal.SIGKILL)
                return json.loads(line[6:])["response"]
        self.fail("the stream ended without response.completed")

    def test_expired(self):
        with tempfile.TemporaryDirectory() as folder:
            with Grokd("--model", MODEL, "--keep-days", 2, data_dir=folder) as server:
                api = Api(server)
                made, stays = api.make(max_output_tokens=2)["id"], api.make(max_output_tokens=2)["id"]
                db = sqlite3.connect(pathlib.Path(folder) / "grokd.db", timeout=10)
                with db:
                    db.execute("UPDATE response SET expires_unix_s = 1 WHERE id = ?", (made,))
                for method in ("GET", "DELETE"):
                    self.assertEqual(api.send(method, "/" + made)[0], 404)
                self.assertEqual(api.send("GET", "/" + stays)[0], 200)
                kept_s, = db.execute("SELECT expires_unix_s - created_unix_s FROM response WHERE id = ?",
                                     (stays,)).fetchone()
                self.assertEqual(kept_s, 2 * 86400)
            with Grokd("--model", MODEL, data_dir=folder):         # sweeps soon after its start
                self.wait_for(db, [(stays,)])
            db.close()

    def wait_for(self, db, wanted):
        until = time.monotonic() + 10
        while time.monotonic() < until:
            left = db.execute("SELECT DISTINCT response_id FROM response_item").fetchall()
            if left == wanted:
                return
            time.sleep(0.1)
        self.fail("not swept: %s" % left)

    def test_full_disk(self):
        """What cannot be kept is not said to be done: an error within a bounded time, then all is well again."""
        with tempfile.TemporaryDirectory() as small:
            if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", small],
                              capture_output=True).returncode:
                self.skipTest("cannot mount a small file system here")
            try:
                with Grokd("--model", MODEL, data_dir=small) as server:
                    self.fill_and_free(server, pathlib.Path(small))
            finally:
                subprocess.run(["umount", "-l", small], check=True)

    def fill_and_free(self, server, folder):
        api = Api(server)
        first = api.make(max_output_tokens=2)
        with open(folder / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError:
                pass
        big = {"model": "grok-4", "input": "Hi", "max_output_tokens": 2, "user": "u" * 1500000}
        start = time.monotonic()
        status, reply = api.send("POST", body=big)
        self.assertEqual((status, reply["code"]), (500, "internal"))
        self.assertIn("could not be stored", reply["error"])
        self.assertLess(time.monotonic() - start, 15)
        events, _ = api.stream(max_output_tokens=2)
        self.assertEqual([e["type"] for e in events[-2:]], ["error", "response.failed"])
        self.assertEqual(api.send("GET", "/" + first["id"])[0], 200)
        (folder / "filler").unlink()
        subprocess.run(["mount", "-o", "remount,size=64m", str(folder)], check=True)
        time.sleep(1.5)
        again = api.make("Go on.", previous_response_id=first["id"], max_output_tokens=2)
        self.assertEqual(api.send("GET", "/" + again["id"])[0], 200)

    def killed_at_completed(self, server):
        c = http.client.HTTPConnection(server.host, server.port, timeout=20)
        c.request("POST", "/v1/responses", json.dumps({"model": "grok-4", "input": "Hello", "stream": True}),
                  {"Authorization": "Bearer " + server.key, "Content-Type": "application/json"})
        reply = c.getresponse()
        while line := reply.readline():
            if line.startswith(b"data: ") and json.loads(line[6:])["type"] == "response.completed":
                server.stop(signal.SIGKILL)
                return json.loads(line[6:])["response"]
        self.fail("the stream ended without response.completed")

    def test_expired(self):
        with Grokd("--model", MODEL) as server:
            api = Api(server)
            made, stays = api.make(max_output_tokens=2), api.make(max_output_tokens=2)
            db = sqlite3.connect(server.data_dir / "grokd.db", timeout=10)
            with db:
                db.execute("UPDATE response SET expires_unix_s = 1 WHERE id = ?", (made["id"],))
            self.assertEqual(api.send("GET", "/" + made["id"])[0], 404)
            self.assertEqual(api.send("DELETE", "/" + made["id"])[0], 404)
            self.assertEqual(api.send("GET", "/" + stays["id"])[0], 200)
            kept_s, = db.execute("SELECT expires_unix_s - created_unix_s FROM response WHERE id = ?",
                                 (stays["id"],)).fetchone()
            self.assertEqual(kept_s, 30 * 86400)
            db.close()


class Strict(unittest.TestCase):
    def test_as_xai(self):
        with Scripted(SCRIPTS, "--compat", "strict") as server:
            api = Api(server)
            first = api.make("text", model="grok-3", instructions="x")
            more = {"model": "grok-3", "input": "text", "previous_response_id": first["id"]}
            self.assertEqual(api.send("POST", body=more)[0], 200)
            status, reply = api.send("POST", body={**more, "instructions": "y"})
            self.assertEqual(status, 400)
            self.assertIn("cannot be combined", reply["error"])
            status, reply = api.send("POST", body={"model": "grok-4", "input": "text", "reasoning": {"effort": "low"}})
            self.assertEqual(status, 400, reply)


class Limits(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS).start()
        cls.api = Api(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_many_items(self):
        items = [{"role": "user", "content": "text"}] * 10000
        self.assertEqual(self.api.make(items)["status"], "completed")
        status, reply = self.api.send("POST", body={"model": "grok-4", "input": items * 10 + items[:1]})
        self.assertEqual(status, 400)
        self.assertIn("at most 100000", reply["error"])

    def test_chain_of_a_thousand(self):
        last = self.api.make("text")["id"]
        db = sqlite3.connect(self.server.data_dir / "grokd.db", timeout=20)
        with db:                       # its copies, each after the one before
            for i in range(1000):
                new = "%08x-0000-4000-8000-000000000000" % i
                db.execute("INSERT INTO response SELECT ?, team_id, key_id, ?, instructions, body, output_at,"
                           " created_unix_s, expires_unix_s FROM response WHERE id = ?", (new, last, last))
                db.execute("INSERT INTO response_item SELECT ?, position, id, is_output, body FROM response_item"
                           " WHERE response_id = ?", (new, last))
                last = new
        start = time.monotonic()
        self.assertEqual(self.api.make("text", previous_response_id=last)["status"], "completed")
        print("a chain of 1000: %.1f ms" % (1000 * (time.monotonic() - start)))
        with db:                       # a circle, which no server makes
            db.execute("UPDATE response SET previous_id = ? WHERE previous_id = ''", (last,))
        status, reply = self.api.send("POST", body={"model": "grok-4", "input": "text", "previous_response_id": last})
        self.assertEqual(status, 400)
        self.assertIn("more than 10000 responses", reply["error"])
        db.close()


if __name__ == "__main__":
    from grokd import run
    run()
