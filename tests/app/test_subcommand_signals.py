"""Signals while a subcommand works: its output is whole or absent, and nothing else stays."""

import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

ROUNDS = 36
POINTS, SIZE = 2000, 64


def whole_scan(path):
    assert read_scan("file", path).patterns.read().shape == (POINTS, SIZE, SIZE)


def whole_training(path):
    with read_output(path) as output:
        assert output.arrays["patterns"][...].shape == (400, SIZE, SIZE, 4)
        assert np.isfinite(output.patches[...]).all()


def whole_object(path):
    with read_output(path) as output:
        made, coverage = output.arrays["object"][...], output.arrays["coverage"][...]
        assert coverage.shape == (160, 160)
        assert made[coverage > 0].min() > 0
        assert not made[coverage == 0].any()


#: What is typed, the output, and who reads it.
CASES = {
    "convert": (["convert", "scan.npz", "out.npz"], "out.npz", whole_scan),
    "simulate": (
        ["simulate", "out.npz", f"trajectory.points={POINTS}", "trajectory.step=2"],
        "out.npz", whole_scan,
    ),
    "train": (
        ["train", "scan.npz", "gridsize=2", "groups.count=400", "output.path=out.zarr",
         "plugin=numba", "output.picture=false", "report=false", "memory_budget=40MiB"],
        "out.zarr", whole_training,
    ),
    "reassemble": (  # patterns will do as patches
        ["reassemble", "scan.npz", "patches.patches=diff3d", "shape=[160,160]", "plugin=numba",
         "output.path=out.h5", "output.picture=false", "report=false"],
        "out.h5", whole_object,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def scan_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scan") / "scan.npz"
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(POINTS, SIZE, SIZE)).astype(np.float32)
    made = Scan(
        np.exp(1j * rng.normal(size=(160, 160))).astype(np.complex64),
        rng.uniform(40, 120, (POINTS, 2)), "made",
        patterns=Patterns.of(values, "amplitude"),
    )  # fmt: skip
    write_scan(path, made)
    return path


def start(folder, typed):
    return subprocess.Popen(
        [sys.executable, "-m", "ptycho_engine.app.command", *typed],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(CASES))
def test_signals_leave_a_whole_output_or_none(tmp_path, scan_file, scaled, name):
    typed, output, check = CASES[name]
    report = f"{output}.report.html"
    (tmp_path / "scan.npz").symlink_to(scan_file)
    rng, path = random.Random(name), tmp_path / output
    started = time.monotonic()
    done = start(tmp_path, typed)
    messages = done.communicate()[1]
    assert done.returncode == 0, messages
    seconds = time.monotonic() - started
    check(path)
    interrupted = 0
    for number in range(-(-scaled(ROUNDS) // len(CASES))):
        path.rename(tmp_path.parent / f"{name}-{number}-{output}")
        (tmp_path / report).unlink(missing_ok=True)
        process = start(tmp_path, typed)
        time.sleep(rng.uniform(0.3, 1.0) * seconds)
        process.send_signal(rng.choice((signal.SIGINT, signal.SIGTERM)))
        said, messages = process.communicate()
        assert process.returncode in (0, 130, -signal.SIGINT, -signal.SIGTERM), messages
        assert {entry.name for entry in tmp_path.iterdir()} <= {"scan.npz", output, report}, (
            messages
        )
        if path.exists():
            check(path)
            told = "stands." in messages or " done " in messages
            assert process.returncode == 0 or told, messages
        else:
            assert process.returncode != 0, said
            assert not (tmp_path / report).exists(), messages
            interrupted += "interrupted; nothing was written." in messages
            assert start(tmp_path, typed).communicate()[1] is not None
            check(path)
    assert interrupted or scaled(ROUNDS) < 10
