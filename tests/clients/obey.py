# SPDX-License-Identifier: Apache-2.0
"""Every combination of thinking, format, tools, streaming and stop strings: an answer that ends by
itself obeys, checked by a validator that nobody here wrote (jsonschema)."""
import concurrent.futures
import itertools
import json
import os
import pathlib
import re
import sys
import traceback

import jsonschema
import requests

URL = os.environ["BASE_URL"] + "/v1/chat/completions"
HEADERS = {"Authorization": "Bearer " + os.environ["XAI_API_KEY"]}
AT_ONCE = 8
failures = 0

PERSON = {"type": "object", "additionalProperties": False, "required": ["name", "age", "mood"], "properties": {
    "name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 120},
    "mood": {"enum": ["good", "bad", None]}, "mail": {"type": "string", "format": "email", "maxLength": 40},
    "since": {"type": "string", "format": "date"}, "score": {"type": "number", "minimum": -1, "exclusiveMaximum": 1}}}
LIST = {"$ref": "#/$defs/node", "$defs": {"node": {
    "type": "object", "required": ["value", "next"], "additionalProperties": False, "properties": {
        "value": {"type": "string", "pattern": "^[a-z]{1,8}$"},
        "next": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]}}}}}
PAIR = {"type": "object", "required": ["pair", "kind"], "additionalProperties": False, "properties": {
    "pair": {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [{"type": "integer", "minimum": 10, "maximum": 99},
                                                                            {"type": "boolean"}], "items": False},
    "kind": {"anyOf": [{"const": "x"}, {"type": "object", "required": ["n"], "properties": {"n": {"type": "null"}},
                                        "additionalProperties": False}]}}}
PATTERN = "(yes|no), [0-9]{3}"
FORMATS = {"text": None, "object": {"type": "json_object"}, "regex": {"type": "regex", "pattern": PATTERN}}
for name, schema in (("person", PERSON), ("list", LIST), ("pair", PAIR)):
    FORMATS[name] = {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}
SCHEMAS = {"object": {"type": "object"}, "person": PERSON, "list": LIST, "pair": PAIR}
PARAMETERS = {"get_weather": {"type": "object", "required": ["city"], "additionalProperties": False, "properties": {
    "city": {"type": "string", "minLength": 1, "maxLength": 20}, "unit": {"enum": ["celsius", "fahrenheit"]}}},
    "add": PAIR, "now": {"type": "object", "maxProperties": 0}}
TOOLS = [{"type": "function", "function": {"name": n, "parameters": p}} for n, p in PARAMETERS.items() if n != "now"]
TOOLS.append({"type": "function", "function": {"name": "now", "description": "The time."}})
CHOICES = {"no tools": {}, "none": {"tool_choice": "none"}, "auto": {}, "required": {"tool_choice": "required"},
           "named": {"tool_choice": {"type": "function", "function": {"name": "add"}}},
           "one": {"tool_choice": "required", "parallel_tool_calls": False}}
THINKING = {"default": {}, "off": {"reasoning_effort": "none"}, "on": {"reasoning_effort": "high"}}
STOPS = {"no stop": {}, "stop": {"stop": ["\"", "e"]}}
QUESTIONS = ("What is the weather in Paris?", "Tell me about a person.")


def cases():
    for thinking, form, choice, stop in itertools.product(THINKING, FORMATS, CHOICES, STOPS):
        body = {"model": "grok-4", "temperature": 0.8, "seed": 11, "max_tokens": 300, **THINKING[thinking],
                **CHOICES[choice], **STOPS[stop], "messages": [{"role": "user", "content": QUESTIONS[form != "text"]}]}
        if FORMATS[form]:
            body["response_format"] = FORMATS[form]
        if choice != "no tools":
            body["tools"] = TOOLS
        yield (thinking, form, choice, stop), body


def post(body):
    reply = requests.post(URL, headers=HEADERS, json=body, timeout=120, stream=bool(body.get("stream")))
    assert reply.status_code == 200, (reply.status_code, reply.text[:300])
    return reply


def whole(body):
    choice = post(body).json()["choices"][0]
    message = choice["message"]
    return (message["content"], message.get("reasoning_content", ""),
            [(c["function"]["name"], c["function"]["arguments"]) for c in message.get("tool_calls", [])],
            choice["finish_reason"])


def streamed(body):
    text, thoughts, calls, why, last = "", "", [], None, None
    for line in post({**body, "stream": True}).iter_lines():
        if line.startswith(b"data: {"):
            choice = json.loads(line[6:])["choices"][0]
            text += choice["delta"].get("content", "")
            thoughts += choice["delta"].get("reasoning_content", "")
            calls += [(c["function"]["name"], c["function"]["arguments"]) for c in choice["delta"].get("tool_calls", [])]
            why = choice["finish_reason"] or why
        last = line or last
    assert last == b"data: [DONE]", last
    return text, thoughts, calls, why


