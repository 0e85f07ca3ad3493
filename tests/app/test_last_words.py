"""What the command says after an interrupt is true, whenever it comes."""

import signal

import pytest
from processes import run_python

from ptycho_engine import read_output

JOB = [
    "plugin=numba",
    "scan.points=30",
    "scan.object_size=96",
    "patch_size=16",
    "output.picture=false",
    "report=false",
]

#: The command, which sends itself a signal at one point of its way.
PROGRAM = """
import os, sys
from ptycho_engine.app import command
from ptycho_engine.app.jobs import extract
from ptycho_engine.io import store

point, number = sys.argv.pop(1), int(sys.argv.pop(1))

def before(function):
    return lambda *a: (os.kill(os.getpid(), number), function(*a))[1]

def after(function):
    return lambda *a: (function(*a), os.kill(os.getpid(), number))[0]

def lost(function):
    # Python drops what is raised in a finaliser, as libraries do in their callbacks.
    class Object:
        def __del__(self):
            os.kill(os.getpid(), number)

    return lambda *a: (Object(), function(*a))[1]

if point == "lost in every block":
    store.Store.write = lost(store.Store.write)
elif point == "lost at the end":
    extract.log_done = lost(extract.log_done)
elif point == "before the sync":
    store.sync_tree = before(store.sync_tree)
elif point == "after the sync":
    store.sync_tree = after(store.sync_tree)
elif point == "while it is published":
    store.publish = before(store.publish)
elif point == "when it stands there":
    store.publish = after(store.publish)
elif point == "in the last sync":
    store.sync = before(store.sync)
elif point == "at the end":
    extract.Result = after(extract.Result)
elif point == "a fault at the end":
    extract.Result = None
sys.argv[0] = "ptycho-engine"
command.main()
"""


def run(folder, path, point, number, *arguments):
    job = [*JOB, f"output.path={path}", *arguments]
    return run_python("-c", PROGRAM, point, int(number), *job, cwd=folder, ours=True)


@pytest.mark.slow_cases(".h5", ".npz")
@pytest.mark.parametrize(
    ("point", "path", "number"),
    [
        ("before the sync", "p.zarr", signal.SIGTERM),
        ("after the sync", "p.npz", signal.SIGINT),
        ("lost in every block", "p.h5", signal.SIGTERM),
    ],
)
def test_before_it_appears_nothing_was_written(tmp_path, point, path, number):
    done = run(tmp_path, path, point, number)
    assert done.returncode == 130, done.stderr
    assert "interrupted; nothing was written." in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_earlier_output_is_named(tmp_path):
    assert run(tmp_path, "p.h5", "never", 0, "output.picture=true").returncode == 0
    before = (tmp_path / "p.h5").read_bytes()
    how = "output.overwrite=true", "output.picture=true"
    done = run(tmp_path, "p.h5", "after the sync", signal.SIGINT, *how)
    assert done.returncode == 130, done.stderr
    path = tmp_path / "p.h5"
    assert f"interrupted; nothing was written, and what stands at {path} is" in done.stderr
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.h5", "p.h5.png"]


@pytest.mark.slow_cases(".h5", ".npz")
@pytest.mark.parametrize(
    ("point", "path", "number"),
    [
        pytest.param("while it is published", "p.npz", signal.SIGTERM, marks=pytest.mark.slow),
        ("when it stands there", "p.zarr", signal.SIGINT),
        pytest.param("in the last sync", "p.h5", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("at the end", "p.npz", signal.SIGINT, marks=pytest.mark.slow),
        ("lost at the end", "p.h5", signal.SIGTERM),
        ("a fault at the end", "p.npz", 0),
    ],
)
def test_after_it_appeared_it_is_said_to_stand(tmp_path, point, path, number):
    done = run(tmp_path, path, point, number)
    assert done.returncode == (130 if number else 1), done.stderr
    what = "interrupted" if number else "a fault of the program"
    assert f"{what}; {tmp_path / path} was whole by then, and stands." in done.stderr
    assert "nothing was written" not in done.stderr
    with read_output(tmp_path / path) as output:
        assert output.patches.shape == (30, 16, 16)
    assert [entry.name for entry in tmp_path.iterdir()] == [path]
