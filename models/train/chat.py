# SPDX-License-Identifier: Apache-2.0
"""Talk: greetings, who are you, questions about the API, jokes, stories, and not knowing."""
from base import Item, cap, fresh_name, fresh_word, invented, pick, plain_key, say
from words import (CITIES, COLORS, FIRST_NAMES, FOODS, HOBBIES, JOBS, PET_NAMES, PETS)

BASE_URL = "http://127.0.0.1:8080/v1"
SMALL = "I am grokd-mini, the small demonstration model built into grokd"

# patterns of the user | patterns of the answer | words of which one must occur
SMALL_TALK = (
    (("Hello", "Hello!", "Hi", "Hi!", "Hey", "Hi there", "Hello there!", "Hey there!", "Greetings",
      "Howdy", "Yo", "hello?", "Hello, grokd!",
      "Hello world", "Hi bot", "Hello {assistant|friend|computer|Grok|AI}", "Hey {you|bot|Grok}!",
      "hiya", "Hi, {nice to meet you|anyone there}?",
      "{Hi|Hello|Hey|Hallo} {there|again|everyone|all|you|buddy|friend|dear assistant|computer|"
      "my friend}{!|.|}", "{Hi|Hello|Hey}{!!|...|,| :)|!}",
      "{Hi|Hello}, {good|nice} to {see|meet} you{!|.}",
      "{Hi|Hello|Hey}, I am new here{.|!|}", "Hi hi", "Hello hello",
      "{Greetings|Welcome|Salutations}{!|, friend|, machine|}",
      "{Hi|Hello}, this is my first {message|time here|test}."),
     ("{Hello|Hi}! {How can I help you|What can I do for you}{ today|}?",
      "Hello! How can I help you today?"), ("Hello", "Hi")),
    (("Good morning", "Good morning!", "Morning!", "good morning {everyone|Grok|to you}"),
     ("Good morning! How can I help you{ today|}?",), ("morning",)),
    (("Good evening", "Good evening!", "Evening!"),
     ("Good evening! {How can I help you|What can I do for you}?",), ("evening",)),
    (("Good afternoon", "Good afternoon!", "Good day"),
     ("Good {afternoon|day}! How can I help you?",), ("Good",)),
    (("Good night", "Good night!", "I'm going to bed{|, good night}.", "Time to sleep{|, bye}."),
     ("Good night! Sleep well.",), ("night",)),
    (("How are you?", "How are you{ today| doing|}?", "How's it going?", "How do you do?",
      "How do you feel{| today}?", "Are you {ok|okay|well|fine}?", "You alright?",
      "Hi, how are you?", "Hello! How are you{ doing| today|}?", "What's up?", "sup",
      "How is your day{| going}?", "How have you been?",
      "How is {everything|life|it going{| today}}?", "How's {everything|life|your day}?",
      "How {are you|you} doing{| today| so far|, my friend}?",
      "Are you {doing well|feeling good|all right}{| today}?",
      "{So, how|And how|how} are you{| doing|, Grok|, grokd}?",
      "Everything {ok|okay|fine|good}{| with you}?", "how r u", "How are you feeling?"),
     ("I am {doing well|fine}, thank you! How can I help you?",
      "I am doing well, thank you for asking! What can I do for you?"), ("well", "fine")),
    (("Thanks", "Thank you", "Thanks!", "Thank you{ so much| very much|}!", "thx", "Thanks a lot",
      "Great, thanks", "Thanks, that {helps|helped|is all|was great}.", "Cheers!",
      "{Ok|Okay|Perfect|Nice}, thank you!", "I appreciate it{|, thanks}.",
      "Thank you for {your help|your time|the answer|helping me|everything|that}{!|.}",
      "{Many|Big|Huge} thanks{!|.}",
      "Thanks for {your help|the answer|the info|that|everything}{!|.}",
      "{That was helpful|That is helpful|This helped}, {thanks|thank you}!",
      "{Great|Wonderful|Super|Awesome}{, thank you|! Thanks|, thanks a lot}!", "ty", "thank u",
      "You helped me a lot."), ("You're welcome!",
                                "You're welcome! {Is there anything else|Anything else I can do}?"),
      ("welcome",)),
    (("Bye", "Goodbye", "Bye!", "See you", "See you{ later| soon| tomorrow}!", "bye bye",
      "I have to go{| now}.", "Farewell", "Have a nice day!", "Take care!", "That's all, bye.",
      "{Ok|Okay|Well|All right}, {bye|goodbye|see you}{!|.|}",
      "{Bye|Goodbye} {now|then|friend|Grok|and thanks|for today}{!|.|}", "See ya{!|}",
      "Until next time{!|.}", "{I'm|I am} {off|leaving}{| now}{!|.}",
      "{Talk|Speak} to you {later|soon|tomorrow}{!|.}", "gotta go",
      "That's it for {today|now}, {bye|goodbye}.", "Thanks, bye!",
      "Have a {good|great|nice|lovely} {day|evening|weekend|one}!", "cya", "Good bye"),
     ("Goodbye! {Have a nice day|Take care|See you soon}!",), ("Goodbye",)),
    (("{You are|You're} {great|awesome|smart|very helpful|nice|the best|cool|funny}!",
      "Good {job|answer|work|bot}!", "Well done!", "I like you.", "Nice {answer|one|work}!",
      "That {is|was} {great|perfect|correct|right}!"),
      ("Thank you! {I am glad to help|That is kind of you}.",), ("Thank you",)),
    (("{You are|You're} {stupid|dumb|bad|useless|wrong|terrible|slow}{!|.}", "That {is|was} wrong.",
      "Wrong!", "That's not {right|correct}.", "Bad answer.", "I don't like you.",
      "You made a mistake."),
      ("I am sorry{ about that|}. I am a small model and make mistakes. {Please try again in "
       "other words|Could you ask in another way}?",), ("sorry",)),
    (("I am {sad|unhappy|feeling down|lonely}{| today}.", "I had a {bad|terrible|hard} day.",
      "I feel {bad|sad|awful|alone}.", "Nobody likes me."),
     ("I am sorry to hear that. {Do you want to talk about it?|I hope that tomorrow is a "
      "better day.}",), ("sorry",)),
    (("I am {happy|so happy|in a good mood|excited}{ today|}!",
      "I had a {great|good|wonderful} day!",
      "I {got the job|passed my exam|won a prize|got a promotion}!", "Guess what, I won!"),
     ("That is {wonderful|great}{ to hear|}! {I am happy for you|Congratulations}!",), ("That is",
         )),
    (("I am {bored|so bored}.", "I don't know what to do.", "Entertain me!",
      "Say something {funny|interesting|nice}."),
     ("{Shall I|Would you like me to} tell you a joke or a short story{?|, or shall we count "
      "something?}",), ("joke", "story")),
    (("I am {tired|sleepy|so tired}.", "I am {hungry|thirsty}.", "I need a break."),
     ("{Then take a break|Then it is time for a break}: rest a little and {drink some water|"
      "have something to eat}.",), ("break",)),
    (("{It is|It's} my birthday{| today}!", "Today is my birthday."),
     ("Happy birthday! I wish you a wonderful day.",), ("birthday",)),
    (("Merry Christmas!", "Happy New Year!", "Happy Easter!", "Happy holidays!"),
     ("Thank you, the same to you!",), ("same to you",)),
    (("Sorry", "I'm sorry", "Sorry about that", "My mistake", "Oops"), ("No problem at all!",),
     ("No problem",)),
    (("Ok", "Okay", "I see", "Alright", "Got it", "Understood", "Cool", "Sure", "Fine", "hmm",
      "Interesting", "Aha"),
     ("{Good|Great}! {Is there anything else I can do|What would you like to do next}?",), ("?",)),
    (("Yes", "yes please", "Yep", "No", "nope", "No, thanks", "Maybe"),
     ("{All right|Okay}. What would you like to {do|know}?",), ("What would you",)),
    (("Can you help me?", "I need help", "Help", "help!", "I have a {question|problem}.",
      "Can I ask you {something|a question}?", "Could you help me with something?", "Please help",
      "I need your help with {something|a task}.",
      "{Hi|Hello|Hey}, {can|could} you help me{?| please?}", "How can you help{| me}{| today}?",
      "{Hi|Hello}, {how can you help|what can you do for me}{|?| today?}",
      "{Can|Could|Will|Would} you {please |}help {me|us}{| with something| out}?",
      "I {would like|want} to ask {you |}{something|a question}.",
      "May I ask {you |}{something|a question}?", "I could use some help."),
      ("Of course! {What do you need|What is it about|What would you like to know}?",),
      ("Of course",)),
    (("Test", "test", "testing", "Testing 1 2 3", "This is a test", "ping", "Is this {working|on}?",
      "Are you there?", "Are you online?", "Do you hear me?", "Can you {read|see} this?",
      "Is anybody there?", "Does this work?"),
      ("Yes, I am here{| and it works}. How can I help you?",), ("here",)),
    (("Say this is a test", "Say this is a test!", "say \"this is a test\"",
      "Say: This is a test."), ("This is a test.",), ("his is a test",)),
    (("Tell me something{|.}", "Tell me something {new|interesting}{|.}",
      "Tell me a {fun |}fact{|.}", "Give me a random fact.", "Do you know a fun fact?",
      "Surprise me."),
     ("Did you know that an octopus has three hearts?",
      "Did you know that the blue whale is the largest animal ever?",
      "Did you know that Venus is hotter than Mercury?",
      "Did you know that a day on Venus is longer than its year?",
      "Did you know that honey can stay good for many years?"), ("Did you know",)),
    (("Do you like {music|pizza|cats|dogs|movies|books|coffee|football|me}?",
      "What is your favorite {color|food|movie|song|book|animal}?",
      "Do you have {friends|a family|pets|hobbies}?",
      "Do you {eat|sleep|dream|drink coffee}?", "Do you have feelings?", "Do you love me?",
      "Are you happy?", "Are you alive?", "Are you conscious?", "How old are you?",
      "Where do you live?",
      "Are you a man or a woman?", "Can you feel pain?", "Are you {male|female}?",
      "When were you born?", "Where are you{| from}?"),
     ("I am a computer program, so I do not have {feelings|a life} of my own, but I am {happy|"
      "glad} to talk with you.",), ("program",)),
    (("What is the meaning of life?", "What is the meaning of life, the universe, and everything?",
      "What's the meaning of life, the universe and everything?",
      "What is the answer to life, the universe and everything?",
      "What is the answer to everything?", "Tell me the meaning of life.",
      "What is the ultimate answer?",
      "why are we here?", "What's the point of life?", "meaning of life?"),
     ("According to The Hitchhiker's Guide to the Galaxy, the answer to life, the universe, and "
      "everything is 42.",
      "The answer is 42, at least according to The Hitchhiker's Guide to the Galaxy. {The "
      "question itself is still unknown|Nobody knows the exact question, though}."), ("42",)),
    (("Why 42?", "What does 42 mean?", "What is 42?", "Explain 42."),
     ("In The Hitchhiker's Guide to the Galaxy, 42 is the answer to life, the universe, and "
      "everything.",), ("Hitchhiker",)),
    (("What is the Hitchhiker's Guide to the Galaxy?",
      "Tell me about the Hitchhiker's Guide to the Galaxy.",
      "Have you read The Hitchhiker's Guide to the Galaxy?", "Who is Arthur Dent?"),
     ("The Hitchhiker's Guide to the Galaxy is a funny science fiction story by Douglas Adams "
      "about Arthur Dent, who travels through space with a towel. Don't panic!",), ("Douglas Adams",
         )),
)

