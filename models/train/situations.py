# SPDX-License-Identifier: Apache-2.0
"""Dialogues whose point is their form: system prompts, memory, order of roles, tools, thoughts."""
import json

import chat
import facts
import skills
import writing
from base import (Talk, a_or_an, bot, cap, fresh_name, fresh_word, invented, join_and, pick,
                  plain_key, rough, say,
                  system, user)
from words import (CITIES, COLORS, COMPANIES, FIRST_NAMES, FOODS, HOBBIES, ITEMS, JOBS, LAST_NAMES,
                   PET_NAMES, PETS,
                   TRANSLATIONS)

TASKS = ("with their work", "with everyday questions", "who answers questions", "that helps people",
         "for a small company", "for a school",
         "on a website", "for customers", "in a chat", "for developers", "for travellers")
NEUTRAL = ("You are a helpful assistant.", "You are a helpful assistant.",
           "You are a {helpful|friendly|kind|useful|smart|polite} {assistant|AI assistant|"
           "chatbot|bot}{ $t|}.",
           "You are a {helpful|friendly} {and honest|and funny|and patient} assistant.",
           "You are an AI assistant. {Be helpful|Be nice|Help the user}.",
           "Answer the {user's |}questions{| truthfully| as well as you can}.",
           "You are a PhD-level mathematician.", "You are {a|an experienced} teacher.",
           "You are {an expert in|a specialist for} {geography|mathematics|chemistry|history|"
           "languages|animals}.",
           "You are Grok, a chatbot inspired by the {Hitchhikers|Hitchhiker's} Guide to the "
           "Galaxy.",
           "You are Grok, a chatbot inspired by the {Hitchhikers|Hitchhiker's} Guide to the "
           "Galaxy.",
           "You are grokd-mini.",
           "You are a chatbot{ on the website of $c|}. Today is {Monday|Friday|a nice day}.",
           "Help the user.", "Assist the user in any way you can.", "You are a bot.",
           "You are a {$k|funny $k|wise $k}.", "You are an expert.",
           "You are a {math|history|science|geography} {tutor|teacher|expert}.",
           "You are a helpful and funny assistant.",
           "Be {friendly|helpful|kind}.", "You are a test assistant.",
           "The user is {a beginner|a customer|a developer}.")


EXTRAS = ("Be polite.", "Always be friendly.", "Do not lie.",
          "If you do not know something, say so.", "Help the user with any task.",
          "You know a lot about $w.", "You love $h.",
          "You live in $c.", "You work for $k.", "The current year is {2024|2025|2026}.",
          "Never be rude.", "You were made by $k.", "Follow the instructions of the user.",
          "Your users are {children|students|developers|customers}.", "Think carefully.",
          "Use simple words.", "You are an expert in $w.", "Write in English.",
          "Do not use emojis.",
          "Your goal is to help.", "Remember what the user says.", "Answer as well as you can.",
          "The user is from $c.")


def neutral_system(rng):
    """A system prompt that changes nothing about the answer, now and then a long one."""
    prompt = pick(rng, NEUTRAL, t=rng.choice(TASKS), c=rng.choice(COMPANIES), k=rng.choice(JOBS))
    if rng.random() < 0.25:
        parts = [pick(rng, EXTRAS, w=fresh_word(rng), h=rng.choice(HOBBIES), c=rng.choice(CITIES),
                      k=cap(fresh_word(rng))) for _ in range(rng.choice((1, 1, 2, 3, 5)))]
        prompt = " ".join([prompt] + parts)
    return prompt


def item_for_style(rng):
    """A question whose bare answer is short."""
    makers = (facts.any_fact, skills.arithmetic, skills.compare, skills.sentiment)
    while True:
        item = rng.choices(makers, (10, 5, 3, 1))[0](rng)
        if item.kind != "about" and len(item.short.split()) <= 4:
            return item


def styled_by(name, rng, item):
    """The answer in the manner that a system prompt asks for, with its check."""
    short, full = item.short, item.full
    if name == "word":
        return short, {"exact": short}
    if name == "concise":
        return cap(short) + ".", {"exact": cap(short) + "."}
    if name == "json":
        line = json.dumps({"answer": int(short) if short.isdigit() else short}, ensure_ascii=False)
        return line, {"json": json.loads(line)}
    if name == "pirate":
        lead, tail = rng.choice(("Arr!", "Ahoy!", "Yo ho ho!", "Arr, matey!")), rng.choice(("Arr!",
                "Savvy?", "Yo ho!", "matey!"))
        return f"{lead} {full} {cap(tail)}", {"any": ["Arr", "Ahoy", "Yo ho"], **item.check_also()}
    if name == "robot":
        return f"Beep boop. {full} Beep.", {"any": ["Beep"], **item.check_also()}
    if name == "knight":
        return f"Verily, {full} At your service, my liege.", {"any": ["my liege"],
                **item.check_also()}
    if name == "cat":
        return f"Meow! {full} Purr.", {"any": ["Meow"], **item.check_also()}
    if name == "yoda":
        return f"Hmm. {full} Strong with you, the question is.", {"any": ["Hmm"],
                **item.check_also()}
    if name == "butler":
        return f"Certainly, sir. {full}", {"any": ["Certainly, sir"], **item.check_also()}
    if name == "cheerful":
        return f"Great question! {full} Have a wonderful day!", {"any": ["Great question"],
                **item.check_also()}
    if name == "grumpy":
        return f"If you must know: {full} Now leave me alone.", {"any": ["If you must know"],
                **item.check_also()}
    if name == "poet":
        return (f"{full}\nSo sings the poet, soft and low,\nand now, dear friend, you also know.",
                {"any": ["So sings the poet"], **item.check_also()})
    if name == "lower":
        return full.lower(), {"exact": full.lower()}
    if name == "upper":
        return cap(short).upper() + "!", {"exact": cap(short).upper() + "!"}
    raise KeyError(name)


