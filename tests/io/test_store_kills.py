"""Killed writers: what they leave is continued or swept, and comes out bit for bit."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.errors import OutputError
from ptycho_engine.io.lease import Holder
from ptycho_engine.io.store import ArraySpec, Store

KILLS = 40
SUFFIXES = (".npz", ".h5", ".zarr")
COUNT, STEP = 192, 7

#: A job of plain NumPy that says when it begins; its values follow from their places and a seed.
PROGRAM = """
import sys, time
import numpy as np
from ptycho_engine.io.containers import zarr
from ptycho_engine.io.store import ArraySpec, Store

def values(seed):
    return np.random.default_rng(seed).random((COUNT, 32, 32))

def run(path, seed, resume, pause):
    arrays = {
        "patches": ArraySpec((COUNT, 32, 32), np.dtype("f8")),
        "positions": ArraySpec((COUNT, 2), np.dtype("f8")),
    }
    zarr.CHUNK_BYTES = 10 * 32 * 32 * 8  # chunks across regions
    all_values, known = values(seed), 0
    how = dict(overwrite=True, resume=resume, configuration={"seed": seed})
    with Store.create(path, arrays, **how) as store:
        print("begun", flush=True)
        if not store.is_finished("positions", ()):
            store.write("positions", (), all_values[:, 0, :2].copy())
            store.finish(())
        for start in range(0, COUNT, STEP):
            region = slice(start, min(start + STEP, COUNT))
            if store.is_finished("patches", region):
                known += 1
                continue
            store.write("patches", region, all_values[region])
            store.finish(region)
            print("finished", flush=True)
            time.sleep(pause)
    return known
"""
PROGRAM = f"COUNT, STEP = {COUNT}, {STEP}\n{PROGRAM}"
REGIONS = -(-COUNT // STEP)
#: Seconds that a killed job waits after each region.
PAUSE = 0.004

job = {}
exec(PROGRAM, job)  # the same job in this process


def kill_after(path, seed, regions, seconds):
    """Start a job, kill it some seconds after so many regions, and wait for its end."""
    code = f"{PROGRAM}\nrun(sys.argv[1], {seed}, False, {PAUSE})"
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for expected in ["begun\n", *["finished\n"] * regions]:
            assert process.stdout.readline() == expected
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)


def check(path, seed):
    expected = job["values"](seed)
    with read_output(path) as output:
        np.testing.assert_array_equal(output.patches[...], expected)
        np.testing.assert_array_equal(output.positions, expected[:, 0, :2])
        assert output.configuration == {"seed": seed}


def partials(folder):
    return [entry for entry in folder.iterdir() if ".partial-" in entry.name]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_random_kills(tmp_path, suffix, scaled):
    """A third of the kills for each format; the earlier output stands until it is replaced."""
    rng = random.Random(suffix)
    path = tmp_path / f"p{suffix}"
    job["run"](path, 0, False, 0)
    count = -(-scaled(KILLS) // len(SUFFIXES))
    killed = resumed = 0
    for seed in range(1, 1 + count):
        # Anywhere from its first region to its publishing.
        kill_after(path, seed, rng.randrange(REGIONS + 1), rng.uniform(0, 2 * PAUSE))
        left = partials(tmp_path)
        killed += bool(left)
        check(path, seed - 1 if left else seed)  # without litter the kill came too late
        resumed += job["run"](path, seed, seed % 3 > 0, 0)  # every third run sweeps
        check(path, seed)
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert killed > count // 2
    assert (resumed > 0) == (suffix != ".npz")


# One kill, looked at closely


def begin(path, configuration=None, **options):
    arrays = {"patches": ArraySpec((9, 4, 4), np.dtype("f4"), ("point", "y", "x"))}
    return Store.create(path, arrays, configuration=configuration or {"seed": 1}, **options)


def block(start, stop):
    return np.arange(9 * 16, dtype="f4").reshape(9, 4, 4)[start:stop]


def complete(store):
    for start, stop in store.missing("patches"):
        store.write("patches", slice(start, stop), block(start, stop))


def check_small(path):
    with read_output(path) as output:
        np.testing.assert_array_equal(output.patches[...], block(0, 9))
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    from ptycho_engine.io.containers import zarr

    monkeypatch.setattr(zarr, "CHUNK_BYTES", 2 * 64)


@pytest.fixture(params=[".h5", ".zarr"])
def path(request, tmp_path):
    return tmp_path / f"p{request.param}"


LEAVE = """
import os, signal, sys
import numpy as np
from ptycho_engine.io.containers import zarr
from ptycho_engine.io.store import ArraySpec, Store
zarr.CHUNK_BYTES = 2 * 64
arrays = {"patches": ArraySpec((9, 4, 4), np.dtype("f4"), ("point", "y", "x"))}
store = Store.create(sys.argv[1], arrays, configuration={"seed": 1})
values = np.arange(9 * 16, dtype="f4").reshape(9, 4, 4)
for region in (slice(0, 3), slice(3, 6)):
    store.write("patches", region, values[region])
    store.finish(region)
