"""Items of a dataset a second, beside the loop that projects write by hand.

The scan lies in a pair of files, ``dp`` and ``para``, as pty-chi's users keep them. An item is a
position: the amplitude of its pattern, amplitude and phase of its patch.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.extras import is_installed
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

from ..peers.item_loop import POOLS, ItemLoop
from ..problem import Problem
from ..registry import select_engine
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

ITEMS, BATCH = 1_000, 16
#: What each process has beside the loop; torch and TensorFlow do not meet in one.
KINDS = {"arrays": None, "tf.data": "tensorflow", "DataLoader": "torch"}
FIELDS = ("patterns", "amplitude", "phase")
BASE = f"loop, pool {POOLS[0]}"
#: Metres of an object pixel, electronvolts, metres: for the units of the files.
PIXEL, ENERGY, DISTANCE = 1e-8, 8000.0, 1.0


def run(settings: Settings) -> dict[str, Any]:
    effort, rows = settings.effort, []
    problem = replace(effort.problem, patches=min(ITEMS, effort.problem.patches), channels=1)
    for kind, module in KINDS.items():
        progress(f"datasets: {kind}")
        if module is not None and not is_installed(module):
            rows.append({"name": kind, "status": f"{module} is not installed"})
            continue
        task = {"problem": asdict(problem), "kind": kind, "repeats": effort.curve_repeats}
        try:
            rows += measure("datasets", task, settings.device)["rows"]
        except WorkerError as error:
            progress(str(error))
            rows.append({"name": kind, "status": "failed"})
    return {"rows": rows, "problem": asdict(problem)}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time one pass over all items, in every way of a kind."""
    problem = Problem(**task["problem"])
    with tempfile.TemporaryDirectory(prefix="ptycho-benchmark-") as folder:
        path = Path(folder) / "scan_dp.hdf5"
        write_pair(path, problem)
        scan = read_scan("pty_chi", path)
        loops = {pool: ItemLoop(path, scan.image, scan.positions, pool) for pool in POOLS}
        engine = select_engine("numba")
        with PatchDataset(path, fields=FIELDS, quantity="amplitude", engine=engine) as dataset:
            check(loops[POOLS[0]], dataset)
            ways: dict[str, Callable[[], Any]] = {BASE: lambda: consume(loops[POOLS[0]])}
            ways |= KIND_WAYS[task["kind"]](loops, dataset)
            seconds = in_turn(ways, task["repeats"], before={})
        for loop in loops.values():
            loop.file.close()
    return {
        "rows": [
            {
                "name": name,
                "status": "timed",
                "items_per_second": problem.patches / median(times),
                "to_base": ratio(seconds[BASE], times),
            }
            for name, times in seconds.items()
            if name != BASE or task["kind"] == "arrays"
        ]
    }


def write_pair(path: Path, problem: Problem) -> None:
    """Write the scan of a problem, with counts for patterns."""
    rng = np.random.default_rng(problem.seed)
    n = problem.patch_size
    counts = rng.poisson(20, (problem.patches, n, n)).astype(np.float32)
    probe = np.ones((1, n, n), np.complex64)
    scan = Scan(
        problem.image(), problem.positions(), "benchmark", probe,
        Patterns.of(counts, "intensity"), pixel_size=(PIXEL, PIXEL), energy=ENERGY,
        distance=DISTANCE,
    )  # fmt: skip
    write_scan(path, scan, "pty_chi")


def check(loop: ItemLoop, dataset: PatchDataset) -> None:
    """Refuse to time what does not deliver the same; amplitudes and phases of ours are float32."""
    for number_ in (0, len(loop) - 1):
        ours, theirs = dataset[number_], loop[number_]
        for name in FIELDS:
            np.testing.assert_allclose(ours[name], theirs[name], atol=1e-3, err_msg=name)


def consume(items: Iterable[Any]) -> None:
    """Go through all items."""
    for _ in items:
        pass


def arrays(loops: dict[str, ItemLoop], dataset: PatchDataset) -> dict[str, Callable[[], Any]]:
    others = {f"loop, pool {p}": (lambda p=p: consume(loops[p])) for p in POOLS[1:]}
    return others | {
        "dataset, item by item": lambda: consume(dataset),
        f"dataset.batches({BATCH})": lambda: consume(dataset.batches(BATCH, seed=0)),
        f"the same, {BATCH} at once, as lists": lambda: consume(
            dataset.__getitems__(range(start, min(start + BATCH, len(dataset))))
            for start in range(0, len(dataset), BATCH)
        ),
    }


def pipelines(loops: dict[str, ItemLoop], dataset: PatchDataset) -> dict[str, Callable[[], Any]]:
    pipeline = dataset.to_tf(BATCH, seed=0)
    consume(pipeline)  # TensorFlow starts its threads
    return {f"dataset.to_tf({BATCH})": lambda: consume(pipeline)}


def loaders(loops: dict[str, ItemLoop], dataset: PatchDataset) -> dict[str, Callable[[], Any]]:
    from torch.utils.data import BatchSampler, DataLoader, RandomSampler

    sampler = BatchSampler(RandomSampler(dataset), BATCH, False)
    return {
        f"DataLoader(loop, {BATCH})": lambda: consume(DataLoader(loops[POOLS[0]], BATCH)),
        f"DataLoader(dataset, {BATCH})": lambda: consume(DataLoader(dataset, BATCH, shuffle=True)),
        "the same, whole batches": lambda: consume(
            DataLoader(dataset, batch_size=None, sampler=sampler)
        ),
    }


KIND_WAYS = {"arrays": arrays, "tf.data": pipelines, "DataLoader": loaders}


def report(result: dict[str, Any]) -> str:
    header = ("", "items/s", "/ loop", "")
    rows = []
    for row in result["rows"]:
        if row["status"] != "timed":
            rows.append((row["name"], "-", "-", row["status"]))
            continue
        cells = number(row["items_per_second"]), number(row["to_base"])
        rows.append((row["name"], *cells, ""))
    problem = Problem(**result["problem"])
    title = (
        f"Datasets: {problem.patches} items of {problem.patch_size} x {problem.patch_size} from a "
        "pair of files;\n/ loop: how many times as fast as the loop that makes a pool for each item"
    )
    return f"{title}\n\n{format_table(header, rows)}"
