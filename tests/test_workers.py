"""One pool of threads: all work is done once, nothing waits for ever, errors arrive."""

import ast
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run_python

from ptycho_engine import workers
from ptycho_engine.workers import POOL_SIZE, share


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@settings(max_examples=50)
@given(st.integers(0, 40), st.integers(1, 2 * POOL_SIZE))
def test_every_item_is_worked_off_once(count, threads):
    done = []
    share(done.append, range(count), threads)
    assert sorted(done) == list(range(count))


def test_several_threads_take_part_and_stay():
    def names(_):
        both.wait(timeout=30)
        seen.add(threading.current_thread().name)

    both, seen = threading.Barrier(2), set()
    for _ in range(20):
        share(names, range(2), 2)
    assert threading.current_thread().name in seen
    helpers = seen - {threading.current_thread().name}
    assert 1 <= len(helpers) <= POOL_SIZE
    assert all(name.startswith("ptycho_engine") for name in helpers)


def test_no_more_threads_than_asked_for():
    def work(_):
        nonlocal most
        with lock:
            busy.append(1)
            most = max(most, len(busy))
        time.sleep(0.002)
        busy.pop()

    lock, busy, most = threading.Lock(), [], 0
    share(work, range(20), 2)
    assert most == 2


def test_work_inside_work_does_not_wait_for_itself():
    done = []

    def outer(item):
        share(lambda inner: done.append((item, inner)), range(5), POOL_SIZE + 1)

    callers = [
        threading.Thread(target=share, args=(outer, range(10), POOL_SIZE + 1)) for _ in range(8)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
        assert not caller.is_alive()
    assert sorted(done) == sorted(8 * [(i, j) for i in range(10) for j in range(5)])


@pytest.mark.parametrize("bad", [0, 7, 99])
@pytest.mark.parametrize("threads", [1, 3])
def test_an_error_arrives_when_all_that_was_begun_has_ended(bad, threads):
    begun, ended = [], []

    def work(item):
        begun.append(item)
        try:
            if item == bad:
                raise KeyError(item)
            time.sleep(0.001)
        finally:
            ended.append(item)

    with pytest.raises(KeyError, match=str(bad)):
        share(work, range(100), threads)
    assert sorted(begun) == sorted(ended)
    assert len(begun) <= bad + threads


def test_without_threads_the_caller_does_it(monkeypatch):
    class Closed:
        def submit(self, *_):
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(workers, "_pool", Closed())
    done = []
    share(done.append, range(5), 3)
    assert done == list(range(5))


def test_a_helper_that_comes_too_late_holds_nothing(monkeypatch):
    class Late:
        def submit(self, *call):
            calls.append(call)

    calls, done = [], []
    monkeypatch.setattr(workers, "_pool", Late())
    share(done.append, range(5), 3)
    assert len(calls) == 2
    for function, helper, rest in calls:
        assert not rest
        function(helper, rest)
    assert done == list(range(5))


def test_work_while_the_interpreter_exits_is_done():
    code = """
import atexit, threading
from ptycho_engine.workers import share
done = []
share(done.append, range(3), 3)
def late():
    threading.main_thread().join()
    share(done.append, range(3), 3)
    print(len(done), flush=True)
threading.Thread(target=late).start()
atexit.register(lambda: (share(done.append, range(3), 3), print(len(done), flush=True)))
"""
    assert run(code).split() == ["6", "9"]


@pytest.mark.slow_cases("late", "chunked_xla")
@pytest.mark.parametrize("begin", ["before", "late"])
@pytest.mark.parametrize(
    "plugin", ["numba", pytest.param("chunked_xla", marks=pytest.mark.tensorflow)]
)
def test_patches_are_cut_while_the_interpreter_exits(plugin, begin):
    """By a thread that outlives the main one, and in `atexit`; with a pool in use or none."""
    code = f"""
import atexit, threading
import numpy as np
from ptycho_engine import Engine
rng = np.random.default_rng(0)
image, positions = rng.normal(size=(200, 200)).astype("c8"), rng.uniform(-5, 205, (3000, 2))
engine, found = Engine({plugin!r}), []
def cut(name):
    found.append(engine.extract(image, positions, 32))
    blocks = [block.patches.copy() for block in engine.stream(image, positions, 32)]
    assert np.array_equal(np.concatenate(blocks), found[-1])
    assert np.array_equal(found[0], found[-1])
    print(name, flush=True)
def late():
    threading.main_thread().join()
    cut("thread")
if {begin == "before"}:
    cut("main")
threading.Thread(target=late).start()
atexit.register(cut, "atexit")
"""
    done = run_python("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["main"] * (begin == "before") + ["thread", "atexit"]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_threads_start_leaves_none_for_which_the_interpreter_waits(number):
    """Before any line of the pool's own code; each in a fork, whose end is the test."""
    code = f"""
import concurrent.futures.thread, os, signal, sys, threading, time
sys.path.append({str(Path(__file__).parent)!r})
from line_signals import SignalAtLine
from ptycho_engine.workers import share
signal.signal(signal.SIGTERM, signal.default_int_handler)

def interrupted(at):
    try:
        with SignalAtLine(concurrent.futures.thread.__file__, at, {int(number)}) as line:
            share(lambda _: time.sleep(0.002), range(6), 3)
    except KeyboardInterrupt:
        sys.exit(3)
    sys.exit(4 if line.where else 0)

def code_of(pid):
    for _ in range(1000):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    return "hangs"

codes = []
while not codes or codes[-1] != 0:
    pid = os.fork()
    if pid == 0:
        interrupted(len(codes) + 1)
    codes.append(code_of(pid))
print(codes)
"""
    codes = ast.literal_eval(run(code))
    assert codes == [3] * (len(codes) - 1) + [0]
    assert len(codes) > 20


def test_a_second_signal_waits_for_what_was_begun():
    """Helpers are at work when both come; none of them may be at work when `share` has ended."""

    def work(item):
        if threading.current_thread() is threading.main_thread():
            barrier.wait(timeout=30)
            threading.Timer(0.05, signal.raise_signal, [signal.SIGINT]).start()
            signal.raise_signal(signal.SIGINT)
        else:
            barrier.wait(timeout=30)
            time.sleep(0.2)
            ended.append(item)

    barrier, ended = threading.Barrier(2), []
    with pytest.raises(KeyboardInterrupt):
        share(work, range(2), 2)
    assert len(ended) == 1


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork here")
def test_a_forked_process_has_a_pool_of_its_own():
    code = """
import os, threading
from ptycho_engine.workers import share
def names(_):
    both.wait(timeout=20)
    seen.add(threading.get_ident())
both, seen = threading.Barrier(2), set()
share(names, range(2), 2)
child = os.fork()
if child == 0:
    both, seen = threading.Barrier(2), set()
    share(names, range(2), 2)
    os._exit(len(seen))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(code).strip() == "2"
