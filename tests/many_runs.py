"""Many runs of a command in one process, and again in a fresh one where a run goes wrong.

A run of its own process takes most of a second to start; what is tried here comes by the thousand.
"""

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

SCRIPT = """
import ctypes, gc, importlib, json, logging, os, re, sys, time, traceback
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

def resident(line):
    with open("/proc/self/status") as file:
        return int(re.search(rf"{line}:\\\\s+(\\\\d+)", file.read())[1]) * 1024

for line in os.fdopen(os.dup(0)):
    job = json.loads(line)
    os.chdir(job["cwd"])
    for number, name in (1, "out"), (2, "err"):
        os.dup2(os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv = list(job["arguments"])
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    before, started, code = resident("VmRSS"), time.perf_counter(), 0
    try:
        importlib.import_module(job["arguments"][0]).main()
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush(), sys.stderr.flush()
    seconds = time.perf_counter() - started
    answer = {"code": code, "seconds": seconds, "grown": resident("VmHWM") - before}
    os.write(job["answer"], (json.dumps(answer) + "\\\\n").encode())
""".replace("\\\\", "\\")


@dataclass(frozen=True)
class Run:
    """How a run ended: exit code (None if it was stopped), output, seconds, bytes of growth."""

    code: int | None
    out: str
    err: str
    seconds: float
    grown: int


class Runner:
    """Runs ``main`` of a module again and again in one process, each for so many seconds.

    A new process first runs the arguments `first`, which import whatever the others need.
    """

    def __init__(self, folder, *first, limit=10.0):
        self.folder, self.first, self.limit = folder, first, limit
        self._process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stop()

    def run(self, module, *arguments, cwd):
        """Run it; see `Run`."""
        if self._process is None:
            self._start()
            self._run(self.first, self.folder, 60.0)
        return self._run([module, *map(str, arguments)], cwd, self.limit)

    def _run(self, arguments, cwd, limit):
        job = {
            "arguments": list(arguments), "cwd": str(cwd), "answer": self._writes,
            "out": str(self.folder / "out"), "err": str(self.folder / "err"),
        }  # fmt: skip
        started = time.perf_counter()
        self._process.stdin.write(json.dumps(job).encode() + b"\n")
        self._process.stdin.flush()
        ready, _, _ = select.select([self._reads], [], [], limit)
        answer = os.read(self._reads, 4096) if ready else b""
        found = {"code": None, "seconds": time.perf_counter() - started, "grown": 0}
        if answer:
            found = json.loads(answer)
        else:
            self._stop()
        texts = [(self.folder / name).read_text(errors="replace") for name in ("out", "err")]
        return Run(found["code"], *texts, found["seconds"], found["grown"])

    def run_afresh(self, module, *arguments, cwd):
        """Run it in a process that has run nothing else."""
        self._stop()
        return self.run(module, *arguments, cwd=cwd)

    def _start(self):
        self._reads, self._writes = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT], stdin=subprocess.PIPE, pass_fds=[self._writes],
            env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}, start_new_session=True,
        )  # fmt: skip
        os.set_inheritable(self._writes, False)

    def _stop(self):
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process.stdin.close()
            os.close(self._reads), os.close(self._writes)
            self._process = None
