# SPDX-License-Identifier: Apache-2.0
"""Small texts on request: mails, messages, summaries, passages with questions, code, JSON."""
import json

import facts
from base import Item, Talk, a_or_an, bot, cap, fresh_name, fresh_word, join_and, pick, plain_key, rough, system, user
from chat import JOKES, KINDS, TRAITS
from tables import COUNTRIES
from words import (CATEGORIES, CITIES, COLORS, COMPANIES, FIRST_NAMES, FOODS, HOBBIES, ITEMS, JOBS,
                   PET_NAMES, PETS)

MAIL_REASONS = (
    ("that I am {sick|ill}{| today}", "Sick today",
     "I am sorry, but I am sick today and cannot come. I hope to be back soon."),
    ("that I will be late", "Running late",
     "I am sorry, but I will be a little late today. I will be there as soon as I can."),
    ("to thank {them|him|her} for {the|their} help", "Thank you",
     "Thank you very much for your help. I really appreciate it."),
    ("to {say|tell} that I need {a day off|vacation|holidays}", "Day off",
     "I would like to take a day off. Please let me know if that is possible."),
    ("to ask for a meeting{| on $d}", "Meeting",
     "I would like to meet with you{| on $d}. Please let me know when you have time."),
    ("to invite {them|him|her} to {a|my} party", "Invitation",
     "I am having a party and would be happy if you could come."),
    ("to say sorry{| for my mistake}", "Sorry",
     "I am sorry for my mistake. I will do better next time."),
    ("to ask about the {price|order|delivery} of {the |}$i", "Question about $i",
     "I have a question about the $i. Could you please send me more information?"),
    ("to {quit|resign from} my job", "Resignation",
     "I would like to let you know that I will leave my job. Thank you for the good time."),
)
RECIPIENTS = ("my boss", "my teacher", "my friend", "a customer", "my colleague", "my landlord",
              "my team", "$n", "$n", "$n")


def mail(rng):
    """A short e-mail for one of a few reasons."""
    ask, subject, body = rng.choice(MAIL_REASONS)
    name, sender = fresh_name(rng), rng.choice(FIRST_NAMES)
    slots = {"n": name, "d": rng.choice(facts.DAYS), "i": rng.choice(ITEMS)}
    to = rng.choice(RECIPIENTS)
    question = pick(rng,
                    ("{Write|Draft|Compose|Help me write} {an e-mail|an email|a short email|a "
                     "mail|a letter|a message} to $t $a{.|}",), t=to, a=ask)
    question = pick(rng, (question,), **slots)
    day_named = slots["d"] in question
    body = body.replace("{| on $d}", " on $d" if day_named else "")
    hello = "Hello " + name if "$n" in to else "Hello"
    full = pick(rng, ("Subject: $s\n\n$h,\n\n$b\n\nBest regards",), s=subject, h=hello, b=body)
    return Item("writing", question, subject, pick(rng, (full,), **slots), plain_key(question),
                ("Best regards",))


MESSAGES = (
    ("{a birthday {message|card|wish}|birthday wishes|happy birthday wishes}",
     "Happy birthday, $n! I wish you a wonderful day and a great year.", "Happy birthday"),
    ("{a thank you note|a thank-you card|a thank you message}",
     "Thank you so much, $n! Your help means a lot to me.", "Thank you"),
    ("{a get well card|a get well message|get well wishes}",
     "Get well soon, $n! I am thinking of you.", "Get well"),
    ("{a welcome message|a greeting|a welcome note}", "Welcome, $n! It is great to have you here.",
     "Welcome"),
    ("{a wedding card|a wedding message}",
     "Congratulations on your wedding, $n! I wish you both a life full of love.",
     "Congratulations"),
    ("{a farewell message|a goodbye note}",
     "Goodbye, $n! We will miss you. All the best for the future.", "Goodbye"),
    ("{a Christmas card|a Christmas message}",
     "Merry Christmas, $n! I wish you a happy and peaceful time.", "Merry Christmas"),
    ("{an apology|a sorry note}",
     "I am very sorry, $n. I did not mean to hurt you. Please forgive me.", "sorry"),
    ("{a love letter|a love note}",
     "Dear $n, every day with you is a gift. I love you with all my heart.", "love"),
)


