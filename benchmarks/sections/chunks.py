"""A few small chunks a call, again and again, into one output: what sharing them out costs.

The threads that work chunks off are worth keeping: made anew for each call, they cost more than
the chunks of a small one.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from statistics import median, quantiles
from typing import Any

import numpy as np

from .. import limits
from ..problem import Problem
from ..registry import select_engine
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import once, ratio
from ..worker import WorkerError, measure

PATCHES, CHUNK = 256, 64
#: Plugins that cut in chunks, and what they call the size of one.
OPTIONS = {"chunked_xla": "chunk_size", "batched": "batch_size"}
#: Calls of one kind in a row; the first half goes untimed, since others left the caches theirs.
SERIES = 20
COPY = "warm copy"


def run(settings: Settings) -> dict[str, Any]:
    effort, rows = settings.effort, []
    problem = replace(effort.problem, patches=min(PATCHES, effort.problem.patches), channels=1)
    chunk = max(1, problem.patches * CHUNK // PATCHES)
    for plugin in (name for name in settings.plugins() if name in OPTIONS):
        progress(f"chunks: {plugin}")
        task = {
            "plugin": plugin,
            "problem": asdict(problem),
            "chunk": chunk,
            "calls": effort.calls,
        }
        try:
            rows.append(measure("chunks", task, settings.device))
        except WorkerError as error:
            progress(str(error))
            rows.append({"plugin": plugin, "status": "failed"})
    return {"rows": rows, "problem": asdict(problem), "chunk": chunk}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time calls in several chunks, in one chunk, and a copy of as many bytes."""
    problem, option = Problem(**task["problem"]), OPTIONS[task["plugin"]]
    positions, n = problem.positions(), problem.patch_size
    out = np.empty(problem.output_shape, problem.dtype)
    engines = {
        name: select_engine(task["plugin"], options={option: size})
        for name, size in (("chunks", task["chunk"]), ("one", problem.patches))
    }
    prepared = {name: engine.prepare(problem.image()) for name, engine in engines.items()}
    actions = {
        "chunks": lambda: engines["chunks"].extract(prepared["chunks"], positions, n, out=out),
        "one": lambda: engines["one"].extract(prepared["one"], positions, n, out=out),
        COPY: limits.warm_copy(out),
    }
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(-(-2 * task["calls"] // SERIES)):
        for name, action in actions.items():
            seconds[name] += [once(action) for _ in range(SERIES)][SERIES // 2 :]
    return {
        "plugin": task["plugin"],
        "status": "timed",
        "microseconds": 1e6 * median(seconds["chunks"]),
        "microseconds_p95": 1e6 * quantiles(seconds["chunks"], n=20)[-1],
        "to_one_chunk": ratio(seconds["chunks"], seconds["one"]),
        "to_warm_copy": ratio(seconds["chunks"], seconds[COPY]),
    }


def report(result: dict[str, Any]) -> str:
    header = ("", "us/call", "95 %", "/ one chunk", "/ copy", "")
    keys = "microseconds", "microseconds_p95", "to_one_chunk", "to_warm_copy"
    rows = []
    for row in result["rows"]:
        if row["status"] != "timed":
            rows.append((row["plugin"], *("-",) * 4, row["status"]))
            continue
        rows.append((row["plugin"], *(number(row[key]) for key in keys), ""))
    problem = Problem(**result["problem"])
    title = (
        f"Small chunks: {problem.patches} patches of {problem.patch_size} x {problem.patch_size} "
        f"per call in chunks of {result['chunk']}, into a reused output;\n"
        "/ one chunk: time over that of the same in one; / copy: over a warm copy of the output"
    )
    return f"{title}\n\n{format_table(header, rows)}"
