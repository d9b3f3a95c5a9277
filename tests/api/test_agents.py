# SPDX-License-Identifier: Apache-2.0
"""Functions that a client keeps in a namespace: the model knows them by one name, the client by two."""
import json
import unittest

from grokd import Scripted

FUNCTION = {"type": "function", "name": "find", "parameters": {"type": "object"}}
TOOLS = [{"type": "namespace", "name": "notes", "description": "Notes", "tools": [FUNCTION]}]
CALL = {"type": "function_call", "call_id": "call_1", "name": "find", "namespace": "notes", "arguments": "{}"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "found it"}
FOUND = [{"text": "Found."}, {"finish": "stop"}]
SCRIPTS = {"*": [{"result": "found it", "play": FOUND},
                {"offers": "notes__find", "play": [{"call": {"id": "call_1", "name": "notes__find", "arguments": "{}"}},
                                                   {"finish": "tool_calls"}]},
                {"offers": "find", "play": [{"text": "bare"}, {"finish": "stop"}]},
                {"play": [{"text": "none"}, {"finish": "stop"}]}]}


class Namespaces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Scripted(SCRIPTS).start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def send(self, items, **fields):
        body = {"model": "grok-4", "input": items, "tools": TOOLS, **fields}
        status, _, text = self.server.request("POST", "/v1/responses", body)
        self.assertEqual(status, 200, text)
        return text.decode() if fields.get("stream") else json.loads(text)

    def test_call(self):
        call = self.send("Go")["output"][0]
        self.assertEqual({k: call[k] for k in CALL}, CALL)

    def test_call_streamed(self):
        events = [json.loads(line[6:]) for line in self.send("Go", stream=True).split("\n")
                  if line.startswith("data: {")]
        named = [e.get("item", e) for e in events if e["type"] in (
            "response.output_item.added", "response.function_call_arguments.done", "response.output_item.done")]
        self.assertEqual([(n["name"], n["namespace"]) for n in named], [("find", "notes")] * 3)

    def test_result(self):
        reply = self.send([{"role": "user", "content": "Go"}, CALL, RESULT])
        self.assertEqual(reply["output"][0]["content"][0]["text"], "Found.")

    def test_kept_call(self):
        first = self.send("Go")
        reply = self.send([RESULT], previous_response_id=first["id"])
        self.assertEqual(reply["output"][0]["content"][0]["text"], "Found.")

    def test_number_of_tools(self):
        for n in (200, 201):
            spaces = [{**TOOLS[0], "name": "s%d" % i, "tools": [{**FUNCTION, "name": "f%d" % k} for k in range(50)]}
                      for i in range(4)]
            body = {"model": "grok-4", "input": "Go", "tools": spaces + [FUNCTION] * (n - 200)}
            status, _, text = self.server.request("POST", "/v1/responses", body)
            self.assertEqual(status, 200 if n == 200 else 400, text[:500])

    def test_left_out(self):
        body = {"model": "grok-4", "input": "Go", "tools": [{**FUNCTION, "type": "custom"}]}
        status, headers, text = self.server.request("POST", "/v1/responses", body)
        self.assertEqual((status, headers["x-grokd-ignored-tools"]), (200, "custom"))
        self.assertEqual(json.loads(text)["output"][0]["content"][0]["text"], "none")


if __name__ == "__main__":
    unittest.main()