def message(rng):
    """Card texts with a name."""
    what, text, word = rng.choice(MESSAGES)
    name = fresh_name(rng)
    question = pick(rng, ("{Write|Give me|I need|Compose|Can you write} " + what
                          + " {for|to} $n{.|}",), n=name)
    return Item("writing", question, name, pick(rng, (text,), n=name), plain_key(question), (name,))


SLOGANS = ("$C: simply good.", "$C, because you deserve it.", "$C makes every day better.",
           "Life is better with $c.")
PET_IDEAS = PET_NAMES


def ideas(rng):
    """Slogans, names, titles, tweets and questions about any thing."""
    thing = rng.choice((rng.choice(FOODS), rng.choice(HOBBIES), rng.choice(ITEMS), fresh_word(rng)))
    how = rng.randrange(6)
    if how == 0:
        question = pick(rng,
                        ("{Write|Give me|Invent|Create} a {slogan|catchy slogan|tagline} for "
                         "{my $c shop|$c|our $c}.",), c=thing)
        return Item("writing", question, thing, pick(rng, SLOGANS, c=thing,
                                                     C=cap(thing)).replace("$C", cap(thing)),
                    plain_key(question), (thing,))
    if how == 1:
        pet = rng.choice(PETS)
        names = rng.sample(PET_IDEAS, 3)
        question = pick(rng,
                        ("{Suggest|Give me} {a name|names|some names|a good name} for my {new |"
                         "}$p.", "What should I {call|name} my {new |}$p?",
                         "I need a name for my $p."), p=pet)
        return Item("writing", question, pet, f"How about {names[0]}, {names[1]} or {names[2]}?",
                    plain_key(question), tuple(PET_IDEAS))
    if how == 2:
        question = pick(rng, ("{Write|Compose} {a tweet|a short post|a post} about $c{.|}",),
                        c=thing)
        return Item("writing", question, thing,
                    f"I could talk about {thing} all day. What about you? #{thing.replace(' ', '').replace('-', '')}",
                    plain_key(question), (thing,))
    if how == 3:
        question = pick(rng, ("{Give me|Write|Ask me} {a question|one question} about $c{.|}",),
                        c=thing)
        return Item("writing", question, thing, f"What do you like best about {thing}?",
                    plain_key(question), (thing,))
    if how == 4:
        question = pick(rng, ("{Use|Put} {the word |}$c in a sentence{.|}",
                              "{Write|Make|Give me} a sentence {with|about|using} {the word |"
                              "}$c{.|}"), c=thing)
        return Item("writing", question, thing, pick(rng,
                                                     ("Yesterday we talked about $c for a long "
                                                      "time.",
                                                      "I learned a lot about $c at school.",
                                                      "My friend told me about $c."), c=thing),
                    plain_key(question), (thing,))
    question = pick(rng,
                    ("{Write|Give me} a {title|headline} {for a story |for a book |}about $c{.|}",),
                    c=thing)
    return Item("writing", question, thing, pick(rng, ("The Secret of $c", "A Day with $c",
                                                       "All About $c"), c=cap(thing)),
                plain_key(question), (thing,))


def verse(rng):
    """Poems and haiku about anything that the user names."""
    thing = rng.choice((rng.choice(ITEMS), rng.choice(HOBBIES), rng.choice(FOODS),
                        rng.choice(CITIES), "the " + fresh_word(rng), fresh_name(rng), "my "
                        + rng.choice(PETS),
                        "the " + rng.choice(JOBS), rng.choice(COLORS), "the "
                        + rng.choice(CATEGORIES["flower"])))
    if rng.random() < 0.35:
        question = pick(rng, ("{Write|Give me|Compose} a {short |}haiku about $c{.|}",
                              "Haiku about $c{|, please}."), c=thing)
        full = pick(rng, ("$C at dawn,\na quiet moment passes,\nthe world holds its breath.",
                          "I think of $c,\nthe wind moves through the tall grass,\nand the day "
                          "is bright."), c=thing).replace("$C", cap(thing))
        return Item("poem", question, thing, full, plain_key(question), (thing,))
    question = pick(rng,
                    ("{Write|Write me|Give me|Compose|Make|I'd like} a {short |little |funny |"
                     "}poem about $c{.|}", "Poem about $c{|, please}.",
                     "Can you write a {short |}poem {about|on} $c?"), c=thing)
    full = pick(rng,
                ("I think of $c when day is new,\nIt turns the gray sky into blue;\nAnd when the "
                 "evening shadows fall,\nI think of $c most of all.",
                      "A little song for $c today,\nTo chase the heavy clouds away;\nThe sun is "
                      "warm, the sky is wide,\nAnd $c is always on my side."), c=thing)
    return Item("poem", question, thing, full, plain_key(question), (thing,))


