# SPDX-License-Identifier: Apache-2.0
"""Writes dialogues, one JSON object per line, from a seed.

    python3 generate.py --seed 1 --count 1000 --split train --out train.jsonl

A dialogue belongs to the split `held` when the hash of its slot values says so
(`base.is_held_back`), else to `train`; the rule does not depend on the seed, so a
held-back dialogue never turns up in any training set.
"""
import argparse
import json
import random
import sys

import chat
import facts
import situations
import skills
import writing
from base import Talk, is_held_back, system, talk_of


def from_items(maker):
    """A dialogue maker from an item maker."""
    def make(rng):
        return talk_of(rng, maker(rng))
    return make


MAKERS = (
    (from_items(facts.any_fact), 22), (from_items(skills.any_skill), 27), (skills.listing_talk, 2),
    (from_items(chat.any_chat), 25), (situations.styled, 7), (situations.inline_style, 2),
    (situations.named_bot, 1.5), (situations.told_in_system, 2), (situations.memory, 4),
    (situations.never_told, 0.7), (situations.follow_up, 3), (situations.mixed_roles, 4),
    (situations.tool_use, 3), (situations.thinking, 3.5), (from_items(writing.any_writing), 8),
    (writing.explain_joke, 1), (writing.second_thought, 2), (writing.abroad, 1.2),
)
CHAIN_SHARE = 0.22        # of the dialogues that may be joined
SYSTEM_SHARE = 0.3        # of the dialogues that have no system message of their own


def draw(rng, split):
    """One dialogue of the split: draws until the hash agrees."""
    makers, weights = [m for m, _ in MAKERS], [w for _, w in MAKERS]
    while True:
        talk = rng.choices(makers, weights)[0](rng)
        if (is_held_back(talk.kind, talk.key) and talk.key != "pinned"
            and not talk.pinned) == (split == "held"):
            return talk


def can_join(talk):
    """Dialogues that keep their sense in the middle of a longer one."""
    return not (talk.alone or talk.tools or talk.think or talk.kind in ("style", "roles",
            "persona"))


def joined(rng, talk, split):
    """The dialogue behind some others, as one longer conversation."""
    before = []
    wanted = rng.choice((1, 1, 1, 2, 2, 3, 4, 8))
    while len(before) < wanted:
        other = draw(rng, split)
        if can_join(other) and other.kind not in ("memory", "context"):
            before.append(other)
    messages = [m for other in before for m in other.messages]
    key = " + ".join(t.key for t in before + [talk])
    return Talk(talk.kind, messages + talk.messages, key, talk.check)


def conversation(rng, split):
    """A dialogue, perhaps lengthened, perhaps under a neutral system prompt."""
    talk = draw(rng, split)
    if can_join(talk) and rng.random() < CHAIN_SHARE:
        talk = joined(rng, talk, split)
    has_system = any(m["role"] in ("system", "developer") for m in talk.messages)
    if not has_system and not talk.alone and talk.kind not in ("identity", "persona") and rng.random() < SYSTEM_SHARE:
        talk.messages = [system(situations.neutral_system(rng))] + talk.messages
    return talk


def stream(seed, split):
    """Endless dialogues of a split."""
    rng = random.Random(f"{split}:{seed}")
    while True:
        yield conversation(rng, split)


def main():
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--split", choices=("train", "held"), default="train")
    parser.add_argument("--out", default="-")
    options = parser.parse_args()
    out = sys.stdout if options.out == "-" else open(options.out, "w", encoding="utf-8")
    for talk, _ in zip(stream(options.seed, options.split), range(options.count)):
        out.write(json.dumps(talk.as_dict(), ensure_ascii=False) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