os.kill(os.getpid(), signal.SIGKILL)
"""


def leave(path):
    """Leave what a process leaves that is killed after two regions of three."""
    subprocess.run([sys.executable, "-c", LEAVE, str(path)], check=False)
    (folder,) = partials(path.parent)
    return folder


def test_a_killed_run_is_resumed(path):
    leave(path)
    with begin(path, resume=True) as store:
        assert store.is_finished("patches", slice(0, 3))
        assert store.missing("patches") == [(6, 9)]
        complete(store)
    check_small(path)


def test_without_resume_it_is_swept_and_said(path, caplog):
    leave(path)
    with caplog.at_level("WARNING", logger="ptycho_engine"), begin(path) as store:
        assert store.missing("patches") == [(0, 9)]
        complete(store)
    assert "unfinished_output_swept" in caplog.text
    assert "finished_regions=2" in caplog.text
    check_small(path)


def test_npz_starts_anew_and_says_so(tmp_path, caplog):
    leave(tmp_path / "p.npz")
    with (
        caplog.at_level("WARNING", logger="ptycho_engine"),
        begin(tmp_path / "p.npz", resume=True) as store,
    ):
        assert store.missing("patches") == [(0, 9)]
        complete(store)
    assert ".npz cannot be continued" in caplog.text
    check_small(tmp_path / "p.npz")


def test_a_changed_run_is_refused_with_what_differs(path):
    folder = leave(path)
    with pytest.raises(OutputError, match=r"configuration\.seed was 1 and is 2"):
        begin(path, {"seed": 2}, resume=True)
    assert folder.is_dir()
    with begin(path, {"seed": 2}) as store:
        complete(store)
    check_small(path)


def test_damaged_regions_are_written_again(path):
    folder = leave(path)
    if path.suffix == ".h5":
        content = bytearray((folder / path.name).read_bytes())
        at = content.index(block(3, 4).tobytes())
        content[at] ^= 1
        (folder / path.name).write_bytes(content)
    else:
        (folder / path.name / "patches" / "c" / "2" / "0" / "0").unlink()
    with begin(path, resume=True) as store:
        assert store.missing("patches") == [(3, 9)]
        complete(store)
    check_small(path)


def test_a_file_that_cannot_be_opened_starts_anew(path, caplog):
    folder = leave(path)
    content = folder / path.name
    (content if path.suffix == ".h5" else content / "zarr.json").write_bytes(b"x")
    with caplog.at_level("WARNING", logger="ptycho_engine"), begin(path, resume=True) as store:
        assert store.missing("patches") == [(0, 9)]
        complete(store)
    assert "starts anew" in caplog.text
    check_small(path)


def test_a_line_that_was_cut_off_does_not_count(path):
    journal = leave(path) / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-5])
    with begin(path, resume=True) as store:
        # Zarr holds back a region until its chunks are whole.
        assert store.missing("patches") == [(3, 9)]
        complete(store)
    check_small(path)


def test_a_run_that_lives_keeps_its_output(path):
    with begin(path) as store:
        for resume in (False, True):
            with pytest.raises(OutputError, match=f"process {os.getpid()} on .* is writing"):
                begin(path, resume=resume)
        with begin(path, {"seed": 2}) as other:  # a different output of the same name
            assert len(partials(path.parent)) == 2
            other.discard()
        assert len(partials(path.parent)) == 1
        complete(store)
    check_small(path)


def test_another_machines_output_is_never_swept(path, caplog):
    folder = leave(path)
    lease = folder / "lease.json"
    assert json.loads(lease.read_text())["host"] == socket.gethostname()
    lease.write_text(json.dumps(vars(Holder("elsewhere", 1, 0.0))))
    for resume in (False, True):
        with pytest.raises(OutputError, match="process 1 on elsewhere began"):
            begin(path, resume=resume)
    with caplog.at_level("WARNING", logger="ptycho_engine"), begin(path, {"seed": 2}) as store:
        complete(store)
    assert "unfinished_output_kept" in caplog.text
    assert folder.is_dir()
