"""Streaming to a Zarr store: the peak of the whole process must not grow with the patches."""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ptycho_engine.io.store import ArraySpec, Store

from ..problem import Problem
from ..registry import select_engine
from ..resident import peak
from ..settings import Settings, progress
from ..table import format_table, number, size
from ..worker import WorkerError, measure


def run(settings: Settings) -> dict[str, Any]:
    rows = []
    for plugin in settings.plugins():
        for count in settings.effort.stream_counts:
            problem = replace(settings.effort.problem, patches=count)
            progress(f"streaming: {plugin}, {problem.describe()}")
            try:
                task = {"plugin": plugin, "problem": asdict(problem)}
                rows.append(measure("streaming", task, settings.device))
            except WorkerError as error:
                progress(str(error))
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Stream into a temporary store, and take the peak of the whole process."""
    problem = Problem(**task["problem"])
    row = {"plugin": task["plugin"], "patches": problem.patches, "bytes": problem.output_bytes}
    with tempfile.TemporaryDirectory(prefix="ptycho-benchmark-") as folder:
        if shutil.disk_usage(folder).free < 1.2 * problem.output_bytes:
            return row | {"status": "skipped: the temporary folder is too small"}
        engine = select_engine(task["plugin"])
        image, positions = problem.image(), problem.positions()
        arrays = {
            "patches": ArraySpec(problem.output_shape, image.dtype),
            "positions": ArraySpec.of(positions),
        }
        start = time.perf_counter()
        with Store.create(Path(folder) / "patches.zarr", arrays) as store:
            store.write("positions", (), positions)
            for block in engine.stream(image, positions, problem.patch_size):
                region = slice(block.start, block.stop)
                store.write("patches", region, block.patches)
                store.finish(region)
        seconds = time.perf_counter() - start
    return row | {"status": "done", "seconds": seconds, "peak_bytes": peak()}


def report(result: dict[str, Any]) -> str:
    header = ("", "patches", "written", "s", "peak", "/ written", "/ fewest patches", "")
    rows, fewest = [], {}
    for row in result["rows"]:
        begin = (row["plugin"], f"{row['patches']:,}", size(row["bytes"]))
        if row["status"] != "done":
            rows.append((*begin, *("-",) * 4, row["status"]))
            continue
        reference = fewest.setdefault(row["plugin"], row["peak_bytes"])
        ratios = row["peak_bytes"] / row["bytes"], row["peak_bytes"] / reference
        cells = number(row["seconds"]), size(row["peak_bytes"]), *map(number, ratios)
        rows.append((*begin, *cells, ""))
    title = (
        "Streaming to .zarr: peak of the whole process, with interpreter, TensorFlow and object;\n"
        "/ written: over the bytes of all patches"
    )
    return f"{title}\n\n{format_table(header, rows)}"