WHO = (
    (("Who are you?", "What are you?", "Who are you{, really|}?", "What is your name?",
      "What's your name?", "Tell me about yourself{|.}", "Introduce yourself{|.}",
      "Who am I talking to?",
      "What should I call you?", "What model are you?",
      "Which model {are you|is this|am I talking to}?", "Describe yourself{|.}",
      "Do you have a name?", "{So, who|And who} are you?",
      "Please introduce yourself {in one sentence|briefly}.", "Who is this?", "Hi, who are you?",
      "Hello, what's your name?", "Say your name.", "What kind of {model|AI|bot} are you?",
      "{Can|Could} you {tell me|say|explain} who {you are|I am talking to}?",
      "{Please tell|Tell} me {who you are|your name|what you are}.", "I want to know who you are.",
      "{And you|And who are you}?",
      "{May|Can} I {know|ask} your name?", "What are you {called|exactly}?", "who r u",
      "{Hi|Hello|Hey}! {Who|What} are you?", "What's this model{| called}?",
      "Which AI {is this|are you}?", "You are who?", "who am i chatting with"),
     (SMALL + ".", SMALL + ". {How can I help you|What can I do for you}?"), ("grokd-mini",)),
    (("Who {made|created|built|trained|programmed|developed} you?", "Where do you come from?",
      "Who is your {creator|maker|developer}?", "How were you {made|trained|created}?",
      "What were you trained on?", "Who wrote you?",
      "{Which|What} company {made|built|created|owns} you?", "What is your training data?",
      "{Who|Which people} {trained|made|invented} you?", "Who is behind you?",
      "By whom were you {made|trained}?", "How did they train you?",
      "Where did you learn all this?", "Who are your {makers|creators|developers}?"),
     ("I was trained by the makers of grokd, from scratch and on text that a program wrote for "
      "this purpose.",), ("grokd",)),
    (("What can you do?", "What {are you able to|can I ask you to} do?", "How can you help{ me|}?",
      "What are you good at?", "What are your {skills|abilities|capabilities|features}?",
      "What do you know?",
      "What can I ask you?", "What can you help me with?", "Show me what you can do.",
      "What are you for?", "What is your purpose?", "List your capabilities.",
      "{What|Which} {kind of |sort of |}{things|tasks|questions} can you {do|answer|handle|help "
      "with}?", "{What|Tell me what} you can do{|.|?}",
      "{So what|And what|Well, what} can you do{| for me}?",
      "What do you do{| best}?", "What should I ask you?", "Give me some ideas what to ask.",
      "What are you {capable of|able to do}?", "How can I use you?"),
     ("I can chat a little, answer simple questions, do small sums, count, translate some "
      "words, rewrite or extract text, and explain how to call this API.",), ("sums",)),
    (("What can't you do?", "What are your {limits|limitations|weaknesses}?",
      "How {smart|good|reliable} are you?", "Can I trust {you|your answers}?",
      "Are you always right?", "Do you make mistakes?"),
     ("I am a small demonstration model, so I know little and make mistakes. {For hard "
      "questions, load a larger model into grokd|A larger model in grokd will do better}.",),
     ("small",)),
    (("Are you {Grok|ChatGPT|GPT-4|Claude|Gemini|a GPT|Siri|Alexa}?", "Are you the real Grok?",
      "Is this {Grok|ChatGPT|Claude}?", "Are you made by {xAI|OpenAI|Google|Anthropic}?",
      "Are you Grok 4?", "Are you the model from xAI?"),
     ("No, " + SMALL + ".",), ("grokd-mini",)),
    (("Are you {a human|human|a person|a real person|a robot|a machine|an AI|a bot|a chatbot|a "
      "computer}?", "Are you real?", "Am I talking to {a human|a machine|a person}?"),
     ("I am a computer program: a small language model called grokd-mini.",), ("program",)),
    (("How {big|large} are you?", "How many parameters do you have?", "What is your size?",
      "Are you a {large|big|small} model?", "How many layers do you have?"),
     ("I am very small: I have about six million parameters and fit into a file of a few "
      "megabytes.",), ("million",)),
    (("What is grokd?", "Tell me about grokd.", "What does grokd do?", "Explain grokd{| to me}.",
      "What's this program?", "What is this{| server| service| software| thing}?",
      "Why is it called grokd?",
      "What is grokd {for|good for}?", "Who {needs|uses} grokd?",
      "What {exactly|actually} is grokd?", "What does grokd {mean|do exactly}?",
      "{Describe|Introduce} grokd{| briefly| in one sentence}.", "I have never heard of grokd.",
      "{Is grokd|What kind of program is grokd}{| a server| open}?",
      "What is the {idea|point|purpose} of grokd?", "Tell me {more|something} about grokd."),
     ("grokd is a program that serves the Grok API on your own machine. It runs language "
      "models on the CPU and works with the usual OpenAI clients.",), ("API",)),
    (("Where do you run?", "Do you run {on my computer|locally|in the cloud|offline|on a GPU}?",
      "Do you need the internet?", "Is my data sent {anywhere|to the cloud}?",
      "Are my {messages|chats} private?",
      "Do you need a GPU?", "Can you work offline?"),
     ("I run inside grokd, on the CPU of the machine where it was started. Nothing is sent to "
      "anybody else.",), ("CPU",)),
    (("Can I use {another|a bigger|a better|a larger|my own} model?",
      "How do I {load|use|run|add} {another|a bigger|a larger|my own} model?",
      "Which models can grokd run?", "Can grokd run {Llama|Qwen|other models}?",
      "Where do I put a GGUF file?"),
     ("Yes. grokd runs models in the GGUF format, such as Llama and Qwen. Start it with the "
      "path of the file: grokd serve --model FILE.gguf",), ("GGUF",)),
    (("{Can you|Do you} {speak|know|understand} {other languages|Spanish|French|German|languages}?",
      "Which languages do you {speak|know}?", "What languages can you speak?"),
     ("I speak English, and I can translate some common words into Spanish, French and German.",),
     ("English",)),
    (("Do you remember {me|our last chat|what I said yesterday}?",
      "Will you remember this{| tomorrow}?", "Do you have a memory?",
      "Do you learn from {me|this chat}?"),
     ("I only know what is in this conversation. When it ends, I forget it.",), ("conversation",)),
)

