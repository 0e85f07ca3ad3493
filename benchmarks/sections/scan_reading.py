"""Diffraction patterns read from scan files, beside NumPy's loading of a plain array."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

from ..settings import Settings, progress
from ..table import format_table, number, size
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

#: What is read: all of them, block by block; all at once; some anywhere.
WAYS = ("streamed", "at once", "256 random")
RANDOM = 256


def run(settings: Settings) -> dict[str, Any]:
    progress("scan_reading")
    effort = settings.effort
    count = min(5_000, effort.problem.patches)
    task = {"patterns": count, "size": effort.problem.patch_size, "repeats": effort.repeats}
    try:
        return measure("scan_reading", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {"rows": [], "bytes": 0}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Write the patterns to each kind of file, and read them in turn, from a warm page cache."""
    stack = np.random.default_rng(0).random(
        (task["patterns"], task["size"], task["size"]), np.float32
    )
    wanted = np.random.default_rng(1).integers(len(stack), size=RANDOM)
    with tempfile.TemporaryDirectory(prefix="ptycho-benchmark-") as folder:
        plain = Path(folder) / "plain.npy"
        np.save(plain, stack)
        held = write_all(Path(folder), stack)
        rows = [row(name, held[name], stack, plain, wanted, task["repeats"]) for name in held]
    return {"rows": rows, "bytes": stack.nbytes}


def write_all(folder: Path, stack: np.ndarray[Any, Any]) -> dict[str, Patterns]:
    """Write a scan in every way that matters, and return its patterns as they are read."""
    scan = Scan(
        np.ones((8, 8)), np.zeros((len(stack), 2)), "a benchmark",
        patterns=Patterns.of(stack, "amplitude"),
    )  # fmt: skip
    found = {}
    for name, suffix, shown in (
        ("npz", ".npz", "npz, stored"),
        ("ptycho_engine", ".h5", "HDF5, in one piece"),
        ("ptycho_engine", ".zarr", "Zarr, chunks of 16"),
    ):
        write_scan(folder / f"scan{suffix}", scan, name)
        found[shown] = read_scan(name, folder / f"scan{suffix}").patterns
    packed = folder / "packed.npz"
    where = {"xcoords": np.zeros(len(stack)), "ycoords": np.zeros(len(stack))}
    np.savez_compressed(packed, diff3d=stack, objectGuess=np.ones((8, 8)), **where)
    found["npz, deflated"] = read_scan("npz", packed).patterns
    with h5py.File(folder / "packed_dp.h5", "w") as file:
        chunks = (1, *stack.shape[1:])
        file.create_dataset("dp", data=stack, chunks=chunks, compression="gzip")
    found["HDF5, gzip, chunks of 1"] = read_scan("pty_chi", folder / "packed_dp.h5").patterns
    return found


def row(
    name: str,
    patterns: Patterns,
    stack: np.ndarray[Any, Any],
    plain: Path,
    wanted: np.ndarray[Any, Any],
    repeats: int,
) -> dict[str, Any]:
    """Time one kind of file in turn with ``np.load``; nothing is timed unchecked."""
    np.testing.assert_array_equal(patterns.read(), stack)
    np.testing.assert_array_equal(patterns.take(wanted), stack[wanted])
    actions = {
        WAYS[0]: lambda: [float(block[0, 0, 0]) for _, _, block in patterns.blocks()],
        WAYS[1]: patterns.read,
        WAYS[2]: lambda: patterns.take(wanted),
        "np.load": lambda: np.load(plain),
    }
    seconds = in_turn(actions, repeats)
    return {"what": name, **{way: ratio(seconds[way], seconds["np.load"]) for way in WAYS}}


def report(result: dict[str, Any]) -> str:
    rows = [(row["what"], *(number(row[way]) for way in WAYS)) for row in result["rows"]] or [
        ("failed", *("-",) * len(WAYS))
    ]
    title = (
        f"Reading {size(result['bytes'])} of patterns: seconds over those of numpy.load of an .npy"
    )
    return f"{title}\n\n{format_table(('', *WAYS), rows)}"