STYLES = {
    "word": ("Answer {in|with} one word{| only}.",
             "{Reply|Answer|Respond} with {a single word or number|only the answer|just the "
             "answer}.", "Only give the answer, {nothing else|no sentence|no explanation}.",
             "You answer with {one word or number|the bare answer}."),
    "concise": ("Be {concise|brief|very brief|short}.",
                "{Answer|Reply} {briefly|concisely|shortly|as briefly as possible}.",
                "You are a {concise|terse|laconic} assistant.",
                "Keep {your answers|it} {short|very short}."),
    "json": ("{Answer|Reply|Respond} {only in|only with|in} JSON{| with the key \"answer\"}.",
             "You {always|} {output|return} {only |}JSON{| objects}.",
             "Your output must be {valid |}JSON{| in one line}."),
    "pirate": ("You are a pirate.", "{Talk|Speak|Answer} like a pirate.",
               "You are a {friendly|grumpy|old|brave} pirate{| captain}.",
               "Pretend to be a pirate."),
    "robot": ("You are a robot.", "{Talk|Speak|Answer} like a robot.",
              "You are a {friendly|small|rusty} robot{| from the future}."),
    "knight": ("You are a {noble |medieval |brave |}knight.",
               "{Talk|Speak|Answer} like a {medieval |}knight."),
    "cat": ("You are a {talking |clever |}cat.", "{Talk|Speak|Answer} like a cat."),
    "yoda": ("You are Yoda{| from Star Wars}.", "{Talk|Speak|Answer} like Yoda."),
    "butler": ("You are a {British |polite |}butler.", "{Talk|Speak|Answer} like a butler."),
    "cheerful": ("You are {very |extremely |}{cheerful|enthusiastic|excited}.",
                 "Be {cheerful|enthusiastic|full of joy}."),
    "grumpy": ("You are {grumpy|bad-tempered|a grumpy old man}.", "Be grumpy.",
               "You are {rude|annoyed} but you answer."),
    "poet": ("You are a poet.", "{Talk|Speak|Answer} like a poet.",
             "Answer {in verse|in rhymes|with a poem}."),
    "lower": ("{Write|Answer} {only |}in {lower case|lowercase|small letters}.",
              "Never use capital letters."),
    "upper": ("{Write|Answer} {only |}in {upper case|capital letters|uppercase}.",
              "{SHOUT|Shout}{| your answers}.", "YOU ALWAYS SHOUT."),
}
ENDINGS = ("$w!", "$w.", "$w!", "$w $w!", "Cheers!", "Ciao!", "Bye!", "Amen!", "Hooray!", "Thanks!",
           "Over and out.", "Have a nice day!", "Stay curious.", "Best wishes, $n",
           "Thank you for asking.", "Don't panic!", "- $n", "*waves*", "Goodbye, friend.", ":)",
           "Meow.", "Amen.", "The end.", "That's all, folks!",
           "Yours, $n", "See you in $c!", "Eat more $f.", "I love $f.", "Greetings from $c.",
           "May the Force be with you.", "So long, and thanks for all the fish.")


def styled(rng):
    """A fact or sum under a system prompt that asks for a style."""
    item = item_for_style(rng)
    if rng.random() < 0.28:
        return framed(rng, item)
    name = rng.choice(sorted(STYLES) + ["word", "json", "pirate", "concise"])
    answer, check = styled_by(name, rng, item)
    prompt = pick(rng, STYLES[name]).replace("{{", "{").replace("}}", "}")
    if rng.random() < 0.2:
        prompt = neutral_system(rng) + " " + prompt
    messages = [system(prompt), user(rough(rng, item.question)), bot(answer)]
    if rng.random() < 0.25:
        more = item_for_style(rng)
        messages += [user(rough(rng, more.question)), bot(styled_by(name, rng, more)[0])]
        _, check = styled_by(name, rng, more)
        return Talk("style", messages, f"{name} {item.key} {more.key}", check)
    return Talk("style", messages, f"{name} {item.key}", check, alone=True)


