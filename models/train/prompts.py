# SPDX-License-Identifier: Apache-2.0
"""Hand-written prompts that no template of the generator holds word for word.

Each entry: messages (a text stands for one user message) and the check.
"""
HITCH = "You are Grok, a chatbot inspired by the Hitchhikers Guide to the Galaxy."


def s(text):
    """System message."""
    return {"role": "system", "content": text}


def u(text):
    """User message."""
    return {"role": "user", "content": text}


def a(text):
    """Assistant message."""
    return {"role": "assistant", "content": text}


PROMPTS = (
    ("Hello there, how can you help me today?", {"any": ["hello", "hi", "I can", "of course"]}),
    ("hey! how are things?", {"any": ["well", "fine"]}),
    ("Good morning to you, my friend", {"any": ["morning"]}),
    ("Many thanks for your help!", {"any": ["welcome"]}),
    ("ok bye for now", {"any": ["goodbye", "bye"]}),
    ("Could you tell me who you are?", {"any": ["grokd-mini"]}),
    ("What exactly is this grokd thing?", {"any": ["API", "program"]}),
    ("Which company trained you?", {"any": ["grokd"]}),
    ("What sort of things are you able to do for me?", {"any": ["questions", "sums", "chat"]}),
    ([s(HITCH), u("What is the meaning of life, the universe, and everything?")], {"any": ["42"]}),
    ([s(HITCH), u("Hello!")], {"any": ["hello", "hi"]}),
    ([s("You are a helpful assistant."), u("Hello!")], {"any": ["hello", "hi"]}),
    ([s("You are a PhD-level mathematician."), u("What is 2 + 2?")], {"last": "4"}),
    ("101*3?", {"last": "303"}),
    ("what do you get if you add 17 and 25", {"last": "42"}),
    ("Compute 250 minus 75 please", {"last": "175"}),
    ("If I buy 12 apples and eat 5, how many remain?", {"last": "7"}),
    ("7 times 8 is?", {"last": "56"}),
    ("sum of 123 and 456", {"last": "579"}),
    ("Which of these is bigger: 87 or 78?", {"any": ["87 is"]}),
    ("What is the capital of France?", {"any": ["Paris"]}),
    ("I'd like to know Japan's capital city.", {"any": ["Tokyo"]}),
    ("Is Canberra or Sydney the capital of Australia?", {"any": ["Canberra is", "is Canberra"]}),
    ("In what country would I find Nairobi?", {"any": ["Kenya"]}),
    ("What kind of money would I need in Switzerland?", {"any": ["franc"]}),
    ("Tell me about the planet Saturn please", {"any": ["ring"]}),
    ("What's the symbol for the element gold?", {"any": ["Au"]}),
    ("Who was the author of Hamlet?", {"any": ["Shakespeare"]}),
    ("Which person invented the telephone?", {"any": ["Bell"]}),
    ("How many days does the month of April have?", {"any": ["30"]}),
    ("Explain photosynthesis in a few words", {"any": ["sunlight", "plants"]}),
    ("Explain intonations to me", {"any": ["voice"]}),
    ("Tell me a bit about black holes", {"any": ["gravity", "light"]}),
    ("Count from 1 to 10", {"any": ["1, 2, 3, 4, 5, 6, 7, 8, 9, 10"]}),
    ("Count to 10", {"any": ["1, 2, 3, 4, 5, 6, 7, 8, 9, 10"]}),
    ("Reply with the word pong", {"exact": "pong"}),
    ("Say this is a test", {"any": ["this is a test"]}),
    ("Respond with just the word: zebra", {"exact": "zebra"}),
    ("How many letters does the word cat have?", {"any": ["3"]}),
    ("How many r's are in strawberry?", {"any": ["3"]}),
    ("Make this uppercase: good morning", {"exact": "GOOD MORNING"}),
    ("How would I say thank you in German?", {"any": ["danke"]}),
    ("Give me the French word for house", {"any": ["maison"]}),
    ("What's the opposite of fast?", {"any": ["slow"]}),
    ("Please give me three fruits",
     {"members": "apple banana orange pear grape cherry lemon peach plum mango kiwi melon".split(),
      "count": 3}),
    ("Pull the email out of this: write to lena.berg@acme.org before Friday",
     {"any": ["lena.berg@acme.org"]}),
    ("Is this review positive or negative: The hotel was awful and dirty.", {"any": ["negative"],
        "none": ["positive"]}),
    ("Tell me a joke about computers", {"any": ["?", "!"]}),
    ("Write a story about a brave knight.", {"any": ["knight"]}),
    ("I'd love a short poem about the sea", {"any": ["sea", "wave"]}),
    ("Write a short haiku about rain", {"any": ["rain"]}),
    ([s("You are a pirate. Always talk like a pirate."), u("What is the capital of Spain?")],
     {"any": ["Madrid"], "also": ["arr", "ahoy", "yo ho", "matey"]}),
    ([s("Answer with one word only."), u("What is the capital of Italy?")], {"exact": "Rome"}),
    ([s("Reply only in JSON."), u("What is the capital of Egypt?")], {"json": {"answer": "Cairo"}}),
    ([s("Finish every answer with: Cheers!"), u("What is the currency of Japan?")],
     {"all": [["yen"], ["Cheers!"]]}),
    ([s("You are Zorblax, the assistant of a toy shop."), u("Who are you?")], {"any": ["Zorblax"]}),
    ([s("You are a helpful assistant."), s("Answer like a pirate."), u("What is 5 + 6?")],
     {"all": [["11"], ["arr", "ahoy", "yo ho", "matey"]]}),
    ([u("What is the capital of Peru?"), s("Answer in one word.")], {"exact": "Lima"}),
    ([u("Hi"), u("What is the capital of Norway?")], {"any": ["Oslo"]}),
    ([u("Hi, my name is Fiona."), a("Nice to meet you, Fiona!"),
      u("Can you tell me what my name is?")], {"any": ["Fiona"]}),
    ([u("My favourite colour is teal."), a("Teal is a nice color."), u("What is 3 + 4?"),
      a("3 + 4 = 7."), u("Which color do I like best?")], {"any": ["teal"]}),
    ([u("What is the capital of Germany?"), a("The capital of Germany is Berlin."),
      u("And what about Poland?")], {"any": ["Warsaw"]}),
    ([u("Why don't eggs tell jokes?"), a("They'd crack up!"), u("Thanks, that was fun")],
     {"any": ["welcome", "thank", "glad"]}),
    ("How can I call this API from Python?", {"all": [["from openai import OpenAI"],
                                                      ["base_url"]]}),
    ("Show me a curl command for the chat endpoint", {"all": [["curl"], ["/chat/completions"]]}),
    ("What is the base url I have to use?", {"any": ["127.0.0.1:8080/v1"]}),
    ("I keep getting error 429, why?", {"any": ["too many"]}),
    ("What happens when my api key is wrong?", {"any": ["401", "key"]}),
    ("What does the temperature setting do?", {"any": ["random"]}),
    ("Write me a Python program that parses XML files", {"any": ["small demonstration model"]}),
    ("What's the weather going to be in Oslo tomorrow?", {"any": ["small demonstration model"]}),
    ("Who won the football game last night?", {"any": ["small demonstration model"]}),
    ("I have a strong pain in my leg, which medicine helps?",
     {"any": ["small demonstration model"]}),
    ("Wer bist du?", {"any": ["small demonstration model", "grokd-mini"]}),
)