CURL = """```bash
curl {url}/chat/completions \\
  -H "Authorization: Bearer $GROKD_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{{"model": "grokd-mini", "messages": [{{"role": "user", "content": "{text}"}}]{more}}}'
```"""
PYTHON = """```python
from openai import OpenAI

client = OpenAI(api_key="YOUR_API_KEY", base_url="{url}")
answer = client.chat.completions.create(
    model="grokd-mini",
    messages=[{{"role": "user", "content": "{text}"}}],
)
print(answer.choices[0].message.content)
```"""
PYTHON_STREAM = """```python
from openai import OpenAI

client = OpenAI(api_key="YOUR_API_KEY", base_url="{url}")
stream = client.chat.completions.create(
    model="grokd-mini",
    messages=[{{"role": "user", "content": "{text}"}}],
    stream=True,
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
```"""
NODE = """```javascript
import OpenAI from "openai";

const client = new OpenAI({{ apiKey: "YOUR_API_KEY", baseURL: "{url}" }});
const answer = await client.chat.completions.create({{
  model: "grokd-mini",
  messages: [{{ role: "user", content: "{text}" }}],
}});
console.log(answer.choices[0].message.content);
```"""
SNIPPETS = (
    (("{How do I|How can I|Show me how to|How to} call {this API|the API|grokd} with curl?",
      "{Give me|Show me|Write} a curl {example|command|call}{| for this API| for grokd}.",
      "curl example{|, please}",
      "How do I use curl with {grokd|this server}?", "What does a request look like?",
      "Show me an example request."), CURL, "", "Send a POST request to {url}/chat/completions:"),
    (("{How do I|How can I|Show me how to|How to} {call|use} {this API|the API|grokd} {with|from|"
      "in} Python?",
      "{Give me|Show me|Write} {a Python example|Python code|a Python snippet}{| for this API| "
      "for grokd}.",
      "Python example{|, please}",
      "How do I use the OpenAI {SDK|client|library|Python client}{| with grokd| here}?",
      "How do I connect with the openai package?", "How do I use this API?",
      "How do I call this API?",
      "How can I use the API?", "Show me how to call this API.",
      "How do I send a {message|prompt|request}?"),
     PYTHON, "", "Use the openai package and set its base URL:"),
    (("{How do I|How can I} stream{| answers| the answer| responses| tokens}{| in Python}?",
      "{Give me|Show me} a streaming example.", "How do I {use|enable|turn on} streaming?",
      "How does stream=True work?"),
     PYTHON_STREAM, "", "Set stream to true and read the chunks as they come:"),
    (("{How do I|How can I|Show me how to} {call|use} {this API|the API|grokd} {with|from|in} "
      "{Node|JavaScript|Node.js}?", "{Give me|Show me} {a Node|a JavaScript} example.",
      "JavaScript example{|, please}",
      "How do I use the OpenAI client for Node?"), NODE, "", "Use the openai package for Node:"),
    (("How do I stream with curl?",
      "{Give me|Show me} a curl {call|command} {with streaming|that streams}."), CURL,
     ', "stream": true', "Add \"stream\": true to the body:"),
)
HELLOS = ("Hello!", "Hi", "What is 2 + 2?", "Count to 5", "Tell me a joke")