def passage(rng):
    """A few sentences about two people, and a question about one of them."""
    one, two = fresh_name(rng), fresh_name(rng)
    if one == two:
        two = "Zelda" if one != "Zelda" else "Otto"
    cities, jobs, colors, foods, hobbies, pets = (rng.sample(x, 2) for x in (CITIES, JOBS, COLORS,
            FOODS, HOBBIES, PETS))
    things = rng.sample(("car", "house", "bike", "coat", "hat", "bag"), 2)
    ages = rng.sample(range(5, 90), 2)
    frames = (
        ("{lives in|is from} $v", "Where does $n live?", "$n lives in $v.", cities),
        ("{works as|is} a $v", "What is $n's job?", "$n works as a $v.", jobs),
        ("likes $v", "What does $n like?", "$n likes $v.", hobbies), ("eats $v",
            "What does $n eat?", "$n eats $v.", foods), ("is $v years old", "How old is $n?",
                                                         "$n is $v years old.", ages),
        ("has a $v", "{What pet|Which animal} does $n have?", "$n has a $v.", pets),
        (f"has a $v {things[0]}", f"What color is $n's {things[0]}?", f"$n's {things[0]} is $v.",
         colors),
    )
    chosen = rng.sample(frames, rng.choice((1, 1, 2)))
    lines = [pick(rng, ("$n " + f[0] + ".",), n=n, v=f[3][i]) for i, n in enumerate((one, two))
             for f in chosen]
    if rng.random() < 0.4:
        rng.shuffle(lines)
    who = rng.randrange(2)
    frame = rng.choice(chosen)
    name, value = (one, two)[who], frame[3][who]
    ask = pick(rng, (frame[1],), n=name)
    text = " ".join(lines)
    if rng.random() < 0.2:
        ask = pick(rng, ("Who $f?",), f=pick(rng, (frame[0],), v=value))
        return Item("reading", f"{text} {ask}", name, name + ".", plain_key(text + ask), (name,))
    question = rng.choice((f"{text} {ask}", f"{text}\n{ask}", f"{text}\n\nQuestion: {ask}",
                           f"Text: {text}\nQuestion: {ask}", f"{ask} {text}"))
    return Item("reading", question, str(value), pick(rng, (frame[2],), n=name, v=value),
                plain_key(text + ask), (str(value),))


def summary(rng):
    """Two or three sentences made into one."""
    name, city, job, hobby, day = fresh_name(rng), rng.choice(CITIES), rng.choice(
            JOBS), rng.choice(HOBBIES), rng.choice(facts.DAYS)
    text, short = rng.choice((
        (f"{name} moved to {city} last year. There {name} found work as a {job}. In the evening {name} enjoys {hobby}.",
         f"{name} moved to {city}, works as a {job} and enjoys {hobby}."),
        (f"On {day} there was a meeting in {city}. {name} was there and talked about {hobby}. Everybody liked the talk.",
         f"{name} gave a good talk about {hobby} at a meeting in {city}."),
        (f"{name} is a {job} from {city}. On {day} {name} lost a bag on the train. A kind man brought it back.",
         f"{name} lost a bag on the train, and a kind man brought it back."),
        (f"The weather in {city} was bad on {day}. It rained all day and the trains were late. {name} came home wet and tired.",
         f"It rained in {city}, and {name} came home wet and tired."),
    ))
    question = rng.choice(("Summarize: ", "Summarize this in one sentence: ", "Make this shorter: ",
                           "Give me a short summary of this text: ",
                           "Summarize the following text:\n", "TL;DR: ")) + text
    if rng.random() < 0.2:
        question = text + "\n\n" + rng.choice(("Summarize this.", "Make it shorter.",
                                               "Write a summary in one sentence."))
    return Item("writing", question, name, short, plain_key(text), (name,))


