# SPDX-License-Identifier: Apache-2.0
"""Questions about the tables: countries, planets, elements, time, animals, people."""
from base import Item, a_or_an, cap, pick, plain_key, join_and, say
from concepts import CONCEPTS
from tables import (ANIMALS, COUNTRIES, DAYS, ELEMENTS, INVENTIONS, MONTHS, ORDINALS, PEOPLE,
                    PLANETS, TRIVIA, UNITS)
from words import (CATEGORIES, LANGUAGES, OPPOSITES, PAST, PLURALS, RHYMES, SYNONYMS,
                   TRANSLATIONS)

WHAT_IS = "{What is|What's|Tell me|Do you know|Can you tell me|I need|Name|Give me}"


def fact(kind, question, short, full, accept=()):
    """An item whose key is its question, so that a held-back one is a new phrasing."""
    return Item(kind, question, short, full, plain_key(question), accept)


def country(rng):
    """Capital, continent, currency or language of a country, or the country of a capital."""
    name, capital, continent, currency, language = rng.choice(COUNTRIES)
    slots = {"n": name, "c": capital}
    ask = rng.randrange(12)
    if ask < 6:
        question = pick(rng, (
            WHAT_IS + " the capital of $n?", WHAT_IS + " the capital city of $n?",
            "{Which|What} city is the capital of $n?", "{The capital|Capital} of $n{|, please}?",
            "$n: what is its capital?", "I forgot the capital of $n. {What is it?|Can you help?}",
            "{What's|What is} $n's capital{| city}?",
            "{I'd like|I would like|I want} to know {the capital of $n|$n's capital}.",
            "{Please tell|Tell} me {the capital of $n|$n's capital}{|, please}.",
            "$n has which capital?",
            "{Capital|The capital|Capital city} of $n?", "What is the name of the capital of $n?",
            "{Is|Would} you know the capital of $n?", "$n capital",
            "{Is $c|Is it true that $c is} the capital of $n?",
            "Where does the government of $n sit?"), **slots)
        full = say(rng, "Yes, $c is the capital of $n." if capital in question
                   else "The capital of $n is $c.", **slots)
        return fact("fact", cap(question), capital, full)
    if ask < 8:
        question = pick(rng, ("{Which|What} country has $c as its capital?",
                              "$c is the capital of {which|what} country?",
                              "{Which country|In which country|In what country|What country} {is "
                              "$c in|is $c|has the capital $c|would I find $c in}?",
                              "{Which|What} country is $c {located in|a part of}?",
                              "Where is $c?", "Of which country is $c the capital?"), **slots)
        return fact("fact", question, name, say(rng, "$c is the capital of $n.", **slots))
    if ask < 9:
        question = pick(rng, ("{On which|In which|On what} continent is $n?",
                              "{What|Which} continent is $n {on|in}?", "Where is $n?",
                              "Is $n in Europe, Asia, Africa or somewhere else?"), **slots)
        return fact("fact", question, continent, f"{cap(name)} is in {continent}.")
    if ask < 11:
        question = pick(rng, ("{What|Which} currency {is used|do people use|do they use} in $n?",
                              WHAT_IS + " the currency of $n?", "What money do they use in $n?",
                              "How do people pay in $n?",
                              "{What|Which} {money|currency} do I {need|pay with|use} in $n?",
                              "{I travel|I am going} to $n. {Which|What} {money|currency} do I "
                              "need?", "$n currency"), **slots)
        return fact("fact", question, currency, f"The currency of {name} is the {currency}.")
    question = pick(rng, ("{What|Which} language {is spoken|do people speak|do they speak} in $n?",
                          WHAT_IS + " the main language of $n?"), **slots)
    return fact("fact", question, language, f"The main language of {name} is {language}.")


def about_country(rng):
    """A short portrait of a country."""
    name, capital, continent, currency, language = rng.choice(COUNTRIES)
    question = pick(rng, ("Tell me {about|something about|a bit about} $n.",
                          "What do you know about $n?", "Describe $n{| in one sentence}.",
                          "Give me {some facts|a fact} about $n."), n=name)
    full = (f"{cap(name)} is a country in {continent}. Its capital is {capital}, its main "
            f"language is {language} and its currency is the {currency}.")
    return fact("about", question, capital, full)


