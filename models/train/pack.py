# SPDX-License-Identifier: Apache-2.0
"""Turns dialogues of the generator into one array file of token ids.

The file holds all dialogues one behind the other (`ids`), a flag per token that
says whether it is learned (`learned`), and where each dialogue starts (`starts`).
"""
import argparse

import numpy as np

from generate import stream
from render import spans
from tokenizer import load


def encode(tokenizer, talk):
    """Ids and learned flags of one dialogue."""
    ids, learned = [], []
    for text, is_learned in spans(talk.messages, talk.tools, think=talk.think):
        part = tokenizer.encode(text).ids
        ids += part
        learned += [is_learned] * len(part)
    return ids, learned


def pack(tokenizer, seed, split, count, longest):
    """Arrays for `count` dialogues; those longer than `longest` tokens are left out."""
    ids, learned, starts = [], [], [0]
    for talk, _ in zip(stream(seed, split), range(count)):
        part, flags = encode(tokenizer, talk)
        if len(part) <= longest:
            ids += part
            learned += flags
            starts.append(len(ids))
    return {"ids": np.array(ids, np.uint16), "learned": np.array(learned, bool),
            "starts": np.array(starts, np.int64)}


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", choices=("train", "held"), default="train")
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument("--longest", type=int, default=1024)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()
    arrays = pack(load(options.tokenizer), options.seed, options.split, options.count,
                  options.longest)
    np.savez(options.out, **arrays)
    print(f"{options.out}: {len(arrays['starts']) - 1} dialogues, {len(arrays['ids'])} tokens, "
          f"{arrays['learned'].mean():.0%} learned")


if __name__ == "__main__":
    main()
