"""From a scan file to training data: the steps, beside reading and writing the same bytes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ptycho_engine.app.jobs.train import plan_training_job
from ptycho_engine.app.jobs.train import run as train
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups
from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.simulation import Simulation
from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, write_scan
from ptycho_engine.testing import reference_patches

from ..problem import Problem
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

MEMBERS, COUNT, OBJECT = 4, 5_000, 512
BASE = "read and write the bytes"
#: Groups of a block whose patterns are read for a step alone, bytes written in one go.
BLOCK, PIECE = 128, 16 * 1024**2


def run(settings: Settings) -> dict[str, Any]:
    effort = settings.effort
    patches = min(COUNT, effort.problem.patches)
    problem = replace(effort.problem, patches=patches, object_size=OBJECT, channels=1)
    progress(f"training: {problem.patches:,} groups of {MEMBERS}")
    task = {"problem": asdict(problem), "repeats": effort.curve_repeats}
    try:
        return measure("training", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {"rows": [], "problem": asdict(problem), "bytes": 0}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time each step alone, and the whole of them, in turn with the limit."""
    problem = Problem(**task["problem"])
    with tempfile.TemporaryDirectory(prefix="ptycho-benchmark-") as name:
        folder = Path(name)
        write_file(folder / "scan.npz", problem)
        actions, job = steps(folder, problem)
        check(job, problem)
        size = sum(s.nbytes for s in plan_training_job(job).content.specs(None).values())
        actions[BASE] = lambda: copy(folder / "scan.npz", folder / "bytes", size)
        seconds = in_turn(actions, task["repeats"])
    rows = [
        {"name": name, "seconds": median(times), "to_base": ratio(times, seconds[BASE])}
        for name, times in seconds.items()
    ]
    return {"rows": rows, "problem": asdict(problem), "bytes": size}


def write_file(path: Path, problem: Problem) -> None:
    """Write a scan with random amplitudes."""
    n, rng = problem.patch_size, np.random.default_rng(problem.seed)
    amplitudes = rng.random((problem.patches, n, n), np.float32)
    probe = np.ones((n, n), np.complex64)
    patterns = Patterns.of(amplitudes, "amplitude")
    write_scan(path, Scan(problem.image(), problem.positions(), "benchmark", probe, patterns))


def steps(folder: Path, problem: Problem) -> tuple[dict[str, Callable[[], Any]], TrainingJob]:
    """Return what is timed by name, and the job of it."""
    groups = GroupSettings(members=MEMBERS, count=problem.patches)
    source = ScanSource("npz", folder / "scan.npz")
    job = TrainingJob(
        source,
        groups,
        folder / "train.h5",
        plugin="numba",
        picture=False,
        report=False,
        overwrite=True,
    )
    planned = plan_training_job(job)
    scan, engine, n = planned.opened.scan, planned.opened.engine, problem.patch_size
    indices, patterns = planned.groups.indices, planned.patterns
    assert patterns is not None

    def cut() -> None:
        for _ in engine.stream(scan.image, planned.places, n, layout="channel"):
            pass

    def read() -> None:
        for start in range(0, len(indices), BLOCK):
            flat = patterns.take(indices[start : start + BLOCK].reshape(-1))
            np.ascontiguousarray(flat_to_channel(flat, MEMBERS))

    def simulate() -> None:
        simulation = Simulation(scan.image, scan.positions, scan.probe, Exposure(noise=False))
        for _ in simulation.blocks():
            pass

    def whole(suffix: str) -> Callable[[], Any]:
        return lambda: train(replace(job, output=folder / f"train{suffix}"))

    actions: dict[str, Callable[[], Any]] = {
        "group": lambda: make_groups(scan.positions, groups),
        "cut the patches": cut,
        "read the patterns": read,
        "simulate patterns instead": simulate,
        "train, .h5": whole(".h5"),
        "train, .zarr": whole(".zarr"),
    }
    return actions, job


def check(job: TrainingJob, problem: Problem) -> None:
    """Refuse to time what is wrong: the first group is compared."""
    planned = plan_training_job(job)
    scan, places = planned.opened.scan, planned.places[:1]
    patches = planned.opened.engine.extract(
        scan.image, places, problem.patch_size, layout="channel"
    )
    expected = reference_patches(scan.image, places[0], problem.patch_size)
    np.testing.assert_allclose(patches[0], np.moveaxis(expected, 0, -1), atol=1e-5)


def copy(source: Path, target: Path, size: int) -> None:
    """Read a file, and write as many bytes as the training data takes; they are on the disk."""
    piece = bytearray(PIECE)
    with source.open("rb") as stream:
        while stream.readinto(piece):
            pass
    with target.open("wb") as stream:
        for start in range(0, size, PIECE):
            stream.write(memoryview(piece)[: min(PIECE, size - start)])
        stream.flush()
        os.fsync(stream.fileno())


def report(result: dict[str, Any]) -> str:
    problem = Problem(**result["problem"])
    rows = [
        (row["name"], number(row["seconds"]), number(row["to_base"])) for row in result["rows"]
    ] or [("training", "-", "failed")]
    n = problem.patch_size
    title = (
        f"Training data: {problem.patches:,} groups of {MEMBERS}, N = {n}, "
        f"{result['bytes'] / 1e6:,.0f} MB, from a file of {problem.patches:,} patterns;\n"
        "/ bytes: time over that of reading the file and writing as many bytes to the disk"
    )
    return f"{title}\n\n{format_table(('', 's', '/ bytes'), rows)}"