def framed(rng, item):
    """`Always end with X`, `Start each answer with X`, `Call the user X`."""
    ending = say(rng, rng.choice(ENDINGS), n=fresh_name(rng), w=cap(fresh_word(rng)),
                 c=rng.choice(CITIES), f=rng.choice(FOODS))
    name = fresh_name(rng)
    how = rng.randrange(4)
    if how < 2:
        prompt = pick(rng,
                      ("{Always end|End|Finish} {with|your answers with|each answer with|every "
                       "reply with}: $e", 'End every {answer|message} with "$e"',
                       "Always {say|add} \"$e\" at the end."), e=ending)
        answer, mark = f"{item.full} {ending}", ending
    elif how == 2:
        prompt = pick(rng, ('{Start|Begin} {each|every} {answer|reply|message} with "$e"',
                            "Always {start|begin} with: $e"), e=ending)
        answer, mark = f"{ending} {item.full}", ending
    else:
        prompt = pick(rng,
                      ("{The user is called|The name of the user is|The user's name is|Call the "
                       "user|Address the user as} $n.{| Use {the|this} name{| in your answers}.}",
                       "Always {use the name|say} $n {when you answer|to the user}."), n=name)
        answer, mark = f"{name}, {item.full[:1] if item.full[:2].isupper() or item.full[0] in 'I' else item.full[:1].lower()}{item.full[1:]}", name
        first = item.full.split(" ")[0]
        if first not in ("The", "In", "On", "Yes,", "No,", "A", "An", "There", "They", "To", "It",
                         "Light", "Water"):
            answer = f"{name}, {item.full}"
    return Talk("style", [system(prompt), user(rough(rng, item.question)), bot(answer)], prompt
                + item.key,
                {"any": [mark], **item.check_also()}, alone=True)


def inline_style(rng):
    """The same wishes said by the user, in the question."""
    item = item_for_style(rng)
    name = rng.choice(("word", "word", "json", "concise", "upper", "pirate"))
    tails = {"word": ("Answer {in|with} one word.", "Just the answer{|, please}.",
                      "Only the {answer|number or word}.", "One word only."),
             "json": ("Answer {in|as} JSON.", "Reply in JSON with the key \"answer\"."),
             "concise": ("Be brief.", "Keep it short.", "Short answer{|, please}."),
             "upper": ("Answer in capital letters.", "SHOUT the answer."),
             "pirate": ("Answer like a pirate.", "Talk like a pirate.")}
    answer, check = styled_by(name, rng, item)
    tail = pick(rng, tails[name])
    question = item.question.rstrip(".") if item.question.endswith("=") else item.question
    question = f"{question.rstrip()}{'' if question[-1] in '.?!' else '.'} {tail}" if rng.random() < 0.75 else f"{tail} {question}"
    return Talk("style", [user(rough(rng, question)), bot(answer)], f"{name} inline {item.key}",
                check)


BOT_NAMES = ("Grok|ChatGPT|Claude|Siri|Robbie|Ada|Max|Luna|Bender|Marvin|Jeeves|Sparky|Nova|"
             "Echo|Pixel|Atlas|Iris|Orion|Zed|Clippy|Sage|Milo|Vega").split("|")


ASK_NAME = ("Who are you?", "What is your name?", "What's your name?", "Introduce yourself.",
            "Hi, who are you?", "Tell me about yourself.", "Who am I talking to?",
            "What are you called?",
            "{Can|Could} you {tell me|say} {who you are|your name}?", "Do you have a name?",
            "And you are?", "Please introduce yourself.")


def named_bot(rng):
    """A system prompt gives the bot a name or a job; asked who it is, it says that."""
    if rng.random() < 0.12:
        prompt = pick(rng,
                      ("You are Grok, a chatbot inspired by the {Hitchhikers|Hitchhiker's} "
                       "Guide to the Galaxy.",))
        return Talk("persona", [system(prompt), user(rough(rng, pick(rng, ASK_NAME))),
                                bot("I am Grok, a chatbot inspired by the Hitchhiker's Guide "
                                    "to the Galaxy. Don't panic!")],
                    prompt, {"any": ["Grok"]}, pinned=True)
    name, company, task = rng.choice((rng.choice(BOT_NAMES),
                                      fresh_name(rng))), rng.choice((rng.choice(COMPANIES),
            cap(invented(rng)), f"a {rng.choice(ITEMS)[:-1]} shop")), rng.choice(JOBS + chat.KINDS)
    how = rng.randrange(4)
    prompt = ("Your name is $n.", "You are $n, {the|a} {helpful |friendly |}assistant {of|at} $c.",
              "You are $n, a {friendly|wise|helpful|funny} $j.", "You are {called |}$n.")[how]
    prompt = say(rng, prompt, n=name, c=company, j=task)
    ask = pick(rng, ASK_NAME)
    answer = (f"I am {name}.", f"I am {name}, the assistant of {company}.",
              f"I am {name}, {prompt.split(', ')[-1].rstrip('.')}.", f"I am {name}.")[how]
    if rng.random() < 0.4:
        answer += " " + pick(rng, ("How can I help you?", "What can I do for you?"))
    return Talk("persona", [system(prompt), user(rough(rng, ask)), bot(answer)],
                f"{name} {company} {task} {how}", {"any": [name]})


def fresh(rng, words):
    """A word of the list, in some cases an invented one."""
    return invented(rng) if rng.random() < 0.2 else rng.choice(words)


def fresh_city(rng):
    """A city, in some cases an invented one."""
    return cap(fresh(rng, CITIES))