def planet(rng):
    """Order and character of the planets."""
    name, place, remark = rng.choice(PLANETS)
    ask = rng.randrange(4)
    if ask == 0:
        question = pick(rng, ("{Which|What} planet is $p from the Sun?",
                              "{Which|What} is the $p planet from the Sun?",
                              "Name the $p planet{| of the solar system}."), p=place)
        return fact("fact", question, name, f"The {place} planet from the Sun is {name}.")
    if ask == 1:
        question = pick(rng, ("{Which|What} number planet is $n from the Sun?",
                              "What is the position of $n among the planets?",
                              "Where is $n in the order of the planets?"), n=name)
        return fact("fact", question, place, f"{name} is the {place} planet from the Sun.")
    if ask == 2:
        count = rng.randrange(2, 9)
        names = [p[0] for p in PLANETS[:count]]
        question = pick(rng, ("{List|Name|Give me} the {planets|planets of the solar system}.",
                              "{What|Which} planets are there{| in the solar system}?",
                              "List {all|all the|all eight} planets{| in order}."))
        names = [p[0] for p in PLANETS]
        return fact("fact", question, names[2], "The planets in order from the Sun are "
                    + join_and(names) + ".")
    question = pick(rng, ("Tell me about {|the planet }$n.", "What is {|the planet }$n?",
                          "Describe {|the planet }$n.", "What do you know about $n?",
                          "What is special about {|the planet }$n?"), n=name)
    return fact("about", question, place,
                f"{name} is the {place} planet from the Sun. It is {remark}.")


def element(rng):
    """Symbols and numbers of chemical elements."""
    name, symbol, number, remark = rng.choice(ELEMENTS)
    ask = rng.randrange(5)
    if ask < 2:
        question = pick(rng, (WHAT_IS + " the chemical symbol {for|of} $n?",
                              WHAT_IS + " the symbol {for|of} $n?",
                              "{Which|What} symbol does $n have?"), n=name)
        return fact("fact", question, symbol, f"The chemical symbol of {name} is {symbol}.")
    if ask == 2:
        question = pick(rng, ("{Which|What} element has the symbol $s?",
                              "What does $s stand for in chemistry?",
                              "$s is the symbol of {which|what} element?"), s=symbol)
        return fact("fact", question, name, f"{symbol} is the symbol of {name}.")
    if ask == 3:
        question = pick(rng, (WHAT_IS + " the atomic number of $n?",
                              "{Which|What} number does $n have in the periodic table?"), n=name)
        return fact("fact", question, number, f"The atomic number of {name} is {number}.")
    question = pick(rng, ("What is $n?", "Tell me about {|the element }$n.",
                          "What do you know about $n?", "Describe $n."), n=name)
    return fact("about", question, symbol, f"{cap(name)} is {remark}. Its chemical symbol is "
                f"{symbol} and its atomic number is {number}.", (symbol, remark))


def calendar(rng):
    """Days of the week and months: before, after, number, length."""
    ask = rng.randrange(6)
    if ask < 2:
        i, step = rng.randrange(7), rng.choice((1, 1, -1))
        word = "after" if step > 0 else "before"
        question = pick(rng, ("{What|Which} day {comes|is} $w $d?",
                              "{What|Which} day of the week is $w $d?",
                              "Today is $d. What day {was yesterday|is tomorrow}?"), w=word,
                              d=DAYS[i])
        if "yesterday" in question:
            step, word = -1, "before"
        if "tomorrow" in question:
            step, word = 1, "after"
        other = DAYS[(i + step) % 7]
        return fact("fact", question, other, f"The day {word} {DAYS[i]} is {other}.")
    i = rng.randrange(12)
    name, length = MONTHS[i]
    if ask == 2:
        step = rng.choice((1, -1))
        word = "after" if step > 0 else "before"
        other = MONTHS[(i + step) % 12][0]
        question = pick(rng, ("{What|Which} month {comes|is} $w $m?", "Name the month $w $m."),
                        w=word, m=name)
        return fact("fact", question, other, f"The month {word} {name} is {other}.")
    if ask == 3:
        question = pick(rng, ("How many days {are in|does|are there in} $m{| have}?",
                              "How long is $m?", "Number of days in $m?"), m=name)
        extra = ", or 29 in a leap year" if name == "February" else ""
        return fact("fact", question, length, f"{name} has {length} days{extra}.")
    if ask == 4:
        question = pick(rng, ("{What|Which} is the $o month{| of the year}?",
                              "{What|Which} month is the $o one?", "Name the $o month."),
                        o=ORDINALS[i])
        return fact("fact", question, name, f"The {ORDINALS[i]} month of the year is {name}.")
    question = pick(rng, ("{List|Name|What are} the {days of the week|seven days of the week}{|.}",
                          "{List|Name|What are} the {months|months of the year|twelve months}{|.}"))
    names = DAYS if "days" in question else [m[0] for m in MONTHS]
    what = "days of the week" if "days" in question else "months of the year"
    return fact("fact", question, names[1], f"The {what} are {join_and(names)}.")