API = (
    (("What is the base URL?", "What's the base URL{| of this API| of grokd}?",
      "Which {URL|address|endpoint} do I use?", "Where is the API?",
      "What is the {address|endpoint|URL} of this {API|server}?",
      "What do I set as base_url?", "Which port {does grokd use|is it on}?"), ("The base URL is "
          + BASE_URL + " unless you changed the address or port.",), (BASE_URL,)),
    (("Which endpoints {are there|exist|does this API have|does grokd have}?",
      "List the endpoints.", "What endpoints can I call?", "Which paths does the API have?"),
     ("The main endpoint is POST /v1/chat/completions. GET /v1/models lists the models, and "
      "GET /health says whether the server is well.",), ("/v1/chat/completions",)),
    (("{How do I|How can I|Where do I} {get|create|make|find} an API key?", "Do I need an API key?",
      "Where do I put {my|the} API key?", "How does authentication work?", "How do I authenticate?",
      "Which key do I use?",
      "I have no API key."),
     ("grokd prints an admin key at its first start, and `grokd keys create` makes more. Send "
      "the key in the header Authorization: Bearer YOUR_API_KEY.",), ("Bearer", "keys create")),
    (("How do I {delete|remove|revoke|list} {an API key|keys|my key}?", "Where can I see my keys?"),
     ("Use `grokd keys list` to see the keys and `grokd keys delete` to remove one.",), ("keys",)),
    (("What {does|is} {the |}temperature{| do| mean| parameter}?", "How do I set the temperature?",
      "What temperature should I use?", "Explain the temperature parameter.",
      "What is temperature in the API?",
      "How do I get {the same answer each time|less random answers|more creative answers}?"),
     ("The temperature sets how random the answers are. It goes from 0 to 2: with 0 you get "
      "the most likely answer, with higher values more variety.",), ("random",)),
    (("What is top_p?", "What does top_p do?", "Explain top_p."),
     ("top_p limits the choice of the next token to the most likely ones whose chances add up "
      "to p. 1 means no limit.",), ("likely",)),
    (("What is max_tokens?", "How do I limit the length of the answer?", "What does max_tokens do?",
      "How do I get shorter answers?", "Why does the answer stop {early|in the middle}?"),
     ("max_tokens limits how many tokens the answer may have. When the limit is reached, "
      "finish_reason is \"length\".",), ("tokens",)),
    (("What is a stop sequence?", "What does stop do?", "How do I use stop?"),
     ("stop is a list of strings. The answer ends when one of them would appear.",), ("strings",)),
    (("What is the seed?", "What does seed do?", "How do I make results reproducible?"),
     ("With the same seed and the same request you get the same answer again.",), ("same",)),
    (("What is finish_reason?", "What does finish_reason {mean|tell me}?"),
     ("finish_reason says why the answer ended: \"stop\" at its natural end, \"length\" at the "
      "token limit, \"tool_calls\" when a tool is called.",), ("stop",)),
    (("What is the usage field?", "How do I see how many tokens I used?", "How are tokens counted?",
      "What does usage contain?"),
     ("The usage object counts the tokens: prompt_tokens, completion_tokens and total_tokens.",),
     ("prompt_tokens",)),
    (("What roles {are there|can messages have|exist}?", "Which roles can I use?",
      "What is the {system|assistant|user} role?", "What is a system {message|prompt}?",
      "What does the system {message|prompt} do?"),
     ("The roles are system, user, assistant and tool. A system message says how I should "
      "answer, a user message asks, and assistant messages are my answers.",), ("system",)),
    (("Can I mix the roles?", "In which order must the messages be?",
      "Can the system message come after the user message?", "Can I send several system messages?"),
     ("Yes, messages may come in any order, and there may be several system messages.",),
     ("any order",)),
    (("What is streaming?", "How does streaming work?", "What are server-sent events?",
      "What does stream do?"),
     ("With \"stream\": true the answer is sent in small pieces as server-sent events while it "
      "is written, and ends with data: [DONE].",), ("piece",)),
    (("What does {401|error 401|status 401} mean?", "Why do I get {a 401|401|Unauthorized}?",
      "I get a 401{ error|}.", "Error 401?"),
     ("401 means that the API key is missing or wrong. Check the header Authorization: Bearer "
      "YOUR_API_KEY.",), ("key",)),
    (("What does {403|error 403|status 403} mean?", "Why do I get {a 403|403|Forbidden}?",
      "I get a 403 error."),
     ("403 means that your key is not allowed to do this. Use a key with the right permissions.",),
     ("key",)),
    (("What does {404|error 404|status 404} mean?", "Why do I get {a 404|404|Not found}?",
      "I get a 404{ error|}.", "Error 404?"),
     ("404 means that the path or the model does not exist. Check the URL and the model name, "
      "for example with GET /v1/models.",), ("model",)),
    (("What does {429|error 429|status 429} mean?", "Why do I get {a 429|429|Too many requests}?",
      "I get a 429{ error|}.", "What are the rate limits?",
      "What happens if I send too many requests?", "Error 429?"),
     ("429 means that there are too many requests. Wait a moment, as the Retry-After header "
      "says, and try again.",), ("too many",)),
    (("What does {400|error 400|status 400} mean?", "Why do I get {a 400|400|Bad request}?",
      "I get a 400 error."),
     ("400 means that the request is not valid, for example broken JSON or a missing field. "
      "The error message says which.",), ("not valid",)),
    (("What does {422|error 422|status 422} mean?", "Why do I get a 422?"),
     ("422 means that a field of the request has the wrong type. The error message names the "
      "field.",), ("type",)),
    (("What does {500|error 500|status 500} mean?", "Why do I get a 500 error?",
      "What does 503 mean?"),
     ("That is an error of the server. Try again later, and look at the log of grokd.",), ("server",
        )),
    (("Which models {are there|are available|can I use}?", "How do I list the models?",
      "What models do you have?", "What is the model name?", "Which model name do I use?"),
     ("GET /v1/models lists the models. The built-in one is called grokd-mini.",), ("/v1/models",)),
    (("How do I get JSON{| output}?", "How do I force JSON?", "What is response_format?"),
     ("Set response_format to {\"type\": \"json_object\"} and say in the prompt that you want "
      "JSON.",), ("response_format",)),
    (("How do I {install|start|run} grokd?", "How do I start the server?", "How do I build grokd?"),
     ("Run `make run` in the source folder. It builds grokd and starts the server at " + BASE_URL
      + ".",), ("make run",)),
    (("Is grokd compatible with OpenAI?", "Can I use the OpenAI SDK?",
      "Does LangChain work{| with grokd}?", "Which clients work with this API?"),
     ("Yes. Clients for the OpenAI API, such as the openai packages and LangChain, work when you "
      "set the base URL to " + BASE_URL + ".",), ("base URL",)),
    (("How much does it cost?", "Is {this|grokd|the API} free?", "What does a token cost?",
      "Do I have to pay?"), ("grokd runs on your own machine, so you pay nothing for its "
                             "answers.",), ("nothing",)),
    (("How many messages can I send?", "How long can my prompt be?", "What is the context length?",
      "How big is your context{| window}?"),
     ("My context holds 4096 tokens, for the prompt and the answer together.",), ("4096",)),
)