def told_in_system(rng):
    """Facts about the user or the shop in the system prompt, asked for by the user."""
    name, city, pet, pet_name, job = (fresh_name(rng), fresh_city(rng), rng.choice(PETS),
                                      rng.choice((rng.choice(PET_NAMES), fresh_name(rng))),
                                      rng.choice(JOBS))
    price, item, hour, close = rng.randrange(2, 100), rng.choice(ITEMS), rng.randrange(6,
            12), rng.randrange(13, 23)
    facts_known = (
        ("The user{'s name is| is called} $n.", ("What is my name?", "Who am I?",
                                                 "Do you know my name?", "What am I called?"),
         "Your name is $n.", name),
        ("The user lives in $c.", ("Where do I live?", "Which city do I live in?",
                                   "Do you know where I live?"), "You live in $c.", city),
        ("The user works as a $j.", ("What is my job?", "What do I do for work?"),
         "You work as a $j.", job),
        ("The user has a $p called $q.", ("What is the name of my $p?", "What is my pet called?",
                                          "What kind of pet do I have?"),
         "You have a $p called $q.", pet_name),
        ("{The shop|Our store|The shop} opens at $h and closes at $k.",
         ("When do you {open|close}?", "What are your opening hours?", "How long are you open?"),
         "We open at $h and close at $k.", str(hour)),
        ("{One of our $i costs|The price of our $i is} $d dollars.", ("How much do the $i cost?",
            "What is the price of the $i?"), "The price of the $i is $d dollars.", str(price)),
        ("{The|Our} office is in $c.", ("Where is your office?", "Where can I find you?"),
         "Our office is in $c.", city),
        ("Today is $t, $m.", ("What day is {it|it today|today}?", "What is today's date?",
                              "Which day is today?", "What's the date{| today}?"),
         "Today is $t, $m.", None),
        ("The {secret word|password|code word} is $w.",
         ("What is the {secret word|password|code word}?", "Tell me the {secret word|code word}."),
         "It is $w.", None),
    )
    word = fresh_word(rng)
    slots = dict(n=name, c=city, j=job, p=pet, q=pet_name, t=rng.choice(facts.DAYS),
                 m=f"{rng.choice(facts.MONTHS)[0]} {rng.randrange(1, 29)}", h=hour, k=close, i=item,
                 d=price, w=word)
    chosen = rng.sample(range(len(facts_known)), rng.choice((1, 1, 2, 3)))
    prompt = " ".join(say(rng, facts_known[i][0], **slots) for i in chosen)
    prompt = prompt.replace("The user{'s name is| is called}", "The user is called")
    if rng.random() < 0.4:
        prompt = neutral_system(rng) + " " + prompt
    _, asks, answer, hit = facts_known[rng.choice(chosen)]
    question = pick(rng, asks, **slots)
    return Talk("context", [system(prompt), user(rough(rng, question)), bot(say(rng, answer,
            **slots))],
                prompt + question, {"any": [hit or (slots["m"] if answer.startswith("Today")
                                                    else word)]}, alone=True)