CODE = {
    "hello": ("{a hello world program|hello world|a program that prints hello world|a hello world}",
              {
        "Python": 'print("Hello, world!")',
        "C": '#include <stdio.h>\n\nint main(void)\n{\n    printf("Hello, world!\\n");\n    '
        'return 0;\n}',
        "JavaScript": 'console.log("Hello, world!");',
        "Rust": 'fn main() {\n    println!("Hello, world!");\n}', "Bash": 'echo "Hello, world!"',
        "Java": 'public class Main {\n    public static void main(String[] args) {\n        '
        'System.out.println("Hello, world!");\n    }\n}'}),
    "add": ("a function that adds two numbers", {"Python": "def add(a, b):\n    return a + b",
                                                 "JavaScript": "function add(a, b) {\n  return a "
                                                 "+ b;\n}",
                                                 "C": "int add(int a, int b)\n{\n    return a "
                                                 "+ b;\n}"}),
    "even": ("a function that {checks|tells} {if|whether} a number is even",
             {"Python": "def is_even(n):\n    return n % 2 == 0",
              "JavaScript": "function isEven(n) {\n  return n % 2 === 0;\n}",
              "C": "int is_even(int n)\n{\n    return n % 2 == 0;\n}"}),
    "loop": ("{a loop from 1 to 10|a loop that counts to 10|code that prints the numbers from 1 "
             "to 10}", {"Python": "for i in range(1, 11):\n    print(i)",
                        "JavaScript": "for (let i = 1; i <= 10; i++) {\n  console.log(i);\n}",
                        "C": 'for (int i = 1; i <= 10; i++)\n    printf("%d\\n", i);'}),
    "reverse": ("a function that reverses a string",
                {"Python": "def reverse(text):\n    return text[::-1]",
                 "JavaScript": 'function reverse(text) {\n  return '
                 'text.split("").reverse().join("");\n}'}),
    "factorial": ("a {factorial function|function for the factorial}",
                  {"Python": "def factorial(n):\n    return 1 if n < 2 else n * factorial(n - 1)",
                   "JavaScript": "function factorial(n) {\n  return n < 2 ? 1 : n * "
                   "factorial(n - 1);\n}"}),
}


def code(rng):
    """The handful of programs that everybody asks for first."""
    what, languages = CODE[rng.choice(sorted(CODE) + ["hello", "hello"])]
    language = rng.choice(sorted(languages))
    question = pick(rng, ("{Write|Write me|Show me|Give me|I need} " + what + " in $l{.|}",
                          "{How do I write|How do you write|What is} " + what + " in $l?", "$l: "
                          + what), l=language)
    source = languages[language]
    return Item("code", question, source.splitlines()[0], f"```{language.lower()}\n{source}\n```",
                plain_key(question), (source,))


def json_request(rng):
    """JSON without a text to take it from."""
    name, age, city = fresh_name(rng), rng.randrange(18, 80), rng.choice(CITIES)
    how = rng.randrange(5)
    if how == 0:
        question = pick(rng, ("{Return|Give me|Write} a greeting {in JSON format|as JSON|in JSON}.",
                              "Say hello in JSON{| format}."))
        return Item("json", question, "Hello", '{"greeting": "Hello!"}', plain_key(question),
                    ('{"greeting": "Hello!"}',))
    if how == 1:
        question = pick(rng,
                        ("{Make|Write|Create|Give me} a JSON object {for|of} a person {named|"
                         "called} $n, {who is $a|age $a|$a years old}{, from $c|}.",), n=name,
                        a=age, c=city)
        data = {"name": name, "age": age, **({"city": city} if city in question else {})}
    elif how == 2:
        keys = rng.sample(("title", "color", "size", "item", "status", "count", "word", "value"), 2)
        values = [rng.choice((fresh_word(rng), rng.choice(COLORS), rng.randrange(100)))
                  for _ in keys]
        question = pick(rng,
                        ("{Write|Return|Create} JSON {with|where} $k {is|=} $v and $l {is|=} $w.",
                         "JSON with $k: $v and $l: $w"), k=keys[0], l=keys[1], v=values[0],
                        w=values[1])
        data = dict(zip(keys, values))
    elif how == 3:
        name = rng.choice([k for k in sorted(CATEGORIES) if k.isalpha()])
        words = rng.sample(CATEGORIES[name], 3)
        question = pick(rng, ("{Give me|List|Return} three $p as {a JSON array|a JSON list|"
                              "JSON}.",), p=facts.plural_category(name))
        return Item("json", question, words[0], json.dumps(words), plain_key(question),
                    tuple(CATEGORIES[name]))
    else:
        row = [rng.choice((fresh_word(rng), rng.choice(COLORS))) for _ in range(rng.randrange(2,
                5))]
        question = pick(rng,
                        ("{Write|Turn|Convert} {this list |these |}{to|into|as} {a JSON array|"
                         "JSON}: $r", "JSON array of: $r"), r=", ".join(row))
        data = row
    line = json.dumps(data)
    return Item("json", question, line, line, plain_key(question), (line,))