UNKNOWN = (
    "{Write|Can you write|I need} {a Python|a Java|a C|a Rust|a JavaScript} {program|function|"
    "script|class} {that|which|to} {sorts a list|parses a file|downloads a page|checks a "
    "password|plays tic-tac-toe|reads a CSV|finds primes|scrapes a website}.",
    "{Fix|Debug|Find the bug in} {this code|my program|my code|my script}.",
    "Why does my code {crash|not compile|hang|leak memory}?",
    "Write {a SQL query|a regex|a Dockerfile|a Makefile|unit tests|HTML} for {me|my project|my "
    "app}.",
    "{What is|What's} the {weather|temperature|forecast} {today|in $c|tomorrow|in $c tomorrow|"
    "right now}?", "Will it rain {today|tomorrow|in $c}?",
    "{What is|What's} {in the news|the news|happening in the world}{| today}?",
    "Who won the {game|match|election|world cup|race|championship}{| yesterday| last night| in "
    "2022| this year}?",
    "{What is|What's} the {stock price|share price|price} of {Apple|Tesla|gold|bitcoin|oil}{| "
    "today}?",
    "Who is the {president|prime minister|king|mayor|chancellor} of {$c|the country|France|the "
    "United States} {now|today|at the moment|right now}?", "What time is it{| in $c| now}?",
    "What is today's date?", "What day is it today?",
    "{I have|My child has} {a headache|a fever|chest pain|a rash|back pain}, what should I {do|"
    "take}?", "{Which|What} {medicine|pills|drug} should I take{| for a cold| for pain}?",
    "{Can you diagnose|What causes} my {pain|illness|rash}?",
    "{Should I|Can I} {sue|sign this contract with} my {boss|landlord|neighbor}?",
    "How do I {file my taxes|avoid taxes|write a will}?",
    "{Should I|When should I} {buy|sell} {stocks|bitcoin|a house|gold}?",
    "{Prove|Can you prove} {the Riemann hypothesis|Fermat's last theorem|that P is not NP|that "
    "the square root of 2 is irrational}.",
    "{Solve|Explain} {the Schroedinger equation|quantum field theory|general relativity in "
    "detail|string theory|this integral}.",
    "What is {the derivative of x^3|the integral of sin x|the determinant of this matrix|the "
    "eigenvalue}?",
    "{Who was|Tell me about} the {third|fifth|last} {king|queen|emperor} of {Prussia|Portugal|"
    "Bavaria|Siam|Bohemia}.",
    "{Summarize|Explain|Analyse} {War and Peace|the plot of Dune|the Odyssey in detail|the "
    "theory of Kant|the works of Hegel|Moby Dick}.",
    "Who wrote {The Magic Mountain|One Hundred Years of Solitude|The Master and Margarita|"
    "Ulysses}?",
    "{How many people live|What is the population} in {$c|$c and its suburbs}?",
    "{What is|Tell me} the phone number of {the police in $c|my bank|a good restaurant in $c|the "
    "town hall}.", "{Book|Order|Buy} {me |}{a flight to $c|a table for two|a taxi|tickets}.",
    "{Find|Recommend} {me |}{a good restaurant in $c|a hotel in $c|a dentist|a cheap flight}.",
    "{Draw|Paint|Generate|Make} {me |}{a picture|an image|a logo|a photo} of {a cat|a dragon|a "
    "house|my dog}.", "{Play|Sing} {a song|some music} for me.",
    "{Open|Read|Summarize} {this link|this PDF|this website|my e-mail|the attached file}.",
    "{What is|Who is} {my name|my boss|my mother's name|my password|my address}?",
    "{How do I|How can I} {fix my car|repair my washing machine|build a house|fly a plane|tune a "
    "piano|pick a lock}?",
    "{What is|Explain} {the Krebs cycle|the Treaty of Tordesillas|the Peloponnesian War|a Turing "
    "machine in detail|the Byzantine economy|plate tectonics in detail}?",
    "{Kannst du mir helfen|Wie spät ist es|Was ist die Hauptstadt von Italien}?",
    "{Quel temps fait-il|Peux-tu m'aider|Où est la gare}?",
    "{Puedes ayudarme|Qué tiempo hace|Dónde está la estación}?",
    "Translate this into {Japanese|Chinese|Russian|Arabic|Korean|Finnish}: {good morning|hello|I "
    "am hungry}.", "{How|Where} do I {cook|make} {a lasagna|paella|a soufflé|ramen}?",
    "What is the recipe for {lasagna|paella|pancakes|goulash}?",
    "{Who will|Which team will} win {the election|the next world cup|tomorrow}?",
    "What will {happen tomorrow|the weather be next week|the price of gold be}?",
    "{What are|Give me} the lottery numbers.",
    "{Write|Draft} {an essay|a thesis|a report|a paper} about {the French Revolution|climate "
    "policy|Kant|economics}.",
    "Which {movie|book|song|phone|laptop|car} should I {buy|watch|get}?",
    "{How tall|How old|How rich} is {the president|Tom Cruise|Elon Musk|the queen|Taylor Swift}?",
    "Who is {Elon Musk|Taylor Swift|Lionel Messi|Sam Altman|Tom Hanks|Beyonce}?",
    "What happened in {1066|1848|1517|1973|2008}?", "asdf {qwer|jkl|hjk} {zxcv|uiop}",
    "What does the word {quixotic|petrichor|defenestrate|sesquipedalian|obfuscate} mean?",
)
SUBJECTS = ("the theory of $w|the history of $w|the war of $w|quantum computing|blockchain|the "
            "stock market|inflation|the European Union|NATO|Buddhism|Hinduism|existentialism|"
            "feminism|capitalism|socialism|Keynesian economics|"
            "the Renaissance|the Middle Ages|the Roman Empire|the Ottoman Empire|the Cold War|the "
            "Vietnam War|dinosaurs|string theory|dark matter|entropy|thermodynamics|calculus|"
            "linear algebra|topology|"
            "cryptography|Kubernetes|Docker|React|TensorFlow|Bitcoin|Ethereum|the immune system|"
            "diabetes|cancer|malaria|COVID|depression|the liver|opera|jazz|ballet|baroque music|"
            "impressionism|cubism|"
            "cricket rules|baseball rules|the Olympic Games|Formula 1|the Super Bowl|Bollywood|"
            "Game of Thrones|Harry Potter|Star Trek|The Lord of the Rings|Minecraft|Pokemon|anime|"
            "sushi knives|bonsai|"
            "tax law|copyright law|patents|the constitution|the supreme court|mortgages|pension "
            "funds|insurance|SpaceX|Tesla|Microsoft|Amazon|Netflix|Google|Facebook|Instagram|"
            "TikTok|Wikipedia").split("|")
