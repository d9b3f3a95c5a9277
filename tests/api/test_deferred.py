# SPDX-License-Identifier: Apache-2.0
"""Deferred chat completions: an id at once, 202 until the reply is there, 200 once, then 404."""
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest
import uuid

from grokd import Grokd, Scripted
from test_docs import section
from test_life import cli, rows

UUID = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
CALL = {"call": {"id": "call_1", "name": "weather", "arguments": '{"city": "Oslo"}'}}
SCRIPTS = {
    "text": [{"reasoning": "why"}, {"text": "Hel"}, {"text": "lo"}, {"finish": "stop"}],
    "call": [CALL, {"finish": "tool_calls"}],
    "two": [{"text": "a"}, {"text": "b", "choice": 1}, {"finish": "stop"}, {"finish": "stop", "choice": 1}],
    "slow": [{"text": "a"}, {"wait_ms": 1500}, {"text": "b"}, {"finish": "stop"}],
    "very slow": [{"text": "a"}, {"wait_ms": 60000}, {"finish": "stop"}],
    "failure": [{"text": "a"}, {"fail": "the engine died"}],
    "large": [{"text": "x" * 40000}, {"finish": "stop"}],
}
TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "maxLength": 20}}, "required": ["city"]}}}]


def submit(server, content="text", key=True, **fields):
    status, reply = server.chat(content, key=key, deferred=True, **fields)
    assert status == 200 and list(reply) == ["request_id"], (status, reply)
    return reply["request_id"]


def poll(server, request_id, key=True, method="GET"):
    return server.request(method, "/v1/chat/deferred-completion/" + request_id, key=key)


def wait(server, request_id, timeout=30):
    """(status, body) once it is there."""
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        status, headers, text = poll(server, request_id)
        if status != 202:
            return status, json.loads(text)
        assert text == b"" and "content-type" not in headers, (headers, text)
        time.sleep(0.05)
    raise AssertionError("%s is still not ready" % request_id)


