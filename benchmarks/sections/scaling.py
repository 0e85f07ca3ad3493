"""Time per patch against the number of patches, their size, and the size of the object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from statistics import median
from typing import Any

import numpy as np

from ptycho_engine import Engine

from .. import limits
from ..effort import Effort
from ..problem import Problem
from ..registry import select_engine
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import in_turn, once, ratio
from ..worker import WorkerError, measure

AXES = ("patches", "patch_size", "object_size")


def run(settings: Settings) -> dict[str, Any]:
    rows, effort = [], settings.effort
    for plugin in settings.plugins():
        progress(f"scaling: {plugin}")
        points = [
            {"axis": axis, "streamed": streamed, "problem": asdict(problem)}
            for axis, streamed, problem in curve_points(effort)
        ]
        task = {
            "plugin": plugin,
            "points": points,
            "repeats": effort.curve_repeats,
            "longest": effort.longest,
        }
        try:
            rows += measure("scaling", task, settings.device)["rows"]
        except WorkerError as error:
            progress(str(error))
    return {"rows": rows, "problem": asdict(effort.problem)}


def curve_points(effort: Effort) -> Iterator[tuple[str, bool, Problem]]:
    """Axis, whether to stream, and problem of each point."""
    base = effort.problem
    item = np.dtype(base.dtype).itemsize
    for count in effort.counts:
        yield "patches", False, replace(base, patches=count)
    if effort.streamed > base.patches:
        yield "patches", True, replace(base, patches=effort.streamed)
    for n in effort.patch_sizes:
        count = max(1, effort.curve_bytes // (n * n * item))
        yield "patch_size", False, replace(base, patches=count, patch_size=n)
    for side in effort.object_sizes:
        if side > base.patch_size:
            count = max(1, effort.curve_bytes // (base.patch_size**2 * item))
            yield "object_size", False, replace(base, patches=count, object_size=side)


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time the points of one plugin, leaving out those that would take too long."""
    engine = select_engine(task["plugin"])
    rows, per_patch = [], 0.0
    for point in task["points"]:
        problem = Problem(**point["problem"])
        # The points of P ascend, so that the one before tells what the next will take.
        if point["axis"] == "patches" and per_patch * problem.patches > task["longest"]:
            continue
        seconds = (_time_stream if point["streamed"] else _time)(engine, problem, task["repeats"])
        per_patch = median(seconds["cut"]) / problem.patches
        rows.append(
            {
                "plugin": task["plugin"],
                "axis": point["axis"],
                "value": getattr(problem, point["axis"]),
                "patches": problem.patches,
                "streamed": point["streamed"],
                "microseconds_per_patch": 1e6 * per_patch,
                "gigabytes_per_second": problem.output_bytes / median(seconds["cut"]) / 1e9,
                "to_first_touch": ratio(seconds["cut"], seconds["touch"]),
                "seconds": seconds,
            }
        )
    return {"rows": rows}


def _time(engine: Engine, problem: Problem, repeats: int) -> dict[str, list[float]]:
    """Time one point in turn with the first touch of as many bytes."""
    image, positions, n = problem.image(), problem.positions(), problem.patch_size

    def cut() -> Any:
        return engine.extract(image, positions, n)

    engine.extract(image, positions[:16], n)  # compiles
    # Short calls are timed more often, so that their median means something.
    shortest = min(once(cut) for _ in range(3))
    turns = max(repeats, min(50, int(0.2 / shortest)))
    actions = {"cut": cut, "touch": limits.first_touch(problem.output_shape, problem.dtype)}
    before = dict.fromkeys(actions, limits.settle(problem.fresh_bytes))
    return in_turn(actions, turns, before)


def _time_stream(engine: Engine, problem: Problem, repeats: int) -> dict[str, list[float]]:
    """Time a stream once; the limit touches as many blocks, one at a time."""
    image, positions, n = problem.image(), problem.positions(), problem.patch_size
    block = next(iter(engine.stream(image, positions, n))).stop
    touch_block = limits.first_touch((block, n, n), problem.dtype)

    def cut() -> None:
        for _ in engine.stream(image, positions, n):
            pass

    def touch() -> None:
        for _ in range(-(-problem.patches // block)):
            touch_block()

    return in_turn({"cut": cut, "touch": touch}, 1)


def report(result: dict[str, Any]) -> str:
    header = ("", "axis", "value", "patches", "us/patch", "GB/s", "/ touch", "")
    names = {"patches": "P", "patch_size": "N", "object_size": "H"}
    rows = [
        (
            row["plugin"],
            names[row["axis"]],
            f"{row['value']:,}",
            f"{row['patches']:,}",
            number(row["microseconds_per_patch"]),
            number(row["gigabytes_per_second"]),
            number(row["to_first_touch"]),
            "streamed" if row["streamed"] else "",
        )
        for row in result["rows"]
    ]
    problem = Problem(**result["problem"])
    title = (
        f"Scaling around N = {problem.patch_size}, H = {problem.object_size}, fresh output;\n"
        "/ touch: time over that of a first touch of the output"
    )
    return f"{title}\n\n{format_table(header, rows, left=2)}"
