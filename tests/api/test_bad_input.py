# SPDX-License-Identifier: Apache-2.0
"""What comes from outside and is wrong: a clear error, nothing lost, the server goes on."""
import json
import socket
import struct
import tempfile
import time
import unittest

from grokd import MODEL, Grokd


def head(server, length, extra=""):
    return ("POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
            "Content-Type: application/json\r\nContent-Length: %d\r\n%s\r\n" % (server.key, length, extra)).encode()


def body(**fields):
    return json.dumps({"model": "grok-4", "messages": [{"role": "user", "content": "Tell me a long story."}],
                       **fields}).encode()


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd("--header-timeout-ms", 700, "--body-timeout-ms", 700, "--max-body", "1M").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def tearDown(self):
        status, reply = self.server.chat(max_tokens=2)
        self.assertEqual(status, 200, "the server must go on: %s" % reply)
        self.wait_idle()

    def connect(self):
        s = socket.create_connection((self.server.host, self.server.port), timeout=20)
        self.addCleanup(s.close)
        return s

    def engine(self):
        return json.loads(self.server.request("GET", "/health/engine", key=False)[2])["engines"][0]

    def wait_idle(self, limit_s=5):
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            now = self.engine()
            if now["running"] == 0 and now["queued"] == 0:
                return
            time.sleep(0.02)
        self.fail("sequences are still running: %s" % now)

    def reply_to(self, raw):
        s = self.connect()
        s.sendall(raw)
        data = b""
        try:
            while chunk := s.recv(65536):
                data += chunk
                if b"\r\n\r\n" in data and b"\r\n\r\n" != data[-4:]:
                    break
        except ConnectionResetError:
            pass
        return data

    def test_nesting(self):
        for text in (b"[" * 100000, b'{"a":' * 100000, b'{"messages":' + b"[" * 100000 + b"]" * 100000 + b"}"):
            status, _, reply = self.server.request("POST", "/v1/chat/completions", text)
            self.assertEqual(status, 422, reply)

    def test_invalid_utf8(self):
        for bad in (b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"):
            text = b'{"model":"grok-4","messages":[{"role":"user","content":"' + bad + b'"}]}'
            self.assertEqual(self.server.request("POST", "/v1/chat/completions", text)[0], 422)

    def test_body_over_the_limit(self):
        status, _, reply = self.server.request("POST", "/v1/chat/completions", b'"' + b"x" * (1 << 20) + b'"')
        self.assertEqual(status, 413, reply)
        self.assertIn(b"413", self.reply_to(head(self.server, 1 << 40)))

    def test_chunked_body_over_the_limit(self):
        s = self.connect()
        s.sendall(head(self.server, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
        data = b""
        try:
            for _ in range(40):
                s.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            data = s.recv(65536)
        except (BrokenPipeError, ConnectionResetError):
            try:
                data = data or s.recv(65536)
            except ConnectionResetError:
                data = b" 413 "
        self.assertIn(b" 413 ", data)

    def test_prompt_over_the_context_names_both_numbers(self):
        status, reply = self.server.chat("word " * 9000)
        self.assertEqual(status, 400)
        self.assertRegex(reply["error"], r"maximum prompt length is \d+ but the request contains \d+ tokens")
        told = [int(w) for w in reply["error"].replace(".", "").split() if w.isdigit()]
        self.assertGreater(told[1], told[0])

    def test_large_prompts_do_not_hold_up_others(self):
        """Nearly a megabyte to tokenize, several times; small requests are answered meanwhile."""
        large = body(max_tokens=1).replace(b"Tell me a long story.", b"lorem ipsum " * 80000)
        open_ = [self.connect() for _ in range(6)]
        for s in open_:
            s.sendall(head(self.server, len(large)) + large)
        for _ in range(5):
            self.assertEqual(self.server.request("GET", "/health", key=False)[0], 200)
        open_.pop().close()                        # one leaves while it is being prepared
        for s in open_:
            self.assertIn(b"maximum prompt length", self.read_reply(s))

    def read_reply(self, s):
        data = b""
        while chunk := s.recv(65536):
            data += chunk
            if b"}" in data:
                break
        return data

    def test_many_messages(self):
        status, reply = self.server.request("POST", "/v1/chat/completions",
                                            {"model": "grok-4", "messages": [{"role": "user", "content": "a"}] * 20000})[::2]
        self.assertEqual(status, 400, reply)

    def test_one_byte_per_interval(self):
        s = self.connect()
        start = time.monotonic()
        try:
            for byte in head(self.server, 10):
                s.sendall(bytes([byte]))
                time.sleep(0.05)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(time.monotonic() - start, 5)

    def test_slow_body(self):
        s = self.connect()
        s.sendall(head(self.server, 1000))
        start = time.monotonic()
        data = b""
        try:
            for _ in range(100):
                s.sendall(b"x")
                time.sleep(0.05)
                s.setblocking(False)
                try:
                    data = s.recv(4096)
                    break
                except BlockingIOError:
                    pass
                finally:
                    s.setblocking(True)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.assertLess(time.monotonic() - start, 5)
        self.assertIn(data[:12], (b"HTTP/1.1 408", b""))

    def test_vanish_at_each_stage(self):
        whole = head(self.server, len(body(stream=True))) + body(stream=True)
        for cut in (1, 20, 100, len(whole) - 40, len(whole) - 1):
            s = self.connect()
            s.sendall(whole[:cut])
            s.close()

    def test_vanish_while_waiting(self):
        text = body(max_tokens=4000)
        s = self.connect()
        s.sendall(head(self.server, len(text)) + text)
        time.sleep(0.15)
        s.close()
        self.wait_idle(2)

    def test_vanish_while_streaming(self):
        text = body(stream=True, max_tokens=4000)
        for reset in (False, True):
            s = self.connect()
            s.sendall(head(self.server, len(text)) + text)
            self.assertIn(b"200", s.recv(1000))
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
            self.wait_idle(2)

    def test_reader_that_does_not_read(self):
        """Its sequence is parked; others go on."""
        text = body(stream=True, max_tokens=4000, n=8, logprobs=True, top_logprobs=20, temperature=1.5)
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect((self.server.host, self.server.port))
        s.sendall(head(self.server, len(text)) + text)
        time.sleep(0.5)
        status, _ = self.server.chat(max_tokens=5)
        self.assertEqual(status, 200)
        s.close()
        self.wait_idle(3)

    def test_header_limits(self):
        self.assertIn(b" 431 ", self.reply_to(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"x" * 100000 + b"\r\n\r\n")[:40])
        many = b"".join(b"A%d: x\r\n" % i for i in range(1000))
        self.assertIn(b" 431 ", self.reply_to(b"GET / HTTP/1.1\r\nHost: x\r\n" + many + b"\r\n")[:40])

    def test_smuggling(self):
        for bad in (b"Content-Length: 1\r\nContent-Length: 2\r\n", b"Content-Length: +1\r\n",
                    b"Content-Length : 1\r\n", b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
                    b"Transfer-Encoding: xchunked\r\n", b"A: b\r\n folded\r\n"):
            reply = self.reply_to(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + bad + b"\r\nx")
            self.assertRegex(reply[:20], rb"HTTP/1.1 (400|501)", bad)


class BadModel(unittest.TestCase):
    def refuse(self, data, expected):
        with tempfile.NamedTemporaryFile(suffix=".gguf") as f:
            f.write(data)
            f.flush()
            with self.assertRaises(RuntimeError) as caught:
                Grokd("--model", f.name).start()
            self.assertRegex(str(caught.exception), expected)

    def test_truncated(self):
        data = MODEL.read_bytes()
        for n in (0, 3, 24, 1000, 100000, len(data) - 1):
            self.refuse(data[:n], "grokd: serve: .+")

    def test_lying(self):
        data = bytearray(MODEL.read_bytes())
        for offset, value in ((8, 2**63), (16, 2**63), (8, 0), (4, 99)):
            lie = bytearray(data)
            lie[offset:offset + 8] = struct.pack("<Q", value)
            self.refuse(bytes(lie), "grokd: serve: .+")

    def test_no_file(self):
        with self.assertRaises(RuntimeError) as caught:
            Grokd("--model", "/nowhere.gguf").start()
        self.assertIn("/nowhere.gguf", str(caught.exception))


if __name__ == "__main__":
    unittest.main()
