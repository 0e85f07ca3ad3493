"""Signals at random moments: nothing is broken or lost, every message is true, no litter stays."""

import json
import random
import subprocess
import sys
from signal import SIGINT, SIGKILL, SIGTERM

import numpy as np
import pytest

from ptycho_engine import read_output

ROUNDS = 150
KINDS = ("KILL", "TERM", "INT", "repeated")
CASES = [(suffix, earlier) for suffix in (".npz", ".h5", ".zarr") for earlier in (False, True)]

#: 12 MiB in several blocks and chunks.
JOB = [
    "plugin=numba",
    "scan.points=400",
    "scan.step=3",
    "scan.object_size=256",
    "memory_budget=6MiB",
    "output.overwrite=true",
    "output.picture=false",
    "report=false",
]

#: Forks the command from a process that has imported it, and sends it signals after some seconds.
SERVER = """
import json, os, signal, sys, time
import h5py, hydra, numba, structlog, rich.console
import ptycho_engine.engine, ptycho_engine.plugins.numba
from ptycho_engine.app import command, schema
from ptycho_engine.app.jobs import extract
signal.signal(signal.SIGINT, signal.default_int_handler)
while line := sys.stdin.readline():
    job = json.loads(line)
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        os.chdir(job["folder"])
        os.dup2(os.open(job["messages"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        sys.argv = ["ptycho-engine", *job["arguments"]]
        command.main()
        sys.exit()
    for moment, number in job["signals"]:
        time.sleep(max(0, started + moment - time.monotonic()))
        os.kill(pid, number)  # at worst to one that has ended, and waits to be waited for
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    print(json.dumps([code, time.monotonic() - started]), flush=True)
"""


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    """Return a function that runs the command: exit code, messages and seconds."""
    messages = tmp_path_factory.mktemp("messages") / "messages.txt"
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def run(path, seed, signals=()):
        arguments = [*JOB, f"scan.seed={seed}", f"output.path={path.name}"]
        job = {
            "folder": str(path.parent),
            "messages": str(messages),
            "arguments": arguments,
            "signals": [(moment, int(number)) for moment, number in signals],
        }
        print(json.dumps(job), file=process.stdin, flush=True)
        code, seconds = json.loads(next(line for line in process.stdout if line.startswith("[")))
        return code, messages.read_text(), seconds

    yield run
    process.communicate()


def seed_of(path, expected):
    """Return the seed of an output, all of whose values are checked; None where nothing stands."""
    if not path.exists():
        return None
    with read_output(path) as output:
        seed = output.configuration["scan"]["seed"]
        for name, values in expected[seed].items():
            np.testing.assert_array_equal(output.arrays[name][...], values)
    return seed


def check_messages(code, messages, path, seed, before):
    """Compare what was said with what stands there."""
    if code == 0 or "[info     ] done" in messages:
        assert seed == 1
    if "interrupted; nothing was written." in messages:
        assert seed is None
    if "nothing was written, and what stands at" in messages:
        assert seed == before == 0
    if f"{path} was whole by then, and stands." in messages:
        assert seed == 1
    if "plan  " in messages and code != -SIGKILL:  # it was at work, and has told of its end
        assert ("interrupted; " in messages) == (code == 130) or code < 0
        assert "interrupted; " in messages or "[info     ] done" in messages


def signals_of(kind, rng, seconds):
    moment = rng.uniform(0, 1.05 * seconds)
    if kind != "repeated":
        return [(moment, {"KILL": SIGKILL, "TERM": SIGTERM, "INT": SIGINT}[kind])]
    numbers = [rng.choice((SIGTERM, SIGINT)) for _ in range(rng.randint(2, 6))]
    return [(moment := moment + rng.uniform(0, 0.03), number) for number in numbers]


@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "earlier"), CASES)
def test_random_signals(tmp_path, command, scaled, suffix, earlier):
    rng, path = random.Random(f"{suffix} {earlier}"), tmp_path / f"p{suffix}"
    expected = {}
    for seed in (1, 0):
        code, messages, seconds = command(path, seed)
        assert code == 0, messages
        with read_output(path) as output:
            expected[seed] = {name: array[...].copy() for name, array in output.arrays.items()}
    count, cut = -(-scaled(ROUNDS) // len(CASES)), 0
    for number in range(count):
        before = 0 if earlier else None
        if not earlier:
            path.rename(tmp_path.parent / f"{number}-{tmp_path.name}{suffix}")
        signals = signals_of(KINDS[number % len(KINDS)], rng, seconds)
        code, messages, _ = command(path, 1, signals)
        context = (signals, code, messages)
        left = [entry.name for entry in tmp_path.iterdir() if entry != path]
        seed = seed_of(path, expected)
        # Before the command takes a signal, and after its end, Python ends as it ever does.
        assert code in (0, 130, -SIGKILL, -SIGTERM, -SIGINT), context
        assert seed in (before, 1), context
        assert code == -SIGKILL or not left, (*context, left)
        check_messages(code, messages, path, seed, before)
        cut += code != 0
        assert command(path, 0)[0] == 0
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name], context
        assert seed_of(path, expected) == 0
    assert cut > count // 3
