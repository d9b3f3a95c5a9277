# SPDX-License-Identifier: Apache-2.0
"""The examples of docs/serving.md, run as they stand there."""
import json
import os
import re
import subprocess
import tempfile
import unittest

from grokd import BINARY, ROOT, Grokd


def section(title):
    text = (ROOT / "docs" / "serving.md").read_text()
    return text.split("## %s\n" % title, 1)[1].split("\n## ", 1)[0]


class Examples(unittest.TestCase):
    def test_structured_output_and_tools(self):
        blocks = re.findall(r"^```sh\n(.*?)^```", section("Structured output and tools"), re.M | re.S)
        self.assertEqual(len(blocks), 2)
        with Grokd() as server:
            replies = []
            for block in blocks:
                code = block.replace("http://127.0.0.1:8080", server.url).replace("curl ", "curl -sS --max-time 60 ", 1)
                done = subprocess.run(["bash", "-c", code], env={**os.environ, "XAI_API_KEY": server.key},
                                      capture_output=True, text=True, timeout=120)
                self.assertEqual(done.returncode, 0, done.stderr)
                replies.append(json.loads(done.stdout)["choices"][0])
        person = json.loads(replies[0]["message"]["content"])
        self.assertEqual(set(person), {"name", "age", "city"})
        self.assertTrue(0 <= person["age"] <= 150 and isinstance(person["name"], str))
        self.assertEqual(replies[1]["finish_reason"], "tool_calls")
        arguments = json.loads(replies[1]["message"]["tool_calls"][0]["function"]["arguments"])
        self.assertIn(arguments["unit"], ("celsius", "fahrenheit"))

    def test_chat_with_a_schema(self):
        """grokd chat --schema, in its own process and against a server."""
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file, Grokd() as server:
            json.dump({"enum": ["yes", "no"]}, file)
            file.flush()
            command = [str(BINARY), "chat", "--schema", file.name, "--data-dir", str(server.data_dir), "Is the sky blue?"]
            for more in ([], ["--url", server.url]):
                done = subprocess.run(command[:2] + more + command[2:], capture_output=True, text=True, timeout=120)
                self.assertIn(json.loads(done.stdout or "0"), ("yes", "no"), done.stderr)


if __name__ == "__main__":
    unittest.main()
