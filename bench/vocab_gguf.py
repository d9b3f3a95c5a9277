#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a GGUF file that holds nothing but a real vocabulary of 151,936 tokens: the published ranks of Qwen
(`qwen.tiktoken`, from the wheel of `dashscope` on PyPI, taken with pip and kept in build/bench) and the merges that
follow from them. For measuring masks and tokenizing at the size that models of today have.

vocab_gguf.py OUT [RANKS]         RANKS: a file in tiktoken's format instead of the one from PyPI
"""
import base64
import pathlib
import struct
import subprocess
import sys
import zipfile

from random_gguf import ARRAY, I32, STRING, U32, byte_letters, pair

ROOT = pathlib.Path(__file__).resolve().parents[1]
CACHE = ROOT / "build" / "bench"
WHEEL, MEMBER = "dashscope==2.0.2", "dashscope/resources/qwen.tiktoken"
SIZE = 151936
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
USER = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
NORMAL, IS_CONTROL, IS_USER, UNUSED = 1, 3, 4, 5                # token types of GGUF


def fetch():
    path = CACHE / "qwen.tiktoken"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", CACHE, WHEEL], check=True)
        with zipfile.ZipFile(next(CACHE.glob("dashscope-*.whl"))) as wheel:
            path.write_bytes(wheel.read(MEMBER))
    return path


def read_ranks(path):
    ranks = {}
    for line in path.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    return ranks


def halves(token, ranks):
    """The two pieces whose merge makes the token: what merging with lower ranks only leaves of it."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: ranks.get(parts[i] + parts[i + 1], SIZE))
        if ranks.get(parts[best] + parts[best + 1], SIZE) >= ranks[token]:
            return None
        parts[best:best + 2] = [parts[best] + parts[best + 1]]
    return parts


def main(out, path):
    ranks = read_ranks(path)
    letters = byte_letters()
    order = [*range(33, 127), *range(161, 173), *range(174, 256)]
    order += [b for b in range(256) if b not in order]
    letter = {b: letters[i] for i, b in enumerate(order)}

    def spell(token):
        return "".join(letter[b] for b in token)

    by_rank = sorted(ranks, key=ranks.get)
    tokens = [spell(t) for t in by_rank]
    parts = (halves(t, ranks) for t in by_rank if len(t) > 1)
    merges = [spell(p[0]) + " " + spell(p[1]) for p in parts if p]
    marks = CONTROL + USER
    types = [NORMAL] * len(tokens) + [IS_CONTROL] * len(CONTROL) + [IS_USER] * len(USER)
    tokens += marks
    n_unused = SIZE - len(tokens)
    tokens += ["[UNUSED_%d]" % i for i in range(n_unused)]
    types += [UNUSED] * n_unused
    pairs = [pair("general.architecture", STRING, "qwen2"), pair("general.name", STRING, "vocabulary of Qwen"),
             pair("tokenizer.ggml.model", STRING, "gpt2"), pair("tokenizer.ggml.pre", STRING, "qwen2"),
             pair("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
             pair("tokenizer.ggml.token_type", ARRAY, (I32, types)),
             pair("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
             pair("tokenizer.ggml.eos_token_id", U32, tokens.index("<|im_end|>"))]
    with open(out, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + b"".join(pairs))


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3) or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1], pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else fetch())
