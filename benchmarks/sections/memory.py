"""Predicted against measured memory, each case in a fresh process."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..problem import Problem
from ..registry import select_engine
from ..resident import give_back, peak, reset_peak, resident
from ..settings import Settings, progress
from ..table import Notes, format_table, number, size
from ..worker import WorkerError, measure


def run(settings: Settings) -> dict[str, Any]:
    rows = []
    for plugin in settings.plugins():
        for problem in settings.effort.memory:
            progress(f"memory: {plugin}, {problem.describe()}")
            task = {"plugin": plugin, "problem": asdict(problem)}
            try:
                rows.append(measure("memory", task, settings.device))
            except WorkerError as error:
                progress(str(error))
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Measure the growth of the process over a call, and over the same call again."""
    problem = Problem(**task["problem"])
    engine = select_engine(task["plugin"])
    image, positions, n = problem.image(), problem.positions(), problem.patch_size
    # Libraries are there before anything is counted: TensorFlow, its threads and its compiler, and
    # LLVM, which a large output asks for; a small budget, lest TensorFlow keep large buffers.
    tiny = Problem(patches=4, patch_size=4, object_size=16)
    large = Problem(patches=800, object_size=128)
    thrifty = select_engine(task["plugin"], memory_budget="40MB")
    for chosen, first in ((engine, tiny), (thrifty, large)):
        chosen.extract(first.image(), first.positions(), first.patch_size)
    plan = engine.plan(image, positions, n, layout=problem.layout)
    growth = []
    for _ in range(2):
        give_back()
        before = resident()
        since_reset = reset_peak()
        patches = engine.extract(image, positions, n, layout=problem.layout)
        growth.append(max(0, peak() - before))
        del patches
    return {
        "plugin": task["plugin"],
        "problem": asdict(problem),
        "output_bytes": plan.output_bytes,
        "predicted_bytes": plan.peak_bytes,
        "measured_bytes": growth[0],
        "measured_again_bytes": growth[1],
        "peak_was_reset": since_reset,
    }


def report(result: dict[str, Any]) -> str:
    """Make the table."""
    header = ("", "problem", "output", "predicted", "measured", "/ predicted", "again", "")
    rows, notes = [], Notes()
    for row in result["rows"]:
        problem = Problem(**row["problem"])
        what = (
            f"P {problem.patches:,}, N {problem.patch_size}, H {problem.object_size}, "
            f"{problem.dtype}, {problem.layout}"
        )
        keys = "output_bytes", "predicted_bytes", "measured_bytes"
        share = number(row["measured_bytes"] / row["predicted_bytes"])
        mark = "" if row["peak_was_reset"] else notes.marks(["includes the peak of the start"])
        cells = (*(size(row[key]) for key in keys), share, size(row["measured_again_bytes"]))
        rows.append((row["plugin"], what, *cells, mark))
    title = (
        "Memory: growth of the process over a call that compiles its kernel, and over plan's "
        "peak_bytes;\nagain: growth over the same call repeated, when TensorFlow kept its buffers"
    )
    return "\n".join([f"{title}\n", format_table(header, rows, left=2), *notes.lines()])