def valid(text, schema):
    jsonschema.validate(json.loads(text), schema, format_checker=jsonschema.FormatChecker())


def check_calls(name, calls, why):
    _, _, choice, _ = name
    allowed = {"no tools": (), "none": (), "named": ("add",)}.get(choice, tuple(PARAMETERS))
    for tool, arguments in calls:
        assert tool in allowed, tool
        valid(arguments, PARAMETERS[tool])
    if choice in ("named", "one"):
        assert len(calls) <= 1
    if choice in ("required", "named", "one"):
        assert why in ("tool_calls", "length"), why
    if why == "tool_calls":
        assert calls


def obeys(name, answer):
    text, thoughts, calls, why = answer
    _, form, choice, _ = name
    check_calls(name, calls, why)
    if why == "stop" and form in SCHEMAS and not calls:
        valid(text, SCHEMAS[form])
    if why == "stop" and form == "regex" and not calls:
        assert re.fullmatch(PATTERN, text), text
    if why == "tool_calls" and form != "text":
        assert text == "", text
    assert "<tool_call>" not in text and "</think>" not in text and "<think>" not in thoughts
    assert why in ("stop", "length", "tool_calls"), why


def one(case):
    """What is wrong with a case, or None; and how it ended."""
    name, body = case
    answer = None
    try:
        answer = whole(body)
        obeys(name, answer)
        assert streamed(body) == answer, "streamed it is another: %r" % (streamed(body),)
    except Exception as error:
        return "%s: %r: %s" % (", ".join(name), answer, str(error).replace("\n", " | ")[:400]), None
    return None, answer[3]


def run(label, fn):
    global failures
    try:
        print("ok obey", label, fn() or "", flush=True)
    except Exception:
        failures += 1
        print("not ok obey %s: %s" % (label, traceback.format_exc().replace("\n", " | ")), flush=True)


def product():
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(one, cases()))
    wrong = [w for w, _ in done if w]
    ended = {why: sum(w == why for _, w in done) for why in ("stop", "tool_calls", "length")}
    assert not wrong, "%d of %d: %s" % (len(wrong), len(done), " || ".join(wrong[:4]))
    # Weak as the model is: most answers must have ended by themselves, or nothing was shown.
    assert ended["stop"] + ended["tool_calls"] > len(done) / 2, ended
    return "(%d cases, each streamed and not: %s)" % (len(done), ended)


def cut_is_a_prefix():
    """max_tokens inside the region: what is there begins what would have been."""
    for form in ("person", "pair"):
        body = {"model": "grok-4", "temperature": 0, "max_tokens": 400, "response_format": FORMATS[form],
                "messages": [{"role": "user", "content": "Tell me about a person."}]}
        full, _, _, why = whole(body)
        assert why == "stop", (form, why)
        valid(full, SCHEMAS[form])
        for n in (1, 2, 3, 5, 8, 13):
            text, _, _, why = whole({**body, "max_tokens": n})
            assert full.startswith(text) and (why == "length") == (text != full), (form, n, text)


def many_seeds():
    """Hot sampling, so that the model itself would not obey."""
    bodies = [((("default", form, "no tools", "no stop")), {
        "model": "grok-4", "temperature": 2, "top_p": 1, "seed": seed, "max_tokens": 400, "response_format": FORMATS[form],
        "messages": [{"role": "user", "content": "Say anything."}]})
        for form in ("person", "list", "pair") for seed in range(12)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [w for w, _ in pool.map(one, bodies) if w]
    assert not wrong, "%d of %d: %s" % (len(wrong), len(bodies), " || ".join(wrong[:3]))


def schemas_of_others():
    """Real schemas: refused by name, or obeyed."""
    path = pathlib.Path(os.environ["GOLDEN"]) / "jsonschema" / "maskbench-sample.jsonl"
    if not path.exists():
        return "(skipped: no schemas at %s)" % path
    schemas = [json.loads(line)["schema"] for line in path.read_text().splitlines()[::12]]

    def try_one(schema):
        reply = requests.post(URL, headers=HEADERS, timeout=120, json={
            "model": "grok-4", "temperature": 1, "seed": 5, "max_tokens": 200, "reasoning_effort": "none",
            "messages": [{"role": "user", "content": "Say anything."}],
            "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}})
        if reply.status_code == 400 and reply.json()["error"].startswith("Invalid request content: Schema validation failed: "):
            return "refused"
        choice = reply.json()["choices"][0]
        if choice["finish_reason"] == "stop":
            jsonschema.validate(json.loads(choice["message"]["content"]), schema)
        return choice["finish_reason"]

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(try_one, schemas))
    assert ended.count("stop") > len(ended) / 2, ended
    return "(%s)" % ", ".join("%s %d" % (why, ended.count(why)) for why in sorted(set(ended)))


run("product", product)
run("cut_is_a_prefix", cut_is_a_prefix)
run("many_seeds", many_seeds)
run("schemas_of_others", schemas_of_others)
sys.exit(1 if failures else 0)