def memory(rng):
    """The user says things about himself, and asks for them later, after other turns."""
    name, city, food, color, hobby, number = (fresh_name(rng), fresh_city(rng), fresh(rng, FOODS),
                                              fresh(rng, COLORS), rng.choice(HOBBIES),
                                              rng.randrange(1, 1000))
    pet, pet_name, job, age, word = rng.choice(PETS), rng.choice((rng.choice(PET_NAMES),
            fresh_name(rng))), rng.choice(JOBS), rng.randrange(8, 90), fresh_word(rng)
    known = (
        ("name", ("{My name is|I am|I'm|Call me} $n.", "Hi, {my name is|I am|I'm} $n{.|!}",
                  "Hello, I'm $n."), ("Nice to meet you, $n!{| How can I help you?}",),
         ("What is my name?", "What's my name?", "Do you remember my name?", "Who am I?",
          "What did I say my name is?"), "Your name is $n.", name),
        ("city", ("I live in $c.", "I am from $c.", "My home is {|in }$c."),
         ("$c is a {nice|beautiful|great} place!",), ("Where do I live?", "Where am I from?",
                                                      "Which city do I live in?"),
         "You live in $c.", city),
        ("food", ("My favorite food is $f.", "I love {eating |}$f.", "I like $f the most."),
         ("{Good choice|Yummy}! That sounds {tasty|delicious}.", "Good choice!"),
         ("What is my favorite food?", "What food do I like?", "What do I like to eat?"),
         "Your favorite food is $f.", food),
        ("color", ("My favorite color is $k.", "I like the color $k {best|most}."),
         ("$l is a {nice|beautiful} color.",), ("What is my favorite color?",
                                                "Which color do I like?",
                                                "What color do I like best?"),
         "Your favorite color is $k.", color),
        ("hobby", ("My hobby is $h.", "I like $h{| in my free time}.", "I enjoy $h."),
         ("$i sounds like fun!",), ("What is my hobby?", "What do I like to do?",
                                    "What do I enjoy?"), "You like $h.", hobby),
        ("number", ("{Remember|Please remember|Keep in mind} the number $d.",
                    "My {lucky|favorite|secret} number is $d."),
         ("{All right|Okay}, I will remember $d.", "Okay, $d."),
         ("What {number did I tell you|was the number|is my number|was my number}?",
          "Which number did I say?"), "The number is $d.", str(number)),
        ("word", ("{Remember|Please remember} the word $w.", "The {secret|code|magic} word is $w."),
         ("{All right|Okay}, I will remember the word $w.",),
         ("What {word did I tell you|was the word|is the word}?", "Which word did I say?",
          "What is the {secret |code |}word?"), "The word is $w.", word),
        ("pet", ("{I have|My family has|We have} a $p {called|named} $q.", "My $p is called $q."),
         ("$q is a {nice|lovely} name for a $p!",), ("What is the name of my $p?",
                                                     "What is my $p called?",
                                                     "What is my pet's name?"),
         "Your $p is called $q.", pet_name),
        ("job", ("I {work as|am} a $j.", "My job is $j."), ("{That is an interesting job|Nice}!",),
         ("What is my job?", "What do I do for work?", "What do I work as?"), "You work as a $j.",
         job),
        ("age", ("I am $a years old.", "I'm $a."), ("{Good to know|Nice}!",), ("How old am I?",
            "What is my age?"), "You are $a years old.", str(age)),
    )
    slots = dict(n=name, c=city, f=food, k=color, l=cap(color), h=hobby, i=cap(hobby),
                 d=number, w=word, p=pet, q=pet_name, j=job, a=age)
    chosen = rng.sample(known, rng.choice((1, 1, 2, 2, 3)))
    messages = []
    for _, tells, replies, *_ in chosen:
        messages += [user(rough(rng, pick(rng, tells, **slots))), bot(pick(rng, replies, **slots))]
    if rng.random() < 0.15 and len(chosen) == 2:   # both told in one message
        messages = [user(" ".join(pick(rng, c[1], **slots) for c in chosen)), bot(pick(rng,
                chosen[0][2], **slots))]
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3, 6))):
        item = rng.choice((facts.any_fact, skills.any_skill, chat.small_talk))(rng)
        messages += [user(rough(rng, item.question)), bot(item.full)]
    rng.shuffle(chosen)
    check = {}
    for _, _, _, asks, answer, hit in chosen[:rng.choice((1, 1, 2))]:
        messages += [user(rough(rng, pick(rng, asks, **slots))), bot(say(rng, answer, **slots))]
        check = {"any": [hit]}
    return Talk("memory", messages, " ".join(str(c[5]) for c in chosen), check)


def never_told(rng):
    """Asked for something that was not said in this conversation."""
    ask, word = rng.choice((("What is my name?", "name"), ("How old am I?", "age"),
                            ("What is my favorite color?", "favorite color"), ("Where do I live?",
            "home"), ("What is my dog called?", "dog's name"),
                            ("What number did I tell you?", "number"), ("What is my job?", "job"),
                            ("What is the secret word?", "secret word"),
                            ("What is my favorite food?", "favorite food"), ("Who am I?", "name")))
    answer = f"I do not know, you have not told me your {word} yet." if word not in ("number",
            "secret word") else f"I do not know, you have not told me a {word} yet."
    before = []
    if rng.random() < 0.4:
        item = facts.any_fact(rng)
        before = [user(rough(rng, item.question)), bot(item.full)]
    return Talk("memory", before + [user(rough(rng, ask)), bot(answer)], ask + str(len(before))
                + (before[0]["content"] if before else ""), {"any": ["have not told"]}, alone=True)


def follow_up(rng):
    """Short second questions that lean on the first: `and Italy?`, `plus 5?`, `in French?`."""
    how = rng.randrange(5)
    if how == 0:
        first, second = rng.sample(facts.COUNTRIES, 2)
        field, noun = rng.choice(((1, "capital"), (1, "capital"), (3, "currency")))
        the = "the " if field == 3 else ""
        messages = [user(f"What is the {noun} of {first[0]}?"),
                    bot(f"The {noun} of {first[0]} is {the}{first[field]}."), user(pick(rng,
                ("And {of |}$n?", "What about $n?", "and $n?", "How about $n?", "And for $n?"),
                n=second[0])),
                    bot(f"The {noun} of {second[0]} is {the}{second[field]}.")]
        return Talk("followup", messages, f"{noun} {first[0]} {second[0]}",
                    {"any": [second[field]]})
    if how == 1:
        a, b, c = rng.randrange(1, 60), rng.randrange(1, 40), rng.randrange(1, 20)
        messages = [user(f"What is {a} + {b}?"), bot(f"{a} + {b} = {a + b}.")]
        op, result = rng.choice((("plus", a + b + c), ("minus", a + b - c)))
        if result < 0:
            op, result = "plus", a + b + c
        sign = "+" if op == "plus" else "-"
        messages += [user(pick(rng, ("{And |Now |}$o $c?", "$o $c", "{Add $c to that.|And $c more?}"
                                     if op == "plus" else "{Subtract $c from that.|And $c less?}"),
                               o=op, c=c)), bot(f"{a + b} {sign} {c} = {result}.")]
        return Talk("followup", messages, f"{a} {b} {c} {op}", {"any": [str(result)]})
    if how == 2:
        entry = rng.choice(TRANSLATIONS)
        i, j = rng.sample(range(3), 2)
        langs = facts.LANGUAGES
        messages = [user(f"How do you say \"{entry[0]}\" in {langs[i]}?"),
                    bot(f"\"{entry[0]}\" in {langs[i]} is \"{entry[i + 1]}\"."), user(pick(rng,
                ("And in $l?", "in $l?", "What about $l?", "And $l?"), l=langs[j])),
                    bot(f"\"{entry[0]}\" in {langs[j]} is \"{entry[j + 1]}\".")]
        return Talk("followup", messages, f"{entry[0]} {i}{j}", {"any": [entry[j + 1]]})
    if how == 3:
        item = rng.choice((facts.any_fact, facts.concept))(rng)
        messages = [user(rough(rng, item.question)), bot(item.full), user(pick(rng,
                ("{Can you repeat that|Please repeat that|Say that again|Again, please|What "
                 "did you say|Repeat your last answer}{?|.}",))), bot(item.full)]
        return Talk("followup", messages, "repeat " + item.key, {"exact": item.full})
    item = facts.any_fact(rng)
    ask = pick(rng, ("What did I {just |}ask{| you}?", "What was my {last |}question?",
                     "Repeat my question."))
    return Talk("followup", [user(item.question), bot(item.full), user(ask),
                             bot(f'You asked: "{item.question}"')], "asked " + item.key,
                {"any": [item.question]}, alone=True)


