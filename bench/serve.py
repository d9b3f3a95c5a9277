#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the server with the bundled model: start, memory, many streams, CPU a request costs.

serve.py [--grokd build/grokd] [--quick] [--json FILE] [start] [memory] [idle] [streams] [overhead]

Without names all of them. A figure is a row {bench, name, unit, goal, samples}; goal is the most its median may be,
or null. Everything goes over the socket and out of /proc: nothing is asked of the server itself.
"""
import argparse
import json
import pathlib
import random
import resource
import shutil
import subprocess
import sys
import time

from figures import Figures
from load import CONTENT, Conn, Many, Stream, chat, distinct_prompts, request, words
from server import MODEL, ROOT, Grokd, data_folder, split_cpu

MODEL_KB = MODEL.stat().st_size / 1024
STREAMS = 1000
STREAM_TOKENS = 64
LONG_STREAMS = 16                       # one after the other, they keep 1,000 others waiting for seconds
IDLE_COUNTS = (1000, 5000)
END_TOKENS = ("<|im_end|>", "<|endoftext|>")
FILES_MAX = 20000                       # descriptors to ask for
FILES_OWN = 64                          # that are no connection
POOL_BYTES = 16 << 20                   # KV cache in the idle tests, small enough to be filled beforehand
SETTLE_S = 0.5

GOAL_START_MS = 300
GOAL_MEMORY_MB = 60
GOAL_IDLE_KB = 40
GOAL_OVERHEAD_US = 150
QUESTIONS = ("Hello! Who are you?", "What is 12 plus 30?", "What is the capital of France?",
             "Tell me a short story about a cat.", "How do I call this API with curl?",
             "Which planet is the largest?", "Write a sentence about rain.", "Count from one to ten.")


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


# ---- start ----

def start_once(a, data_dir):
    """(ms to the ready line, ms to the first byte of content)"""
    with Grokd(a.grokd, data_dir=data_dir) as server:
        conn = Conn(server)
        first = conn.until_content(chat(server, QUESTIONS[0], stream=True, max_tokens=8, temperature=0))
        conn.close()
        return (server.ready - server.started) * 1e3, (first - server.started) * 1e3


def bench_start(a, out):
    folder = pathlib.Path(data_folder(a.grokd))
    try:
        for i in range(3 if a.quick else 10):
            fresh = folder / ("fresh%d" % i)
            fresh.mkdir()
            for kind in ("first start ever", "later start"):
                ready, token = start_once(a, fresh)
                out.add("start", kind + ": to the ready line", "ms", ready)
                out.add("start", kind + ": to the first token", "ms", token, GOAL_START_MS)
    finally:
        shutil.rmtree(folder)


# ---- resident memory ----

def add_memory(out, bench, when, m, goal=None):
    out.add(bench, when + ": resident above the model file", "MB", (m["VmRSS"] - MODEL_KB) / 1024, goal)
    out.add(bench, when + ": its own (RssAnon)", "MB", m["RssAnon"] / 1024)
    out.add(bench, when + ": of files (RssFile)", "MB", m["RssFile"] / 1024)


def bench_memory(a, out):
    for _ in range(2 if a.quick else 5):
        with Grokd(a.grokd) as server:
            add_memory(out, "memory", "after start", server.memory(), GOAL_MEMORY_MB)
            conn = Conn(server)
            for question in QUESTIONS * 2:
                conn.exchange(chat(server, question, stream=True, max_tokens=64))
            add_memory(out, "memory", "after 16 chats", server.memory(), GOAL_MEMORY_MB)
            conn.close()


# ---- memory of connections ----

def no_end(server):
    """A logit_bias that keeps answers going until max_tokens."""
    bias = {}
    for piece in END_TOKENS:
        run = subprocess.run([server.binary, "tokenize", "-m", MODEL, "--special", "--json", piece],
                             capture_output=True, check=True)
        bias.update({t["id"]: -100 for t in json.loads(run.stdout)["tokens"]})
    return bias


def fill_pool(server):
    """Touches every KV page, so that none becomes resident while connections are counted."""
    conn, rng = Conn(server), random.Random(1)
    last = 0
    while server.memory()["RssAnon"] - last > 256:
        last = server.memory()["RssAnon"]
        for _ in range(6):
            conn.exchange(chat(server, words(rng, 1000), max_tokens=1))
    conn.close()


def idle_once(server, n, raw):
    """KiB that each of n connections takes which is idle after one request."""
    before = server.memory()["RssAnon"]
    conns = [Conn(server) for _ in range(n)]
    for c in conns:
        c.exchange(raw)
    time.sleep(SETTLE_S)
    after = server.memory()["RssAnon"]
    for c in conns:
        c.close()
    return (after - before) / n


def waiting_streams_once(server, n):
    """KiB that each of n streams takes that are open and wait for their turn behind long ones. The prompt is the
    same, so that tokens of prompts do not count."""
    many, bias = Many(server), no_end(server)
    long_ones = [Stream(chat(server, "Count on without end.", stream=True, max_tokens=3900,
                             logit_bias=bias)) for _ in range(LONG_STREAMS)]
    many.start(long_ones)
    many.run(until=lambda: any(s.parts and CONTENT.search(s.parts[-1][1]) for s in long_ones))
    before = server.memory()["RssAnon"]
    waiting = [Stream(chat(server, QUESTIONS[0], stream=True, max_tokens=8)) for _ in range(n)]
    many.start(waiting)
    many.run(until=lambda: all(s.parts or s.over for s in waiting))
    after = server.memory()["RssAnon"]
    n_over, early = sum(s.over for s in long_ones), [s for s in waiting if s.over]
    many.cut()
    if n_over == LONG_STREAMS or early:
        raise RuntimeError("%d of %d long and %d waiting streams ended too early: %r" % (
            n_over, LONG_STREAMS, len(early), [s.error or b"".join(p for _, p in s.parts)[-300:] for s in early[:1]]))
    return (after - before) / n


def bench_idle(a, out):
    for _ in range(1 if a.quick else 3):
        for n in IDLE_COUNTS:
            if n + FILES_OWN > resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
                print("skipped: %d connections: this system allows too few open files" % n, file=sys.stderr)
                continue
            for kind in ("GET /v1/models", "a chat completion"):
                with Grokd(a.grokd, "--kv-bytes", POOL_BYTES) as server:
                    fill_pool(server)
                    raw = (request(server, "GET", "/v1/models") if kind.startswith("GET")
                           else chat(server, QUESTIONS[0], max_tokens=1))
                    kb = idle_once(server, n, raw)
                    out.add("idle", "%d connections, idle after %s: each" % (n, kind), "KiB", kb, GOAL_IDLE_KB)
        with Grokd(a.grokd, "--kv-bytes", POOL_BYTES, "--parallel", 1) as server:
            fill_pool(server)
            out.add("idle", "%d open streams waiting for their turn: each" % STREAMS, "KiB",
                    waiting_streams_once(server, STREAMS), GOAL_IDLE_KB)


# ---- many streams ----

def stream_figures(streams, start):
    """(lost, output tokens, [ms to first content], [ms to the end])"""
    lost, tokens, first, whole = 0, 0, [], []
    for s in streams:
        events = s.events()
        payloads = [p for _, p in events]
        usage = [json.loads(p)["usage"] for p in payloads if b'"usage":{' in p]
        if s.error or not payloads or payloads[-1] != b"[DONE]" or not usage:
            lost += 1
            continue
        tokens += usage[-1]["completion_tokens"] + usage[-1]["completion_tokens_details"]["reasoning_tokens"]
        first += [(t - start) * 1e3 for t, p in events if CONTENT.search(p)][:1]
        whole.append((s.end - start) * 1e3)
    return lost, tokens, first, whole


def streams_once(a, out, seed):
    with Grokd(a.grokd) as server:
        peak = []
        many = Many(server, tick=lambda: peak.append(server.memory()["VmRSS"]))
        bias = no_end(server)
        streams = [Stream(chat(server, p, stream=True, max_tokens=STREAM_TOKENS, temperature=1,
                               logit_bias=bias, stream_options={"include_usage": True}))
                   for p in distinct_prompts(STREAMS, 12, seed)]
        cpu, own, start = server.threads(), time.process_time(), time.monotonic()
        many.start(streams)
        many.run()
        seconds = time.monotonic() - start
        own, net_store = time.process_time() - own, split_cpu(cpu, server.threads())
        lost, tokens, first, whole = stream_figures(streams, start)
        if lost == len(streams):
            raise RuntimeError("all streams are lost: %s %r" % (streams[0].error, streams[0].parts[:2]))
        name = "%d streams: " % STREAMS
        out.add("streams", name + "lost", "", lost, 0)
        out.add("streams", name + "until the last has ended", "s", seconds)
        out.add("streams", name + "output of all", "tokens/s", tokens / seconds)
        out.add("streams", name + "to the first token, median", "ms", percentile(first, 50))
        out.add("streams", name + "to the first token, 99 of 100", "ms", percentile(first, 99))
        out.add("streams", name + "CPU outside the engine, a token", "us", sum(net_store[:3]) / tokens / 1e3)
        out.add("streams", name + "CPU of the load generator", "s", own)
        out.add("streams", name + "peak resident above the model file", "MB", (max(peak) - MODEL_KB) / 1024)
        add_memory(out, "streams", "after them", server.memory())


def bench_streams(a, out):
    for i in range(1 if a.quick else 3):
        streams_once(a, out, seed=i)


# ---- CPU a request costs ----

def overhead_round(server, raws, n, out, name, goal=None):
    conn = Conn(server)
    for i in range(50):
        conn.exchange(raws[i % len(raws)])
    before, start = server.threads(), time.monotonic()
    for i in range(n):
        conn.exchange(raws[i % len(raws)])
    seconds = time.monotonic() - start
    time.sleep(SETTLE_S)                 # the store writes behind
    net, store, other, engine = (ns / n / 1e3 for ns in split_cpu(before, server.threads()))
    conn.close()
    out.add("overhead", name + ": CPU outside the engine", "us", net + store + other, goal)
    out.add("overhead", name + ": of it network thread", "us", net)
    out.add("overhead", name + ": of it store thread", "us", store)
    out.add("overhead", name + ": CPU of the engine", "us", engine)
    out.add("overhead", name + ": wall time as the client sees it", "us", seconds / n * 1e6)


def bench_overhead(a, out):
    n, rounds = (500, 2) if a.quick else (2000, 5)
    with Grokd(a.grokd) as server:
        whole = [chat(server, q, max_tokens=1) for q in QUESTIONS]
        streamed = [chat(server, q, max_tokens=1, stream=True) for q in QUESTIONS]
        models = [request(server, "GET", "/v1/models")]
        for _ in range(rounds):
            overhead_round(server, whole, n, out, "chat, max_tokens 1", GOAL_OVERHEAD_US)
            overhead_round(server, streamed, n, out, "the same streamed", GOAL_OVERHEAD_US)
            overhead_round(server, models, n, out, "GET /v1/models")


BENCHES = {"start": bench_start, "memory": bench_memory, "idle": bench_idle, "streams": bench_streams,
           "overhead": bench_overhead}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grokd", type=pathlib.Path, default=ROOT / "build" / "grokd")
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=pathlib.Path, help="write the rows here")
    parser.add_argument("bench", nargs="*", help=", ".join(BENCHES))
    a = parser.parse_args()
    unknown = set(a.bench) - set(BENCHES)
    if unknown:
        parser.error("no such benchmark: " + ", ".join(sorted(unknown)))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, FILES_MAX)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    out, failed = Figures(), False
    for name in a.bench or BENCHES:
        start = time.monotonic()
        try:
            BENCHES[name](a, out)
        except (RuntimeError, OSError) as e:
            print("bench %s failed: %s" % (name, e), file=sys.stderr)
            failed = True
        print("bench %s: %.0f s" % (name, time.monotonic() - start), file=sys.stderr, flush=True)
    out.print()
    if a.json:
        a.json.write_text(json.dumps(list(out.rows.values()), indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
