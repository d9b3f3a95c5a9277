#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes src/api/openapi_gen.inc: docs/openapi.yaml as the JSON that GET /openapi.json answers.

gen/openapi.py            writes the file
gen/openapi.py --check    exit 1 when the file is not what this program writes, or a reference of the
                          document leads nowhere; without PyYAML it cannot tell and says so (exit 0)
"""
import json
import pathlib
import sys

try:
    import yaml
except ImportError:
    yaml = None

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "openapi.yaml"
OUT = ROOT / "src" / "api" / "openapi_gen.inc"
WIDTH = 90              # characters of JSON in a line, at most


def references(value):
    """Every $ref below value."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for v in value.values():
            yield from references(v)
    elif isinstance(value, list):
        for v in value:
            yield from references(v)


def leads_nowhere(document, ref):
    at = document
    for name in ref.removeprefix("#/").split("/"):
        if not isinstance(at, dict) or name not in at:
            return True
        at = at[name]
    return False


def unused(document):
    """Components that nothing refers to; security schemes are named otherwise."""
    have = set(references(document))
    return [f"#/components/{kind}/{name}" for kind, members in document["components"].items()
            if kind != "securitySchemes" for name in members if f"#/components/{kind}/{name}" not in have]


def load():
    document = yaml.safe_load(SOURCE.read_text())
    wrong = [r for r in set(references(document)) if leads_nowhere(document, r)]
    wrong += [f"{name}, which nothing uses" for name in unused(document)]
    if wrong:
        sys.exit("\n".join(f"{SOURCE.name}: {r}" for r in sorted(wrong)))
    return document


def pieces(text):
    """Cuts of the JSON; no cut stands inside an escape of the C string."""
    escaped = [{"\\": "\\\\", '"': '\\"'}.get(c, c) for c in text]
    line, n = [], 0
    for c in escaped:
        if n + len(c) > WIDTH:
            yield "".join(line)
            line, n = [], 0
        line.append(c)
        n += len(c)
    yield "".join(line)


def text():
    # ASCII, so that no byte of it needs an escape of C.
    body = json.dumps(load(), ensure_ascii=True, separators=(",", ":"))
    lines = "\n".join(f'    "{p}"' for p in pieces(body))
    return ("/* Made by gen/openapi.py from docs/openapi.yaml, do not edit. "
            "SPDX-License-Identifier: Apache-2.0 */\n"
            f"static const char openapi_text[] =\n{lines};\n")


def check():
    if yaml is None:
        print(f"{OUT.name}: not checked, this Python has no yaml")
        return 0
    if OUT.read_text() != text():
        print(f"{OUT.name}: not current; run gen/openapi.py")
        return 1
    print(f"{OUT.name}: current")
    return 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(check())
    if yaml is None:
        sys.exit("gen/openapi.py needs PyYAML (Debian: python3-yaml)")
    OUT.write_text(text())
