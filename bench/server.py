# SPDX-License-Identifier: Apache-2.0
"""A grokd under measurement: started on a free port, and what /proc tells about its memory and threads.

Data dirs lie beside the program and not in /tmp, which may be memory: a commit to disk is part of what is measured.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODEL = ROOT / "models" / "grokd-mini.gguf"
READY = "grokd: ready on http://"
STOP_S = 30
# Threads by name (src/net/server.c, src/store/writer.c, src/engine/engine.c, src/kernel/workers.c).
ENGINE_THREADS = ("scheduler", "compute")


def data_folder(binary):
    return tempfile.mkdtemp(prefix="bench-data-", dir=pathlib.Path(binary).resolve().parent)


class Grokd:
    """Use as a context manager. The data dir is kept when the caller gives one."""

    def __init__(self, binary, *args, data_dir=None):
        self.binary = binary
        self.args = args
        self.own_dir = data_dir is None
        self.data_dir = pathlib.Path(data_dir or data_folder(binary))

    def __enter__(self):
        command = [str(self.binary), "serve", "--listen", "127.0.0.1:0", "--data-dir", str(self.data_dir),
                   "--model", str(MODEL), *map(str, self.args)]
        with open(self.data_dir.parent / (self.data_dir.name + ".log"), "wb") as log:
            self.log_path = log.name
            self.started = time.monotonic()
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        self.ready = time.monotonic()
        if not line.startswith(READY):
            self.process.kill()
            raise RuntimeError("no ready line: %r\n%s" % (line, pathlib.Path(self.log_path).read_text()[-2000:]))
        self.host, port = line[len(READY):].strip().rsplit(":", 1)
        self.port = int(port)
        self.key = (self.data_dir / "admin.key").read_text().strip()
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_S)
        finally:
            self.process.kill()
            self.process.stdout.close()
            os.unlink(self.log_path)
            if self.own_dir:
                shutil.rmtree(self.data_dir, ignore_errors=True)

    def memory(self):
        """Resident KiB now: {"VmRSS": all, "RssAnon": its own, "RssFile": pages of files, "VmHWM": the most yet}."""
        with open("/proc/%d/status" % self.process.pid) as f:
            rows = (line.split() for line in f)
            return {r[0][:-1]: int(r[1]) for r in rows if r[0] in ("VmRSS:", "RssAnon:", "RssFile:", "VmHWM:")}

    def threads(self):
        """CPU nanoseconds so far of each thread, added up by name: {"net0": 1234, ...}."""
        cpu = {}
        base = "/proc/%d/task" % self.process.pid
        for tid in os.listdir(base):
            with open("%s/%s/comm" % (base, tid)) as f:
                name = f.read().strip()
            cpu[name] = cpu.get(name, 0) + thread_ns("%s/%s" % (base, tid))
        return cpu


def thread_ns(folder):
    """schedstat counts nanoseconds; where the kernel has none, stat counts ticks."""
    try:
        with open(folder + "/schedstat") as f:
            return int(f.read().split()[0])
    except OSError:
        with open(folder + "/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) * 10**9 // os.sysconf("SC_CLK_TCK")


def split_cpu(before, after):
    """(network, store, other, engine) nanoseconds between two readings of threads()."""
    sums = [0, 0, 0, 0]
    for name, ns in after.items():
        at = 0 if name.startswith("net") else 1 if name == "store" else 3 if name in ENGINE_THREADS else 2
        sums[at] += ns - before.get(name, 0)
    return sums