def unit(rng):
    """How many small units one large unit has."""
    small, count, large = rng.choice(UNITS)
    question = pick(rng, ("How many $s are {in|there in} $l?", "$l has how many $s?",
                          "{What is|What's} the number of $s in $l?", "How many $s does $l have?",
                          "How many $s {make|make up} $l?"), s=small,
                          l=a_or_an(large).replace("a hour", "an hour"))
    large = "an hour" if large == "hour" else a_or_an(large)
    question = question.replace("a hour", "an hour")
    return fact("fact", cap(question), count, f"There are {count} {small} in {large}.")


def animal(rng):
    """Class, voice, young and home of animals."""
    name, group, voice, young, home, remark = rng.choice(ANIMALS)
    one = a_or_an(name)
    ask = rng.randrange(5)
    if ask == 0 and voice != "makes no sound":
        question = pick(rng, ("{What|Which} sound does $a make?", "What does $a say?",
                              "What noise does $a make?"), a=one)
        return fact("fact", question, voice, f"{cap(one)} {voice}.", (voice, voice.rstrip("s")))
    if ask == 1:
        question = pick(rng, ("What is a {baby|young} $n called?",
                              "What do you call a {baby|young} $n?",
                              "{What is the name|What's the word} for a {baby|young} $n?"), n=name)
        return fact("fact", question, young, f"A young {name} is called {a_or_an(young)}.")
    if ask == 2:
        question = pick(rng, ("{What kind|What type|What class} of animal is $a?",
                              "Is $a a mammal, a bird, a fish, a reptile or an insect?",
                              "To which class of animals does $a belong?"), a=one)
        return fact("fact", question, group, f"{cap(one)} is {a_or_an(group)}.")
    if ask == 3:
        question = pick(rng, ("Where does $a live?", "Where do you find $a?",
                              "What is the home of $a?"), a=one)
        return fact("fact", question, home, f"{cap(one)} lives in {place_of(home)}.")
    question = pick(rng, ("Tell me {about|something about} {the $n|$ns|$a}.", "What is $a?",
                          "Describe $a.", "What do you know about $a?",
                          "{Give me|Tell me} a fact about $a."), a=one, n=name, ns=name + "s")
    question = question.replace("$ns", name + "s")
    return fact("about", question, group, f"{cap(one)} is {a_or_an(group)} that lives in "
                f"{place_of(home)}. {remark}")


def place_of(home):
    """`a forest`, but `the ocean` and `ice`."""
    if home == "ice":
        return "cold places with ice"
    return ("the " if home in ("ocean", "savanna", "jungle", "desert") else "") + home \
        if home in ("ocean", "savanna", "jungle", "desert") else a_or_an(home)


def person(rng):
    """Who somebody was, and who did something."""
    if rng.random() < 0.5:
        name, did, field = rng.choice(PEOPLE)
        question = pick(rng, ("Who {was|is} $n?", "Tell me about $n.",
                              "What is $n {known|famous} for?",
                              "What did $n do?", "Why is $n famous?", "What do you know about $n?"),
                              n=name)
        deeds = tuple(deed for deed, who in INVENTIONS if who == name)
        return fact("about", question, did, f"{cap(name)} {did}.", (did,) + deeds)
    deed, name = rng.choice(INVENTIONS)
    question = pick(rng, ("Who $d?", "Who $d?", "{Do you know|Can you tell me|Tell me} who $d?",
                          "Which person $d?", "What is the name of the person who $d?",
                          "Who is the {person|man or woman} who $d?", "By whom was it: who $d?",
                          "{Which|What} famous person $d?"), d=deed)
    if deed.startswith("wrote ") and rng.random() < 0.3:
        question = pick(rng, ("Who is the {author|writer} of $b?", "Who was the writer of $b?",
                              "$b was written by whom?"), b=deed[6:])
    return fact("fact", question, name, f"{cap(name)} {deed}.")


