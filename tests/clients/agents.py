# SPDX-License-Identifier: Apache-2.0
"""Coding agents from npm, each with its own dialect: a turn without a terminal in which the model
calls the agent's shell once.

The model is a script (tests/scripted): it asks for `cat note.txt` in the arguments of the tool that
the agent offers, and once a result in the history holds the note's word it says so. What an agent
prints shows that the word went the whole way; the server's log shows that nothing was refused.
Version and arguments of each agent: agents/agents.json.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lib"))
from grokd import ROOT, Scripted  # noqa: E402

HOME = ROOT / "build" / "clients" / "agents"
AGENTS = json.loads((HERE / "agents" / "agents.json").read_text())
INSTALL_S = 90
RUN_S = 40
LOG_S = 5
ASKED = "Read note.txt and tell me its word."
NO_WAY_OUT = "http://127.0.0.1:9"      # every proxy variable: what is not local fails at once


def install():
    """None when every agent is there; else why not."""
    packages = sorted({"%s@%s" % (a["package"], a["version"]) for a in AGENTS.values()})
    HOME.mkdir(parents=True, exist_ok=True)
    stamp, wanted = HOME / "installed", " ".join(packages)
    if stamp.exists() and stamp.read_text() == wanted:
        return None
    if not shutil.which("npm"):
        return "there is no npm"
    (HOME / "package.json").write_text('{"private": true}\n')
    try:
        done = subprocess.run(["npm", "install", "--no-fund", "--no-audit", "--fetch-retries=1",
                               "--fetch-retry-mintimeout=1000", *packages], cwd=HOME,
                              text=True, capture_output=True, timeout=INSTALL_S)
    except subprocess.TimeoutExpired:
        return "npm install took over %d s" % INSTALL_S
    if done.returncode != 0:
        return "npm install: " + " ".join(re.findall(r"^npm error (.*)", done.stderr, re.M))[:300]
    stamp.write_text(wanted)
    return None


def word_of(name):
    return "pelican-" + name


def scripts():
    """The rules of all agents: what a model does that reads the note of any of them."""
    said = [{"result": word_of(n), "play": [{"text": "The word is "}, {"text": word_of(n) + "."}, {"finish": "stop"}]}
            for n in AGENTS]
    failed = [{"result": "", "play": [{"text": "The tool failed."}, {"finish": "stop"}]}]
    calls = [{"offers": a["tool"],
              "play": [{"text": "I look."}, {"call": {"id": "call_" + n.replace("-", "_"), "name": a["tool"],
                                                      "arguments": json.dumps(a["arguments"])}},
                       {"finish": "tool_calls"}]} for n, a in AGENTS.items()]
    return {"*": said + failed + calls + [{"play": [{"text": "Reading a note"}, {"finish": "stop"}]}]}


def fill(value, names):
    """Text of agents.json with {URL}, {KEY}, {HOME} put in."""
    return re.sub(r"\{([A-Z]+)\}", lambda m: names[m[1]], value)


def try_agent(name, agent, server, url=None):
    """None, or what went wrong. url: where the agent is pointed, unless straight at the server."""
    home = pathlib.Path(tempfile.mkdtemp(prefix="grokd-agent-"))
    work = home / "work"
    work.mkdir()
    (work / "note.txt").write_text(word_of(name) + "\n")
    names = {"URL": url or server.url, "KEY": server.key, "HOME": str(home), "ASKED": ASKED}
    for path, text in agent.get("files", {}).items():
        file = home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(fill("\n".join(text) if isinstance(text, list) else json.dumps(text), names))
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home), "LANG": "C.UTF-8", "TERM": "dumb",
           "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
           **{k: NO_WAY_OUT for k in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy")},
           **{k: fill(v, names) for k, v in agent["env"].items()}}
    command = [str(HOME / "node_modules" / ".bin" / agent["program"]), *(fill(a, names) for a in agent["command"])]
    try:
        done = subprocess.run(command, cwd=work, env=env, text=True, capture_output=True, timeout=RUN_S,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        return "no end within %d s: %r" % (RUN_S, (late.stdout or b"")[-500:])
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if done.returncode != 0 or "The word is %s." % word_of(name) not in done.stdout:
        return "exit status %d: %r %r" % (done.returncode, done.stdout[-800:], done.stderr[-1500:])
    return None


def what_server_saw(agent, server, at):
    """None, or what the log says from line `at` on that should not be."""
    end = time.monotonic() + LOG_S
    while True:
        seen = re.findall(r"route=(\S+) status=(\d+)", "".join(server.log[at:]))
        answered = seen.count((agent["route"], "200"))
        if answered >= 2 or time.monotonic() > end:
            break
        time.sleep(0.05)
    refused = [" ".join(s) for s in seen if int(s[1]) >= 400]
    if refused:
        return "refused: " + ", ".join(refused)
    return None if answered >= 2 else "%d requests to %s, not two" % (answered, agent["route"])


def main():
    lacking = install()
    if lacking:
        for name in AGENTS:
            print("skip %s: %s" % (name, lacking))
        return
    with Scripted(scripts()) as server:
        for name, agent in AGENTS.items():
            at = len(server.log)
            why = try_agent(name, agent, server) or what_server_saw(agent, server, at)
            print("not ok %s: %s" % (name, why) if why else "ok %s" % name, flush=True)


if __name__ == "__main__":
    main()
