"""A few patches at a time, again and again, out of one object."""

from __future__ import annotations

from dataclasses import asdict, replace
from statistics import median, quantiles
from typing import Any

from ..peers import numpy_loop
from ..problem import Problem
from ..registry import select_engine
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import once, ratio
from ..worker import WorkerError, measure

PATCHES = 16
#: Calls of one kind in a row; the first half goes untimed, since others left the caches theirs.
SERIES = 50
KINDS = ("prepared", "plain")
LOOP = "NumPy slicing loop"


def run(settings: Settings) -> dict[str, Any]:
    effort, rows = settings.effort, []
    for plugin in settings.plugins():
        progress(f"latency: {plugin}")
        problem = replace(effort.problem, patches=min(PATCHES, effort.problem.patches))
        task = {"plugin": plugin, "problem": asdict(problem), "calls": effort.calls}
        try:
            rows += measure("latency", task, settings.device)["rows"]
        except WorkerError as error:
            progress(str(error))
    return {"rows": rows, "problem": asdict(effort.problem)}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time calls with a prepared object, with a plain array, and a loop over slices."""
    problem = Problem(**task["problem"])
    image, positions, n = problem.image(), problem.positions(), problem.patch_size
    engine = select_engine(task["plugin"])
    prepared = engine.prepare(image)
    actions = {
        "prepared": lambda: engine.extract(prepared, positions, n),
        "plain": lambda: engine.extract(image, positions, n),
        LOOP: lambda: numpy_loop.cut(image, positions, n),
    }
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(-(-2 * task["calls"] // SERIES)):
        for name, action in actions.items():
            seconds[name] += [once(action) for _ in range(SERIES)][SERIES // 2 :]
    rows = [
        {
            "plugin": task["plugin"],
            "object": kind,
            "microseconds": 1e6 * median(seconds[kind]),
            "microseconds_p95": 1e6 * quantiles(seconds[kind], n=20)[-1],
            "loop_microseconds": 1e6 * median(seconds[LOOP]),
            "to_loop": ratio(seconds[kind], seconds[LOOP]),
        }
        for kind in KINDS
    ]
    return {"rows": rows}


def report(result: dict[str, Any]) -> str:
    header = ("", "object", "us/call", "95 %", "/ NumPy loop")
    rows = [
        (
            row["plugin"],
            row["object"],
            number(row["microseconds"]),
            number(row["microseconds_p95"]),
            number(row["to_loop"]),
        )
        for row in result["rows"]
    ]
    problem = Problem(**result["problem"])
    title = (
        f"Latency: {PATCHES} patches of {problem.patch_size} x {problem.patch_size} per call, "
        f"out of {problem.object_size} x {problem.object_size}; prepared: engine.prepare(image)"
    )
    return f"{title}\n\n{format_table(header, rows, left=2)}"
