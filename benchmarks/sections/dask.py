"""The Dask runner against the local one, and what a task, a broadcast and the journal cost."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_engine.app.jobs.extract import run as extract
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.runners.dask import DaskRunner
from ptycho_engine.app.runners.dask_settings import DaskSettings
from ptycho_engine.app.runners.dispatch import Dispatch
from ptycho_engine.app.runners.errands import Errand, versions
from ptycho_engine.app.runners.portions import Portion
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.delegation import Delegate
from ptycho_engine.io.scan_files import ScanSource
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store
from ptycho_engine.memory import parse_bytes
from ptycho_engine.workers import core_count

from ..settings import Settings, progress
from ..table import format_table, number
from ..worker import measure

#: Small patches, so that many fit on a disk; a patch takes 8 KiB.
PATCH_SIZE = 32
TURNS, WORKERS = 6, (1, 2)
#: Tasks without work and regions of a journal, and bytes of an object.
TASKS, OBJECT = 2_000, 128 * 1024**2


def run(settings: Settings) -> dict[str, Any]:
    count = settings.effort.streamed
    progress(f"dask: {count:,} patches of {PATCH_SIZE} x {PATCH_SIZE}, and costs a task")
    return measure("dask", {"patches": count, "tasks": min(TASKS, count // 10)})


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Measure in turns, on clusters that stand; the local runner has as many threads."""
    found: dict[str, Any] = {"patches": task["patches"], "seconds": {}, "broadcast": {}}
    with tempfile.TemporaryDirectory(prefix="ptycho-benchmark-") as folder:
        place = Path(folder)
        found["note"], found["publish"] = journal_costs(place, task["tasks"])
        for workers in WORKERS:
            with standing(workers) as (client, started):
                ways: dict[str, Callable[[], Any]] = {
                    "local": lambda: None,
                    f"dask, {workers}": lambda: DaskRunner(settings_of(workers), client=client),  # noqa: B023
                }
                times = in_turns(place, task["patches"], ways)
                found["seconds"][str(workers)] = times | {"start": started}
                found["broadcast"][str(workers)] = broadcast_cost(client, place)
                if workers == 1:
                    found["task"] = task_cost(client, place, task["tasks"])
    return found


def settings_of(workers: int) -> DaskSettings:
    return DaskSettings(threads=max(1, core_count() // workers))


@contextmanager
def standing(workers: int) -> Iterator[tuple[Any, float]]:
    """Yield a client of a cluster, and the seconds that it took to stand."""
    begun = time.perf_counter()
    with DaskRunner(replace(settings_of(workers), workers=workers)) as runner:
        yield runner.client, time.perf_counter() - begun


def in_turns(place: Path, count: int, ways: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median of the seconds of each way; the first turn is not counted.

    Which begins changes from turn to turn, and no output outlives its run: memory that the system
    finds for the files of one run, and has to fetch for those of the next, costs as much as either.
    """
    output = place / "p.zarr"
    options = {"points": count, "object_size": 1024, "step": 450 * (np.pi / count) ** 0.5}
    scan = ScanSource("synthetic", options=options)
    job = ExtractionJob(
        scan,
        Cut(PATCH_SIZE),
        output,
        "numba",
        picture=False,
        report=False,
    )
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name in sorted(ways, reverse=turn % 2 == 0):
            seconds = extract(job, runner=ways[name]()).seconds
            shutil.rmtree(output)
            if turn:
                times[name].append(seconds)
    return {name: statistics.median(taken) for name, taken in times.items()}


def nothing(given: Any) -> dict[str, Any]:
    return {}


def task_cost(client: Any, place: Path, count: int) -> float:
    """Return the seconds of a task that does nothing, from hand to receipt."""
    (place / "zarr.json").write_text("{}")
    errand = Errand(nothing, Delegate(place, {}), 1, versions())
    portions = [Portion(i, i + 1, ()) for i in range(count)]
    given = np.zeros((1000, 2))  # the positions of a portion
    dispatch = Dispatch(client, errand, lambda start, stop: given, 0)
    begun = time.perf_counter()
    received = sum(1 for _ in dispatch.receipts(portions))
    assert received == count
    return (time.perf_counter() - begun) / count


def broadcast_cost(client: Any, place: Path) -> float:
    """Return the seconds in which an object of a GiB would be with every worker."""
    image = np.ones(OBJECT // 8, np.complex64)
    begun = time.perf_counter()
    client.scatter(image, broadcast=True, hash=False)
    return (time.perf_counter() - begun) * 2**30 / image.nbytes


def journal_costs(place: Path, count: int) -> tuple[float, float]:
    """Return the seconds of noting a region that another wrote, and of publishing its file."""
    values = np.zeros((count, 4))
    store = Store.create(
        place / "j.zarr", {"a": ArraySpec(values.shape, values.dtype, chunks=(1, 4))}
    )
    delegate = store.delegate()
    for start in range(count):
        delegate.write(start, start + 1, {"a": values[start : start + 1]})
    begun = time.perf_counter()
    for start in range(count):
        store.note("a", slice(start, start + 1))
        store.finish(slice(start, start + 1))
    noted = time.perf_counter()
    store.publish()
    return (noted - begun) / count, (time.perf_counter() - noted) / count


def report(result: dict[str, Any]) -> str:
    rows, local = [], {w: t["local"] for w, t in result["seconds"].items()}
    for workers, times in result["seconds"].items():
        dask = times[f"dask, {workers}"]
        rate = result["patches"] / dask
        rows.append(
            (f"{workers} of {core_count() // int(workers)} threads", number(dask / local[workers]),
             number(local[workers] / dask), number(rate), number(times["start"]))
        )  # fmt: skip
    header = ("workers", "/ local", "throughput", "patches a s", "start, s")
    title = (
        f"Dask runner, {result['patches']:,} patches of {PATCH_SIZE} x {PATCH_SIZE} to .zarr; "
        "local: the same in one process\nwith all threads, in turns; start: until workers stand"
    )
    portion = DaskSettings().portion
    local_task = local["1"] * parse_bytes(portion) / (result["patches"] * PATCH_SIZE**2 * 8)
    costs = [
        (name, f"{seconds * 1e6:,.0f}", f"{seconds / local_task:.3g}")
        for name, seconds in (
            ("a task without work", result["task"]),
            ("a region into the journal", result["note"]),
            ("a file when published", result["publish"]),
            *((f"1 GiB to {w} worker(s)", s) for w, s in result["broadcast"].items()),
        )
    ]
    return f"{title}\n\n{format_table(header, rows)}\n\n" + format_table(
        ("costs", "us", f"/ {portion} cut and written"), costs
    )
