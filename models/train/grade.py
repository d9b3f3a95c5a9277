# SPDX-License-Identifier: Apache-2.0
"""Decides whether an answer is right, by the rules that dialogues carry in `check`.

    exact    the whole answer            any      one of these texts occurs
    last     the last number             also     one of these occurs as well
    json     equal as JSON               all      one text of every list occurs
    call     one tool call, equal        members  `count` different ones of a category
    none     none of these texts occurs  longest  at most so many characters
"""
import json
import re

CALL = re.compile(r"<tool_call>\n(.*?)\n</tool_call>", re.S)


def occurs(text, answer):
    """Case does not matter; a number must not be part of a longer one."""
    text, answer = text.lower(), answer.lower()
    if text[:1].isdigit() or text[-1:].isdigit():
        return re.search(r"(?<!\d)" + re.escape(text) + r"(?!\d)", answer) is not None
    return text in answer


def as_json(answer):
    """The value, or None if it is not JSON."""
    try:
        return json.loads(answer)
    except ValueError:
        return None


def is_call(answer, wanted):
    """Exactly the wanted call."""
    found = CALL.findall(answer)
    return len(found) == 1 and as_json(found[0]) == wanted


def last_number(answer):
    """The last run of digits, with its sign."""
    found = re.findall(r"-?\d+", answer.replace(",", ""))
    return found[-1] if found else None


RULES = {
    "exact": lambda answer, want: answer.strip() == want,
    "any": lambda answer, want: any(occurs(w, answer) for w in want),
    "also": lambda answer, want: any(occurs(w, answer) for w in want),
    "all": lambda answer, want: all(any(occurs(w, answer) for w in group) for group in want),
    "none": lambda answer, want: not any(occurs(w, answer) for w in want),
    "last": lambda answer, want: last_number(answer) == str(want),
    "json": lambda answer, want: as_json(answer) == want,
    "call": is_call,
    "longest": lambda answer, want: len(answer) <= want,
}


def is_right(answer, check):
    """True when every rule of the check agrees."""
    answer = answer.split("</think>")[-1].strip()
    if "members" in check:
        hits = sum(re.search(rf"\b{re.escape(m.lower())}s?\b", answer.lower()) is not None
                   for m in check["members"])
        return hits == check["count"]
    return all(RULES[name](answer, want) for name, want in check.items())