COUNT_WORDS = {"3": "three", "7": "seven", "8": "eight"}


def trivia(rng):
    """Single facts with the odd change of the opening words."""
    question, short, full = rng.choice(TRIVIA)
    original = question
    if question.startswith("What is the ") and rng.random() < 0.5:
        question = pick(rng, ("What's the ", "Tell me the ", "Do you know the ", "Name the ",
                              "Can you tell me the ")) + question[len("What is the "):]
    elif rng.random() < 0.3:
        question = pick(rng, ("Do you know: ", "Can you answer this? ", "I was wondering: ",
                              "My child asked me: ", "Quiz time! ")) + question
    accept = (short, COUNT_WORDS.get(short, short))
    item = fact("fact", question, short, full, accept)
    if question == original:
        item.key = "pinned"
    return item


def concept(rng):
    """`What is X?` and `Tell me about X` from the small glossary."""
    name, text, word = rng.choice(CONCEPTS)
    question = pick(rng, ("What is $n?", "What's $n?", "Tell me about $n.", "Explain $n.",
                          "Explain $n {in simple terms|in one sentence|in short|quickly|please}.",
                          "{Please explain|Describe} $n{| to me| shortly}.",
                          "Tell me {a bit|something|a little} about $n{|, please}.",
                          "{How would you|Can you} {define|describe|explain} $n?", "$n?",
                          "What {exactly|actually} is $n?",
                          "Explain $n to me{| in simple words}.", "{Define|Describe} $n.",
                          "What do you know about $n?", "Can you explain $n?", "What does $n mean?",
                          "Tell me {something|a little} about $n.", "I want to know about $n.",
                          "Explain $n {like I'm five|to a child|briefly|in one sentence}."), n=name)
    return fact("about", question, word, text, (word,))


def opposite(rng):
    """Opposites and synonyms."""
    if rng.random() < 0.6:
        a, b = rng.choice(OPPOSITES)
        if rng.random() < 0.4 and a != "new":
            a, b = b, a
        question = pick(rng, ('{What is|What\'s|Tell me|Give me} the opposite of {$a|"$a"}?',
                              'What is an antonym {of|for} {$a|"$a"}?',
                              "Which word is the opposite of $a?"), a=a)
        b = {"old": "young" if a == "young" else "new"}.get(a, b) if a == "old" else b
        return fact("words", question, b, f'The opposite of "{a}" is "{b}".',
                    ("young", "new") if a == "old" else
                    ("right", "wrong") if a == "left" else (b,))
    a, b = rng.choice(SYNONYMS)
    question = pick(rng, ('{What is|Give me|Tell me} {a synonym|another word} for {$a|"$a"}.',
                          'Which word means the same as {$a|"$a"}?'), a=a)
    return fact("words", question, b, f'A synonym of "{a}" is "{b}".')


def grammar(rng):
    """Plurals, past tenses and rhymes."""
    ask = rng.randrange(3)
    if ask == 0:
        a, b = rng.choice(PLURALS)
        question = pick(rng, ('{What is|What\'s|Tell me} the plural of {$a|"$a"}?',
                              'How do you write the plural of {$a|"$a"}?', "One $a, two what?"),
                              a=a)
        return fact("words", question, b, f'The plural of "{a}" is "{b}".')
    if ask == 1:
        a, b = rng.choice(PAST)
        question = pick(rng, ('{What is|What\'s} the past tense of {$a|"$a"}?',
                              'What is the past of "$a"?',
                              "Today I $a. What is the verb for yesterday?"), a=a)
        return fact("words", question, b, f'The past tense of "{a}" is "{b}".')
    a, b = rng.choice(RHYMES)
    question = pick(rng, ('{What|Which words|What words} {rhymes|rhyme} with {$a|"$a"}?',
                          "Give me {a rhyme|rhymes} for $a.",
                          "{Name|Find} a word that rhymes with $a."), a=a)
    return fact("words", question, b, f'Words that rhyme with "{a}" are {b}.',
                tuple(b.replace(" and ", ", ").split(", ")))


