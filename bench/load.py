# SPDX-License-Identifier: Apache-2.0
"""HTTP clients that cost little: one blocking keep-alive connection, and many streams on one epoll.

The many-streams client only stamps and stores what arrives; it is taken apart after the run, so that the
load generator takes little of the CPU it shares with the server.
"""
import errno
import json
import random
import re
import select
import socket
import time

CONTENT = re.compile(rb'"(?:reasoning_)?content":"[^"]')
CHUNKED_END = b"\r\n0\r\n\r\n"
READ_BYTES = 1 << 18
WORDS = """the of and to in is that for it as was with be by on not he his but at are this have from or had an they
    which one you were all her she there would their we him been has when who will no more if out so up said what its
    about than into them can only other time new some could these two may first then do any like my now over such our
    man me even most made after also did many off before must well back through years much where your way down should
    because long each just state those people too little good world make very year still see own work men day get here
    old life both between being under three never know same last another while us might great go come since""".split()


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


def chat_body(content, **fields):
    messages = [{"role": "system", "content": "You are a helpful assistant."}, {"role": "user", "content": content}]
    return json.dumps({"model": "grok-4", "messages": messages, **fields}).encode()


def request(server, method, path, body=None):
    """The bytes of one request, with the headers that the official SDKs send."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {server.host}:{server.port}", "Accept-Encoding: gzip, deflate, br",
            "Connection: keep-alive", "Accept: application/json", "User-Agent: OpenAI/Python 2.8.1",
            "X-Stainless-Lang: python", "X-Stainless-Package-Version: 2.8.1", "X-Stainless-OS: Linux",
            "X-Stainless-Arch: x64", "X-Stainless-Runtime: CPython", "X-Stainless-Runtime-Version: 3.11.2",
            "X-Stainless-Async: false", "x-stainless-retry-count: 0", "x-stainless-read-timeout: 600",
            f"Authorization: Bearer {server.key}"]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    return ("\r\n".join(head) + "\r\n\r\n").encode() + (body or b"")


def chat(server, content, **fields):
    return request(server, "POST", "/v1/chat/completions", chat_body(content, **fields))


def is_whole(data):
    """Has this reply, from its first byte, arrived to its end?"""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return False
    head = data[:end].lower()
    if b"transfer-encoding: chunked" in head:
        return data.endswith(CHUNKED_END)
    at = head.find(b"content-length:")
    return at >= 0 and len(data) - end - 4 >= int(head[at + 15:].split(b"\r\n", 1)[0])


class Conn:
    """One blocking keep-alive connection."""

    def __init__(self, server):
        self.sock = socket.create_connection((server.host, server.port), timeout=60)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, raw):
        """Sends one request, reads its whole reply; an error when the status is not 200."""
        self.sock.sendall(raw)
        data = bytearray()
        while not is_whole(data):
            part = self.sock.recv(READ_BYTES)
            if not part:
                raise RuntimeError("the server closed: %r" % bytes(data[:300]))
            data += part
        if not data.startswith(b"HTTP/1.1 200"):
            raise RuntimeError("status not 200: %r" % bytes(data[:600]))
        return bytes(data)

    def until_content(self, raw):
        """Sends a streamed request; the time when its first byte of content was there. Reads to the end."""
        self.sock.sendall(raw)
        data, seen = bytearray(), None
        while not is_whole(data):
            part = self.sock.recv(READ_BYTES)
            if not part:
                raise RuntimeError("the server closed: %r" % bytes(data[:300]))
            data += part
            if seen is None and CONTENT.search(data):
                seen = time.monotonic()
        if seen is None:
            raise RuntimeError("no content in %r" % bytes(data[:600]))
        return seen

    def close(self):
        self.sock.close()


class Stream:
    """One streamed request of the many."""

    def __init__(self, raw):
        self.raw = raw
        self.sock = None
        self.parts = []                 # (time, bytes) as they came
        self.tail = b""
        self.over = False
        self.error = None

    def events(self):
        """[(time, bytes)] of the SSE payloads. Chunk borders may lie anywhere, so all is joined first and each
        event takes the time of the part that completed it."""
        data, ends = bytearray(), []
        for t, part in self.parts:
            data += part
            ends.append((len(data), t))
        found, at = [], 0
        for m in re.finditer(rb"^data: (.*)$", data, re.M):
            while ends[at][0] < m.end():
                at += 1
            found.append((ends[at][1], m.group(1)))
        return found


class Many:
    """Runs streams on one epoll. `tick` is called about every tick_s seconds."""

    def __init__(self, server, tick=None, tick_s=0.05):
        self.server = server
        self.poll = select.epoll()
        self.by_fd = {}
        self.n_open = 0
        self.tick, self.tick_s, self.next_tick = tick, tick_s, 0.0

    def start(self, streams):
        for s in streams:
            s.sock = socket.socket()
            s.sock.setblocking(False)
            s.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.start = time.monotonic()
            code = s.sock.connect_ex((self.server.host, self.server.port))
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, "connect")
            self.by_fd[s.sock.fileno()] = s
            self.poll.register(s.sock, select.EPOLLOUT)
            self.n_open += 1

    def _end(self, s, error=None):
        self.poll.unregister(s.sock)
        del self.by_fd[s.sock.fileno()]
        s.over, s.error, s.end = True, error, time.monotonic()
        s.sock.close()
        self.n_open -= 1

    def _send(self, s):
        n = s.sock.send(s.raw)
        s.raw = s.raw[n:]
        if not s.raw:
            self.poll.modify(s.sock, select.EPOLLIN)

    def _read(self, s):
        part = s.sock.recv(READ_BYTES)
        s.parts.append((time.monotonic(), part))
        s.tail = (s.tail + part)[-len(CHUNKED_END):]
        if not part:
            self._end(s, "closed early")
        elif s.tail == CHUNKED_END or (len(s.parts) < 3 and is_whole(b"".join(p for _, p in s.parts))):
            self._end(s)

    def step(self):
        for fd, mask in self.poll.poll(self.tick_s):
            s = self.by_fd[fd]
            try:
                if mask & select.EPOLLOUT:
                    self._send(s)
                else:
                    self._read(s)
            except OSError as e:
                self._end(s, str(e))
        if self.tick and time.monotonic() >= self.next_tick:
            self.tick()
            self.next_tick = time.monotonic() + self.tick_s

    def run(self, until=lambda: False, limit_s=300):
        """Until every stream has ended, or until() says so."""
        end = time.monotonic() + limit_s
        while self.n_open and not until():
            if time.monotonic() > end:
                raise RuntimeError("%d streams are open after %d s" % (self.n_open, limit_s))
            self.step()

    def cut(self):
        """Closes what is still open."""
        for s in list(self.by_fd.values()):
            self._end(s, "cut")
        self.poll.close()


def distinct_prompts(n, n_word, seed):
    rng = random.Random(seed)
    return ["%d: %s" % (i, words(rng, n_word)) for i in range(n)]
