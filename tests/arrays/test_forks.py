"""After a fork numba works, and what computes in TensorFlow says why it does not; nothing hangs."""

import os
import subprocess
import sys

import pytest

from ptycho_engine.arrays import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

CHILD = """
def child(action):
    pid = os.fork()
    if pid == 0:
        try:
            action()
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.waitpid(pid, 0)

def cut():
    import warnings
    warnings.simplefilter("ignore")
    from ptycho_engine import Engine
    from ptycho_engine.errors import ForkedProcessError
    image, positions = np.ones((400, 400), np.float32), np.full((3000, 2), 200.25)
    for plugin in "numba", "chunked_xla", "batched", "iterative":
        try:
            few = positions if plugin != "iterative" else positions[:2]
            patches = Engine(plugin).extract(image, few, 16)
            print(plugin, int(patches[:, 3, 3].sum()))
        except ForkedProcessError as error:
            assert 'get_context("spawn")' in str(error)
            print(plugin, "refused")
"""
REFUSED = ["numba 3000", "chunked_xla refused", "batched refused", "iterative refused"]
SERVED = ["numba 3000", "chunked_xla 3000", "batched 3000", "iterative 2"]


def run(code):
    done = subprocess.run(
        [sys.executable, "-c", f"import os, sys\nimport numpy as np\n{CHILD}\n{code}"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


LIFE = """
def mark(step):
    print("--", step, flush=True)

def cut_tensors():
    from ptycho_engine import Engine
    from ptycho_engine.errors import ForkedProcessError
    try:
        Engine("numba").extract(image, positions, 8)
    except ForkedProcessError:
        print("refused")

mark("before TensorFlow")
child(cut)
import tensorflow as tf
image, positions = tf.ones((40, 40)), tf.fill((5, 2), 20.0)
assert "ptycho_engine" not in sys.modules
mark("package imported after the fork")
child(cut)
child(cut)
mark("tensors")
child(cut_tensors)
mark("used here")
cut()
mark("after use")
child(cut)
child(lambda: child(cut))
mark("used again")
cut()
"""


@pytest.fixture(scope="module")
def life():
    """What forks print along the life of one process, by what it had done before them."""
    steps = "\n".join(run(LIFE)).split("-- ")[1:]
    return {name: lines for name, *lines in map(str.splitlines, steps)}


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("step", "printed"),
    [
        ("before TensorFlow", SERVED),
        ("package imported after the fork", [*REFUSED, *REFUSED]),
        ("tensors", ["refused"]),
        ("used here", SERVED),
        ("after use", [*REFUSED, *REFUSED]),
        ("used again", SERVED),
    ],
)
def test_forks_along_the_life_of_a_process(life, step, printed):
    assert life[step] == printed


@pytest.mark.slow
def test_fork_while_another_thread_imports_tensorflow(tmp_path):
    # One that takes its time; what else the real one imports may be locked in the child as well.
    (tmp_path / "tensorflow.py").write_text("import threading\nthreading.Event().wait()\n")
    code = f"""
import threading
import ptycho_engine
sys.path.insert(0, {str(tmp_path)!r})
threading.Thread(target=lambda: __import__("tensorflow"), daemon=True).start()
while "tensorflow" not in sys.modules:
    pass
child(cut)
"""
    assert run(code) == REFUSED


def test_threads_tell_where_tensorflow_lives(tmp_path, monkeypatch):
    monkeypatch.setattr(forks, "_is_started", lambda: True)
    assert not forks.runs_elsewhere(tmp_path)  # nothing listed
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "comm").write_text("python\n")
    assert forks.runs_elsewhere(tmp_path)
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "comm").write_text("tf_Compute\n")
    assert not forks.runs_elsewhere(tmp_path)
    monkeypatch.setattr(forks, "_is_started", lambda: False)
    assert not forks.runs_elsewhere(tmp_path)
