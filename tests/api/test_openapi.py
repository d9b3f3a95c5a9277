# SPDX-License-Identifier: Apache-2.0
"""GET /openapi.json, and what the document says of refusals, held against the socket."""
import json
import re
import unittest

from grokd import ROOT, Grokd

ROUTES = re.compile(r'^    ROUTE(?:_ANTHROPIC)?\("([A-Z]+)",\s+"([^"]+)"', re.M)


class Document(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Grokd().start()
        cls.status, cls.headers, text = cls.server.request("GET", "/openapi.json", key=False)
        cls.document = json.loads(text)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def operations(self):
        for path, item in self.document["paths"].items():
            for method in item:
                if method != "parameters":
                    yield method.upper(), path, item[method]

    def test_served_to_everybody(self):
        self.assertEqual(self.status, 200)
        self.assertEqual(self.headers["content-type"], "application/json")
        status, headers, body = self.server.request("HEAD", "/openapi.json", key=False)
        self.assertEqual((status, body), (200, b""))
        self.assertGreater(int(headers["content-length"]), 10000)
        self.assertEqual(self.server.request("POST", "/openapi.json", {}, key=False)[0], 405)

    def test_it_is_the_yaml(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("skipped: this Python has no yaml")
        self.assertEqual(yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text()), self.document)

    def test_the_table_of_routes(self):
        rows = set(ROUTES.findall((ROOT / "src" / "api" / "route.c").read_text()))
        self.assertGreater(len(rows), 20)
        self.assertEqual(rows, {(method, path) for method, path, _ in self.operations()})

    def test_operations_are_named_apart(self):
        names = [o["operationId"] for _, _, o in self.operations()]
        self.assertEqual(len(names), len(set(names)))

    def test_without_a_key(self):
        """401 where the document asks for a key, 200 or 503 where it does not."""
        for method, path, operation in self.operations():
            status, _, body = self.server.request(method, path.replace("{id}", "x"), key=False)
            if operation.get("security") == []:
                self.assertIn(status, (200, 503), path)
                self.assertIn(str(status), operation["responses"], path)
            else:
                self.assertEqual(status, 401, (method, path, body))

    def test_wrong_methods_and_bodies(self):
        for method, path, operation in self.operations():
            at = path.replace("{id}", "x")
            status, headers, _ = self.server.request("PATCH", at)
            self.assertEqual(status, 405, path)
            self.assertIn(method, headers["allow"].split(", "))
            if "requestBody" not in operation:
                continue
            for body, wanted in ((b"", 415), (b"{", 422), (b"[]", 422), (b"null", 422)):
                status, _, text = self.server.request(method, at, body)
                self.assertEqual(status, wanted, (path, body, text))
                self.assertIn(str(status), operation["responses"])

    def test_required_members(self):
        """Each member that is called required is: without it, and as null, the request is refused."""
        schemas = self.document["components"]["schemas"]
        whole = {"model": "grok-4", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}], "input": "Hi",
                 "prompt": "\n\nHuman: Hi\n\nAssistant:", "text": "Hi"}
        for method, path, operation in self.operations():
            if "requestBody" not in operation:
                continue
            ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            required = schemas[ref]["required"]
            body = {name: whole[name] for name in required}
            if "input" in schemas[ref]["properties"]:
                body["input"] = whole["input"]
            if "max_tokens" in schemas[ref]["properties"]:
                body["max_tokens"] = 1
            if ref == "ResponsesRequest":
                body.update(max_output_tokens=1, store=False)
            self.assertEqual(self.server.request(method, path, body)[0], 200, path)
            for name in required:
                for wrong in ({k: v for k, v in body.items() if k != name}, {**body, name: None}):
                    self.assertIn(self.server.request(method, path, wrong)[0], (400, 422), (path, name))

    def test_types_of_members(self):
        """A member with a scalar type refuses an object in its place."""
        schemas = self.document["components"]["schemas"]

        def refuses_objects(schema):
            schema = schemas[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema
            kinds = schema.get("type")
            return kinds is not None and "object" not in ([kinds] if isinstance(kinds, str) else kinds)

        n = 0
        for method, path, operation in self.operations():
            if "requestBody" not in operation:
                continue
            ref = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
            for name, schema in schemas[ref]["properties"].items():
                if not refuses_objects(schema):
                    continue
                body = {"model": "grok-4", "max_tokens": 1, "max_output_tokens": 1, "input": "Hi", "text": "Hi",
                        "messages": [{"role": "user", "content": "Hi"}], "prompt": "\n\nHuman: Hi", name: {"a": 1}}
                if ref == "ResponsesRequest":
                    body.pop("text") if name != "text" else None
                status, _, text = self.server.request(method, path, body)
                self.assertIn(status, (400, 410, 422), (path, name, text))
                n += 1
        self.assertGreater(n, 50)


if __name__ == "__main__":
    unittest.main()
