"""Killed training jobs: resumed, they end with the same bits; with other settings they refuse."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from processes import run_python

from ptycho_engine import read_output
from ptycho_engine.app.jobs.train import run
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.errors import OutputError

KILLS = 30
#: A job of 13 blocks that says when one has come; killed by itself after some, or by others.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from ptycho_engine.app.jobs.train import TrainingJob, run
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.io.scan_files import ScanSource

def made(path):
    groups = GroupSettings(members=4, count=100, strategy="random_of_k")
    return TrainingJob(
        ScanSource("npz", Path("scan.npz")), groups, Path(path), plugin="numba",
        memory_budget="420KiB", chunk=8, picture=False, report=False, resume=True,
    )

def told(end, pause):
    def progress(blocks, count):
        for number, block in enumerate(blocks):
            if number == end:
                os.kill(os.getpid(), signal.SIGKILL)
            yield block
            print("block", flush=True)
            time.sleep(pause)
    return progress
"""
names = {}
exec(PROGRAM, names)
made = names["made"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    np.savez(
        "scan.npz", xcoords=rng.uniform(20, 50, 120), ycoords=rng.uniform(20, 50, 120),
        objectGuess=np.exp(1j * rng.normal(size=(72, 72))).astype(np.complex64),
        diff3d=rng.uniform(size=(120, 12, 12)).astype(np.float32),
    )  # fmt: skip
    return tmp_path


def check(path, whole):
    with read_output(path) as found, read_output(whole) as expected:
        assert set(found.arrays) == set(expected.arrays)
        for name in found.arrays:
            np.testing.assert_array_equal(found.arrays[name][...], expected.arrays[name][...])
        assert found.geometry == expected.geometry


def counted(job):
    """Run a job; return how many groups it wrote itself."""
    written = 0

    def progress(blocks, count):
        nonlocal written
        for block in blocks:
            written += block.stop - block.start
            yield block

    run(job, progress=progress)
    return written


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_a_killed_job_goes_on(folder, suffix):
    path = f"t{suffix}"
    program = f"{PROGRAM}\nrun(made({path!r}), progress=told(5, 0))"
    assert run_python("-c", program, cwd=folder).returncode == -signal.SIGKILL
    (left,) = (entry for entry in folder.iterdir() if ".partial-" in entry.name)
    job = made(path)
    for changed, words in [
        ({"groups": GroupSettings(members=4, count=100)}, r"configuration\.groups\.strategy was"),
        ({"mirrored": True}, r"configuration\.mirrored was False and is True"),
    ]:
        with pytest.raises(OutputError, match=words):
            run(replace(job, **changed))
    as_it_was = os.stat("scan.npz")
    os.utime("scan.npz", ns=(1, 1))
    with pytest.raises(OutputError, match=r"scan_files\.scan\.npz\.changed_ns was"):
        run(job)
    os.utime("scan.npz", ns=(as_it_was.st_atime_ns, as_it_was.st_mtime_ns))
    assert left.is_dir()
    assert 0 < counted(replace(job, memory_budget="2MiB")) <= 60
    whole = replace(job, output=Path("whole.h5"), resume=False)
    assert counted(whole) == 100
    check(path, "whole.h5")
    assert sorted(p.name for p in folder.iterdir()) == ["scan.npz", path, "whole.h5"]


@pytest.mark.slow
def test_npz_starts_anew(folder):
    program = f"{PROGRAM}\nrun(made('t.npz'), progress=told(5, 0))"
    assert run_python("-c", program, cwd=folder).returncode == -signal.SIGKILL
    assert counted(made("t.npz")) == 100
    assert sorted(p.name for p in folder.iterdir()) == ["scan.npz", "t.npz"]


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_random_kills(folder, suffix, scaled):
    """Half of the kills for each format."""
    rng = random.Random(suffix)
    run(replace(made("whole.h5"), resume=False))
    path, went_on = Path(f"t{suffix}"), 0
    count = -(-scaled(KILLS) // 2)
    for _ in range(count):
        code = f"{PROGRAM}\nrun(made({str(path)!r}), progress=told(-1, 0.004))"
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=folder, text=True) as process:
            for _ in range(rng.randrange(1, 13)):
                assert process.stdout.readline() == "block\n"
            time.sleep(rng.uniform(0, 0.02))
            process.send_signal(signal.SIGKILL)
        if not path.exists():  # else the kill came too late
            went_on += counted(made(path)) < 100
        check(path, "whole.h5")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        assert sorted(p.name for p in folder.iterdir()) == ["scan.npz", "whole.h5"]
    assert went_on > count // 2
