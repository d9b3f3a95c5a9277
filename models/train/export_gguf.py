# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint as GGUF: Q8_0 matrices, F32 norms, tokenizer and chat template.

The gain of the last norm may be multiplied by `--sharpen`: greedy answers stay the
same, and answers at temperature 1 become as sure as they would be at 1/sharpen.
The file is read back and compared before the program ends.
"""
import argparse
import os

import numpy as np

import gguf_io
from tokenizer import CONTROL, USER_DEFINED, load, merges_of
from train import load_model

HERE = os.path.dirname(os.path.abspath(__file__))
NORMAL, CONTROL_TYPE, USER_TYPE = 1, 3, 4
DESCRIPTION = ("The small demonstration model built into grokd, trained from scratch on generated "
               "dialogues. "
               "It answers simple questions in English and is often wrong.")
NAMES = (("attn_norm.weight", "attn_norm.weight"), ("attn.q.weight", "attn_q.weight"),
         ("attn.k.weight", "attn_k.weight"),
         ("attn.v.weight", "attn_v.weight"), ("attn.o.weight", "attn_output.weight"),
         ("attn.q_norm.weight", "attn_q_norm.weight"),
         ("attn.k_norm.weight", "attn_k_norm.weight"), ("ffn_norm.weight", "ffn_norm.weight"),
         ("gate.weight", "ffn_gate.weight"),
         ("up.weight", "ffn_up.weight"), ("down.weight", "ffn_down.weight"))


def shape_metadata(s):
    """The keys that a loader of `qwen3` needs."""
    keys = {"context_length": s.context, "embedding_length": s.width, "block_count": s.layers,
            "feed_forward_length": s.ff,
            "attention.head_count": s.heads, "attention.head_count_kv": s.kv_heads,
            "attention.key_length": s.head_size,
            "attention.value_length": s.head_size, "attention.layer_norm_rms_epsilon": float(s.eps),
            "rope.freq_base": float(s.rope_base), "rope.dimension_count": s.head_size,
            "vocab_size": s.vocab}
    return {"qwen3." + key: value for key, value in keys.items()}


def tokenizer_metadata(path):
    """Vocabulary, merges and special tokens."""
    vocab = load(path).get_vocab()
    tokens = sorted(vocab, key=vocab.get)
    assert [vocab[t] for t in tokens] == list(range(len(tokens)))
    kinds = [CONTROL_TYPE if t in CONTROL else USER_TYPE if t in USER_DEFINED else NORMAL
             for t in tokens]
    return {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.tokens": tokens,
            "tokenizer.ggml.token_type": kinds, "tokenizer.ggml.merges": merges_of(path),
            "tokenizer.ggml.bos_token_id": vocab["<|endoftext|>"],
            "tokenizer.ggml.eos_token_id": vocab["<|im_end|>"],
            "tokenizer.ggml.padding_token_id": vocab["<|endoftext|>"],
            "tokenizer.ggml.add_bos_token": False}


def metadata_of(shape, tokenizer_path):
    """Everything in front of the tensors."""
    with open(os.path.join(HERE, "..", "chat_template.jinja"), encoding="utf-8") as file:
        template = file.read().rstrip("\n")
    out = {"general.architecture": "qwen3", "general.type": "model", "general.name": "grokd-mini",
           "general.size_label": "6M",
           "general.description": DESCRIPTION, "general.license": "Apache-2.0",
           "general.file_type": 7,
           "general.quantization_version": 2}
    out.update(shape_metadata(shape))
    out.update(tokenizer_metadata(tokenizer_path))
    out["tokenizer.chat_template"] = template
    return out


def tensors_of(model, sharpen):
    """(name, array, type) of every tensor."""
    state = {k: v.detach().float().cpu().numpy() for k, v in model.state_dict().items()}
    out = [("token_embd.weight", state["embed.weight"]), ("output_norm.weight",
                                                          state["norm.weight"] * np.float32(
            sharpen))]
    for i in range(model.shape.layers):
        out += [(f"blk.{i}.{to}", state[f"blocks.{i}.{source}"]) for source, to in NAMES]
    return [(n, a, gguf_io.TYPE_Q8_0 if a.ndim == 2 else gguf_io.TYPE_F32) for n, a in out]


def check(path, metadata, tensors):
    """Reads the file back: same keys, same shapes, values within half a step of each block."""
    back = gguf_io.Reader(path)
    for key, value in metadata.items():
        same = back.metadata[key] == value or isinstance(value, float) and abs(
                back.metadata[key] - value) <= 1e-6 * value
        assert same, key
    for name, array, kind in tensors:
        got = back.tensors[name]
        assert got.shape == array.shape, name
        step = 0.0
        if kind == gguf_io.TYPE_Q8_0:
            step = np.abs(array.reshape(-1, 32)).max(axis=1, keepdims=True) / 127 * 0.6 + 1e-5
        assert (np.abs(got - array).reshape(-1, 32 if kind == gguf_io.TYPE_Q8_0
                                            else 1) <= step).all(), name


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--sharpen", type=float, default=1.0)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    model, state = load_model(options.checkpoint)
    metadata, tensors = metadata_of(model.shape, options.tokenizer), tensors_of(model,
            options.sharpen)
    gguf_io.write(options.out + ".part", metadata, tensors)
    check(options.out + ".part", metadata, tensors)
    os.replace(options.out + ".part", options.out)
    print(f"{options.out}: {os.path.getsize(options.out)} bytes, step {state['step']}, {state['tokens']} tokens seen")


if __name__ == "__main__":
    main()
