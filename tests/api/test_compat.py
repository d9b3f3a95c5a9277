# SPDX-License-Identifier: Apache-2.0
"""Strict compatibility: the data files of cases/strict against a server that refuses what xAI does;
what they send is answered by a lenient one."""
import json
import unittest

import test_cases
from grokd import Grokd

CASES = [case for file in sorted((test_cases.CASES / "strict").glob("*.json")) for case in json.loads(file.read_text())]


class Compat(unittest.TestCase):
    send, check, check_json = test_cases.Cases.send, test_cases.Cases.check, test_cases.Cases.check_json

    def test_strict(self):
        with Grokd("--compat", "strict") as self.server:
            for case in CASES:
                with self.subTest(case["name"]):
                    self.check(case)

    def test_lenient(self):
        with Grokd() as self.server:
            for case in CASES:
                if case["status"] == 404 or "Invalid reasoning" in str(case.get("json")):
                    continue
                with self.subTest(case["name"]):
                    status, _, text = self.send(case)
                    self.assertEqual(status, 200, text)


if __name__ == "__main__":
    unittest.main()
