# SPDX-License-Identifier: Apache-2.0
"""Runs the data files in cases/: one request and what its reply must be.

name, method, path, body (JSON value, or a string sent as it is), headers, key (absent: the admin
key; null: none; a string: that one), status, json ({"path": value}), contains ({"path": text}),
keys ({"path": [exact member names]}), header ({"name": value}). $KEY stands for the admin key.
Every error body must also be JSON of the xAI shape, or of Anthropic's on Anthropic's paths.
"""
import json
import pathlib
import unittest

from grokd import Grokd

CASES = pathlib.Path(__file__).resolve().parent / "cases"


def at(value, path):
    """Value at "choices.0.message"."""
    for step in path.split(".") if path else []:
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def send(self, case):
        key = self.server.key
        headers = {k: v.replace("$KEY", key) for k, v in case.get("headers", {}).items()}
        return self.server.request(case["method"], case["path"].replace("$KEY", key), case.get("body"),
                                   headers, key=case.get("key", True))

    def check_json(self, case, text):
        value = json.loads(text)
        for path, wanted in case.get("json", {}).items():
            self.assertEqual(at(value, path), wanted)
        for path, wanted in case.get("contains", {}).items():
            self.assertIn(wanted, at(value, path))
        for path, wanted in case.get("keys", {}).items():
            self.assertEqual(sorted(at(value, path)), wanted)
        if case["status"] >= 400 and "health" not in case["path"]:
            if case["path"].startswith(("/v1/messages", "/v1/complete/")) or case["path"] == "/v1/complete":
                self.check_anthropic(value)
            else:
                self.assertLessEqual(set(value), {"code", "error"})
                self.assertIsInstance(value["error"], str)

    def check_anthropic(self, value):
        self.assertEqual(set(value), {"type", "error", "request_id"})
        self.assertEqual((value["type"], set(value["error"])), ("error", {"type", "message"}))

    def check(self, case):
        status, headers, text = self.send(case)
        self.assertEqual(status, case["status"], text[:500])
        self.assertRegex(headers["x-request-id"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(headers["access-control-allow-origin"], "*")
        for name, wanted in case.get("header", {}).items():
            self.assertEqual(headers.get(name), wanted)
        if text:
            self.check_json(case, text)


def add(file):
    def test(self):
        for case in json.loads(file.read_text()):
            with self.subTest(case["name"]):
                self.check(case)
    test.__name__ = "test_" + file.stem
    setattr(Cases, test.__name__, test)


for one in sorted(CASES.glob("*.json")):
    add(one)
