"""Pictures of whole runs: they never cost the patches, and never stay beside others."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from commands import call_command
from processes import run_python

from ptycho_engine import read_output

JOB = ["plugin=numba", "scan.points=30", "scan.object_size=96", "patch_size=16", "report=false"]


def run(folder, *arguments):
    return call_command(*JOB, *arguments, cwd=folder)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.slow
def test_outputs_of_two_formats_in_one_folder_have_a_picture_each(tmp_path):
    for path in "patches.npz", "patches.h5":
        done = run(tmp_path, f"output.path={path}")
        assert done.returncode == 0, done.stderr
    pictures = {f"{path}.png" for path in ("patches.npz", "patches.h5")}
    assert set(names(tmp_path)) == {"patches.npz", "patches.h5", *pictures}


@pytest.mark.slow
def test_a_run_without_a_picture_leaves_none_of_an_earlier_run(tmp_path):
    assert run(tmp_path).returncode == 0
    assert names(tmp_path) == ["patches.npz", "patches.npz.png"]
    done = run(tmp_path, "output.picture=false", "output.overwrite=true", "scan.seed=1")
    assert done.returncode == 0, done.stderr
    assert names(tmp_path) == ["patches.npz"]


@pytest.mark.slow
def test_a_picture_of_earlier_patches_is_not_taken_for_one_of_these(tmp_path):
    assert run(tmp_path).returncode == 0
    (tmp_path / "patches.npz").unlink()
    for more in ["output.picture=true"], ["output.picture=false"]:
        done = run(tmp_path, *more)
        assert done.returncode == 2
        assert "patches.npz.png: exists already, a picture of earlier patches" in done.stderr
        assert names(tmp_path) == ["patches.npz.png"]


@pytest.mark.slow
def test_settings_for_screens_and_texts_do_not_reach_it(tmp_path):
    """The backend is in the environment of every program that a notebook starts."""
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nbackend: tkagg\n")
    out = tmp_path / "out"
    out.mkdir()
    environment = {
        **os.environ,
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "MPLCONFIGDIR": "/dev/null/cannot be made",
    }
    done = subprocess.run(
        [sys.executable, "-m", "ptycho_engine.app.command", *JOB, "runner.log_format=json"],
        env=environment, cwd=out, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == [
        "plugin_selected", "plan", "windows", "done",
    ]  # fmt: skip
    assert names(out) == ["patches.npz", "patches.npz.png"]


@pytest.mark.slow_cases("h5-255", "zarr-255", "npz-250")
@pytest.mark.parametrize(
    ("suffix", "length"), [(".npz", 250), (".h5", 255), (".npz", 255), (".zarr", 255)]
)
def test_a_name_that_leaves_no_room_for_the_picture_s_costs_the_picture(tmp_path, suffix, length):
    path = tmp_path / ("n" * (length - len(suffix)) + suffix)
    done = run(tmp_path, f"output.path={path}")
    assert done.returncode == 0, done.stderr
    with read_output(path) as output:
        assert output.patches.shape == (30, 16, 16)
    fits = length + len(".png") <= 255
    assert done.stderr.count("picture_failed") == (not fits)
    assert len(names(tmp_path)) == 1 + fits


@contextmanager
def small_disk(folder, size):
    """A file system of its own, which only root may mount."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow_cases(".h5", ".zarr")
@pytest.mark.parametrize("suffix", [".npz", ".h5", ".zarr"])
def test_a_full_disk_costs_the_picture_alone(tmp_path, suffix):
    """8 MiB hold 7.8 MiB of patches, and no picture beside them."""
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk, "8m"):
        job = ["scan.points=250", "scan.step=2", "patch_size=64", f"output.path=p{suffix}"]
        done = run(disk, *job)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("picture_failed") == 1
        assert "No space left" in done.stderr
        with read_output(disk / f"p{suffix}") as output:
            assert output.patches.shape == (250, 64, 64)
        assert names(disk) == [f"p{suffix}"]


