#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/templates/cases.json: what Python's jinja2 makes of chat templates.

    pip install jinja2
    tests/golden/make_template_cases.py FOLDER_WITH_TEMPLATES

The oracle has the options of HF transformers (trim_blocks, lstrip_blocks, loopcontrols, the
generation tag, tojson without HTML escaping, raise_exception, strftime_now), on jinja2's
SandboxedEnvironment. The templates of models are not copied: their cases hold the file's name and
a hash of the expected text; inline cases hold source and text. A text above TEXT_MAX bytes is
stored as its length and FNV-1a hash.
"""
import datetime
import json
import os
import sys

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime.fromtimestamp(1753975845, datetime.timezone.utc).replace(tzinfo=None)
TEXT_MAX = 200


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = jinja2.nodes.CallBlock(self.call_method("_text"), [], [], body)
        return call.set_lineno(line)

    def _text(self, caller):
        return caller()


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.SandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


ENV = environment()


def expected(source, variables):
    """{"text": ...} or {"error": "syntax" | "raised" | "render", "message": ...}"""
    try:
        template = ENV.from_string(source)
    except Exception as e:
        return {"error": "syntax", "message": str(e)}
    try:
        return {"text": template.render(**json.loads(json.dumps(variables)))}
    except jinja2.exceptions.TemplateError as e:
        raised = type(e) is jinja2.exceptions.TemplateError
        return {"error": "raised" if raised else "render", "message": str(e)}
    except Exception as e:
        return {"error": "render", "message": str(e)}


# ---- conversations ----

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "Current weather in a city.", "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "Name of the city, e.g. \"Zürich\""},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
            "days": {"type": "integer", "minimum": 1, "maximum": 18446744073709551615}},
        "required": ["city"]}}}
NESTED = {"type": "function", "function": {
    "name": "store", "description": "  Stores <things> & 'more'.\n", "parameters": {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": {"type": "object", "properties": {
                "id": {"type": "integer"}, "tags": {"type": "array", "items": {"type": "string"}},
                "price": {"type": "number", "exclusiveMinimum": 0.5}}, "required": ["id"]}},
            "mode": {"oneOf": [{"type": "string", "description": "a name", "default": "x"},
                               {"type": "object"}]},
            "either": {"type": ["string", "null"], "nullable": True},
            "flag": {"type": "boolean", "default": False, "description": "on or off"},
            "free": {"type": "object", "properties": {}, "additionalProperties": True}},
        "required": ["items", "mode"], "$defs": {"a": {"const": None}}}}}
BARE = {"type": "function", "function": {"name": "now", "description": "The time",
                                         "parameters": {"type": "object", "properties": {}}}}
TOOLS = [WEATHER, NESTED, BARE]


def message(role, content, **more):
    return dict({"role": role, "content": content}, **more)


def call(name, arguments, id="abcdef123"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}


def conversations():
    s, u = message("system", "You are terse."), message("user", "Hello, who are you?")
    a, u2 = message("assistant", "I am a model."), message("user", " And now?\n")
    dict_args = call("get_weather", {"city": "Zürich \"x\"", "days": 3, "opts": {"a": [1, 2.5, None, True]}})
    str_args = call("get_weather", '{"city": "Bern"}', "xyz987654")
    tool = message("tool", '{"temp": 21.5, "ok": true}', name="get_weather", tool_call_id="abcdef123")
    tool2 = message("tool", "plain <b>text</b>", name="get_weather", tool_call_id="xyz987654")
    parts = [{"type": "text", "text": "Look at "}, {"type": "text", "text": "this."}]
    yield "user", [u]
    yield "system_user", [s, u]
    yield "turns", [s, u, a, u2]
    yield "two_systems", [s, message("system", "Second."), u]
    yield "user_first_system_later", [u, s, a, u2]
    yield "ends_with_assistant", [u, a]
    yield "empty_content", [message("user", "")]
    yield "empty_system", [message("system", ""), u]
    yield "no_messages", []
    yield "assistant_first", [a, u]
    yield "two_users", [u, u2]
    yield "white_space", [message("system", "  \n sys \t"), message("user", "\n\n hi \u00a0\u3000")]
    yield "unicode", [message("user", "Grüße 你好 🎉 \u200d é \U0001f468\u200d\U0001f469")]
    yield "control_words", [message("user", "<|im_end|><|im_start|>system\n</s>[INST] <|eot_id|>"),
                            message("assistant", "<think>\nhm\n</think>\n\nno"), u2]
    yield "developer", [message("developer", "Be kind."), u]
    yield "odd_role", [message("critic", "Bad."), u]
    yield "reasoning", [u, message("assistant", "Fine.", reasoning_content="Let me\nthink."), u2]
    yield "reasoning_last", [u, message("assistant", "Fine.", reasoning_content="\nLet me think.\n")]
    yield "thinking_field", [u, message("assistant", "Fine.", thinking="Deep."), u2]
    yield "inline_think", [u, message("assistant", "<think>\nold\n</think>\n\nAnswer."), u2,
                           message("assistant", "<think>new</think>Answer 2.")]
    yield "parts", [message("user", parts), message("assistant", parts), message("user", parts)]
    yield "system_parts", [message("system", parts), u]
    yield "image", [message("user", [{"type": "image"}, {"type": "text", "text": "What?"}])]
    yield "null_content", [u, message("assistant", None), u2]
    yield "tool_call_dict", [s, u, message("assistant", None, tool_calls=[dict_args]), tool]
    yield "tool_call_empty_text", [u, message("assistant", "", tool_calls=[dict_args]), tool, a, u2]
    yield "tool_call_str", [u, message("assistant", "I look.", tool_calls=[str_args]), tool2]
    yield "tool_calls_two", [s, u, message("assistant", "", tool_calls=[dict_args, str_args]), tool,
                             tool2, message("assistant", "It is warm."), u2]
    yield "tool_last", [u, message("assistant", None, tool_calls=[dict_args])]
    yield "tool_reasoning", [u, message("assistant", "", reasoning_content="Need a tool.",
                                        tool_calls=[dict_args]), tool]
    yield "tool_reply_parts", [u, message("assistant", None, tool_calls=[dict_args]),
                               message("tool", [{"type": "text", "text": "warm"}],
                                       tool_call_id="abcdef123")]
    yield "tool_reply_object", [u, message("assistant", None, tool_calls=[dict_args]),
                                message("tool", {"temp": [1, {"a": None}]}, tool_call_id="abcdef123")]


def settings():
    yield {"add_generation_prompt": True}
    yield {"add_generation_prompt": False, "tools": TOOLS}
    yield {"add_generation_prompt": True, "tools": [WEATHER], "enable_thinking": False}
    yield {"add_generation_prompt": True, "enable_thinking": True, "thinking": True,
           "reasoning_effort": "high", "builtin_tools": ["browser", "python"], "tools": None,
           "documents": [{"doc_id": 1, "title": "T", "text": "Some text."}], "controls": {"length": "long"}}


def model_cases(folder):
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".jinja"):
            continue
        with open(os.path.join(folder, name), encoding="utf-8", newline="") as f:
            source = f.read()
        for label, messages in conversations():
            for i, extra in enumerate(settings()):
                variables = dict({"messages": messages, "bos_token": "<s>", "eos_token": "</s>"}, **extra)
                yield {"file": name, "label": f"{label}/{i}", "conversation": label, "setting": i}, source, variables


# ---- small templates ----

VARS = {"x": 5, "y": 2.5, "s": "Hello World", "t": "  padded \n", "e": "", "n": None, "yes": True,
        "xs": [3, 1, 2], "words": ["banana", "Apple", "cherry", "apple"], "nested": [[1, 2], [3, [4]]],
        "d": {"b": 1, "a": "two", "C": [1, {"z": None}], "items": "shadow"}, "empty": [], "none_dict": {},
        "uni": "Straße Ünïcode 你好 🎉", "tree": [{"n": "a", "kids": [{"n": "b", "kids": []}, {"n": "c", "kids": [
            {"n": "d", "kids": []}]}]}, {"n": "e", "kids": []}],
        "people": [{"name": "Bo", "age": 30, "city": "x"}, {"name": "al", "age": 25, "city": "y"},
                   {"name": "Cy", "age": 30, "city": "x", "tags": ["p"]}],
        "messages": [{"role": "user", "content": "hi <|im_end|>"}]}


def inline_sources():
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, "templates", "inline.txt"), encoding="utf-8", newline="") as f:
        for block in f.read().split("\n====\n"):
            yield block


def stored(result):
    if "text" in result:
        data = result["text"].encode()
        if len(data) <= TEXT_MAX:
            return result
        h = 0xcbf29ce484222325
        for b in data:
            h = (h ^ b) * 0x100000001b3 & 0xffffffffffffffff
        return {"bytes": len(data), "fnv": f"{h:016x}"}
    return result if result["error"] == "raised" else {"error": result["error"]}


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    out = {"now_unix_s": 1753975845, "vars": VARS,
           "conversations": dict(conversations()), "settings": list(settings()), "cases": []}
    for key, source, variables in model_cases(sys.argv[1]):
        del key["label"]
        out["cases"].append(dict(key, **stored(expected(source, variables))))
    for source in inline_sources():
        out["cases"].append(dict({"source": source}, **stored(expected(source, VARS))))
    with open(os.path.join(here, "templates", "cases.json"), "w", encoding="utf-8") as f:
        head = {k: v for k, v in out.items() if k != "cases"}
        f.write(json.dumps(head, ensure_ascii=False)[:-1] + ', "cases": [\n')
        f.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in out["cases"]) + "\n]}\n")


if __name__ == "__main__":
    main()
