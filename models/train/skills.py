# SPDX-License-Identifier: Apache-2.0
"""Things to do rather than to know: arithmetic, counting, rewriting, extraction, lists."""
import json

from base import Item, Talk, a_or_an, bot, cap, fresh_word, join_and, pick, rough, say, user
from words import (CATEGORIES, CITIES, COMPANIES, FIRST_NAMES, ITEMS, LAST_NAMES, PLAIN_WORDS)
from facts import plural_category
from tables import MONTHS

ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen").split()
TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_words(n):
    """English words for 0 to 999."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10] + ("-" + ONES[n % 10] if n % 10 else "")
    rest = " and " + in_words(n % 100) if n % 100 else ""
    return ONES[n // 100] + " hundred" + rest


def number_below(rng, top):
    """A number with a size drawn first, so that small ones are common."""
    return rng.randrange(10 ** rng.choice([d for d in (1, 1, 2, 2, 2, 3) if 10 ** d <= top]))


PLACES = ("Ones", "Tens", "Hundreds")


def add_steps(a, b):
    """Column addition, one place at a time, in words a reader can follow."""
    steps, carry = [], 0
    for i in range(max(len(str(a)), len(str(b)))):
        x, y = a // 10 ** i % 10, b // 10 ** i % 10
        total = x + y + carry
        plus = f" + {carry}" if carry else ""
        steps.append(f"{PLACES[i]}: {x} + {y}{plus} = {total}.")
        carry = total // 10
    return " ".join(steps)


def sub_steps(a, b):
    """Column subtraction with borrowing; a >= b."""
    steps, borrow = [], 0
    for i in range(len(str(a))):
        x, y = a // 10 ** i % 10 - borrow, b // 10 ** i % 10
        lend = 10 if x < y else 0
        steps.append(f"{PLACES[i]}: {x + lend} - {y} = {x + lend - y}.")
        borrow = 1 if lend else 0
    return " ".join(steps)


def mul_steps(a, b):
    """a times a single digit b, place by place."""
    parts = [a // 10 ** i % 10 * 10 ** i for i in range(len(str(a)))][::-1]
    parts = [p for p in parts if p]
    products = [p * b for p in parts]
    text = ", ".join(f"{p} * {b} = {q}" for p, q in zip(parts, products))
    return f"{text}. {' + '.join(map(str, products))} = {a * b}."


ASK_SUM = ("What is $a $o $b?", "What is $a $o $b?", "What's $a $o $b?", "$a $o $b", "$a $o $b = ?",
           "$a$o$b?", "$a$o$b=",
           "{Calculate|Compute} $a $o $b.", "How much is $a $o $b?", "{Solve|Work out} $a $o $b",
           "Can you {calculate|tell me} $a $o $b?", "What does $a $o $b equal?",
           "$a $o $b is what?",
           "Please {calculate|add up|compute}: $a $o $b", "Quick: $a $o $b?",
           "What do I get for $a $o $b?")
SIGN = {"+": ("+", "+", "plus"), "-": ("-", "-", "minus"),
        "*": ("*", "x", "times", "×", "multiplied by"), "/": ("/", "divided by", "÷")}
SAID = {"+": "+", "-": "-", "*": "*", "/": "/"}


def numbers_for(rng, op):
    """Operands of a size that the model is meant to manage."""
    if op == "+":
        return number_below(rng, 1000), number_below(rng, 1000)
    if op == "-":
        return sorted((number_below(rng, 1000), number_below(rng, 1000)), reverse=True)
    if op == "*":
        if rng.random() < 0.6:
            return rng.randrange(13), rng.randrange(13)
        pair = [rng.choice((rng.randrange(10, 100), rng.randrange(100, 1000))), rng.randrange(2,
                10)]
        rng.shuffle(pair)
        return pair
    b = rng.randrange(1, 13)
    return b * rng.randrange(13), b


def worked(a, op, b):
    """Result and, where the mind needs them, the steps."""
    if op == "+":
        return a + b, add_steps(a, b) if a > 19 and b > 9 else ""
    if op == "-":
        return a - b, sub_steps(a, b) if a > 19 and b > 9 else ""
    if op == "*":
        big, small = max(a, b), min(a, b)
        return a * b, mul_steps(big, small) if big > 12 and small > 1 else ""
    return a // b, ""


def arithmetic(rng):
    """The four operations in digits and words; steps only for larger numbers."""
    op = rng.choice("+++++---***/")
    a, b = numbers_for(rng, op)
    result, steps = worked(a, op, b)
    sign = rng.choice(SIGN[op])
    word_numbers = rng.random() < 0.15 and a < 100 and b < 100
    if word_numbers and sign in "+-*/x×÷":
        sign = SIGN[op][2] if op != "/" else "divided by"
    x, y = (in_words(a), in_words(b)) if word_numbers else (a, b)
    patterns = [p for p in ASK_SUM if "$a$o" not in p or len(sign) == 1 and not word_numbers]
    question = pick(rng, patterns, a=x, b=y, o=sign)
    if rng.random() < 0.08:
        question = story_form(rng, a, op, b) or question
    short = str(result)
    full = f"{a} {SAID[op]} {b} = {result}."
    if steps and rng.random() < 0.85:
        full = f"{steps} So {a} {SAID[op]} {b} = {result}."
    elif op != "/" and not steps and rng.random() < 0.15:
        full = f"{a} {SAID[op]} {b} equals {result}."
    return Item("arithmetic", cap(question), short, full, f"{a}{op}{b}")


def more_arithmetic(rng):
    """Three numbers, halves and doubles, squares, percentages, results below zero."""
    ask = rng.randrange(6)
    if ask == 0:
        a, b, c = (rng.randrange(1, 30) for _ in range(3))
        question = pick(rng, ("What is $a + $b + $c?", "$a + $b + $c", "Add $a, $b and $c.",
                              "The sum of $a, $b and $c?"), a=a, b=b, c=c)
        return Item("arithmetic", question, str(a + b + c),
                    f"{a} + {b} = {a + b}. {a + b} + {c} = {a + b + c}.", f"{a}+{b}+{c}")
    if ask == 1:
        n = rng.randrange(1, 100)
        if rng.random() < 0.5:
            return Item("arithmetic", pick(rng, ("What is {half of|one half of} $n?",
                                                 "Half of $n?"), n=2 * n), str(n),
                        f"Half of {2 * n} is {n}.", f"half {n}")
        return Item("arithmetic", pick(rng, ("What is {double|twice|two times} $n?", "Double $n."),
                                       n=n), str(2 * n), f"Twice {n} is {2 * n}.", f"twice {n}")
    if ask == 2:
        n = rng.randrange(1, 21)
        question = pick(rng, ("What is $n squared?", "What is the square of $n?", "$n^2",
                              "What is $n to the power of 2?"), n=n)
        return Item("arithmetic", question, str(n * n), f"{n} * {n} = {n * n}.", f"square {n}")
    if ask == 3:
        percent, n = rng.choice((10, 20, 25, 50, 100)), 20 * rng.randrange(1, 41)
        question = pick(rng, ("What is $p% of $n?", "What is $p percent of $n?", "$p% of $n"),
                        p=percent, n=n)
        return Item("arithmetic", question, str(n * percent // 100),
                    f"{percent}% of {n} is {n * percent // 100}.", f"{percent}% {n}")
    if ask == 4:
        a, b = sorted((rng.randrange(1, 50), rng.randrange(1, 50)))
        question = pick(rng, ("What is $a - $b?", "$a - $b", "What is $a minus $b?"), a=a, b=b)
        return Item("arithmetic", question, str(a - b), f"{a} - {b} = {a - b}.", f"{a}-{b}")
    a, b = numbers_for(rng, "+")
    question = pick(rng, ("{What is the|The|Find the} sum of $a and $b{?|.}",
                          "{Add|Add up} $a and $b.",
                          "{What do you get|What's the result|How much is it} {if|when} {you|I} "
                          "add $a and $b?", "$a and $b make?", "{What is|What's} $a more than $b?"),
                    a=a, b=b)
    _, steps = worked(a, "+", b)
    return Item("arithmetic", question, str(a + b), f"{steps} So {a} + {b} = {a + b}." if steps
                else f"{a} + {b} = {a + b}.", f"{a}+{b}")


def story_form(rng, a, op, b):
    """A sum as a small story, for two of the operations."""
    name, item = rng.choice(FIRST_NAMES), rng.choice(ITEMS)
    if op == "+":
        return pick(rng, ("$n has $a $i and gets $b more. How many $i does $n have now?",
                          "There are $a $i in one box and $b in another. How many are there in "
                          "total?",
                          "If I have $a $i and buy $b more, how many do I have?"), n=name, a=a, b=b,
                          i=item)
    if op == "-" and a:
        return pick(rng, ("$n has $a $i and gives away $b. How many $i are left?",
                          "I had $a $i and lost $b of them. How many are left?",
                          "A shop has $a $i and sells $b. How many remain?"), n=name, a=a, b=b,
                          i=item)
    return None


def compare(rng):
    """Larger, smaller, odd, even, sorting, largest of a few, next in a row."""
    ask = rng.randrange(8)
    if ask < 2:
        a, b = number_below(rng, 1000), number_below(rng, 1000)
        a += a == b
        larger = rng.random() < 0.6
        question = pick(rng, ("Which {number |}is $w, $a or $b?", "What is $w: $a or $b?",
                              "Is $a or $b {the |}$w{| number}?"), a=a, b=b,
                        w=rng.choice(("larger", "bigger", "greater")) if larger else "smaller")
        hit, other = (max(a, b), min(a, b)) if larger else (min(a, b), max(a, b))
        word = "larger" if larger else "smaller"
        return Item("compare", question, str(hit), f"{hit} is {word} than {other}.", f"{a},{b}",
                    (f"{hit} is {word}",))
    if ask == 2:
        a, b = number_below(rng, 1000), number_below(rng, 1000)
        a += a == b
        question = pick(rng, ("Is $a {larger|greater|bigger} than $b?", "True or false: $a > $b"),
                        a=a, b=b)
        yes = a > b
        word = ("True" if yes else "False") if "True" in question else ("Yes" if yes else "No")
        return Item("compare", question, word,
                    f"{word}, {a} is {'larger' if yes else 'smaller'} than {b}.",
                    f"{a}>{b}", (word,))
    if ask == 3:
        n = number_below(rng, 1000)
        word = "even" if n % 2 == 0 else "odd"
        question = pick(rng, ("Is $n {even or odd|odd or even}?", "Is the number $n odd or even?",
                              "$n: even or odd?"), n=n)
        return Item("compare", question, word, f"{n} is {word}.", str(n), (f"is {word}",))
    if ask == 4:
        n, step = rng.randrange(100), rng.choice((1, 1, 2, 5, 10))
        row = [n + step * i for i in range(4)]
        question = pick(rng, ("What {number |}comes next: $r?",
                              "Continue the {sequence|row|series}: $r",
                              "What is the next number in $r?"), r=", ".join(map(str, row)))
        nxt = row[-1] + step
        return Item("compare", question, str(nxt), f"The next number is {nxt}.", f"{n}/{step}")
    if ask == 5:
        n = number_below(rng, 1000)
        after = rng.random() < 0.6
        question = pick(rng, ("What {number |}comes $w $n?", "Which number is $w $n?"), n=n,
                        w="after" if after else "before")
        hit = n + 1 if after else n - 1
        return Item("compare", question, str(hit),
                    f"{hit} comes {'after' if after else 'before'} {n}.",
                    f"{n}+{after}", (f"{hit} comes",))
    numbers = [rng.randrange(100) for _ in range(rng.randrange(3, 6))]
    text = ", ".join(map(str, numbers))
    if ask == 6:
        question = pick(rng, ("{Sort|Order|Put in order}{| these numbers}: $t",
                              "Sort $t from {small to large|smallest to largest}.",
                              "Arrange $t in {ascending|increasing} order."), t=text)
        hit = ", ".join(map(str, sorted(numbers)))
        return Item("compare", question, hit, hit, text)
    most = rng.random() < 0.6
    question = pick(rng, ("{What|Which} is the $w{| number} of $t?", "Find the $w: $t",
                          "$w of $t?"), t=text,
                    w=rng.choice(("largest", "biggest", "maximum")) if most else "smallest")
    hit = max(numbers) if most else min(numbers)
    return Item("compare", cap(question), str(hit),
                f"The {'largest' if most else 'smallest'} number is {hit}.", text)


def spelled(word):
    """The letters with dashes, which also splits them into single tokens."""
    return "-".join(word)


def counting(rng):
    """Counting up and down, letters, words and things; spelling and reversing."""
    ask = rng.randrange(12)
    word = rng.choice(PLAIN_WORDS)
    if ask < 3:
        return count_row(rng)
    if ask == 3:
        question = pick(rng,
                        ('How many letters {are in|does|are there in} {the word |}"$w"{| have}?',
                              'Count the letters in "$w".', "How many letters has the word $w?"),
                              w=word)
        return Item("counting", question, str(len(word)),
                    f'{spelled(word)}: the word "{word}" has {len(word)} letters.', "letters "
                    + word)
    if ask < 6:
        letter = rng.choice(word) if rng.random() < 0.85 else rng.choice("aeiorst")
        if rng.random() < 0.1:
            word, letter = "strawberry", "r"
        count = word.count(letter)
        question = pick(rng,
                        ('How many {times does the letter $l occur in|$ls are in|$l\'s are in} '
                         '{the word |}{"$w"|$w}?',
                              'Count the {letter |}$l in "$w".', "How many $l are there in $w?"),
                              w=word, l=letter)
        question = question.replace("$ls", letter + "s")
        times = "once" if count == 1 else "twice" if count == 2 else "not at all" if not count else f"{count} times"
        return Item("counting", question, str(count),
                    f'{spelled(word)}: the letter {letter} occurs {count} time{"" if count == 1 else "s"}.',
                    f"{letter} in {word}")
    if ask == 6:
        words = [rng.choice(PLAIN_WORDS) for _ in range(rng.randrange(2, 8))]
        question = pick(rng, ('How many words {are in|are there in} "$t"?',
                              'Count the words: "$t"'), t=" ".join(words))
        steps = ", ".join(f"{w} ({i})" for i, w in enumerate(words, 1))
        return Item("counting", question, str(len(words)),
                    f"{cap(steps)}. There are {len(words)} words.", " ".join(words),
                    (f"are {len(words)} ",))
    if ask == 7:
        things = rng.sample(ITEMS, rng.randrange(2, 7))
        question = pick(rng, ("How many {things|items} are in this list: $t?",
                              "Count the items: $t"), t=", ".join(things))
        steps = ", ".join(f"{w} ({i})" for i, w in enumerate(things, 1))
        return Item("counting", question, str(len(things)),
                    f"{cap(steps)}. There are {len(things)} items.", ",".join(things),
                    (f"are {len(things)} ",))
    if ask == 8:
        question = pick(rng, ('{Spell|Please spell|Can you spell} {the word |}{"$w"|$w}.',
                              "How do you spell $w?",
                              "Spell $w letter by letter."), w=word)
        return Item("counting", question, spelled(word), spelled(word), "spell " + word)
    if ask == 9:
        question = pick(rng,
                        ('{What is the|What\'s the|Give me the|Tell me the} $o letter of {"$w"|'
                         'the word $w}?',),
                        o=rng.choice(("first", "last")), w=word)
        last = "last letter" in question
        hit = word[-1] if last else word[0]
        return Item("counting", question, hit,
                    f'The {"last" if last else "first"} letter of "{word}" is {hit}.',
                    f"{last} {word}", (f"is {hit}",))
    if ask == 10:
        word = rng.choice([w for w in PLAIN_WORDS if len(w) < 7])
        question = pick(rng, ('{Reverse|Write backwards|Spell backwards} {the word |}"$w".',
                              'What is "$w" {backwards|reversed}?'), w=word)
        return Item("counting", question, word[::-1],
                    f"{spelled(word)} becomes {spelled(word[::-1])}: {word[::-1]}", "reverse "
                    + word)
    hit = rng.choice((word, rng.choice(PLAIN_WORDS)))
    vowels = [c for c in word if c in "aeiou"]
    question = pick(rng, ('{Which|What} vowels are in "$w"?',
                          'List the vowels {in|of} the word "$w".'), w=word)
    shown = ", ".join(vowels)
    return Item("counting", question, shown, f"The vowels in \"{word}\" are {shown}.", "vowels "
                + word)


def count_row(rng):
    """Count from one number to another."""
    start = 1 if rng.random() < 0.6 else rng.randrange(1, 40)
    end = start + rng.randrange(2, 20)
    if rng.random() < 0.3:
        start, end = 1, rng.choice((3, 5, 10, 10, 10, 15, 20))
    down = rng.random() < 0.25
    row = list(range(start, end + 1))
    a, b = (end, start) if down else (start, end)
    row = row[::-1] if down else row
    question = pick(rng, ("Count from $a to $b{|.}", "Count $d{| from $a} to $b{|.}" if start == 1
                          and not down else "Count $d from $a to $b",
                          "{List|Write|Give me|Say} the numbers from $a to $b{|.}",
                          "Can you count {from|} $a to $b?", "Please count from $a to $b"), a=a,
                          b=b, d="down" if down else "up")
    if start == 1 and not down and rng.random() < 0.4:
        question = pick(rng, ("Count to $b{|.}", "Can you count to $b?", "Please count to $b{|.}"),
                        b=b)
    text = ", ".join(map(str, row))
    return Item("counting", question, text, text, f"{a}..{b}", (text,))


SENTENCES = ("the $a $n {sleeps|sits|waits|plays|runs} in the $p",
             "my {friend|sister|brother|teacher} {likes|wants|needs|has} {a|the} $a $n",
             "we {saw|found|bought|painted} {a|the} $a $n {yesterday|today|last week|in the $p}",
             "{I|they|you} {like|want|need} {a|the} $a $n",
             "{Anna|Ben|Leo|Maria} {lost|found|sold} {a|the} $a $n {in|near} the $p",
             "this {is|was} {a|the} $a $n", "{please |}open the $a {door|window|box|book}")
ADJECTIVES = "red big small old new happy quiet cold warm green little blue bright dark soft".split()
NOUNS = "dog cat house car book tree bird river table chair horse bag lamp boat ball hat".split()
PLACES_IN = "garden kitchen forest city park school street village".split()


def sentence(rng):
    """A small plain sentence without mark at its end."""
    return pick(rng, SENTENCES, a=rng.choice(ADJECTIVES), n=rng.choice(NOUNS),
                p=rng.choice(PLACES_IN))


def rewriting(rng):
    """Case, politeness, questions, repeating, titles."""
    ask = rng.randrange(9)
    text = sentence(rng) if rng.random() < 0.5 else " ".join(rng.choice(PLAIN_WORDS)
            for _ in range(rng.randrange(1, 4)))
    if ask < 2:
        question = pick(rng,
                        ('{Write|Put|Convert} {this |}{in|to} {upper case|uppercase|capital '
                         'letters}: $t', 'Make this upper case: $t',
                              '{Convert|Change} "$t" to {uppercase|upper case|capitals}.'), t=text)
        return Item("rewriting", question, text.upper(), text.upper(), text)
    if ask == 2:
        shown = text.upper() if rng.random() < 0.6 else " ".join(map(cap, text.split()))
        question = pick(rng,
                        ('{Write|Put|Convert} {this |}{in|to} {lower case|lowercase|small '
                         'letters}: $t', 'Make this lower case: $t',
                              '{Convert|Change} "$t" to {lowercase|lower case}.'), t=shown)
        return Item("rewriting", question, text.lower(), text.lower(), text)
    if ask < 5:
        if rng.random() < 0.4:
            text = " ".join(fresh_word(rng) for _ in range(rng.choice((1, 1, 1, 2, 3))))
        if rng.random() < 0.25:
            text = rng.choice((text.upper(), cap(text), cap(text) + "!", cap(text) + ".",
                               str(rng.randrange(1000))))
        question = pick(rng, ('{Say|Repeat|Write|Echo} {this|after me|exactly this}: $t',
                              '{Reply|Answer|Respond} with {the word|the words|only the words|'
                              'just}{|:} $t',
                              '{Say|Repeat|Write} "$t"{|.}',
                              '{Reply|Answer|Respond} with exactly: $t', 'Say $t',
                              'Reply only with "$t".',
                              'Just say "$t" and nothing else.', "Output {only |}the text: $t"),
                              t=text)
        return Item("rewriting", question, text, text, text)
    if ask == 5:
        text = sentence(rng)
        question = pick(rng,
                        ("{Correct|Fix} the {capital letter and the full stop|spelling of the "
                         "first letter}: $t",
                              "Add a capital letter and a {full stop|period}: $t",
                              "Write this as a proper sentence: $t"), t=text)
        return Item("rewriting", question, cap(text) + ".", cap(text) + ".", text)
    if ask == 6:
        return polite(rng)
    if ask == 7:
        words = rng.sample(PLAIN_WORDS, rng.randrange(3, 6))
        question = pick(rng, ("{Sort|Order} these words alphabetically: $t",
                              "Put these words in alphabetical order: $t",
                              "Alphabetize: $t"), t=", ".join(words))
        hit = ", ".join(sorted(words))
        return Item("rewriting", question, hit, hit, ",".join(words))
    old, new = rng.sample(NOUNS, 2)
    text = f"{rng.choice(('The', 'My', 'A'))} {rng.choice(ADJECTIVES)} {old} {rng.choice(('is here', 'was lost', 'is in the ' + rng.choice(PLACES_IN)))}."
    question = pick(rng, ('Replace "$o" with "$n": $t', 'Change $o to $n in this sentence: $t'),
                    o=old, n=new, t=text)
    return Item("rewriting", question, text.replace(old, new), text.replace(old, new), text + new)


POLITE = (("Give me $x.", "Could you please give me $x?"), ("Send me $x.",
                                                            "Could you please send me $x?"),
          ("Bring $x.", "Could you please bring $x?"), ("I want $x.", "I would like $x, please."),
          ("Open $x.", "Would you please open $x?"), ("Move $x!", "Could you please move $x?"),
          ("Fix $x now.", "Could you please fix $x when you have time?"), ("Close $x.",
              "Would you please close $x?"))


def copying(rng):
    """Exact copies and places in a row of words: what all reading of a text rests on."""
    words = [rng.choice((fresh_word(rng), fresh_word(rng), rng.choice(FIRST_NAMES),
                         str(rng.randrange(1000)))) for _ in range(rng.randrange(3, 10))]
    text = rng.choice((" ", ", ")).join(words)
    ask = rng.randrange(5)
    if ask < 3:
        question = pick(rng,
                        ("{Repeat|Copy|Write|Say} {these words|this|the following|this text}: $t",
                         "{Repeat|Say} after me: $t", "Repeat exactly: $t", "Please repeat: $t",
                         "Echo: $t"), t=text)
        return Item("copying", question, text, text, text)
    i = rng.randrange(len(words) - 1)
    if ask == 3 and words.count(words[i]) == 1:
        question = pick(rng, ("{Which|What} word comes after $w in this {list|text}: $t",
                              "What follows $w? $t"), w=words[i], t=text)
        return Item("copying", question, words[i + 1], words[i + 1], text + str(i))
    i = rng.choice((0, 1, 2, -1))
    name = {0: "first", 1: "second", 2: "third", -1: "last"}[i]
    question = pick(rng, ("What is the $n {word|item} of: $t", "Give me the $n word: $t",
                          "$t\nWhat is the $n word?"), n=name, t=text)
    return Item("copying", question, words[i], words[i], text + name)


def polite(rng):
    """An order turned into a request."""
    rude, kind = rng.choice(POLITE)
    thing = f"the {rng.choice(ADJECTIVES)} {rng.choice(NOUNS)}"
    question = pick(rng,
                    ("{Make this|Rewrite this to be|Rewrite this so that it is} {more polite|"
                     "politer|polite}: $t",
                          "{Say|Write} this {politely|in a polite way}: $t"), t=rude.replace("$x",
                              thing))
    hit = kind.replace("$x", thing)
    return Item("rewriting", question, hit, hit, rude + thing)


def contact(rng):
    """Values of a person for the extraction tasks."""
    first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    company = rng.choice(COMPANIES)
    host = company.split()[0].lower() + rng.choice((".com", ".org", ".net", ".example"))
    email = rng.choice((f"{first}.{last}@{host}", f"{first}@{host}",
                        f"{first}{rng.randrange(1, 100)}@{host}")).lower()
    date = f"{rng.choice(MONTHS)[0]} {rng.randrange(1, 29)}"
    return {"name": f"{first} {last}", "first": first, "company": company, "email": email,
            "city": rng.choice(CITIES),
            "date": date, "amount": f"${rng.randrange(2, 1000)}", "age": rng.randrange(18, 90),
            "count": rng.randrange(2, 60),
            "item": rng.choice(ITEMS), "phone": f"555-{rng.randrange(1000, 10000)}"}


TEXTS = ("$name from $company wrote on $date. The address is $email.",
         "On $date $name paid $amount for $count $item.",
         "Please contact $name at $email before $date.",
         "$name, $age years old, lives in $city and works for $company.",
         "The meeting with $name is in $city on $date.",
         "Invoice from $company: $count $item for $amount, due on $date.",
         "Hi, this is $name. My number is $phone and my email is $email.",
         "$name moved to $city on $date.",
         "$company sold $count $item to $name for $amount.",
         "My name is $name, I am $age and I live in $city.",
         "$name ($email) ordered $count $item.", "Yesterday $name flew to $city and spent $amount.")
FIELD_NAMES = {"name": ("name", "person's name", "person", "full name"), "email": ("email",
        "email address", "e-mail"), "date": ("date",),
               "amount": ("amount", "price", "amount of money"), "city": ("city", "place"),
               "company": ("company",),
               "age": ("age",), "phone": ("phone number",)}


def fields_in(template):
    """Names of the extractable fields of a text."""
    return [f for f in FIELD_NAMES if "$" + f in template]


def extraction(rng):
    """One field as plain text, or several as JSON."""
    values, template = contact(rng), rng.choice(TEXTS)
    text = say(rng, template, **values)
    names = fields_in(template)
    key = text
    if rng.random() < 0.55:
        name = rng.choice(names)
        shown = rng.choice(FIELD_NAMES[name])
        question = pick(rng, ("{Extract|Find|Give me|Get|What is} the $f {in|from} this text: $t",
                              "{What is the|Which} $f {is mentioned|is in the text}? $t",
                              "$t\n\n{Extract|Find|What is} the $f.",
                              "Text: $t\n{Extract the $f|What is the $f?}",
                              "Extract only the $f: $t"), f=shown, t=text)
        return Item("extraction", question, str(values[name]), str(values[name]), key)
    chosen = rng.sample(names, min(len(names), rng.choice((1, 2, 2, 3))))
    chosen = [n for n in names if n in chosen]
    as_number = {"age"}
    answer = {n: values[n] if n in as_number else str(values[n]) for n in chosen}
    shown = join_and(chosen)
    question = pick(rng, ("Extract {the |}$f as JSON{| from this text}: $t",
                          "$t\n\nReturn {a JSON object with |JSON with the keys }$f.",
                          "{Give me|Return} $f as {a JSON object|JSON}: $t",
                          "Extract $f. {Answer|Reply} {in JSON|as JSON|with JSON only}. Text: $t"),
                    f=shown, t=text)
    line = json.dumps(answer)
    return Item("extraction", question, line, line, key)


GOOD = ("I {really |}love this $n{|!}", "The $n is {great|wonderful|excellent|perfect}{|!}",
        "What a {great|lovely|fantastic} $n{|!}",
        "This $n made me {so |very |}happy.", "{Best|Nicest} $n {ever|I have had}!",
        "I would buy this $n again{|, it works so well}.",
        "Very good $n, {fast delivery|nice people|thank you}.",
        "I am {very happy|delighted} with the $n.", "The $n was {delicious|amazing}.")
BAD = ("I {really |}hate this $n{|!}", "The $n is {terrible|awful|bad|broken}{|!}",
       "What a {bad|horrible|useless} $n{|!}",
       "This $n made me {so |very |}angry.", "{Worst|Saddest} $n {ever|I have had}!",
       "I want my money back{| for this $n}.",
       "The $n {broke|stopped working} after {one day|a week}.",
       "I am {very unhappy|disappointed} with the $n.",
       "Never again, the $n was {disgusting|a waste of money}.")
NEUTRAL = ("The $n is {on the table|in the box|blue|made of wood}.",
           "I bought a $n {yesterday|on Monday}.", "The $n {arrived|came} {today|on Friday}.",
           "It is a $n.", "The $n weighs two kilograms.", "The $n costs ten dollars.")
PRODUCTS = "phone movie book restaurant hotel camera laptop coffee pizza lamp game service chair bike show meal trip app jacket".split()


def sentiment(rng):
    """Positive, negative or neutral."""
    label, patterns = rng.choice((("positive", GOOD), ("negative", BAD), ("positive", GOOD),
                                  ("negative", BAD), ("neutral", NEUTRAL)))
    text = pick(rng, patterns, n=rng.choice(PRODUCTS))
    question = pick(rng,
                    ("{What is the sentiment of this|Classify the sentiment|Is this positive, "
                     "negative or neutral}{:|? }\"$t\"",
                          "Sentiment: $t",
                          "{Is this {review|sentence} positive or negative|How does the writer "
                          "feel}? $t",
                          "Classify as positive, negative or neutral: $t",
                          "Label the sentiment of \"$t\""), t=text)
    full = pick(rng, ("The sentiment is $l.", "The sentiment is $l.", "This is $l."), l=label)
    return Item("classify", question, label, full, text)


def spam(rng):
    """Spam or not, question or statement, language of a phrase."""
    if rng.random() < 0.5:
        text, label = rng.choice((("You won a free $n! Click here now!", "spam"),
                                  ("Cheap {pills|watches|loans}, buy now!!!", "spam"),
                                  ("Send us your password to get a free $n.", "spam"),
                                  ("Make $$$ fast, call now!", "spam"),
                                  ("Can we meet on {Monday|Tuesday} about the $n?", "not spam"),
                                  ("The $n is ready, see you at {three|five}.", "not spam"),
                                  ("Thanks for the $n, {Mom|Anna|Ben}.", "not spam"),
                                  ("Please find the {report|plan} for the $n attached.",
                                   "not spam")))
        text = say(rng, text, n=rng.choice(PRODUCTS)).replace("$$$", "money")
        question = pick(rng,
                        ("{Is this spam|Is this message spam or not spam|Spam or not spam}? $t",
                         "Classify as spam or not spam: $t"), t=text)
        return Item("classify", question, label, "This is not spam." if label != "spam"
                    else "This is spam.", text, (f"is {label}",))
    text = sentence(rng)
    asks = rng.random() < 0.5
    shown = say(rng, "{Where is|Do you see|Have you seen|Who took} the $a $n?",
                a=rng.choice(ADJECTIVES), n=rng.choice(NOUNS)) if asks else cap(text) + "."
    question = pick(rng, ('Is this a question or a statement? "$t"', "Question or statement: $t"),
                    t=shown)
    return Item("classify", question, "question" if asks else "statement",
                f"This is a {'question' if asks else 'statement'}.", shown)


NUMBER_WORDS = {2: ("two", "2"), 3: ("three", "3"), 4: ("four", "4"), 5: ("five", "5")}


def listing(rng):
    """Three fruits, five animals and so on, inline, numbered or as bullets."""
    name = rng.choice([n for n in sorted(CATEGORIES) if n != "number"])
    count = rng.choice((2, 3, 3, 3, 4, 5)) if len(CATEGORIES[name]) > 4 else rng.choice((2, 3))
    words = rng.sample(CATEGORIES[name], count)
    shown = rng.choice(NUMBER_WORDS[count])
    plural = plural_category(name)
    style = rng.randrange(4)
    how = ("", "", " as a numbered list", " as bullet points")[style]
    question = pick(rng, ("{Name|List|Give me|Tell me|Write} $c $p$h.",
                          "{Can you name|Can you list} $c $p$h?",
                          "I need $c $p$h.", "$c $p$h, please."), c=shown, p=plural, h=how)
    if style == 2:
        full = "\n".join(f"{i}. {cap(w)}" for i, w in enumerate(words, 1))
    elif style == 3:
        full = "\n".join(f"- {cap(w)}" for w in words)
    else:
        full = pick(rng, ("$l", "$t $p are $w."), l=", ".join(words), t=cap(NUMBER_WORDS[count][0]),
                    p=plural, w=join_and(words))
    return Item("listing", cap(question), words[0], full, question.lower())


def listing_talk(rng):
    """A list dialogue; graded by how many members of the category occur."""
    item = listing(rng)
    name = next(n for n in sorted(CATEGORIES, key=len, reverse=True)
                if plural_category(n) in item.question.lower())
    count = next(c for c, ws in NUMBER_WORDS.items() if any(f"{w} " in item.question.lower()
                                                            for w in ws))
    check = {"members": CATEGORIES[name], "count": count}
    return Talk("listing", [user(rough(rng, item.question)), bot(item.full)], item.key, check)


MAKERS = ((arithmetic, 27), (more_arithmetic, 6), (copying, 12), (compare, 9), (counting, 9),
          (rewriting, 10), (extraction, 8), (sentiment, 4), (spam, 2))


def any_skill(rng):
    """An item from one of the makers by weight."""
    return rng.choices([m for m, _ in MAKERS], [w for _, w in MAKERS])[0](rng)
