"""What the first call of each plugin costs: imports, tracing, compilation."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from typing import Any

import psutil

from ..problem import Problem
from ..registry import load_plugin
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import once
from ..worker import WorkerError, measure

PATCHES = 16


def run(settings: Settings) -> dict[str, Any]:
    rows = []
    for plugin in settings.plugins(fast=False):
        progress(f"compile: {plugin}")
        task = {"plugin": plugin, "problem": asdict(settings.effort.problem)}
        try:
            rows.append(measure("compile", task, settings.device))
        except WorkerError as error:
            progress(str(error))
            rows.append({"plugin": plugin, "status": "failed"})
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time the way from the start of the process to its first patches, then other first calls."""
    cut = load_plugin(task["plugin"])
    problem = replace(Problem(**task["problem"]), patches=PATCHES, channels=1)
    image, positions = problem.image(), problem.positions()
    cut(image, positions, problem.patch_size, None)
    first = time.time() - psutil.Process().create_time()
    grouped = positions.reshape(-1, 4, 2)
    kinds = {
        "other_size": lambda: cut(image, positions, problem.patch_size // 2, None),
        "channel": lambda: cut(image, grouped, problem.patch_size, None),
    }
    row: dict[str, Any] = {"plugin": task["plugin"], "status": "timed", "fresh_process": first}
    for kind, action in kinds.items():
        row[kind] = once(action)
        row[f"{kind}_again"] = min(once(action) for _ in range(5))
    return row


def report(result: dict[str, Any]) -> str:
    header = ("", "fresh process", "new size", "/ again", "new layout", "/ again", "")
    rows = []
    for row in result["rows"]:
        if row["status"] != "timed":
            rows.append((row["plugin"], *("-",) * 5, row["status"]))
            continue
        cells = [f"{row['fresh_process']:.2f} s"]
        for kind in ("other_size", "channel"):
            again = row[kind] / row[f"{kind}_again"]
            cells += [f"{row[kind]:.2f} s", number(again)]
        rows.append((row["plugin"], *cells, ""))
    title = (
        f"First calls, {PATCHES} patches; fresh process: with all imports;\n/ again: time over "
        "that of the same call repeated"
    )
    return f"{title}\n\n{format_table(header, rows)}"