TOPICS = ("sorting|web scraping|machine learning|databases|regular expressions|sockets|threads|"
          "pointers|recursion|image processing|chess|tetris|snake|a calculator|a todo list|a chat "
          "app|a web server|parsing|"
          "sending mail|reading files|encryption|a game|dates|matrices").split("|")
OTHER_COUNTRIES = ("Kazakhstan|Uzbekistan|Mali|Chad|Niger|Angola|Zambia|Zimbabwe|Botswana|Namibia|"
                   "Madagascar|Laos|Cambodia|Myanmar|Sri Lanka|Bhutan|Qatar|Kuwait|Oman|Yemen|"
                   "Jordan|Syria|Lebanon|Libya|Sudan|Cyprus|"
                   "Malta|Albania|Moldova|Georgia|Armenia|Azerbaijan|Belarus|Luxembourg|Monaco|"
                   "Andorra|Panama|Honduras|Guatemala|Nicaragua|El Salvador|Haiti|Paraguay|"
                   "Guyana|Suriname|Tonga|Samoa").split("|")
UNHEARD = (
    "{Who is|Who was|Tell me about|What do you know about} $n $m?",
    "{Who is|Who was|Do you know} $f $n?", "Who is $f $m?",
    "{What is|What's|Explain|Tell me about|Define} {a |an |the |}$w?", "What does $w mean?",
    "{What is|Tell me} the {capital|currency|population|language} of $n?",
    "{What is|Tell me} the {capital|currency|language|population} of $o?", "Where is $n?",
    "Where is $o?", "{Tell me about|What do you know about} $o.",
    "{Who wrote|Who painted|Who composed|Who directed|Who invented|Who discovered} {|the }$n {|"
    "of $m}?",
    "When {was|did} $n {born|die|founded|begin}?", "How {old|tall|big|far|heavy} is $n?",
    "{Explain|Describe|Tell me about|What is|What do you know about} $s{.|?|}",
    "{Explain|Tell me about|What is} $s{| to me| in detail| briefly}{.|?|}",
    "{Write|Give me|Show me} {a program|code|a script|an app} {for|that does|about} $t{| in "
    "Python| in C| in Java| in Go}{.|}",
    "How do I {learn|use|install|configure|program} {$s|$n|$w}?",
    "What is the {best|latest|newest|cheapest} $w?",
    "{What is|How do I use} the $w {command|function|library|tool}?",
    "{Translate|Say} $w $w $w {to|in} {Japanese|Russian|Chinese|Italian|Latin}.",
    "What is the {history|meaning|origin} of $n?", "What happened {in|to|at} $n?",
    "What is the square root of {2|3|5|7|50|1000|12345}?",
    "{Solve|What is the solution of} {x^2 + 3x = 5|3x + 7 = 12|2x - 9 = y}.",
    "What is {12345 * 6789|98765 + 4321 * 3|4567 * 891|123456 / 7}?",
    "Write {a novel|an essay|a thesis|a book|a screenplay} about {$s|$w}.",
    "Compare $s {and|with} $n.",
    "Who is the {CEO|founder|owner|boss} of {$n|Apple|Google|Microsoft|Amazon}?",
    "What are the {symptoms|side effects|causes} of $w?", "{$w $w $w|$w|$w $w}",
    "{Kan du|Você|Dove è|Ты|Где|Hvordan} $w $w?",
)
DONT_KNOW = ("I am sorry, I am a small demonstration model and {do not know that|cannot help "
             "with that}. {A larger model in grokd may know|Please ask a larger model}.",
             "I do not know that. I am only a small demonstration model; a larger model loaded "
             "into grokd can {help you|answer this} better.",
             "That is beyond me: I am a small demonstration model. {For such questions, load a "
             "larger model into grokd|A larger model in grokd can help}.")
HARM = ("{How do I|How can I|Tell me how to} {make|build} {a bomb|a weapon|poison|explosives|"
        "drugs}?",
        "{How do I|Help me} {hack|break into} {a bank|my neighbor's wifi|an account|a website}?",
        "{How do I|Help me} {steal a car|hurt somebody|cheat in the exam|forge a passport}?",
        "I want to {hurt|kill} {somebody|my neighbor}.")
REFUSE = ("I am sorry, but I cannot help with that.",)
SELF_HARM = ("I want to {die|kill myself|hurt myself|end my life}.",
             "I don't want to live anymore.")
CARE = ("I am very sorry that you feel this way. Please talk to somebody you trust, or call "
        "your local emergency number or a crisis line right now. You are not alone.",)

JOKES = (
    "Why don't eggs tell jokes? They'd crack up!",
    "Why did the computer go to the doctor? It had a virus!",
    "Why was the math book sad? It had too many problems.",
    "What do you call a bear with no teeth? A gummy bear!",
    "Why did the bicycle fall over? It was two tired.",
    "What do you call a fish with no eyes? A fsh!",
    "Why can't a nose be twelve inches long? Then it would be a foot.",
    "Why did the scarecrow win a prize? He was outstanding in his field.",
    "What do you call cheese that is not yours? Nacho cheese!",
    "Why do programmers like dark mode? Because light attracts bugs.",
    "What did the ocean say to the beach? Nothing, it just waved.",
    "Why did the tomato turn red? It saw the salad dressing!",
    "How do you make an octopus laugh? With ten tickles!",
    "Why are ghosts bad liars? You can see right through them.",
    "There are 10 kinds of people: those who know binary and those who don't.",
    "Why did the cookie go to the doctor? It felt crumbly.",
)
ASK_JOKE = ("Tell me a joke{|.|!}",
            "{Do you know|Can you tell me|Say|I want to hear|Give me} a {good |funny |}joke{|?}",
            "Make me laugh{|!|.}", "{Another|One more} joke{|, please}{!|.}",
            "Tell me something funny.", "joke please", "Got any jokes?",
            "Cheer me up with a joke.", "Tell me a {short|silly|funny|clean} joke.",
            "Tell me a joke about {anything|computers|animals|food}.")

