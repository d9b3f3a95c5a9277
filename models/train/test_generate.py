# SPDX-License-Identifier: Apache-2.0
"""Fast self-test of the generator and the template; standard library only.

    python3 test_generate.py
"""
import itertools
import json
import os
import re
import unittest

import base
import generate
import grade
from prompts import PROMPTS
from render import render, spans

HERE = os.path.dirname(os.path.abspath(__file__))
COUNT = 1500
LEFT_OVER = re.compile(r"\{[^{}\"\n]*\|[^{}\"\n]*\}|\$[a-z]\b")


def first(seed, split, count=COUNT):
    """The first dialogues of a seed."""
    return list(itertools.islice(generate.stream(seed, split), count))


class Generator(unittest.TestCase):
    """What training and grading rely on."""

    @classmethod
    def setUpClass(cls):
        cls.train, cls.held = first(1, "train"), first(1, "held")

    def test_one_seed_gives_one_text(self):
        again = first(1, "train")
        self.assertEqual([t.as_dict() for t in self.train], [t.as_dict() for t in again])

    def test_other_seed_gives_other_text(self):
        self.assertNotEqual([t.messages for t in self.train[:50]], [t.messages for t in first(2,
                "train", 50)])

    def test_held_back_keys_are_never_trained_on(self):
        keys = lambda talks: {(t.kind, t.key) for t in talks if " + " not in t.key
                              and t.key != "pinned" and not t.pinned}
        self.assertFalse(keys(self.train) & keys(self.held))
        self.assertTrue(all(base.is_held_back(*k) for k in keys(self.held)))

    def test_share_held_back(self):
        hits = sum(base.is_held_back("fact", f"key {i}") for i in range(20000))
        self.assertAlmostEqual(hits / 20000, 0.1, delta=0.01)

    def test_no_pattern_is_left_unexpanded(self):
        for talk in self.train:
            for message in talk.messages:
                self.assertIsNone(LEFT_OVER.search(message["content"]), message["content"])

    def test_ends_with_the_assistant(self):
        for talk in self.train:
            self.assertEqual(talk.messages[-1]["role"], "assistant")

    def test_own_answers_pass_their_checks(self):
        for talk in self.train + self.held:
            if talk.check and "call" not in talk.check:
                self.assertTrue(grade.is_right(talk.messages[-1]["content"], talk.check),
                                (talk.messages[-1], talk.check))

    def test_hand_written_prompts_have_known_rules(self):
        for _, check in PROMPTS:
            self.assertTrue(set(check) <= set(grade.RULES) | {"members", "count"})

    def test_only_the_assistant_is_learned(self):
        for talk in self.train[:300]:
            learned = "".join(t for t, is_learned in spans(talk.messages, talk.tools) if is_learned)
            self.assertEqual(learned.count("<|im_end|>"), sum(m["role"] == "assistant"
                    for m in talk.messages))


class Template(unittest.TestCase):
    """`chat_template.jinja` and `render.py` agree."""

    def setUp(self):
        try:
            from jinja2.sandbox import ImmutableSandboxedEnvironment
        except ImportError:
            self.skipTest("jinja2 is not installed")
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
        with open(os.path.join(HERE, "..", "chat_template.jinja"), encoding="utf-8") as file:
            self.template = environment.from_string(file.read())

    def same(self, messages, tools=()):
        for prompt, think in itertools.product((False, True), repeat=2):
            text = self.template.render(messages=messages, tools=tools,
                                        add_generation_prompt=prompt, enable_thinking=think)
            self.assertEqual(text, render(messages, tools, prompt, think))

    def test_generated_dialogues(self):
        for talk in first(3, "train", 300):
            self.same(talk.messages, talk.tools)

    def test_odd_messages(self):
        call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}
        parts = [{"type": "text", "text": "one "}, {"type": "image_url", "image_url": {"url": "x"}},
                 {"type": "text", "text": "two"}]
        self.same([])
        self.same([{"role": "user", "content": parts}, {"role": "system", "content": "ünï"},
                   {"role": "developer", "content": "d"}])
        self.same([{"role": "user", "content": "q"}, {"role": "assistant", "content": None,
                                                      "tool_calls": [call, call]},
                   {"role": "tool", "content": "1"}, {"role": "assistant", "content": "a",
                                                      "tool_calls": [call]}])
        self.same([{"role": "user", "content": "q"}, {"role": "assistant", "content": "a",
                                                      "reasoning_content": " r\n"},
                   {"role": "user", "content": "q"}, {"role": "assistant", "content": "a",
                                                      "reasoning_content": "r"}])


if __name__ == "__main__":
    unittest.main()
