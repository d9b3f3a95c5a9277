# SPDX-License-Identifier: Apache-2.0
"""What every dialogue maker uses: the record, phrase expansion and rough spelling.

All chance comes from one `random.Random`, seeded by the caller, and only its
`random()` and `getrandbits()` based methods are used, so that one seed gives
the same text on every machine.
"""
import hashlib
import re
from dataclasses import dataclass, field

from words import FIRST_NAMES, PLAIN_WORDS

CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
SLOT = re.compile(r"\$([a-z_]+)")
HELD_BACK_SHARE = 10     # one in ten


@dataclass
class Talk:
    """One dialogue: messages, what was varied in it, and how to grade its end."""

    kind: str
    messages: list
    key: str
    check: dict = field(default_factory=dict)
    tools: list = field(default_factory=list)
    think: bool = False
    pinned: bool = False   # a dialogue that users will surely try: never held back
    alone: bool = False    # must not be joined with others into a longer dialogue

    def as_dict(self):
        """Compact form for a line of JSON."""
        out = {"kind": self.kind, "messages": self.messages, "key": self.key}
        for name in ("check", "tools", "think"):
            if getattr(self, name):
                out[name] = getattr(self, name)
        return out


@dataclass
class Item:
    """A question with its bare answer and its answer as a sentence."""

    kind: str
    question: str
    short: str
    full: str
    key: str = ""
    accept: tuple = ()     # any of these counts as right; default the bare answer

    def check(self):
        """Grading rule: the bare answer must occur; a result must be the last number."""
        if self.kind == "arithmetic":
            return {"last": self.short}
        return {"any": list(self.accept or (self.short,))}

    def check_also(self):
        """The same rule beside another one."""
        if self.kind == "arithmetic":
            return {"last": self.short}
        return {"also": list(self.accept or (self.short,))}


def is_held_back(kind, key):
    """True for about a tenth of all keys, the same ones for every seed."""
    digest = hashlib.sha256(f"{kind}|{key}".encode()).digest()
    return digest[0] * 256 + digest[1] < 65536 // HELD_BACK_SHARE


def plain_key(text):
    """Key of a dialogue that has no better one: its text without case and marks."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def say(rng, pattern, **slots):
    """One random reading of a pattern such as `{Hi|Hello}, $name!`."""
    while True:
        found = CHOICE.search(pattern)
        if not found:
            break
        pick = rng.choice(found.group(1).split("|"))
        pattern = pattern[:found.start()] + pick + pattern[found.end():]
    return SLOT.sub(lambda m: str(slots[m.group(1)]) if m.group(1) in slots else m.group(0),
                    pattern)


def pick(rng, patterns, **slots):
    """`say` for one of several patterns."""
    return say(rng, rng.choice(patterns), **slots)


def cap(text):
    """First letter in upper case, the rest as it is."""
    return text[:1].upper() + text[1:]


def a_or_an(word):
    """The word with its indefinite article."""
    return ("an " if word[:1].lower() in "aeiou" else "a ") + word


def join_and(words):
    """`a, b and c`."""
    words = list(words)
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def user(text):
    """A user message."""
    return {"role": "user", "content": text}


def bot(text, reasoning=None):
    """An assistant message, with its thoughts if there are any."""
    message = {"role": "assistant", "content": text}
    if reasoning:
        message["reasoning_content"] = reasoning
    return message


def system(text):
    """A system message."""
    return {"role": "system", "content": text}


STARTS = "b br c ch d dr f fl g gr h j k kl l m n p pl qu r s sh sk st t th tr v w y z".split()
MIDDLES = "a e i o u ai ea ee ia io oo ou".split()
ENDS = ["", "", "", "l", "m", "n", "r", "s", "t", "x", "nd", "rk", "ck", "ll"]


def invented(rng):
    """A word that no list holds, so that copying is learned and not the lists."""
    parts = [rng.choice(STARTS) + rng.choice(MIDDLES) for _ in range(rng.choice((1, 2, 2, 3)))]
    return "".join(parts) + rng.choice(ENDS)


def fresh_name(rng):
    """A first name, in a third of the cases an invented one."""
    return cap(invented(rng)) if rng.random() < 0.33 else rng.choice(FIRST_NAMES)


def fresh_word(rng):
    """A plain word, in a third of the cases an invented one."""
    return invented(rng) if rng.random() < 0.33 else rng.choice(PLAIN_WORDS)


LEADS = ("I have a question: ", "Answer this: ", "Please answer: ", "Can you help me with this? ",
         "My friend asked me: ", "Hi! I have a question. ", "I need your help. ", "I am curious. ",
         "Here is my question: ", "I want to know: ", "Let me ask you something. ",
         "Okay, next question: ", "One more thing: ", "Now something else. ", "Tell me: ",
         "For my homework: ",
         "Sorry to bother you. ", "Hey there! ", "Good morning. ", "Now: ", "I was wondering, ",
         "Task: ", "Could you help? ", "Next: ", "Dear assistant, ")
TAILS = (" I need it for school.", " Thanks in advance!", " I forgot.", " It is important.",
         " Please help me.", " I am not sure.", " My son wants to know.", " Thank you!",
         " I can't remember.",
         " Can you tell me?", " Do you know?", " Please be quick.", " I really want to know.",
         " It's for a quiz.")


def wrapped(rng, text):
    """The request with a sentence before or behind it that changes nothing."""
    if rng.random() < 0.6:
        lead = rng.choice(LEADS)
        return lead + (text if lead.rstrip()[-1] in ".!?:" else text[:1].lower() + text[1:])
    return text + rng.choice(TAILS) if text[-1:] in ".?!" else text


def misspell(rng, word):
    """One typing mistake inside a word of at least five plain letters."""
    i = rng.randrange(1, len(word) - 2)
    how = rng.randrange(3)
    if how == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if how == 1:
        return word[:i] + word[i + 1:]
    return word[:i] + word[i] + word[i:]


def rough(rng, text):
    """The same request as a hurried person types it. Quoted text is left alone."""
    if '"' in text or "\n" in text or ":" in text:
        return text
    dice = rng.random()
    if dice < 0.45:
        return text
    if dice < 0.62:
        text = text.lower()
    elif dice < 0.66:
        text = text.upper() if len(text) < 40 else text
    if rng.random() < 0.35:
        text = text.rstrip("?.! ")
    if rng.random() < 0.15:
        words = text.split(" ")
        long_ones = [i for i, w in enumerate(words) if len(w) > 5 and w.isalpha() and w.islower()]
        if long_ones:
            i = rng.choice(long_ones)
            words[i] = misspell(rng, words[i])
            text = " ".join(words)
    if rng.random() < 0.12:
        text = rng.choice(("hey, ", "hi, ", "ok, ", "please: ", "so, ", "quick question: ",
                           "Hi! ", "Hello, ", "um, ", "Question: ")) + text
    elif rng.random() < 0.08:
        text = text.rstrip("?.! ") + rng.choice((" please", "? thanks", " pls", ", thanks!",
                                                 "??", "!", " ...", "? Thank you."))
    return text


def talk_of(rng, item, kind=None, noisy=True):
    """The plain two-message dialogue of an item."""
    question = rough(rng, item.question) if noisy else item.question
    if rng.random() < 0.12 and item.kind not in ("smalltalk", "rewriting"):
        question = wrapped(rng, question)
    return Talk(kind or item.kind, [user(question), bot(item.full)],
                item.key or plain_key(item.question), item.check())