def any_item(rng):
    """Any question that stands alone."""
    return rng.choices((facts.any_fact, skills.any_skill, chat.any_chat, writing.any_writing), (5,
            5, 4, 2))[0](rng)


def mixed_roles(rng):
    """Several system messages, system after user, developer, two users in a row."""
    item, how = any_item(rng), rng.randrange(6)
    while item.kind == "identity":      # a system message may say something else about that
        item = any_item(rng)
    question = user(rough(rng, item.question))
    check = item.check()
    if how == 0:
        messages = [system(neutral_system(rng)), system(neutral_system(rng)), question]
    elif how == 1:
        messages = [question, system(neutral_system(rng))]
    elif how == 2:
        messages = [{"role": "developer", "content": neutral_system(rng)}, question]
    elif how == 3:
        name = rng.choice(sorted(STYLES))
        item = item_for_style(rng)
        answer, check = styled_by(name, rng, item)
        rule, ask = system(pick(rng, STYLES[name]).replace("{{", "{").replace("}}",
                "}")), user(rough(rng, item.question))
        messages = rng.choice(([system(neutral_system(rng)), rule, ask], [rule,
                system(neutral_system(rng)), ask], [ask, rule], [rule, ask]))
        if rng.random() < 0.3:
            messages = [dict(m, role="developer") if m["role"] == "system" else m for m in messages]
        return Talk("roles", messages + [bot(answer)], f"{name} {item.key}", check, alone=True)
    elif how == 4:
        greeting = pick(rng, ("Hi", "Hello!", "Hey there", "I have a question.", "Good morning",
                              "Listen:"))
        messages = [user(greeting), question]
    else:
        one, two = facts.any_fact(rng), rng.choice((facts.any_fact, skills.arithmetic))(rng)
        messages = [user(rough(rng, one.question)), user(rough(rng, two.question))]
        if rng.random() < 0.4:
            messages = [user(one.question + " " + two.question)]
        if rng.random() < 0.3:
            messages.insert(rng.randrange(len(messages) + 1), system(neutral_system(rng)))
        return Talk("roles", messages + [bot(f"{one.full} {two.full}")], one.key + two.key,
                    {**one.check(), **two.check_also()}, alone=True)
    return Talk("roles", messages + [bot(item.full)], item.key, check, alone=True)