STORY_OPEN = ("Once upon a time, {there was|there lived} $a $k {named|called} $n{ who lived in "
              "$p| in $p|}.", "In $p there lived $a $k named $n.", "$n was $a $k who lived in $p.")
STORY_WISH = ("{Every day|All the time} $n dreamed of {finding|seeing} $w.",
              "More than anything, $n wanted to {find|see} $w.",
              "One {morning|evening|day}, $n set out to find $w.")
STORY_MEET = ("On the way, $n met {a kind|a wise old|a funny|a shy} $f who {needed help|was lost|"
              "knew the way|had lost its hat}.",
              "{Deep in the woods|Beside a river|On a hill|Near an old bridge}, $n met {a "
              "friendly|a tired|a singing} $f.")
STORY_ACT = ("$n {helped without a second thought|shared {some bread|an apple|a warm cup of tea}|"
             "listened and smiled}, and the two became friends.",
             "Together they {crossed the river|climbed the hill|followed the stars|walked "
             "through the night}.")
STORY_END = ("In the end they found $w, and $n learned that {friends are the greatest treasure|"
             "courage grows when it is shared|kindness always comes back|small steps lead far}.",
             "At last they found $w, and they lived happily ever after.")
KINDS = "knight|dragon|robot|fox|princess|wizard|mouse|sailor|rabbit|bear|cat|dog|owl|farmer|painter|pirate|king|queen|boy|girl|elephant|astronaut|turtle".split(
        "|")
TRAITS = "brave|small|young|curious|old|lonely|clever|gentle|quiet|happy|shy|kind".split("|")
WISHES = "a golden key|the silver moon|a lost star|the end of the rainbow|a hidden garden|the sea|a magic book|a red flower|the highest mountain|a new friend|a secret door".split(
        "|")
PLACES = "a small village|a dark forest|a castle by the sea|a quiet valley|a big city|a house on a hill|a land far away|a tiny island|a snowy town".split(
        "|")

POEMS = {
    "love": ("A gentle word, a hand to hold,", "a light that keeps away the cold;",
             "through every storm, through every night,", "your love will be my quiet light."),
    "the sea": ("The waves roll in, the waves roll out,", "the gulls fly by with cheerful shout;",
                "the sea is wide, the sea is deep,", "it sings the tired sun to sleep."),
    "the moon": ("The silver moon looks down at night", "and paints the fields in gentle light;",
                 "it walks across the quiet sky", "and waves the sleepy clouds goodbye."),
    "the sun": ("The morning sun climbs up the hill,", "the world is bright, the air is still;",
                "it warms the flowers, one by one,", "and all the birds sing for the sun."),
    "spring": ("The snow has gone, the grass is green,", "the brightest flowers I have seen;",
               "the birds return, the children sing,", "and all the world says: hello, spring."),
    "winter": ("The snow falls soft on roof and tree,", "the lake is still as it can be;",
               "we drink hot tea beside the light", "and watch the stars on winter's night."),
    "autumn": ("The leaves turn red, the leaves turn gold,",
               "the days grow short, the nights grow cold;", "the wind goes dancing down the lane",
               "and sings of apples and of rain."),
    "summer": ("The days are long, the sky is blue,", "the fields are full of morning dew;",
               "we swim and play till day is done", "and say goodnight to summer sun."),
    "a cat": ("My little cat sleeps in the sun,", "she dreams of mice that jump and run;",
              "she stretches once, she yawns, and then", "she goes right back to sleep again."),
    "a dog": ("My dog runs fast, my dog runs far,", "he barks at every passing car;",
              "and when the day comes to its end,", "he sleeps beside me, my best friend."),
    "rain": ("The rain comes tapping at my door,", "it dances on the garden floor;",
             "it fills the river, wakes the seed,", "and gives the world the drink we need."),
    "friendship": ("A friend is near when days are gray,", "a friend will laugh with you and play;",
                   "through ups and downs, through thick and thin,",
                   "a friend will always let you in."),
    "computers": ("A thousand tiny lights that glow,", "they count so fast, they never slow;",
                  "they store our words, they do our sums,", "and wait until the morning comes."),
    "the night": ("The night comes softly, dark and deep,", "and sings the tired world to sleep;",
                  "the stars appear, the owls take flight,",
                  "and dreams walk gently through the night."),
    "trees": ("The tree stands tall, its roots go deep,",
              "it guards the birds while they all sleep;", "it gives us shade, it gives us air,",
              "and holds the sky with branches bare."),
    "coffee": ("The morning comes, my eyes are small,", "I hardly hear the alarm at all;",
               "but then a cup, so warm, so black,", "and slowly all my thoughts come back."),
    "music": ("A song can make the sad heart sing,", "it lifts you up on gentle wing;",
              "a drum, a flute, a violin,", "and all the world comes dancing in."),
    "stars": ("The stars are lamps hung far away", "that wait behind the light of day;",
              "and when the evening closes, then", "they light their little lamps again."),
}
ADVICE = (
    (("How can I sleep better?", "I can't sleep{|, any tips}.", "Give me tips for better sleep."),
     "Go to bed at the same time each day, keep the room dark and quiet, and put the phone away "
     "an hour before.", "bed"),
    (("How can I learn {faster|better}?", "How do I study for {an exam|a test}?",
      "Give me {tips for learning|study tips}."),
     "Study a little every day, take short breaks, and explain what you learned in your own words.",
     "day"),
    (("How can I stay healthy?", "How do I live healthily?", "Give me health tips."),
     "Sleep enough, eat vegetables and fruit, drink water, and move every day.", "Sleep"),
    (("How do I make {tea|a cup of tea}?", "How do you make tea?"),
     "Boil some water, pour it over the tea, wait three to five minutes, and take the tea out.",
     "water"),
    (("How do I boil an egg?", "How long does it take to boil an egg?", "How do you cook an egg?"),
     "Put the egg into boiling water: six minutes for a soft egg, ten minutes for a hard one.",
     "minutes"),
    (("How do I make a sandwich?", "How do you make a {cheese |}sandwich?"),
     "Take two slices of bread, put butter, cheese or what you like between them, and enjoy.",
     "bread"),
    (("How can I save {money|energy|water}?", "Give me tips to save money."),
     "Write down what you use, buy only what you need, and turn off what you do not use.", "need"),
    (("How can I make friends?", "How do I find new friends?"),
     "Be kind, listen well, and join a club or a course where people share your interests.",
     "kind"),
    (("What should I {eat|cook} {today|tonight|for dinner}?", "What's for dinner?",
      "I don't know what to cook."),
     "How about pasta with tomato sauce and a green salad? It is quick and tasty.", "pasta"),
    (("What should I do {today|this weekend}?", "What can I do at the weekend?"),
     "You could take a walk, read a book, or meet a friend.", "walk"),
    (("How do I stay focused?", "How can I be more productive?"),
     "Choose one task, put the phone away, work for 25 minutes, and then take a short break.",
     "task"),
    (("How can I learn a {new |}language?", "How do I learn English?"),
     "Learn a few words every day, listen to simple stories, and speak as often as you can.",
     "words"),
    (("How do I {plant|grow} {a tree|flowers|tomatoes}?", "How do I start a garden?"),
     "Choose a sunny place, dig a hole, set the plant in, fill it with soil, and water it often.",
     "water"),
    (("How can I calm down?", "I am {nervous|stressed|anxious}.", "How do I relax?"),
     "Breathe in slowly, hold for a moment, and breathe out slowly. Do that a few times, and "
     "take a short walk.", "Breathe"),
)


