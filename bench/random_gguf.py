#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a GGUF file with the shape of Qwen3-0.6B and random Q8_0 weights (634 MB): its answers are noise, its
speed is that of the real one. Needs nothing but Python; the same bytes each time.

random_gguf.py OUT
"""
import random
import struct
import sys

LAYERS, WIDTH, FFN, HEADS, KV_HEADS, HEAD_DIM, VOCAB, CONTEXT = 28, 1024, 3072, 16, 8, 128, 151936, 40960
ARCH = "qwen3"
U32, I32, F32, STRING, ARRAY = 4, 5, 6, 8, 9                    # value types of GGUF
TYPE_F32, TYPE_Q8_0 = 0, 8                                      # tensor types
ALIGN = 32
BLOCK_LEN, BLOCK_BYTES = 32, 34
POOL_BLOCKS = 1 << 16                                           # random blocks that the tensors draw from
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
            "<|im_start|>assistant\n")


def string(s):
    b = s.encode()
    return struct.pack("<Q", len(b)) + b


def pair(key, kind, value):
    head = string(key) + struct.pack("<I", kind)
    if kind == STRING:
        return head + string(value)
    if kind == ARRAY:
        element, items = value
        head += struct.pack("<IQ", element, len(items))
        return head + (b"".join(map(string, items)) if element == STRING else struct.pack("<%di" % len(items), *items))
    return head + struct.pack({U32: "<I", F32: "<f"}[kind], value)


def byte_letters():
    """The 256 letters that stand for bytes in byte-level BPE vocabularies."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return [chr(b) for b in shown] + [chr(256 + i) for i in range(len(hidden))]


def vocabulary(rng):
    """Pieces that grow letter by letter, each by one merge of an earlier one."""
    pieces, merges = byte_letters(), []
    grown, seen = list("abcdefghijklmnopqrstuvwxyz\u0120"), set(pieces)
    while len(pieces) < VOCAB - len(SPECIAL):
        left, right = rng.choice(grown), rng.choice("abcdefghijklmnopqrstuvwxyz")
        if left + right in seen or len(left) > 10:
            continue
        seen.add(left + right)
        grown.append(left + right)
        pieces.append(left + right)
        merges.append(left + " " + right)
    return pieces + SPECIAL, merges


def metadata(rng):
    tokens, merges = vocabulary(rng)
    end = tokens.index("<|im_end|>")
    types = [1] * (VOCAB - len(SPECIAL)) + [3] * len(SPECIAL)
    numbers = [("block_count", LAYERS), ("context_length", CONTEXT), ("embedding_length", WIDTH),
               ("feed_forward_length", FFN), ("attention.head_count", HEADS), ("attention.head_count_kv", KV_HEADS),
               ("attention.key_length", HEAD_DIM), ("attention.value_length", HEAD_DIM), ("vocab_size", VOCAB)]
    return [pair("general.architecture", STRING, ARCH), pair("general.name", STRING, "random-0.6b"),
            pair("general.alignment", U32, ALIGN), *(pair(f"{ARCH}.{key}", U32, v) for key, v in numbers),
            pair(f"{ARCH}.rope.freq_base", F32, 1e6),
            pair(f"{ARCH}.attention.layer_norm_rms_epsilon", F32, 1e-6),
            pair("tokenizer.ggml.model", STRING, "gpt2"), pair("tokenizer.ggml.pre", STRING, "qwen2"),
            pair("tokenizer.ggml.tokens", ARRAY, (STRING, tokens)),
            pair("tokenizer.ggml.token_type", ARRAY, (I32, types)),
            pair("tokenizer.ggml.merges", ARRAY, (STRING, merges)),
            pair("tokenizer.ggml.eos_token_id", U32, end), pair("tokenizer.chat_template", STRING, TEMPLATE)]


def tensors():
    """(name, sizes fastest first, type)"""
    q, kv = HEADS * HEAD_DIM, KV_HEADS * HEAD_DIM
    rows = [("token_embd", (WIDTH, VOCAB)), ("output_norm", (WIDTH,))]
    for i in range(LAYERS):
        rows += [(f"blk.{i}.{name}", dims) for name, dims in (
            ("attn_norm", (WIDTH,)), ("attn_q", (WIDTH, q)), ("attn_k", (WIDTH, kv)), ("attn_v", (WIDTH, kv)),
            ("attn_output", (q, WIDTH)), ("attn_q_norm", (HEAD_DIM,)), ("attn_k_norm", (HEAD_DIM,)),
            ("ffn_norm", (WIDTH,)), ("ffn_gate", (WIDTH, FFN)), ("ffn_up", (WIDTH, FFN)), ("ffn_down", (FFN, WIDTH)))]
    return [(name + ".weight", dims, TYPE_F32 if len(dims) == 1 else TYPE_Q8_0) for name, dims in rows]


def count(dims):
    return dims[0] * (dims[1] if len(dims) > 1 else 1)


def size(dims, kind):
    return count(dims) * 4 if kind == TYPE_F32 else count(dims) // BLOCK_LEN * BLOCK_BYTES


def pad(n):
    return -n % ALIGN


def write_weights(out, rng, pool, dims):
    """Runs of the pool, each from another place."""
    left = count(dims) // BLOCK_LEN
    while left:
        at = rng.randrange(POOL_BLOCKS)
        n = min(left, POOL_BLOCKS - at)
        out.write(pool[at * BLOCK_BYTES:(at + n) * BLOCK_BYTES])
        left -= n


def main(path):
    rng = random.Random(1)
    rows, offset, infos = tensors(), 0, []
    for name, dims, kind in rows:
        infos.append(string(name) + struct.pack("<I%dQIQ" % len(dims), len(dims), *dims, kind, offset))
        offset += size(dims, kind) + pad(size(dims, kind))
    pairs = metadata(rng)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(rows), len(pairs)) + b"".join(pairs) + b"".join(infos)
    scale = struct.pack("<e", 0.02 / 73)                        # a standard deviation of 0.02; no -128
    pool = memoryview(b"".join(scale + rng.randbytes(BLOCK_LEN).replace(b"\x80", b"\x81")
                               for _ in range(POOL_BLOCKS)))
    with open(path, "wb") as out:
        out.write(head + bytes(pad(len(head))))
        for _, dims, kind in rows:
            if kind == TYPE_F32:
                out.write(struct.pack("<f", 1.0) * count(dims))
            else:
                write_weights(out, rng, pool, dims)
            out.write(bytes(pad(size(dims, kind))))


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    main(sys.argv[1])
