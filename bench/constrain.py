#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures constrained generation: masks over the schemas of MaskBench, and how fast a schema decodes.

constrain.py [--grokd build/grokd] [--quick] [--json FILE] [--cases FILE] [masks] [decode]

masks: `grokd maskbench` on the sample of MaskBench with a vocabulary of 151,936 tokens (vocab_gguf.py fetches it)
and with the bundled one; skipped where the cases are not there. decode: output tokens a second of one stream that
must follow a schema, against free text of the same model in turns; forced tokens count as output.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import time

from figures import Figures
from load import Conn, chat
from server import MODEL, ROOT, Grokd

CASES = ROOT.parent / "shared" / "golden" / "jsonschema" / "maskbench-sample.jsonl"
VOCAB = ROOT / "build" / "bench" / "qwen-vocab.gguf"
TOKENS = 256
# The published figures of llguidance 0.7.10 stand in README.md.
GOAL_PASSING, GOAL_MEAN_US, GOAL_P99_US, GOAL_FIRST_P50_US, GOAL_FIRST_P99_US = 88, 20, 150, 500, 10000

ORDER = {
    "type": "object", "additionalProperties": False,
    "properties": {
        "order_id": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{6}$"},
        "customer": {
            "type": "object", "additionalProperties": False, "required": ["full_name", "email", "country", "is_member"],
            "properties": {"full_name": {"type": "string", "minLength": 3, "maxLength": 40},
                           "email": {"type": "string", "format": "email", "maxLength": 40},
                           "country": {"enum": ["Germany", "France", "Italy", "Spain", "Portugal"]},
                           "is_member": {"type": "boolean"}}},
        "items": {
            "type": "array", "minItems": 3, "maxItems": 6,
            "items": {"type": "object", "additionalProperties": False,
                      "required": ["product", "quantity", "unit_price", "currency"],
                      "properties": {"product": {"type": "string", "minLength": 3, "maxLength": 30},
                                     "quantity": {"type": "integer", "minimum": 1, "maximum": 99},
                                     "unit_price": {"type": "number", "minimum": 0, "maximum": 1000,
                                                    "multipleOf": 0.01},
                                     "currency": {"enum": ["EUR", "USD"]}}}},
        "shipping": {"anyOf": [{"type": "null"},
                               {"type": "object", "additionalProperties": False, "required": ["carrier", "ship_date"],
                                "properties": {"carrier": {"type": "string", "maxLength": 20},
                                               "ship_date": {"type": "string", "format": "date"}}}]},
        "created_at": {"type": "string", "format": "date-time"}},
    "required": ["order_id", "customer", "items", "shipping", "created_at"]}


# ---- masks ----

def maskbench(a, vocabulary):
    run = subprocess.run([a.grokd, "maskbench", "--json", "-m", vocabulary, a.cases], capture_output=True, text=True,
                         check=True)
    return json.loads(run.stdout)


def big_vocabulary():
    if not VOCAB.exists():
        VOCAB.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, ROOT / "bench" / "vocab_gguf.py", VOCAB], check=True)
    return VOCAB


def bench_masks(a, out):
    if not a.cases.exists():
        print("masks: skipped, %s is not here" % a.cases.name, file=sys.stderr)
        return
    for name, vocabulary in (("152k", big_vocabulary()), ("4k", MODEL)):
        for _ in range(2 if a.quick else 5):
            r = maskbench(a, vocabulary)
            n = r["schemas"]
            out.add("masks", name + ": schemas that do not pass", "%", 100 - 100 * r["passing"] / n,
                    100 - GOAL_PASSING)
            out.add("masks", name + ": false acceptances", "schemas", r["false_acceptances"], 0)
            out.add("masks", name + ": false rejections", "%", 100 * r["false_rejections"] / n, 0.1)
            out.add("masks", name + ": mask, mean", "us", r["mask_us"]["mean"], GOAL_MEAN_US)
            out.add("masks", name + ": mask, p50", "us", r["mask_us"]["p50"])
            out.add("masks", name + ": mask, p99", "us", r["mask_us"]["p99"], GOAL_P99_US)
            out.add("masks", name + ": mask, max", "us", r["mask_us"]["max"])
            out.add("masks", name + ": schema to first mask, p50", "us", r["compile_us"]["p50"], GOAL_FIRST_P50_US)
            out.add("masks", name + ": schema to first mask, p99", "us", r["compile_us"]["p99"], GOAL_FIRST_P99_US)
            out.add("masks", name + ": schema to first mask, max", "us", r["compile_us"]["max"])


# ---- decode ----

def decode_us(server, conn, i, **fields):
    """(us an output token took, tokens): from the first content to the end of the stream."""
    raw = chat(server, "Invent order number %d." % i, stream=True, stream_options={"include_usage": True},
               max_tokens=TOKENS, temperature=0.7, seed=i, **fields)
    started = time.monotonic()
    reply = conn.exchange(raw)
    took = time.monotonic() - started
    usage = [json.loads(line[6:])["usage"] for line in reply.decode().splitlines()
             if line.startswith("data: {") and '"usage":{' in line][-1]
    n = usage["completion_tokens"] + usage["completion_tokens_details"]["reasoning_tokens"]
    return took * 1e6 / n, n


def bench_decode(a, out):
    schema = {"type": "json_schema", "json_schema": {"name": "order", "strict": True, "schema": ORDER}}
    with Grokd(a.grokd) as server:
        conn = Conn(server)
        decode_us(server, conn, 0, response_format=schema)       # compiles; afterwards it is in the cache
        for i in range(5 if a.quick else 21):
            free, _ = decode_us(server, conn, i, ignore_eos=True)
            bound, n = decode_us(server, conn, i, response_format=schema)
            out.add("decode", "free text: an output token", "us", free)
            out.add("decode", "schema: an output token", "us", bound)
            out.add("decode", "schema: output tokens of a reply", "tokens", n)
            out.add("decode", "schema over free text: time of an output token", "ratio", bound / free, 1)
        conn.close()


BENCHES = {"masks": bench_masks, "decode": bench_decode}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grokd", type=pathlib.Path, default=ROOT / "build" / "grokd")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=pathlib.Path, help="write the rows here")
    parser.add_argument("--cases", type=pathlib.Path, default=CASES, help="rows of MaskBench")
    parser.add_argument("bench", nargs="*", help=", ".join(BENCHES))
    a = parser.parse_args()
    unknown = set(a.bench) - set(BENCHES)
    if unknown:
        parser.error("no such benchmark: " + ", ".join(sorted(unknown)))
    out, failed = Figures(), False
    for name in a.bench or BENCHES:
        try:
            BENCHES[name](a, out)
        except (RuntimeError, OSError, subprocess.CalledProcessError) as e:
            print("bench %s failed: %s" % (name, e), file=sys.stderr)
            failed = True
    out.print()
    if a.json:
        a.json.write_text(json.dumps(list(out.rows.values()), indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