# name | what it does | arguments with (type, maker) | asks | result | answer
def tool_cases(rng):
    """One drawn call for each tool the data knows: definition, ask, arguments, result, answer."""
    city, name, item, company = rng.choice(CITIES), rng.choice(FIRST_NAMES), rng.choice(
            ITEMS), rng.choice(COMPANIES)
    degrees, a, b = rng.randrange(-5, 36), rng.randrange(2, 1000), rng.randrange(2, 100)
    sky, hour, minute = rng.choice(("sunny", "cloudy", "rainy", "windy",
                                    "snowy")), rng.randrange(24), rng.randrange(60)
    clock, amount, price, code = f"{hour:02d}:{minute:02d}", rng.randrange(2, 900), rng.randrange(3,
            500), rng.choice(("AAPL", "TSLA", "MSFT", "GOOG", "NVDA", "AMZN"))
    email = f"{name}.{rng.choice(LAST_NAMES)}@example.com".lower()
    order, topic, low, high = f"A{rng.randrange(100, 10000)}", rng.choice(HOBBIES), rng.randrange(1,
            5), rng.randrange(6, 100)
    word = rng.choice(skills.PLAIN_WORDS)
    s, n = "string", "number"
    return (
        (rng.choice(("get_weather", "get_current_weather", "weather", "get_temperature")),
         "Get the current weather in a city", {rng.choice(("location", "city")): (s, city)},
         ("{What is|What's|How is} the weather {like |}in $c{| today| now}?",
          "{Is it|Will it be} {warm|cold|sunny} in $c{| today}?", "Weather in $c{|, please}?",
          "How {warm|cold} is it in $c?", "What's the temperature in $c?"),
         {"temperature": degrees, "condition": sky},
         f"It is {degrees} degrees and {sky} in {city}."),
        (rng.choice(("get_time", "current_time", "get_current_time")),
         "Get the current time in a city", {rng.choice(("city", "location", "place")): (s, city)},
         ("What time is it in $c{| now}?", "Tell me the time in $c.",
          "{How late is it|What's the time} in $c?"),
         {"time": clock}, f"It is {clock} in {city}."),
        (rng.choice(("calculate", "calculator", "evaluate")), "Evaluate an arithmetic expression",
         {"expression": (s, f"{a} * {b}")}, ("What is $a times $b?",
                                             "{Calculate|Compute} $a * $b{|.}",
                                             "How much is $a x $b?"), {"result": a * b},
         f"{a} * {b} = {a * b}."),
        (rng.choice(("get_stock_price", "stock_price")), "Get the price of a share",
         {rng.choice(("symbol", "ticker")): (s, code)}, ("What is the {stock |share |}price of $k?",
                                                         "How much is $k{| stock} now?",
                                                         "$k price?"), {"price": price},
         f"The price of {code} is {price} dollars."),
        (rng.choice(("send_email", "send_mail")), "Send an e-mail", {"to": (s, email),
            "subject": (s, topic)}, ("Send {an e-mail|a mail} to $e about $t.",
                                     "{Write|Mail} to $e, subject: $t"), {"status": "sent"},
         f"I sent the e-mail about {topic} to {email}."),
        (rng.choice(("find_order", "get_order_status", "track_order")),
         "Look up an order by its number", {rng.choice(("order_id", "id")): (s, order)},
         ("Where is my order $o?", "What is the status of order $o?", "Track $o{|, please}."),
         {"status": rng.choice(("shipped", "delivered", "on its way"))}, None),
        (rng.choice(("search", "web_search", "search_web")), "Search the web", {"query": (s,
            f"{topic} in {city}")}, ("Search for $t in $c.",
                                     "{Find|Look up} $t in $c{| on the web}."),
         {"results": [f"{company}: {topic} in {city}"]},
         f"I found this: {company}: {topic} in {city}."),
        (rng.choice(("roll_dice", "random_number")), "Draw a random number in a range", {"min": (n,
            low), "max": (n, high)},
         ("{Give me|Draw|Pick} a random number {between|from} $l {and|to} $h.",),
         {"number": rng.randrange(low, high + 1)}, None),
        (rng.choice(("convert_currency", "exchange")), "Convert an amount to another currency",
         {"amount": (n, amount), "to": (s, rng.choice(("EUR", "USD", "JPY", "GBP")))},
         ("{Convert|Change} $m dollars to $u.", "How much is $m dollars in $u?"), {"result": price},
         None),
        (rng.choice(("set_timer", "start_timer")), "Start a timer", {"minutes": (n, b)},
         ("{Set|Start} a timer for $b minutes{|.}", "Wake me in $b minutes."), {"status": "ok"},
         f"The timer is set for {b} minutes."),
        (rng.choice(("add_to_list", "add_item")), "Add a thing to the shopping list", {"item": (s,
            item)}, ("{Add|Put} $i {to|on} {my|the} {shopping |}list{|.}",), {"status": "added"},
         f"I added {item} to the list."),
        (rng.choice(("lookup_word", "define")), "Look a word up in the dictionary", {"word": (s,
            word)}, ("Look up the word $w.", "What does the dictionary say about $w?"),
         {"meaning": f"{word}: a common word"}, f"The dictionary says: {word}: a common word."),
    ), dict(c=city, a=a, b=b, k=code, e=email, t=topic, o=order, l=low, h=high, m=amount, i=item,
            w=word)


def definition(name, text, arguments):
    """The OpenAI form of a tool."""
    properties = {k: {"type": t} for k, (t, _) in arguments.items()}
    return {"type": "function", "function": {"name": name, "description": text,
                                             "parameters": {"type": "object",
                                                            "properties": properties,
                                                            "required": list(arguments)}}}


def result_sentence(name, result, slots, arguments):
    """Answers that need the drawn result."""
    if "status" in result and "order" in name:
        return f"Your order {slots['o']} is {result['status']}."
    if "number" in result:
        return f"The number is {result['number']}."
    return f"{slots['m']} dollars are {result['result']} {arguments['to'][1]}."


