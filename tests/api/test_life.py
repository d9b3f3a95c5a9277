# SPDX-License-Identifier: Apache-2.0
"""Start, stop, kill, full disk, keys, options: the life of a server."""
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from grokd import BINARY, Grokd


def rows(data_dir, sql):
    with sqlite3.connect("file:%s/grokd.db?mode=ro" % data_dir, uri=True) as db:
        return db.execute(sql).fetchall()


def cli(*args):
    return subprocess.run([str(BINARY), *map(str, args)], capture_output=True, text=True, timeout=120)


class Life(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="grokd-life-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def test_first_start(self):
        with Grokd(data_dir=self.dir + "/data") as server:
            self.assertEqual(os.stat(server.data_dir).st_mode & 0o777, 0o700)
            self.assertEqual(os.stat(server.data_dir / "admin.key").st_mode & 0o777, 0o600)
            self.assertEqual(os.stat(server.data_dir / "grokd.db").st_mode & 0o777, 0o600)
            self.assertIn(server.key, server.log_text())
            self.assertEqual(server.chat(max_tokens=1)[0], 200)
            key = server.key
        with Grokd(data_dir=self.dir + "/data") as server:
            self.assertNotIn(key, server.log_text())
            self.assertEqual(server.key, key)

    def test_usage_is_recorded_also_when_the_client_leaves(self):
        with Grokd(data_dir=self.dir) as server:
            replies = [server.chat(max_tokens=3)[1] for _ in range(5)]
            server.stream(max_tokens=3)
            s = socket.create_connection((server.host, server.port))
            text = json.dumps({"model": "x", "stream": True, "max_tokens": 4000,
                               "messages": [{"role": "user", "content": "Tell me a story"}]}).replace('"x"', '"grok-4"')
            s.sendall(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "
                       "application/json\r\nContent-Length: %d\r\n\r\n%s" % (server.key, len(text), text)).encode())
            got = b""
            while got.count(b'"content"') < 3:
                got += s.recv(2000)
            s.close()
            time.sleep(0.5)
        found = {r[0]: r[1:] for r in rows(self.dir, "SELECT request_id, status, prompt_tokens, completion_tokens,"
                                                     " cost_ticks FROM usage")}
        self.assertEqual(len(found), 7)
        for reply in replies:
            usage = reply["usage"]
            self.assertEqual(found[reply["id"]], (200, usage["prompt_tokens"], usage["completion_tokens"],
                                                  usage["cost_in_usd_ticks"]))
        gone = [r for r in found.values() if r[0] == 499]
        self.assertEqual(len(gone), 1)
        self.assertGreater(gone[0][2], 0, "what was made before the client left is counted")

    def test_kill_9_and_restart(self):
        server = Grokd(data_dir=self.dir).start()
        done = [server.chat(max_tokens=2)[1]["id"] for _ in range(3)]
        time.sleep(0.3)
        thread = threading.Thread(target=lambda: self.assertRaises(Exception, server.stream, max_tokens=4000, ignore_eos=True))
        thread.start()
        time.sleep(0.3)
        server.stop(signal.SIGKILL)
        thread.join()
        with Grokd(data_dir=self.dir) as again:
            self.assertEqual(again.key, server.key)
            self.assertEqual(again.chat(max_tokens=1)[0], 200)
            self.assertEqual(rows(self.dir, "PRAGMA integrity_check"), [("ok",)])
            self.assertLessEqual(set(done), {r[0] for r in rows(self.dir, "SELECT request_id FROM usage")})

    def test_full_disk(self):
        small = self.dir + "/small"
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode:
            self.skipTest("cannot mount a small file system here")
        try:
            with Grokd(data_dir=small) as server:
                server.chat(max_tokens=1)
                time.sleep(0.3)
                filler = open(small + "/filler", "wb", buffering=0)
                try:
                    while True:
                        filler.write(b"x" * 4096)
                except OSError:
                    filler.close()
                ids = []
                for _ in range(30):
                    status, reply = server.chat(max_tokens=1)
                    self.assertEqual(status, 200)
                    ids.append(reply["id"])
                until = time.monotonic() + 20
                while "commit_failed" not in server.log_text() and time.monotonic() < until:
                    ids.append(server.chat(max_tokens=1)[1]["id"])
                self.assertIn("commit_failed", server.log_text())
                os.unlink(small + "/filler")
                time.sleep(2.5)
                self.assertLessEqual(set(ids), {r[0] for r in rows(small, "SELECT request_id FROM usage")})
        finally:
            subprocess.run(["umount", "-l", small], check=False)

    def test_term_drains(self):
        server = Grokd("--drain-ms", 400, data_dir=self.dir).start()
        got = []
        body = json.dumps({"model": "grok-4", "stream": True, "max_tokens": 4000, "temperature": 1.9,
                           "n": 16, "messages": [{"role": "user", "content": "Tell me a very long story"}]})
        s = socket.create_connection((server.host, server.port))
        s.sendall(("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: "
                   "application/json\r\nContent-Length: %d\r\n\r\n%s" % (server.key, len(body), body)).encode())
        got.append(s.recv(1000))
        start = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        while chunk := s.recv(65536):
            got.append(chunk)
        end = b"".join(got)[-600:]
        self.assertTrue(b"shutting down" in end or b"[DONE]" in end, end)
        self.assertEqual(server.stop(), 0)
        self.assertLess(time.monotonic() - start, 6)

    def test_keys(self):
        with Grokd(data_dir=self.dir) as server:
            made = json.loads(cli("keys", "create", "reader", "--acls", "api-key:endpoint:images api-key:model:*",
                                  "--data-dir", self.dir, "--json").stdout)
            other = cli("keys", "create", "chatter", "--data-dir", self.dir).stdout.strip()
            self.assertRegex(other, r"^xai-[0-9A-Za-z]{80}$")
            time.sleep(1)
            self.assertEqual(server.chat(key=made["api_key"])[0], 403)
            self.assertEqual(server.request("GET", "/v1/models", key=made["api_key"])[0], 200)
            self.assertEqual(server.chat(key=other, max_tokens=1)[0], 200)
            self.assertEqual(cli("keys", "disable", "chatter", "--data-dir", self.dir).returncode, 0)
            time.sleep(1)
            self.assertEqual(server.chat(key=other)[0], 403)
            status, _, text = server.request("GET", "/v1/api-key", key=other)
            self.assertEqual((status, json.loads(text)["api_key_disabled"]), (200, True))
            self.assertEqual(cli("keys", "delete", "chatter", "--data-dir", self.dir).returncode, 0)
            time.sleep(1)
            self.assertEqual(server.chat(key=other)[0], 400)
            listed = json.loads(cli("keys", "list", "--data-dir", self.dir, "--json").stdout)
            self.assertEqual({k["name"] for k in listed}, {"admin", "reader"})
            self.assertNotIn(made["api_key"], json.dumps(listed))
        with open(self.dir + "/grokd.db", "rb") as f:
            self.assertNotIn(made["api_key"].encode(), f.read())

    def test_key_errors(self):
        self.assertEqual(cli("keys", "create", "a", "--data-dir", self.dir).returncode, 0)
        twice = cli("keys", "create", "a", "--data-dir", self.dir)
        self.assertEqual(twice.returncode, 1)
        self.assertIn("exists already", twice.stderr)
        self.assertEqual(cli("keys", "create", "b", "--acls", "nonsense", "--data-dir", self.dir).returncode, 1)
        self.assertEqual(cli("keys", "delete", "nobody", "--data-dir", self.dir).returncode, 1)
        self.assertEqual(cli("keys").returncode, 2)

    def test_log_holds_no_secret(self):
        with Grokd(data_dir=self.dir) as server:
            server.chat("the word is xylophone", max_tokens=2)
            until = time.monotonic() + 5
            while "status=200" not in server.log_text() and time.monotonic() < until:
                time.sleep(0.05)
            first = server.log_text().index("event=loaded")
            text = server.log_text()[first:]
            self.assertIn("route=/v1/chat/completions status=200", text)
            self.assertNotIn("xylophone", text)
            self.assertNotIn(server.key, text)

    def test_options(self):
        path = self.dir + "/grokd.yaml"
        with open(path, "w") as f:
            f.write("max-body: 2K\nparallel: 3\ntemperature: 0\n")
        with Grokd("--config", path, data_dir=self.dir, env={"GROKD_MAX_BODY": "4K"}) as server:
            self.assertEqual(server.chat("x" * 3000, max_tokens=1)[0], 200)
            self.assertEqual(server.chat("x" * 5000, max_tokens=1)[0], 413)
        for bad, expected in (("max-body: lots", "line 1: max-body"), ("colour: red", "no such option"),
                              ("- a\n- b", "only 'model' takes a list"), ("just text", "option: value"), ("model: [a", "line")):
            with open(path, "w") as f:
                f.write(bad)
            run = cli("serve", "--config", path, "--data-dir", self.dir)
            self.assertEqual(run.returncode, 2, run.stderr)
            self.assertIn(expected, run.stderr)
        self.assertEqual(cli("serve", "--nonsense").returncode, 2)
        self.assertIn("--max-body", cli("serve", "--help").stdout)

    def test_port_in_use(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            run = cli("serve", "--listen", "127.0.0.1:%d" % taken.getsockname()[1], "--data-dir", self.dir)
            self.assertEqual(run.returncode, 1)
            self.assertIn("in use", run.stderr)

    def test_tls(self):
        cert, key = self.dir + "/cert.pem", self.dir + "/key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        with Grokd("--tls-cert", cert, "--tls-key", key, data_dir=self.dir) as server:
            self.assertTrue(server.url.startswith("https://"))
            run = subprocess.run(["curl", "-sS", "--cacert", cert, "-H", "Authorization: Bearer " + server.key,
                                  server.url + "/v1/models"], capture_output=True, text=True, timeout=30)
            self.assertEqual(json.loads(run.stdout)["object"], "list", run.stderr)

    def test_newer_schema_is_refused(self):
        with Grokd(data_dir=self.dir):
            pass
        with sqlite3.connect(self.dir + "/grokd.db") as db:
            db.execute("PRAGMA user_version = 999")
        run = cli("serve", "--listen", "127.0.0.1:0", "--data-dir", self.dir)
        self.assertEqual(run.returncode, 1)
        self.assertIn("schema version 999", run.stderr)


if __name__ == "__main__":
    unittest.main()
