"""Values that are computed once: by whoever asks first, in a fork whatever a thread is at."""

import os
import subprocess
import sys
import threading

import pytest

from ptycho_engine.kept import kept


class Value:
    def __init__(self, compute):
        self.compute, self.calls = compute, 0

    @property
    @kept
    def value(self):
        """What it is."""
        self.calls += 1
        return self.compute()


def test_it_is_computed_when_it_is_first_asked_for_and_documented():
    made = Value(lambda: [])
    assert made.calls == 0
    assert made.value is made.value
    assert made.calls == 1
    assert Value.value.__doc__ == "What it is."


def test_what_fails_is_tried_again():
    made = Value([0].pop)
    made.compute, good = {}.popitem, made.compute
    with pytest.raises(KeyError):
        made.value  # noqa: B018
    made.compute = good
    assert made.value == 0


def test_threads_that_ask_at_once_get_one_value():
    both = threading.Barrier(2)
    made = Value(lambda: [both.wait(10)])
    found = []
    threads = [threading.Thread(target=lambda: found.append(made.value)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] is found[1]


PROGRAM = """
import os, threading
from ptycho_engine.kept import kept

class Value:
    def __init__(self, compute):
        self.compute = compute

    @property
    @kept
    def value(self):
        return self.compute()

begun, end = threading.Event(), threading.Event()
slow = Value(lambda: (begun.set(), end.wait(30)))
thread = threading.Thread(target=lambda: slow.value)
thread.start()
begun.wait(30)
child = os.fork()
if not child:
    os._exit(Value(lambda: 7).value)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
end.set()
thread.join()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_amid_a_computation_computes():
    """In a process of its own, where nobody else has threads."""
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("7\n", 0), done.stderr