def translation(rng):
    """Single words and tiny sentences into Spanish, French and German, and back."""
    entry = rng.choice(TRANSLATIONS)
    i = rng.randrange(3)
    language, english, foreign = LANGUAGES[i], entry[0], entry[i + 1]
    slots = {"e": english, "l": language, "f": foreign}
    if rng.random() < 0.75:
        question = pick(rng, ('{Translate|Please translate} "$e" {to|into} $l.',
                              "{Translate|Say} $e {to|into|in} $l",
                              'How do you say {"$e"|$e} in $l?', 'What is {"$e"|$e} in $l?',
                              "What's the $l {word|translation} {for|of} {\"$e\"|$e}?",
                              "$l for $e?", "{Translate|Translate this} {to|into} $l: $e",
                              "How would a $l speaker say $e?"), **slots)
        return fact("translate", question, foreign,
                    pick(rng, ('"$e" in $l is "$f".', '"$e" in $l is "$f".',
                               'In $l, "$e" is "$f".'), **slots))
    question = pick(rng, ('What does the $l word "$f" mean?',
                          'What does "$f" mean in {English|$l}?',
                          'Translate "$f" {from $l|} {to|into} English.',
                          'What is the English word for the $l "$f"?'), **slots)
    return fact("translate", question, english, f'"{foreign}" means "{english}".',
                tuple(t[0] for t in TRANSLATIONS if foreign in t[1:]) or (english,))


def belongs(rng):
    """What sort of thing a word is, and the odd one out."""
    name = rng.choice(sorted(CATEGORIES))
    word = rng.choice(CATEGORIES[name])
    if rng.random() < 0.5:
        others = rng.sample(["fruit", "animal", "color", "tool", "sport", "city", "country", "bird",
                             "drink", "metal", "vehicle", "job"], 2)
        options = [name] + [o for o in others if o != name and word not in CATEGORIES[o]]
        rng.shuffle(options)
        question = pick(rng, ("What {kind of thing|sort of thing} is $w?", "Is $w $o?",
                              "Which category fits $w: $o?", "Classify the word $w: $o."),
                        w=word, o=" or ".join(one_of(o) for o in options))
        return fact("classify", cap(question), name, f"{cap(word)} is {one_of(name)}.",
                    (name, "animal") if name == "bird" else (name,))
    other = rng.choice([n for n in sorted(CATEGORIES) if n != name and {n, name} not in (
        {"bird", "animal"}, {"metal", "color"}, {"fruit", "color"}, {"flower", "color"})])
    odd = rng.choice([w for w in CATEGORIES[other] if w not in CATEGORIES[name]])
    same = rng.sample(CATEGORIES[name], 3)
    words = same + [odd]
    rng.shuffle(words)
    question = pick(rng, ("{Which|Which word|Which one} does not belong: $w?",
                          "Find the odd one out: $w.",
                          "Odd one out? $w"), w=", ".join(words))
    return fact("classify", question, odd, f"{cap(odd)} does not belong: it is {one_of(other)}, "
                f"the others are {plural_category(name)}.")


def one_of(name):
    """Category name with article; two of them cannot be counted."""
    return f"a piece of {name}" if name in ("clothing", "furniture") else a_or_an(name)


def plural_category(name):
    """Plural of a category name."""
    irregular = {"fruit": "fruits", "country": "countries", "city": "cities", "furniture":
                 "pieces of furniture", "clothing": "pieces of clothing"}
    return irregular.get(name, name + "s")


MAKERS = ((country, 9), (about_country, 2), (planet, 3), (element, 4), (calendar, 4), (unit, 3),
          (animal, 4), (person, 5), (trivia, 8), (concept, 14), (opposite, 6), (grammar, 3),
          (translation, 10), (belongs, 4))


def any_fact(rng):
    """An item from one of the makers by weight."""
    makers = [m for m, _ in MAKERS]
    return rng.choices(makers, [w for _, w in MAKERS])[0](rng)
