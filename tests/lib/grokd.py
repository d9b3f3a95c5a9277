# SPDX-License-Identifier: Apache-2.0
"""A grokd for a test: started on a free port with a data dir of its own, stopped at the end."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("GROKD", ROOT / "build" / "grokd")).resolve()
SCRIPTED = BINARY.parent / "tests" / "scripted" / "grokd-scripted"
MODEL = ROOT / "models" / "grokd-mini.gguf"
START_S = 60


class Grokd:
    """Use as a context manager, or start() and stop()."""

    program = [str(BINARY), "serve"]

    def __init__(self, *args, data_dir=None, env=None):
        self.own_dir = data_dir is None
        self.data_dir = pathlib.Path(data_dir or tempfile.mkdtemp(prefix="grokd-test-"))
        self.args = args
        self.env = env or {}
        self.process = None
        self.log = []

    def start(self):
        command = [*self.program, "--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir),
                   *map(str, self.args)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True, env={**os.environ, **self.env})
        self.reader = threading.Thread(target=self._read_log, daemon=True)
        self.reader.start()
        ready = self.process.stdout.readline()
        if not ready.startswith("grokd: ready on "):
            self.process.wait(START_S)
            self.reader.join(START_S)
            raise RuntimeError("no ready line: %r\n%s" % (ready, self.log_text()))
        self.url = ready.split()[-1]
        self.host, port = self.url.split("//")[1].rsplit(":", 1)
        self.port = int(port)
        key = self.data_dir / "admin.key"
        self.key = key.read_text().strip() if key.exists() else None
        return self

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)

    def log_text(self):
        return "".join(self.log)

    def stop(self, how=signal.SIGTERM, timeout=30):
        """Gives the exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        status = self.process.wait(timeout) if self.process else None
        self.reader.join(timeout)
        found = [line for line in self.log if "Sanitizer" in line or "runtime error" in line]
        if found:
            raise RuntimeError("the sanitized server complained:\n" + self.log_text()[-8000:])
        if self.own_dir and how != signal.SIGKILL:
            shutil.rmtree(self.data_dir, ignore_errors=True)
        return status

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def request(self, method, path, body=None, headers=None, key=True, timeout=60):
        """(status, headers with lower-case names, body bytes)"""
        sent = {"Connection": "close", **(headers or {})}
        if key:
            sent.setdefault("Authorization", "Bearer " + (self.key if key is True else key))
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        if isinstance(body, str):
            body = body.encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout)
        try:
            connection.request(method, path, body=body, headers=sent)
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def chat(self, content="Hello", key=True, **fields):
        """(status, parsed body) of one chat completion."""
        body = {"model": "grok-4", "messages": [{"role": "user", "content": content}], **fields}
        status, _, text = self.request("POST", "/v1/chat/completions", body, key=key)
        return status, json.loads(text) if text else None

    def stream(self, content="Hello", **fields):
        """The data of every SSE record of one streamed chat completion."""
        body = {"model": "grok-4", "stream": True, "messages": [{"role": "user", "content": content}], **fields}
        status, _, text = self.request("POST", "/v1/chat/completions", body)
        assert status == 200, (status, text)
        return [line[6:] for line in text.decode().split("\n") if line.startswith("data: ")]


class Scripted(Grokd):
    """The same server with prepared events in place of a model: {"NAME": [event, ...]}, chosen by
    the text of the last message (tests/scripted/scripted.h)."""

    def __init__(self, scripts, *args, **more):
        super().__init__(*args, **more)
        file = self.data_dir / "scripts.json"
        file.write_text(json.dumps(scripts))
        self.program = [str(SCRIPTED), str(file)]


def run(module="__main__"):
    """Runs the unittest cases of a module and closes with the line the runner counts."""
    suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[module])
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    skipped = len(result.skipped)
    print("%d passed, %d failed, %d skipped" % (max(0, result.testsRun - failed - skipped), failed, skipped))
    sys.exit(1 if failed else 0)
