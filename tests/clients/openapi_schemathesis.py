#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""schemathesis against /openapi.json: requests made from the document, and from it made wrong.

Replies are held against the document as if it forbade all members that it does not name, streams
record by record. The same seed makes the same requests. schemathesis loads this file for its hooks.
"""
import copy
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

import jsonschema_rs
import schemathesis

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from grokd import Grokd  # noqa: E402

CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
          "response_schema_conformance", "negative_data_rejection", "unsupported_method", "ignored_auth",
          "stream_conformance", "noted"]
EXAMPLES = 8            # of an operation and phase, at most
SEED = 1
SECONDS = 240
REQUEST_SECONDS = 60
WHY_MAX = 1500          # characters
# Streams are read to their end; a 410 is a refusal too.
CONFIG = """
max-stream-events = 10000
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "410", "413", "415", "422", "429"]
"""
TOKENS = 3              # of an answer
TOKEN_IDS = 100         # which every model has
STREAMED = ("/v1/chat/completions", "/v1/completions", "/v1/messages", "/v1/responses")
DEFERRED = "/v1/chat/deferred-completion/{id}"
LENGTHS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample")

DOCUMENT = []           # its text, once it is known


# ---- hooks ----

def is_whole(value):
    """As JSON knows integers: 3 and 3.0."""
    return type(value) in (int, float) and value == int(value)


def shorten(body):
    """The model that is there, and answers of few tokens. What is wrong stays wrong."""
    if isinstance(body.get("model"), str):
        body["model"] = "grok-4"
    for name in LENGTHS:
        if is_whole(body.get(name)) and body[name] > TOKENS:
            body[name] = TOKENS
    for name in ("n", "best_of"):
        if is_whole(body.get(name)) and 2 < body[name] <= 128:
            body[name] = 2


def tools_apart(body):
    """Different names; a choice among them."""
    for key, choice in (("tools", "tool_choice"), ("functions", "function_call")):
        tools = body.get(key) or []
        for i, tool in enumerate(tools):
            function = tool.get("function") or tool
            function["name"] = "tool_%d" % i
            for schema in ("parameters", "input_schema"):
                if function.get(schema) is not None:
                    function[schema] = {"type": "object", "properties": {"a": {"type": "boolean"}}}
        if not tools or isinstance(body.get(choice), dict):
            body.pop(choice, None)


def formats_that_end(body):
    """The document says that any schema may come, and that some are refused."""
    schema = {"type": "object", "properties": {"a": {"type": "boolean"}}}
    text = body.get("text")
    for format in (body.get("response_format"), text.get("format") if isinstance(text, dict) else None,
                   body.get("output_format"), (body.get("output_config") or {}).get("format")):
        if not isinstance(format, dict):
            continue
        if "schema" in format:
            format["schema"] = schema
        if isinstance(format.get("json_schema"), dict):
            format["json_schema"]["schema"] = schema
        if "pattern" in format:
            format["pattern"] = "[a-z]*"


def ids_that_exist(prompt):
    if isinstance(prompt, list):
        return [ids_that_exist(p) for p in prompt]
    return prompt % TOKEN_IDS if type(prompt) is int else prompt


def agree(path, body):
    """What a schema cannot say: members that need or exclude one another."""
    tools_apart(body)
    formats_that_end(body)
    if (body.get("thinking") or {}).get("type") == "enabled":
        body["thinking"] = {"type": "adaptive"}
    if body.get("top_logprobs"):
        body["logprobs"] = True
    if path in STREAMED:
        # The document's defaults would leave most of them whole.
        body["stream"] = not body.get("deferred") and len(json.dumps(body)) % 2 == 0
    if path == "/v1/complete":
        body["prompt"] = "\n\nHuman: " + body["prompt"]
    if path == "/v1/completions":
        body["prompt"] = ids_that_exist(body.get("prompt"))
        body.pop("suffix", None)
        body.pop("best_of", None)
        if body.get("echo"):
            body.pop("logprobs", None)
    if path in ("/v1/responses", "/v1/responses/compact"):
        body.pop("previous_response_id", None)
        if isinstance(body["input"], list):
            body["input"] = [i for i in body["input"] if i.get("type") not in ("item_reference", "reasoning")]
            body["input"].append({"role": "user", "content": "Hi"})


@functools.cache
def validator(text, schema):
    """Of a schema as text, with the components of the document it stands in."""
    return jsonschema_rs.validator_for({"components": json.loads(text)["components"], **json.loads(schema)})


def operation_of(case):
    return case.operation.schema.raw_schema["paths"][case.operation.path][case.operation.method.lower()]


def held_against(case, schema):
    if not DOCUMENT:
        DOCUMENT.append(json.dumps(case.operation.schema.raw_schema))
    return validator(DOCUMENT[0], json.dumps(schema))


def agreeing(case):
    """The body where its members agree. A body that is wrong stays so: where it would not, it is left alone."""
    path = case.operation.path
    body = copy.deepcopy(case.body)
    try:
        agree(path, body)
        if path not in ("/v1/tokenize-text", "/v1/messages/count_tokens"):
            body.setdefault("max_output_tokens" if "input" in body else "max_tokens", TOKENS)
        wanted = operation_of(case)["requestBody"]["content"]["application/json"]["schema"]
        is_valid = held_against(case, wanted).is_valid(body)
    except (AttributeError, KeyError, TypeError):
        return case.body
    return body if is_valid == (case.meta.generation.mode.name == "POSITIVE") else case.body


@schemathesis.hook
def before_call(context, case, kwargs):
    if isinstance(case.body, dict) and case.meta:
        case.body = agreeing(case)
        shorten(case.body)


@schemathesis.check
def noted(ctx, response, case):
    """Leaves what was answered for the end of the run."""
    kind = response.headers.get("content-type", [""])[0].split(";")[0]
    with open(os.environ["SEEN"], "a") as file:
        file.write("%s %s %d %s\n" % (case.method, case.operation.path, response.status_code, kind))


@schemathesis.check
def stream_conformance(ctx, response, case):
    """Every record of a stream is what the document says; nothing else stands in the stream."""
    if not response.headers.get("content-type", [""])[0].startswith("text/event-stream"):
        return
    record = operation_of(case)["responses"]["200"]["content"]["text/event-stream"]["schema"]
    data = record["properties"]["data"]
    inner = next(d for d in data.get("anyOf", [data]) if "contentSchema" in d)["contentSchema"]
    wanted = held_against(case, inner)
    records = [r for r in response.text.split("\n\n") if r and not r.startswith(":")]
    assert response.text.endswith("\n\n") and records, "the stream does not end with a record"
    if "anyOf" in data:
        assert records.pop() == "data: [DONE]", "the stream does not end with [DONE]"
    for text in records:
        found = re.fullmatch(r"(?:event: ([a-z_.]+)\n)?data: ([^\n]*)", text)
        assert found, "no record: %r" % text
        value = json.loads(found[2])
        wanted.validate(value)
        assert found[1] in (None, value.get("type")), "event %s carries %s" % (found[1], value.get("type"))


# ---- the document, strictly ----

def names(value):
    """The schemas that value refers to."""
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(value)))


def below(document, found):
    """found and all that they refer to."""
    todo = list(found)
    while todo:
        for name in names(document["components"]["schemas"][todo.pop()]) - found:
            found.add(name)
            todo.append(name)
    return found


def close(value):
    """No object below value has members that are not named."""
    if isinstance(value, dict):
        if isinstance(value.get("properties"), dict) and value.get("type"):
            value.setdefault("additionalProperties", False)
        for v in value.values():
            close(v)
    elif isinstance(value, list):
        for v in value:
            close(v)


def strict(document):
    """The same, but replies have no members beside those named; what requests share stays open."""
    operations = [o for item in document["paths"].values() for o in item.values() if isinstance(o, dict)]
    asked = below(document, set().union(*(names(o.get("requestBody", {})) for o in operations)))
    for o in operations:
        close(o["responses"])
    close(document["components"]["responses"])
    for name, schema in document["components"]["schemas"].items():
        if name not in asked:
            close(schema)
    return document


# ---- the run ----

def run(url, key, document, folder):
    """The JUnit report of one run, what schemathesis said, and what was answered."""
    file, report, seen = folder / "openapi.json", folder / "report.xml", folder / "seen"
    file.write_text(json.dumps(document))
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = [pathlib.Path(sys.executable).parent / "st", "run", file, "--url", url,
               "-H", "Authorization: Bearer " + key, "--checks", ",".join(CHECKS),
               "--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", SEED,
               "--request-timeout", REQUEST_SECONDS, "--continue-on-failure", "--no-color", "--no-shrink",
               "--warnings", "off", "--report", "junit", "--report-junit-path", report]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": pathlib.Path(__file__).stem, "PYTHONPATH": str(HERE), "SEEN": str(seen)}
    done = subprocess.run([str(c) for c in command], cwd=folder, env=env, capture_output=True, text=True,
                          timeout=SECONDS)
    if not report.exists():
        raise RuntimeError("no report: %s" % (done.stdout + done.stderr)[-2000:])
    return xml.etree.ElementTree.parse(report), done, set(seen.read_text().splitlines())


def read_deferred(server, document):
    """The two successes that no single request finds: not yet, and the reply."""
    operation = document["paths"][DEFERRED]["get"]
    reply = operation["responses"]["200"]["content"]["application/json"]["schema"]
    wanted = validator(json.dumps(document), json.dumps(reply))
    body = {"model": "grok-4", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": TOKENS, "deferred": True}
    status, _, text = server.request("POST", "/v1/chat/completions", body)
    path, until = DEFERRED.replace("{id}", json.loads(text)["request_id"]), time.monotonic() + REQUEST_SECONDS
    while time.monotonic() < until:
        status, headers, text = server.request("GET", path)
        yield "GET %s %d %s" % (DEFERRED, status, headers.get("content-type", ""))
        if status != 202:
            wanted.validate(json.loads(text))
            return
        time.sleep(0.05)


def successes(document):
    """"POST /v1/x 200 application/json" of every success that the document knows."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            for status, reply in operation["responses"].items() if isinstance(operation, dict) else ():
                if status.startswith("2"):
                    for kind in reply.get("content", {"": None}):
                        yield "%s %s %s %s" % (method.upper(), path, status, kind)