@pytest.mark.slow_cases("pipe", "link")
@pytest.mark.parametrize("kind", ["pipe", "folder", "file", "link"])
def test_what_is_no_picture_of_ours_is_refused_before_any_work(tmp_path, kind):
    place = tmp_path / "patches.npz.png"
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        real = place if kind == "file" else tmp_path / "real"
        real.write_text("mine")
        if kind == "link":
            place.symlink_to(real)
    before = names(tmp_path)
    done = run(tmp_path, "output.overwrite=true")
    assert done.returncode == 2
    assert "no picture of ptycho-engine" in done.stderr
    assert names(tmp_path) == before
    assert run(tmp_path, "output.picture=false").returncode == 0


#: The command; it sends itself a signal in the middle of drawing, or around the last step.
PROGRAM = """
import os, sys
from ptycho_engine.app import command
from ptycho_engine.io import store
from ptycho_engine.report import panes

point, number = sys.argv.pop(1), int(sys.argv.pop(1))

def signalling(function, first):
    def call(*a):
        if first:
            os.kill(os.getpid(), number)
        result = function(*a)
        os.kill(os.getpid(), number)
        return result
    return call

def lossy(function):  # as compiled code does that calls back into Python
    def call(*a):
        try:
            os.kill(os.getpid(), number)
        except BaseException:
            raise RuntimeError("a callback failed") from None
        return function(*a)
    return call

def broken(*a):
    raise RuntimeError("no such font")

if point == "drawing":
    panes.paint_bar = lossy(panes.paint_bar)
elif point == "before":
    store.publish = signalling(store.publish, True)
elif point == "after":
    store.publish = signalling(store.publish, False)
elif point == "broken":
    panes.paint_bar = broken
sys.argv[0] = "ptycho-engine"
command.main()
"""


def signalled(folder, point, number, *arguments):
    job = [*JOB, *arguments]
    return run_python("-c", PROGRAM, point, int(number), *job, cwd=folder, ours=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_drawing_is_not_lost(tmp_path, number):
    done = signalled(tmp_path, "drawing", number)
    assert done.returncode == 130, done.stderr
    assert "interrupted; nothing was written." in done.stderr
    assert "picture_failed" not in done.stderr
    assert names(tmp_path) == []


@pytest.mark.slow_cases("True")
@pytest.mark.parametrize("earlier", [False, True])
def test_a_picture_that_cannot_be_drawn_costs_nothing_else(tmp_path, earlier):
    if earlier:
        assert run(tmp_path).returncode == 0
    done = signalled(tmp_path, "broken", 0, f"output.overwrite={earlier}".lower(), "scan.seed=1")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("picture_failed") == 1
    assert "no such font" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(tmp_path) == ["patches.npz"]


@pytest.mark.slow
def test_a_kill_leaves_no_old_picture_beside_new_patches(tmp_path):
    """Nor an old report; what it leaves is gone after the next run."""
    assert run(tmp_path, "report=true").returncode == 0
    how = "output.overwrite=true", "scan.seed=1", "report=true"
    done = signalled(tmp_path, "after", signal.SIGKILL, *how)
    assert done.returncode == -signal.SIGKILL
    with read_output(tmp_path / "patches.npz") as output:
        assert output.configuration["scan"]["seed"] == 1
    assert not (tmp_path / "patches.npz.png").exists()
    assert not (tmp_path / "patches.npz.report.html").exists()
    assert run(tmp_path, *how).returncode == 0
    assert names(tmp_path) == ["patches.npz", "patches.npz.png", "patches.npz.report.html"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_patches_and_picture_change_as_one(tmp_path, number):
    """An interrupt in the last step waits until both stand there."""
    assert run(tmp_path).returncode == 0
    before = (tmp_path / "patches.npz.png").read_bytes()
    done = signalled(tmp_path, "before", number, "output.overwrite=true", "scan.seed=1")
    assert done.returncode == 130, done.stderr
    assert "was whole by then, and stands" in done.stderr
    assert (tmp_path / "patches.npz.png").read_bytes() != before
    assert names(tmp_path) == ["patches.npz", "patches.npz.png"]
