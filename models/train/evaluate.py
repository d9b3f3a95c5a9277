# SPDX-License-Identifier: Apache-2.0
"""Greedy answers to held-back dialogues and hand-written prompts, graded by rule.

    python3 evaluate.py --model grokd-mini.gguf --tokenizer tokenizer.json --out eval.json

The model may be a GGUF file, which is measured as its readers see it (dequantised
Q8_0), or a checkpoint.
"""
import argparse
import json
import random
from collections import defaultdict

import torch

import gguf_io
from export_gguf import NAMES
from generate import can_join, stream
from grade import is_right
from model import Cache, Model, Shape
from prompts import PROMPTS
from render import render
from tokenizer import load
from train import load_model


def from_gguf(path):
    """The model of a GGUF file, in float32."""
    file = gguf_io.Reader(path)
    get = lambda key: file.metadata["qwen3." + key]
    shape = Shape(vocab=get("vocab_size"), width=get("embedding_length"), layers=get("block_count"),
                  heads=get("attention.head_count"),
                  kv_heads=get("attention.head_count_kv"), head_size=get("attention.key_length"),
                  ff=get("feed_forward_length"),
                  rope_base=get("rope.freq_base"), eps=get("attention.layer_norm_rms_epsilon"))
    names = {"embed.weight": "token_embd.weight", "norm.weight": "output_norm.weight"}
    for i in range(shape.layers):
        names.update({f"blocks.{i}.{source}": f"blk.{i}.{to}" for source, to in NAMES})
    model = Model(shape)
    model.load_state_dict({ours: torch.tensor(file.tensors[theirs]) for ours,
                           theirs in names.items()})
    return model


@torch.inference_mode()
def decode(model, prompts, end, limit, temperature=0.0):
    """Token lists that continue prompts of one and the same length."""
    cache, out = Cache(), [[] for _ in prompts]
    open_rows = set(range(len(prompts)))
    step = torch.tensor(prompts)
    positions = torch.arange(step.shape[1]).expand(step.shape)
    for i in range(limit):
        size = step.shape[1]
        total = positions[0, -1].item() + 1
        cache.mask = torch.ones(size, total, dtype=torch.bool).tril(total - size)
        logits = model.logits(model(step, positions, cache)[:, -1])
        if temperature > 0:
            chosen = torch.multinomial(torch.softmax(logits / temperature, -1), 1)
        else:
            chosen = logits.argmax(-1, keepdim=True)
        for row in list(open_rows):
            token = chosen[row].item()
            if token == end:
                open_rows.discard(row)
            else:
                out[row].append(token)
        if not open_rows:
            break
        step, positions = chosen, torch.full((len(prompts), 1), total)
    return out


def answers(model, tokenizer, prompts, limit=220, temperature=0.0, rows=48):
    """Answer texts in the order of the prompts; prompts of equal length share a batch."""
    end = tokenizer.token_to_id("<|im_end|>")
    ids = [tokenizer.encode(p).ids for p in prompts]
    order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
    out = [""] * len(ids)
    while order:
        size = len(ids[order[0]])
        group = [i for i in order[:rows] if len(ids[i]) == size]
        order = order[len(group):]
        for i, tokens in zip(group, decode(model, [ids[i] for i in group], end, limit,
                                           temperature)):
            out[i] = tokenizer.decode(tokens, skip_special_tokens=False)
    return out


def lengthened(talk, others, tokenizer, tokens):
    """The dialogue behind so many others that its prompt has about `tokens` tokens."""
    before = []
    while len(tokenizer.encode(render(before + talk.messages)).ids) < tokens:
        other = next(others)
        if can_join(other):
            before = [m for m in other.messages if m["role"] != "system"] + before
    return before + talk.messages


def held_cases(seed, count, tokenizer, tokens=0):
    """(kind, prompt, check, expected) of held-back dialogues."""
    cases, others = [], stream(seed + 1, "held")
    for talk in stream(seed, "held"):
        if talk.check and (not tokens or can_join(talk)):
            messages = lengthened(talk, others, tokenizer, tokens) if tokens else talk.messages
            prompt = render(messages[:-1], talk.tools, True, talk.think)
            cases.append((talk.kind, prompt, talk.check, talk.messages[-1].get("content", "")))
        if len(cases) == count:
            return cases


def hand_cases():
    """The same for the hand-written prompts."""
    cases = []
    for messages, check in PROMPTS:
        if isinstance(messages, str):
            messages = [{"role": "user", "content": messages}]
        cases.append(("hand-written", render(messages, (), True), check, ""))
    return cases


def score(model, tokenizer, cases, temperature):
    """Rows of results and the share of right answers per kind."""
    texts = answers(model, tokenizer, [c[1] for c in cases], temperature=temperature)
    rows, by_kind = [], defaultdict(list)
    for (kind, prompt, check, expected), text in zip(cases, texts):
        right = is_right(text, check)
        by_kind[kind].append(right)
        rows.append({"kind": kind, "prompt": prompt, "answer": text, "expected": expected,
                     "right": right})
    return rows, {k: (sum(v), len(v)) for k, v in sorted(by_kind.items())}


def table(shares):
    """Lines of a Markdown table."""
    lines = ["| kind | right | of | share |", "|---|---:|---:|---:|"]
    lines += [f"| {k} | {right} | {of} | {right / of:.0%} |" for k, (right, of) in shares.items()]
    return "\n".join(lines)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--seed", type=int, default=900)
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--before", type=int, default=0, help="tokens of other dialogues in front")
    parser.add_argument("--show", type=int, default=0, help="print so many wrong answers")
    parser.add_argument("--out")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model = from_gguf(options.model) if options.model.endswith(".gguf") else load_model(
            options.model)[0]
    tokenizer = load(options.tokenizer)
    cases = held_cases(options.seed, options.count, tokenizer, options.before)
    cases += [] if options.before else hand_cases()
    rows, shares = score(model, tokenizer, cases, options.temperature)
    held = [v for k, v in shares.items() if k != "hand-written"]
    shares["all held-back"] = (sum(r for r, _ in held), sum(n for _, n in held))
    print(table(shares))
    wrong = [r for r in rows if not r["right"]]
    random.Random(options.seed).shuffle(wrong)
    for r in wrong[:options.show]:
        print(f"--- {r['kind']}\n{r['prompt']}\n>>> {r['answer']}\n(expected) {r['expected']}")
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump({"shares": shares, "rows": rows}, file, ensure_ascii=False, indent=1)


if __name__ == "__main__":
    main()