class WithDir(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="grokd-deferred-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def serve(self, *args):
        server = Scripted(SCRIPTS, *args, data_dir=self.dir).start()
        self.addCleanup(lambda: server.process.poll() is None and server.stop())
        return server

    def eventually(self, sql, wanted):
        until = time.monotonic() + 10
        while rows(self.dir, sql) != wanted and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual(rows(self.dir, sql), wanted)


class Deferred(WithDir):
    def test_once(self):
        server = self.serve()
        request_id = submit(server)
        self.assertRegex(request_id, UUID)
        status, reply = wait(server, request_id)
        self.assertEqual(status, 200, reply)
        now = server.chat("text")[1]
        self.assertEqual(set(reply), set(now))
        self.assertEqual(reply["object"], "chat.completion")
        self.assertEqual(reply["id"], request_id)
        self.assertEqual(reply["choices"], now["choices"])
        self.assertEqual(reply["choices"][0]["message"]["content"], "Hello")
        self.assertEqual(reply["choices"][0]["message"]["reasoning_content"], "why")
        status, headers, text = poll(server, request_id)
        self.assertEqual((status, json.loads(text)["code"]), (404, "not-found"))
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM deferred"), [(0,)])

    def test_not_ready(self):
        server = self.serve()
        request_id = submit(server, "slow")
        status, headers, text = poll(server, request_id)
        self.assertEqual((status, text), (202, b""))
        self.assertEqual(wait(server, request_id)[1]["choices"][0]["message"]["content"], "ab")

    def test_head_leaves_the_reply(self):
        server = self.serve()
        request_id = submit(server)
        self.eventually("SELECT state, status FROM deferred", [(3, 200)])
        for _ in range(2):
            self.assertEqual(poll(server, request_id, method="HEAD")[::2], (200, b""))
        self.assertEqual(wait(server, request_id)[0], 200)
        self.assertEqual(poll(server, request_id, method="HEAD")[0], 404)

    def test_ids(self):
        server = self.serve()
        self.assertEqual(poll(server, str(uuid.uuid4()))[0], 404)
        for bad in ("x", "1", "g" * 36, str(uuid.uuid4())[:-1], str(uuid.uuid4()).replace("-", "0"), "%00" * 36):
            self.assertEqual(poll(server, bad)[0], 400, bad)

    def test_stream_is_refused(self):
        status, reply = self.serve().chat("text", deferred=True, stream=True)
        self.assertEqual(status, 400)
        self.assertIn("deferred", reply["error"])

    def test_tools_and_choices(self):
        server = self.serve()
        call, two = submit(server, "call", tools=TOOLS), submit(server, "two", n=2)
        message = wait(server, call)[1]["choices"][0]
        self.assertEqual(message["finish_reason"], "tool_calls")
        self.assertEqual(message["message"]["tool_calls"][0]["function"], {"name": "weather", "arguments": '{"city": "Oslo"}'})
        self.assertEqual([c["message"]["content"] for c in wait(server, two)[1]["choices"]], ["a", "b"])

    def test_usage_is_settled_once(self):
        server = self.serve()
        request_id = submit(server)
        reply = wait(server, request_id)[1]
        poll(server, request_id)
        usage = reply["usage"]
        time.sleep(0.1)
        self.assertEqual(rows(self.dir, "SELECT request_id, endpoint, status, prompt_tokens, completion_tokens,"
                                        " reasoning_tokens, cost_ticks FROM usage"),
                         [(request_id, "/v1/chat/completions", 200, usage["prompt_tokens"], usage["completion_tokens"],
                           1, usage["cost_in_usd_ticks"])])

    def test_tier(self):
        """Nobody waits, so nothing of it is faster or dearer."""
        server = self.serve()
        reply = wait(server, submit(server, service_tier="priority"))[1]
        self.assertEqual(reply["service_tier"], "default")
        self.assertEqual(reply["usage"]["cost_in_usd_ticks"], server.chat("text")[1]["usage"]["cost_in_usd_ticks"])

    def test_failure(self):
        """The error that a client would have got at once, with its status; read once too."""
        server = self.serve()
        request_id = submit(server, "failure")
        self.assertEqual(wait(server, request_id), (500, server.chat("failure")[1]))
        self.assertEqual(poll(server, request_id)[0], 404)
        missing = submit(server, "no such script")
        self.assertEqual(wait(server, missing), (400, server.chat("no such script")[1]))
        self.assertEqual(rows(self.dir, "SELECT status, error_type FROM usage WHERE request_id IN ('%s', '%s')"
                              % (request_id, missing)), [(500, "internal")], "what never ran costs nothing")

    def test_what_is_refused_at_once(self):
        server = self.serve()
        for status, fields in ((404, {"model": "nobody"}), (400, {"temperature": 9}), (422, {"messages": 7})):
            self.assertEqual(server.chat("text", deferred=True, **fields)[0], status)
        self.assertEqual(server.chat("text", deferred="yes")[0], 422)
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM deferred"), [(0,)])

    def test_large_body(self):
        """Over what is parsed on the loop."""
        server = self.serve()
        body = {"model": "grok-4", "deferred": True, "messages": [{"role": "system", "content": "y" * 100000},
                                                                  {"role": "user", "content": "large"}]}
        request_id = json.loads(server.request("POST", "/v1/chat/completions", body)[2])["request_id"]
        self.assertEqual(len(wait(server, request_id)[1]["choices"][0]["message"]["content"]), 40000)

    def test_owners(self):
        server = self.serve()
        mate = cli("keys", "create", "mate", "--data-dir", self.dir).stdout.strip()
        other = cli("keys", "create", "other", "--data-dir", self.dir).stdout.strip()
        blind = json.loads(cli("keys", "create", "blind", "--acls", "api-key:endpoint:images api-key:model:*",
                               "--data-dir", self.dir, "--json").stdout)["api_key"]
        with sqlite3.connect(self.dir + "/grokd.db") as db:
            db.execute("UPDATE api_key SET team_id = ? WHERE name = 'other'", (str(uuid.uuid4()),))
        db.close()
        time.sleep(1.2)
        request_id = submit(server, "slow")
        self.assertEqual(poll(server, request_id, key=other)[0], 404, "also while it runs")
        self.eventually("SELECT state FROM deferred", [(3,)])
        self.assertEqual(poll(server, request_id, key=other)[0], 404)
        self.assertEqual(poll(server, request_id, key=None)[0], 401)
        self.assertEqual(poll(server, request_id, key=blind)[0], 403)
        self.assertEqual(poll(server, request_id, key=mate)[0], 200)
        self.assertEqual(poll(server, request_id)[0], 404)
        theirs = submit(server, key=other)
        self.eventually("SELECT state FROM deferred", [(3,)])
        self.assertEqual(poll(server, theirs)[0], 404)
        self.assertEqual(poll(server, theirs, key=other)[0], 200)

    def test_one_reader_of_many(self):
        server = self.serve()
        request_id = submit(server)
        self.eventually("SELECT state FROM deferred", [(3,)])
        got = []
        threads = [threading.Thread(target=lambda: got.append(poll(server, request_id)[0])) for _ in range(20)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(sorted(got), [200] + [404] * 19)

    def test_many(self):
        """More than run at once, from many clients."""
        server = self.serve("--deferred-parallel", 3)
        ids, lock = [], threading.Lock()

        def client():
            for _ in range(25):
                one = submit(server)
                with lock:
                    ids.append(one)
        threads = [threading.Thread(target=client) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(len(set(ids)), 200)
        for one in ids:
            status, reply = wait(server, one)
            self.assertEqual((status, reply["id"]), (200, one))
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM usage"), [(200,)])


    def test_clients_that_leave(self):
        """Before the answer to a request, and before that to a poll: the server goes on."""
        server = self.serve()
        request_id = submit(server, "slow")
        body = json.dumps({"model": "grok-4", "deferred": True, "messages": [{"role": "user", "content": "text"}]})
        head = "Host: x\r\nAuthorization: Bearer %s\r\n" % server.key
        post = ("POST /v1/chat/completions HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                % (head, len(body), body))
        get = "GET /v1/chat/deferred-completion/%s HTTP/1.1\r\n%s\r\n" % (request_id, head)
        for _ in range(40):
            for text in (post, get):
                with socket.create_connection((server.host, server.port)) as s:
                    s.sendall(text.encode())
        self.assertEqual(wait(server, request_id)[0], 200)
        self.eventually("SELECT count(*) FROM deferred WHERE state < 3", [(0,)])
        stored = rows(self.dir, "SELECT count(*) FROM deferred")[0][0]
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM usage")[0][0], stored + 1)

    def test_full_disk(self):
        """No id goes out for what is not kept; a reply that finds no room waits for it."""
        small = self.dir + "/small"
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("cannot mount a small file system here")
        self.addCleanup(subprocess.run, ["umount", "-l", small], check=False)
        server = Scripted(SCRIPTS, data_dir=small).start()
        self.addCleanup(server.stop)
        kept = submit(server, "slow")
        with open(small + "/filler", "wb", buffering=0) as filler:
            with contextlib.suppress(OSError):
                while True:
                    filler.write(b"x" * 4096)
        status, headers, text = server.request("POST", "/v1/chat/completions", {
            "model": "grok-4", "deferred": True, "messages": [{"role": "user", "content": "x" * 200000}]})
        self.assertEqual((status, headers.get("retry-after")), (500, "1"))
        self.assertIn("could not be stored", json.loads(text)["error"])
        until = time.monotonic() + 10
        while server.log_text().count("event=done") < 1 and time.monotonic() < until:
            time.sleep(0.05)
        os.unlink(small + "/filler")
        self.assertEqual(wait(server, kept)[1]["choices"][0]["message"]["content"], "ab")
        self.assertEqual(wait(server, submit(server))[0], 200)
        self.assertEqual(rows(small, "SELECT count(*) FROM usage"), [(2,)])


class Limits(WithDir):
    def test_count(self):
        server = self.serve("--deferred-max", 3, "--deferred-parallel", 1)
        ids = [submit(server, "slow" if i == 0 else "text") for i in range(3)]
        status, headers, text = server.request("POST", "/v1/chat/completions", {
            "model": "grok-4", "deferred": True, "messages": [{"role": "user", "content": "text"}]})
        self.assertEqual((status, json.loads(text)["code"]), (429, "resource-exhausted"))
        self.assertEqual(headers["retry-after"], "1")
        self.assertEqual(server.chat("text")[0], 200, "others are served")
        self.assertEqual(wait(server, ids[0])[0], 200)
        submit(server)
        self.assertEqual(server.chat("text", deferred=True)[0], 429)

    def test_bytes(self):
        server = self.serve("--deferred-bytes", "16K")
        self.assertEqual(server.chat("x" * 20000, deferred=True)[0], 429)
        one = submit(server, "large")          # its reply is over what is allowed: no more until it is read
        self.eventually("SELECT state FROM deferred", [(3,)])
        self.assertEqual(server.chat("text", deferred=True)[0], 429)
        self.assertEqual(wait(server, one)[0], 200)
        submit(server)

    def test_expiry(self):
        server = self.serve("--deferred-keep-s", 2)
        request_id = submit(server)
        self.eventually("SELECT state FROM deferred", [(3,)])
        self.assertEqual(poll(server, request_id, method="HEAD")[0], 200)
        time.sleep(2.5)
        self.assertEqual(poll(server, request_id)[0], 404)
        self.eventually("SELECT count(*) FROM deferred", [(0,)])
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM usage"), [(1,)])

    def test_expiry_while_it_waits(self):
        server = self.serve("--deferred-keep-s", 1, "--deferred-parallel", 1)
        submit(server, "slow")
        second = submit(server)
        time.sleep(2.2)
        self.assertEqual(poll(server, second)[0], 404)
        self.eventually("SELECT count(*) FROM deferred", [(0,)])
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM usage"), [(1,)], "what expired first never ran")


class Restart(WithDir):
    def test_kill_9(self):
        server = self.serve("--deferred-parallel", 1)
        done = submit(server)
        self.eventually("SELECT state FROM deferred", [(3,)])
        running, waiting = submit(server, "slow"), submit(server)
        self.eventually("SELECT state FROM deferred ORDER BY position", [(3,), (2,), (1,)])
        server.stop(signal.SIGKILL)
        server = self.serve()
        self.assertEqual(wait(server, done)[0], 200)
        self.assertEqual(wait(server, running)[1]["choices"][0]["message"]["content"], "ab")
        self.assertEqual(wait(server, waiting)[0], 200)
        for one in (done, running, waiting):
            self.assertEqual(poll(server, one)[0], 404)
        found = rows(self.dir, "SELECT request_id, status FROM usage")
        self.assertEqual(sorted(found), sorted((one, 200) for one in (done, running, waiting)))

    def test_read_then_kill_9(self):
        server = self.serve()
        request_id = submit(server)
        self.assertEqual(wait(server, request_id)[0], 200)
        server.stop(signal.SIGKILL)
        self.assertEqual(poll(self.serve(), request_id)[0], 404)

    def test_kill_9_at_any_time(self):
        """Whatever id came back is answered once, and paid for once."""
        ids = []
        for round_ in range(4):
            server = self.serve("--deferred-parallel", 2)
            deadline = time.monotonic() + 0.05 + 0.06 * round_
            while time.monotonic() < deadline:
                ids.append(submit(server))
            server.stop(signal.SIGKILL)
        server = self.serve()
        self.assertGreater(len(ids), 4)
        for one in ids:
            self.assertEqual(wait(server, one)[0], 200)
        paid = [r[0] for r in rows(self.dir, "SELECT request_id FROM usage")]
        self.assertEqual(len(paid), len(set(paid)))
        self.assertLessEqual(set(ids), set(paid))

    def test_term(self):
        """What still runs when a server ends in good order is no attempt that counts."""
        server = self.serve("--drain-ms", 100)
        request_id = submit(server, "very slow")
        self.eventually("SELECT state, n_start FROM deferred", [(2, 1)])
        self.assertEqual(server.stop(), 0)
        self.assertEqual(rows(self.dir, "SELECT state, n_start FROM deferred"), [(1, 0)])
        self.assertEqual(rows(self.dir, "SELECT count(*) FROM usage"), [(0,)])
        self.assertEqual(poll(self.serve(), request_id)[0], 202)

    def test_a_request_that_ends_the_server(self):
        for n in range(1, 4):
            server = self.serve()
            if n == 1:
                request_id = submit(server, "very slow")
            self.eventually("SELECT state, n_start FROM deferred", [(2, n)])
            server.stop(signal.SIGKILL)
        server = self.serve()
        status, reply = wait(server, request_id)
        self.assertEqual(status, 500)
        self.assertIn("ended 3 times", reply["error"])


class Model(unittest.TestCase):
    """With the bundled model: schemas and tools hold, and interactive requests go first."""

    def test_schema_and_tools(self):
        schema = {"type": "object", "properties": {"age": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["age"]}
        with Grokd() as server:
            document = submit(server, "Anna is 3", response_format={
                "type": "json_schema", "json_schema": {"name": "person", "schema": schema}})
            call = submit(server, "Weather in Oslo?", tools=TOOLS, tool_choice="required")
            wrong = submit(server, "Hi", response_format={"type": "json_schema", "json_schema": {
                "name": "x", "schema": {"$ref": "#/nowhere"}}})
            plain = submit(server, "Hello", max_tokens=5, temperature=0)
            status, reply = wait(server, document)
            self.assertEqual(status, 200, reply)
            self.assertIn(json.loads(reply["choices"][0]["message"]["content"])["age"], range(10))
            choice = wait(server, call)[1]["choices"][0]
            self.assertEqual(choice["finish_reason"], "tool_calls")
            self.assertEqual(set(json.loads(choice["message"]["tool_calls"][0]["function"]["arguments"])), {"city"})
            self.assertEqual(wait(server, wrong)[0], 400)
            status, now = server.chat("Hello", max_tokens=5, temperature=0)
            self.assertEqual(wait(server, plain)[1]["choices"], now["choices"])

    def test_the_example_of_the_docs(self):
        code = re.search(r"^```sh\n(.*?)^```", section("Deferred completions"), re.M | re.S)[1]
        with Grokd() as server, tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["bash", "-c", code.replace("http://127.0.0.1:8080", server.url)], cwd=folder,
                                  env={**os.environ, "XAI_API_KEY": server.key}, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(json.loads(done.stdout)["choices"][0]["message"]["content"])

    def test_a_schema_that_takes_its_time(self):
        """It holds up neither who asks for replies nor who gives requests; and a server may end meanwhile."""
        hard = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "string", "pattern": "^[ab]*a[ab]{40}$"}}}
        with Grokd("--schema-time-ms", 2000, "--schema-states", 1 << 24, "--schema-memory", "2G") as server:
            slow = submit(server, "x", response_format=hard)
            start, gap, status = time.monotonic(), 0, 202
            while status == 202:
                before = time.monotonic()
                status, _, text = poll(server, slow)
                submit(server, "x", max_tokens=1)
                gap = max(gap, time.monotonic() - before)
                time.sleep(0.02)
            self.assertEqual(status, 400, text)
            self.assertIn("time", json.loads(text)["error"])
            self.assertGreater(time.monotonic() - start, 1.5)
            self.assertLess(gap, 1)
            submit(server, "x", response_format=hard)
            time.sleep(0.1)
            self.assertEqual(server.stop(), 0)

    def test_a_full_engine(self):
        """Its queue is no answer to one who does not wait."""
        with Grokd("--parallel", 1, "--queue", 1) as server:
            got = []
            busy = [threading.Thread(target=lambda: got.append(server.chat(
                "Tell a story", max_tokens=1500, ignore_eos=True)[0])) for _ in range(6)]
            for t in busy:
                t.start()
            time.sleep(0.2)
            self.assertIn(429, got)
            ids = [submit(server, "Hello", max_tokens=3) for _ in range(3)]
            for one in ids:
                self.assertEqual(wait(server, one, 60)[0], 200)
            for t in busy:
                t.join()

    def test_priority(self):
        """Of two that wait for the engine, the one whose client waits goes first."""
        with Grokd("--parallel", 1, "--prefix-cache", "false") as server:
            busy = threading.Thread(target=server.chat, args=("Tell a story",),
                                    kwargs={"max_tokens": 1500, "ignore_eos": True})
            busy.start()
            time.sleep(0.2)
            deferred = submit(server, "Tell a story", max_tokens=1000, ignore_eos=True)
            time.sleep(0.2)
            self.assertEqual(server.chat("Hello", max_tokens=3)[0], 200)
            self.assertEqual(poll(server, deferred)[0], 202)
            busy.join()
            self.assertEqual(wait(server, deferred, 120)[0], 200)


if __name__ == "__main__":
    unittest.main()
