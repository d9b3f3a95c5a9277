# SPDX-License-Identifier: Apache-2.0
"""The chat examples of the documents that users copy from, with only base URL and key changed.

Every code block that is a whole program for chat completions is run as it stands there; one that
only lacks its client gets one, and JSON blocks that are requests are sent. Blocks that need what
this server refuses for now (images, search) are left out by what they contain.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SEEDS = pathlib.Path(os.environ["SEEDS"])
FILES = ("000", "001", "002", "003")
BEYOND = re.compile(r"image_url|search_parameters|input_image|deferred|anthropic|"
                    r"embeddings|create\(\.\.\.\)|xai_sdk|/v1/responses|responses\.create|\.\.\.,")
KEY = re.compile(r"YOUR_XAI_API_KEY|<YOUR_XAI_API_KEY_HERE>|<YOUR_API_KEY>|your_api_key|<api key>|YOUR_API_KEY|xai-\.\.\.|sk-\.\.\.")


def point_here(code):
    code = code.replace("https://api.x.ai", os.environ["BASE_URL"])
    # The documents escape line ends of shell blocks twice.
    return KEY.sub(os.environ["XAI_API_KEY"], code).replace("\\\\\n", "\\\n")


def kind_of(language, code):
    if BEYOND.search(code):
        return None
    if language.startswith("python") and "api.x.ai" in code and \
            re.search(r"chat\.completions\.create|requests\.post|llm\.(predict|invoke)", code):
        return "python"
    if language.startswith("javascript") and "new OpenAI" in code and "chat.completions.create" in code:
        return "javascript"
    if language.startswith("python") and "import" not in code and re.match(r"\w+ = client\.chat\.completions\.create", code):
        return "fragment"
    if "curl https://api.x.ai/v1/chat/completions" in code:
        return "bash"
    if language == "json" and ('"messages"' in code or '"tools"' in code):
        return "json"
    return None


CLIENT = """from openai import OpenAI
client = OpenAI(api_key="YOUR_API_KEY", base_url="https://api.x.ai/v1")
"""
SEND = """import requests
reply = requests.post("https://api.x.ai/v1/chat/completions", headers={"Authorization": "Bearer YOUR_API_KEY"}, json=%r)
reply.raise_for_status()
print(reply.json()["choices"][0]["message"])
"""
ASK = {"model": "grok-4", "messages": [{"role": "user", "content": "What is the weather in Paris?"}]}


def whole(kind, code):
    """The program of a fragment or of a JSON block."""
    if kind == "fragment":
        return CLIENT + code + ("" if "print(" in code else "print(response.choices[0].message.content)\n")
    return SEND % {**ASK, **json.loads(code)} if kind == "json" else code


def command(kind, code, folder):
    name = {"python": "example.py", "javascript": "example.mjs", "bash": "example.sh"}[kind]
    path = pathlib.Path(folder) / name
    path.write_text(code)
    return [{"python": sys.executable, "javascript": "node", "bash": "bash"}[kind], str(path)]


def mend(code):
    """What no server can help: LangChain 1.0 renamed predict(), and one example forgets an import."""
    code = code.replace("llm.predict(", "llm.invoke(")
    return "import os\n" + code if "os.environ" in code and "import os" not in code else code


def run(label, kind, code):
    if kind in ("fragment", "json"):
        kind, code = "python", whole(kind, code)
    with tempfile.TemporaryDirectory(dir=os.getcwd()) as folder:
        done = subprocess.run(command(kind, mend(point_here(code)), folder), capture_output=True, text=True, timeout=120)
    text = done.stdout.strip()
    if done.returncode == 0 and (text or kind == "python" and "print" not in code) and '"error"' not in text and "Traceback" not in done.stderr:
        print("ok seeds", label, kind)
        return True
    print("not ok seeds %s %s: %s" % (label, kind, (text + " " + done.stderr).replace("\n", " | ")[-600:]))
    return False


def main():
    if not SEEDS.is_dir():
        print("skip seeds: no documents at", SEEDS)
        return 0
    good, n = True, 0
    for prefix in FILES:
        text = next(SEEDS.glob(prefix + "_*")).read_text()
        for match in re.finditer(r"^```([^\n]*)\n(.*?)^```", text, re.M | re.S):
            kind = kind_of(match[1], match[2])
            if kind:
                n += 1
                good = run("%s line %d" % (prefix, text[:match.start()].count("\n") + 1), kind, match[2]) and good
    if n < 10:
        print("not ok seeds: only %d examples were found" % n)
        return 1
    return 0 if good else 1


sys.exit(main())