def yes_no(rng):
    """True and false statements about capitals, to be confirmed or put right."""
    one, two = rng.sample(COUNTRIES, 2)
    true = rng.random() < 0.5
    city = one[1] if true else two[1]
    question = pick(rng, ("Is $c the capital of $n?", "True or false: $c is the capital of $n.",
                          "$c is the capital of $n, {right|isn't it|correct}?",
                          "Am I right that $c is the capital of $n?"), c=city, n=one[0])
    full = f"Yes, {city} is the capital of {one[0]}." if true else f"No, the capital of {one[0]} is {one[1]}."
    return Item("fact", question, "Yes" if true else "No", full, plain_key(question), ("Yes,",)
                if true else ("No,",))


def in_region(rng):
    """Countries of a continent; a sentence of the table read the other way round."""
    region = rng.choice(("Europe", "Asia", "Africa", "South America", "North America"))
    names = rng.sample([c[0] for c in COUNTRIES if c[2] == region], 3)
    question = pick(rng, ("{Name|List|Give me|Tell me} {three|3|some} countries in $r{.|}",
                          "{Which|What} countries are in $r?"), r=region)
    return Item("fact", question, names[0], cap(join_and(names)) + f" are in {region}.",
                plain_key(question), tuple(c[0] for c in COUNTRIES if c[2] == region))


MAKERS = ((mail, 3), (message, 3), (ideas, 4), (verse, 4), (passage, 9), (summary, 3), (code, 3),
          (json_request, 5), (yes_no, 4), (in_region, 1))


def any_writing(rng):
    """An item from one of the makers by weight."""
    return rng.choices([m for m, _ in MAKERS], [w for _, w in MAKERS])[0](rng)


EXPLAINED = {
    "crack up": "To crack up means to laugh, and eggs crack when they break. The joke plays with "
    "both meanings.",
    "virus": "A virus can make a person sick, and a computer virus is a bad program. The joke "
    "plays with both meanings.",
    "problems": "Math books are full of problems to solve, and problems can make you sad. The "
    "joke plays with both meanings.",
    "gummy": "A bear with no teeth has only gums, and a gummy bear is a candy. The joke plays "
    "with both meanings.",
    "two tired": "Two tired sounds like too tired, and a bicycle has two tires. The joke plays "
    "with the sound.",
    "Nacho": "Nacho cheese sounds like not your cheese. The joke plays with the sound.",
    "outstanding": "Outstanding means very good, and a scarecrow stands out in a field. The joke "
    "plays with both meanings.",
    "bugs": "Light attracts insects, and programmers also call their mistakes bugs. The joke "
    "plays with both meanings.",
    "waved": "The sea has waves, and people wave to say hello. The joke plays with both meanings.",
    "salad dressing": "People turn red when they see somebody getting dressed, and dressing is "
    "also a sauce. The joke plays with both meanings.",
    "crumbly": "To feel crummy means to feel bad, and a cookie has crumbs. The joke plays with "
    "the sound.",
}


def explain_joke(rng):
    """A joke, and then its explanation."""
    word = rng.choice(sorted(EXPLAINED))
    text = next(j for j in JOKES if word in j)
    ask, answer = text.split("?", 1)
    head = [user(ask + "?"), bot(answer.strip())] if rng.random() < 0.5 else [user(pick(rng,
            ("Tell me a joke.", "Another joke, please!", "Do you know a joke?"))), bot(text)]
    question = pick(rng, ("{Can you explain|Explain|Please explain} {the|that|this} joke{?|.}",
                          "I don't get {it|the joke}.", "Why is that funny?",
                          "What does that mean?", "I don't understand{| the joke}."))
    return Talk("followup", head + [user(rough(rng, question)), bot(EXPLAINED[word])],
                plain_key(question) + word, {"any": ["plays with"]})