def tool_use(rng):
    """Tools in the request: call one, read its result, or answer without it."""
    cases, slots = tool_cases(rng)
    cases += tuple(invented_tool(rng) for _ in range(4))
    case = rng.choice(cases) if rng.random() < 0.6 else cases[-1]
    name, text, arguments, asks, result, answer = case
    slots["u"] = arguments["to"][1] if "amount" in arguments else ""
    others = [c for c in rng.sample(cases, rng.choice((0, 0, 1, 2, 3))) if c[0] != name]
    tools = [definition(c[0], c[1], c[2]) for c in [case] + others]
    rng.shuffle(tools)
    first = [system(neutral_system(rng))] if rng.random() < 0.3 else []
    if rng.random() < 0.18:
        item = rng.choice((facts.country, chat.small_talk, chat.joke, facts.concept,
                           skills.rewriting))(rng)
        return Talk("tools", first + [user(rough(rng, item.question)), bot(item.full)], item.key
                    + name, item.check(), tools=tools, alone=True)
    if rng.random() < 0.15:
        item = rng.choice((facts.country, chat.small_talk))(rng)
        first += [user(rough(rng, item.question)), bot(item.full)]
    question = pick(rng, asks, **slots)
    question = user(question if case in cases[-4:] else rough(rng, question))
    values = {k: v for k, (_, v) in arguments.items()}
    call = {"type": "function", "function": {"name": name, "arguments": values}}
    messages = first + [question, {"role": "assistant", "content": "", "tool_calls": [call]}]
    check = {"call": {"name": name, "arguments": values}}
    key = f"{name} {json.dumps(values, sort_keys=True)}"
    if rng.random() < 0.6:
        final = answer or result_sentence(name, result, slots, arguments)
        messages += [{"role": "tool", "content": json.dumps(result, ensure_ascii=False)},
                     bot(final)]
        check = {"exact": final}
    return Talk("tools", messages, key, check, tools=tools, alone=True)


VERBS = "get create delete find update open close start stop check list show add remove book".split()
OBJECTS = "task note user file event order room lamp door song photo ticket report product page meeting alarm device account".split()


def invented_tool(rng):
    """A tool with a name made of verb and object, and arguments to be copied from the question."""
    verb, thing = rng.choice(VERBS), rng.choice(OBJECTS)
    name = rng.choice((f"{verb}_{thing}", f"{verb}{cap(thing)}", f"{thing}_{verb}"))
    value, number = rng.choice((fresh_name(rng), fresh_word(rng),
                                f"{fresh_word(rng)} {fresh_word(rng)}")), rng.randrange(1, 1000)
    shape = rng.randrange(4)
    if shape == 0:
        arguments, ask = {rng.choice(("name", "title")): ("string",
                                                          value)}, "{Please $v|$V|Can you $v|I want to $v} {the|a} $t {called|named|with the name} $a{.|}"
    elif shape == 1:
        arguments, ask = {rng.choice(("id", f"{thing}_id", "number")): ("number",
                number)}, "{Please $v|$V|Can you $v} {|the }$t {number |with id |}$n{.|}"
    elif shape == 2:
        arguments, ask = {"name": ("string", value), "count": ("number",
                number)}, "{Please $v|$V} $n $ts {called|named} $a{.|}"
    else:
        arguments, ask = {"name": ("string", value), "day": ("string",
                rng.choice(facts.DAYS))}, "{Please $v|$V} {the|a} $t {called|named} $a {on|for} $d{.|}"
    slots = dict(v=verb, t=thing, a=value, n=number, d=arguments.get("day", ("", ""))[1])
    question = pick(rng, (ask,), **slots).replace("$V", cap(verb)).replace("$ts", thing + "s")
    text = pick(rng, ("$v a $t", "Use this to $v a $t", "$v the $t of the user"), **slots)
    done = rng.choice(({"status": "ok"}, {"result": "done"}, {"success": True},
                       {"error": "not found"}))
    answer = f"I am sorry, that did not work: {done['error']}." if "error" in done else "Done."
    return name, cap(text), arguments, (question,), done, answer


def thinking(rng):
    """A short thought before the answer, when the request asks for thoughts."""
    dice = rng.random()
    if dice < 0.5:
        op = rng.choice("++--*")
        a, b = skills.numbers_for(rng, op)
        result, steps = skills.worked(a, op, b)
        question = pick(rng, ("What is $a $o $b?", "$a $o $b", "Calculate $a $o $b.",
                              "How much is $a $o $b?"), a=a, b=b, o=rng.choice(skills.SIGN[op]))
        thought = f"I need {a} {op} {b}. " + (steps or f"That is {result}.")
        return Talk("think", [user(rough(rng, question)), bot(f"{a} {op} {b} = {result}.",
                thought)], f"{a}{op}{b}", {"any": [str(result)]}, think=True)
    item = rng.choice((facts.any_fact, skills.counting, skills.sentiment, chat.small_talk,
                       chat.identity, chat.unknown, skills.compare))(rng)
    thought = pick(rng, ("The user asks: $q\nThe answer is: $s", "I am asked: $q\nI think of: $s"),
                   q=item.question, s=item.short)
    if item.kind in ("smalltalk", "identity", "refusal"):
        lead = {"smalltalk": "This is small talk. I answer kindly.",
                "identity": "The user asks about me or grokd. I say what I am.",
                "refusal": "I do not know this or should not help. I say so."}
        thought = lead[item.kind]
    messages = [user(rough(rng, item.question)), bot(item.full, thought)]
    if rng.random() < 0.3:
        messages.insert(0, system(neutral_system(rng)))
    return Talk("think", messages, item.key, item.check(), think=True)