def main():
    # A wrong key is 401 here, as the check of ignored keys expects.
    with tempfile.TemporaryDirectory() as folder, Grokd("--wrong-key-status", 401) as server:
        document = strict(json.loads(server.request("GET", "/openapi.json", key=False)[2]))
        report, done, seen = run(server.url, server.key, document, pathlib.Path(folder))
        seen.update(read_deferred(server, document))
    n_failed = n = 0
    for n, case in enumerate(report.iter("testcase"), 1):
        found = [f for kind in ("failure", "error") for f in case.findall(kind)]
        why = [" ".join((f.text or f.get("message") or "").split())[:WHY_MAX] for f in found]
        n_failed += bool(why)
        print("not ok" if why else "ok", "schemathesis", case.get("name") + ": " * bool(why) + " | ".join(why))
    if done.returncode != 0 and not n_failed or n == 0:
        print("not ok schemathesis: exit status %d: %s" % (done.returncode, done.stdout[-2000:]))
    missing = {s for s in successes(document) if not any(line.startswith(s.rstrip()) for line in seen)}
    missing.discard("GET %s 202 " % DEFERRED)     # where the reply was there at once
    print("not ok" if missing else "ok", "schemathesis reaches every success", ", ".join(sorted(missing)))


if __name__ == "__main__":
    main()