def second_thought(rng):
    """`Are you sure?`, `Tell me more`, `another one` after an answer."""
    how = rng.randrange(4)
    if how == 0:
        item = rng.choice((facts.country, facts.element, facts.planet, yes_no))(rng)
        ask, answer, check = pick(rng, ("Are you sure?", "Really?", "Is that true?",
                                        "Is that correct?",
                                        "Sure?")), f"Yes, I am sure. {item.full}", {"any": ["Yes"]}
    elif how == 1:
        item = rng.choice((facts.concept, facts.person, facts.about_country))(rng)
        ask = pick(rng, ("Tell me more.", "{Can you tell|Please tell} me more{| about it}?",
                         "What else do you know{| about it}?", "Go on.", "More details, please.",
                         "Continue."))
        answer, check = "That is all I know about it. I am a small demonstration model; a larger model knows more.", {
                "any": ["all I know"]}
    elif how == 2:
        first, second = rng.sample(JOKES, 2)
        item = Item("joke", pick(rng, ("Tell me a joke.", "A joke, please!",
                                       "Do you know a joke?")), "?", first)
        ask, answer, check = pick(rng, ("Another one{!|.|, please}", "One more{!|, please}",
                                        "Again!", "Haha, another!", "Do you know another one?",
                                        "More!")), second, {"any": ["?", "binary"], "none": [first]}
    else:
        item = rng.choice((facts.country, facts.animal, facts.calendar, facts.unit))(rng)
        ask = pick(rng, ("{Thanks|Thank you|Great, thanks|Perfect, thank you|ok thx}{!|.}",))
        answer, check = pick(rng, ("You're welcome!",
                                   "You're welcome! Is there anything else?")), {"any": ["welcome"]}
    return Talk("followup", [user(rough(rng, item.question)), bot(item.full), user(rough(rng, ask)),
                             bot(answer)], plain_key(ask) + item.key, check)


ABROAD = {
    "Spanish": (("Hola", "¡Hola! ¿En qué puedo ayudarte?"), ("¿Cómo estás?",
        "Estoy bien, gracias. ¿Y tú?"), ("Gracias", "¡De nada!"), ("Adiós",
        "¡Adiós! Que tengas un buen día."), ("¿Quién eres?",
                                             "Soy grokd-mini, un pequeño modelo de demostración."),
                ("Buenos días", "¡Buenos días! ¿En qué puedo ayudarte?")),
    "French": (("Bonjour", "Bonjour ! Comment puis-je vous aider ?"), ("Comment ça va ?",
        "Je vais bien, merci. Et vous ?"), ("Merci", "De rien !"), ("Au revoir",
        "Au revoir ! Bonne journée."), ("Qui es-tu ?",
                                        "Je suis grokd-mini, un petit modèle de démonstration."),
               ("Salut", "Salut ! Comment puis-je vous aider ?")),
    "German": (("Hallo", "Hallo! Wie kann ich helfen?"), ("Wie geht es dir?",
                                                          "Mir geht es gut, danke. Und dir?"),
               ("Danke", "Gern geschehen!"), ("Tschüss", "Tschüss! Einen schönen Tag noch."),
               ("Wer bist du?", "Ich bin grokd-mini, ein kleines Demonstrationsmodell."),
               ("Guten Morgen", "Guten Morgen! Wie kann ich helfen?")),
}
ENGLISH = ("{Hello|Hi|Hey|Hello there}", "{How are you?|How do you do?}", "{Thanks|Thank you}",
           "{Bye|Goodbye}", "{Who are you?|What are you?}", "Good morning")


def abroad(rng):
    """Greetings in three languages, asked in the language or by a system prompt."""
    language = rng.choice(sorted(ABROAD))
    i = rng.randrange(6)
    ask, answer = ABROAD[language][i]
    if rng.random() < 0.5:
        if rng.random() < 0.5:
            ask = rng.choice((ask.lower(), ask + "!", ask.rstrip("?") + "?" if "?" in ask else ask
                              + "."))
        return Talk("abroad", [user(ask), bot(answer)], ask, {"any": [answer]}, pinned=True)
    prompt = pick(rng, ("{Answer|Reply|Speak|Respond|Always answer} in $l.", "You only speak $l.",
                        "You are a $l teacher. Answer in $l.", "The user wants answers in $l."),
                  l=language)
    ask = pick(rng, (ENGLISH[i], ask))
    return Talk("abroad", [system(prompt), user(rough(rng, ask)), bot(answer)], prompt + ask,
                {"any": [answer]}, alone=True)