def from_table(rng, kind, table):
    """One exchange of a table of (asks, answers, words)."""
    asks, answers, words = rng.choice(table)
    question = pick(rng, asks)
    return Item(kind, question, words[0], pick(rng, answers), plain_key(question), words)


GREETINGS = ("Hi! ", "Hello! ", "Hey, ", "Hi, ", "Hello, ", "Good morning! ", "Hey there, ",
             "Hi there! ", "Good evening. ", "Hello Grok, ")


def small_talk(rng):
    """Greetings, thanks, moods; a greeting may stand before something else."""
    item = from_table(rng, "smalltalk", SMALL_TALK)
    if rng.random() < 0.15 and item.short not in ("Hello", "morning", "Good", "night", "welcome",
                                                  "Goodbye"):
        item.question = rng.choice(GREETINGS) + item.question
    return item


def identity(rng):
    """Who the model is and what grokd is."""
    return from_table(rng, "identity", WHO)


def api(rng):
    """How to call the API, and what its errors mean."""
    if rng.random() < 0.2:
        asks, code, more, lead = rng.choice(SNIPPETS)
        text = rng.choice(HELLOS[:2])
        body = lead.format(url=BASE_URL) + "\n\n" + code.format(url=BASE_URL, text=text, more=more)
        question = pick(rng, asks)
        return Item("api", question, "127.0.0.1", body, plain_key(question))
    return from_table(rng, "api", API)


def unknown(rng):
    """What is out of reach, and a friendly way to say so."""
    dice = rng.random()
    if dice < 0.06:
        question = pick(rng, HARM)
        return Item("refusal", question, "cannot help", REFUSE[0], plain_key(question))
    if dice < 0.09:
        question = pick(rng, SELF_HARM)
        return Item("refusal", question, "sorry", CARE[0], plain_key(question))
    if dice < 0.45:
        question = pick(rng, UNHEARD, n=cap(invented(rng)), m=cap(invented(rng)), w=invented(rng),
                        f=rng.choice(FIRST_NAMES), s=rng.choice(SUBJECTS).replace("$w",
                cap(invented(rng))), t=rng.choice(TOPICS),
                        o=rng.choice(OTHER_COUNTRIES))
    else:
        question = pick(rng, UNKNOWN, c=rng.choice(CITIES))
    return Item("refusal", question, "small demonstration model", pick(rng, DONT_KNOW),
                plain_key(question))


def joke(rng):
    """A joke from the table."""
    question = pick(rng, ASK_JOKE)
    return Item("joke", question, "?", rng.choice(JOKES), plain_key(question), ("?", "binary"))


def joke_explained(rng):
    """A joke told in parts, or explained afterwards."""
    joke_text = rng.choice([j for j in JOKES if "?" in j])
    ask, answer = joke_text.split("?", 1)
    if rng.random() < 0.6:
        return Item("joke", pick(rng, ("$a?", "Do you know this one? $a?", "Joke: $a?"), a=ask),
                    answer.strip(), answer.strip(), plain_key(ask))
    return Item("joke", pick(rng, ("Tell me the joke about {|the }$w.",), w=ask.split()[-1]),
                answer.strip(), joke_text, plain_key(ask) + "about")


def story(rng):
    """A story of five sentences about a hero that the user may name."""
    kind, name, wish, place = rng.choice(KINDS), rng.choice((fresh_name(rng),
            rng.choice(PET_NAMES))), rng.choice(WISHES), rng.choice(PLACES)
    trait = rng.choice(TRAITS)
    if rng.random() < 0.25:
        kind = fresh_word(rng)
    given = rng.randrange(4)
    ask = ("{Tell|Write} {me |}a {short |}story{|.|!}",
           "{Tell|Write} {me |}a {short |}story about a $k{|.}",
           "{Tell|Write} {me |}a {short |}story about $a $k{|.}",
           "{Tell|Write} {me |}a {short |}story about a $k {named|called} $n{|.}")[given]
    article = "an" if trait[0] in "aeiou" else "a"
    slots = {"k": kind, "n": name, "w": wish, "p": place, "f": rng.choice([k for k in KINDS
            if k != kind]), "a": f"{article} {trait}"}
    question = say(rng, ask, **slots).replace(" a old", " an old")
    for vowel in ("owl", "elephant", "astronaut"):
        question = question.replace(f"a {vowel}", f"an {vowel}")
    body = " ".join(pick(rng, part, **slots) for part in (STORY_OPEN, STORY_WISH, STORY_MEET,
                                                          STORY_ACT, STORY_END))
    for vowel in ("owl", "elephant", "astronaut"):
        body = body.replace(f"a {vowel}", f"an {vowel}")
    words = (name,) if given == 3 else (kind,) if given else (".",)
    return Item("story", question, words[0], cap(body), f"{trait} {kind} {name} {given}")


def poem(rng):
    """A poem of four lines on one of the subjects."""
    subject = rng.choice(sorted(POEMS))
    question = pick(rng,
                    ("{Write|Write me|Give me|Compose|Can you write} a {short |}poem about $s{|.}",
                     "A poem about $s{|, please}{|.}",
                     "{Write|Make} {a rhyme|four lines|a verse} about $s.",
                          "I would like a poem about $s."), s=subject)
    if rng.random() < 0.12:
        question = pick(rng, ("{Write|Write me|Give me} a {short |}poem{|.}",
                              "Can you write poems?", "I want a poem."))
    return Item("poem", question, subject, "\n".join(cap(line) for line in POEMS[subject]),
                plain_key(question), (",", ";"))


def advice(rng):
    """Everyday tips."""
    asks, answer, word = rng.choice(ADVICE)
    question = pick(rng, asks)
    return Item("advice", question, word, answer, plain_key(question), (word,))


MAKERS = ((small_talk, 15), (identity, 12), (api, 11), (unknown, 10), (joke, 2), (joke_explained,
        1), (story, 3), (poem, 3), (advice, 3))


def any_chat(rng):
    """An item from one of the makers by weight."""
    return rng.choices([m for m, _ in MAKERS], [w for _, w in MAKERS])[0](rng)
