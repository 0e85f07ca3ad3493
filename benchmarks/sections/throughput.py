"""The main table: every contender against the limit of memory, in one loop with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from statistics import median
from typing import Any

import numpy as np

from .. import limits
from ..check import judge
from ..contender import Contender, Cut
from ..problem import Problem
from ..registry import find
from ..settings import Settings, progress
from ..table import Notes, format_table, number
from ..timing import Action, affordable, best_ratio, in_turn, once, ratio
from ..worker import WorkerError, measure

MEMBERS = 4
#: Times the limit: who is slower may be measured on fewer patches.
SLOW = 8
RATIOS = ("microseconds_per_patch", "to_first_touch", "to_first_touch_best", "to_warm_copy")
LIMITS = (limits.FIRST_TOUCH, limits.THREADED, limits.WARM_COPY)


def run(settings: Settings) -> dict[str, Any]:
    """Measure every contender in a process of its own."""
    effort = settings.effort
    rows: list[dict[str, Any]] = []
    limit_seconds: dict[str, list[float]] = {name: [] for name in LIMITS}
    for name in settings.contender_names():
        progress(f"throughput: {name}")
        task = {
            "contender": name,
            "problem": asdict(effort.problem),
            "repeats": effort.repeats,
            "seconds": effort.seconds,
        }
        try:
            result = measure("throughput", task, settings.device)
        except WorkerError as error:
            progress(str(error))
            result = {"rows": [{"contender": name, "status": "failed"}]}
        rows += result["rows"]
        for limit, seconds in result.get("limits", {}).items():
            limit_seconds[limit] += seconds
    return {"problem": asdict(effort.problem), "rows": rows, "limits": limit_seconds}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Check and time one contender, with the limits in the same loop."""
    contender, problem = find(task["contender"]), Problem(**task["problem"])
    try:
        cut = contender.load()
    except ImportError as error:
        return {"rows": [_without(contender, f"not installed: {error.name or error}")]}
    except Exception as error:
        return {"rows": [_without(contender, f"cannot be loaded: {type(error).__name__}")]}
    rows = [_checked(contender, cut, p) for p in _layouts(contender, problem)]
    accepted = [row for row in rows if row["accepted"]]
    right = replace(contender, layouts=tuple(row["layout"] for row in accepted))
    timed, seconds = _time(right, cut, problem, accepted, task) if accepted else ([], {})
    rejected = [row | {"status": row["verdict"]} for row in rows if not row["accepted"]]
    return {"rows": timed + rejected, "limits": seconds}


def _without(contender: Contender, status: str) -> dict[str, Any]:
    return {"contender": contender.name, "status": status}


def _layouts(contender: Contender, problem: Problem) -> list[Problem]:
    channels = {"flat": 1, "channel": MEMBERS}
    return [replace(problem, channels=channels[layout]) for layout in contender.layouts]


def _checked(contender: Contender, cut: Cut, problem: Problem) -> dict[str, Any]:
    verdict = judge(contender, cut, problem)
    return {
        "contender": contender.name,
        "layout": problem.layout,
        "accepted": verdict.accepted,
        "error": verdict.error,
        "verdict": verdict.text,
        "note": contender.note,
    }


def _time(
    contender: Contender, cut: Cut, problem: Problem, rows: list[dict[str, Any]], task: dict
) -> tuple[list[dict[str, Any]], dict[str, list[float]]]:
    """Time a contender in turn with the limits; also the seconds of the limits."""
    image, positions, n = problem.image(), problem.positions(), problem.patch_size
    target = np.empty(problem.output_shape, problem.dtype)
    # A busy machine slows down everyone: it must not turn fast contenders into slow ones.
    first_touch = limits.first_touch(target.shape, problem.dtype)
    seconds_allowed = max(task["seconds"], SLOW * min(once(first_touch), once(first_touch)))
    count = affordable(
        lambda some: cut(image, positions[:some], n, None), problem.patches, seconds_allowed
    )
    if count < problem.patches:  # scaled: the order of magnitude, one layout, fresh output
        cases: dict[str, Action] = {"flat fresh": lambda: cut(image, positions[:count], n, None)}
        allocating = []
    else:
        cases = _cases(contender, cut, problem, target)
        allocating = [key for key in cases if key.endswith("fresh")]
    actions = cases | {
        limits.FIRST_TOUCH: first_touch,
        limits.THREADED: limits.first_touch_threaded(target.shape, problem.dtype),
        limits.WARM_COPY: limits.warm_copy(target),
    }
    before = dict.fromkeys(
        [limits.FIRST_TOUCH, limits.THREADED, *allocating], limits.settle(problem.fresh_bytes)
    )
    for action in actions.values():
        once(action)
    seconds = in_turn(actions, task["repeats"], before)
    timed = []
    for key in cases:
        layout, output = key.split()
        for row in rows:
            if row["layout"] == layout:
                figures = _figures(seconds, key, problem.patches, count)
                timed.append(row | {"status": "timed", "output": output} | figures)
    return timed, {name: seconds[name] for name in LIMITS}


def _cases(
    contender: Contender, cut: Cut, problem: Problem, target: np.ndarray
) -> dict[str, Action]:
    """Every layout, into a fresh output and, where possible, into a reused one."""
    image = problem.image()
    cases: dict[str, Action] = {}
    for arranged in _layouts(contender, problem):
        positions = arranged.positions()
        shape = arranged.output_shape
        outs = {"fresh": None}
        if contender.takes_out:
            outs["reused"] = target.reshape(-1)[: math.prod(shape)].reshape(shape)
        for output, out in outs.items():
            cases[f"{arranged.layout} {output}"] = partial(
                cut, image, positions, problem.patch_size, out
            )
    return cases


def _figures(seconds: dict[str, list[float]], key: str, patches: int, count: int) -> dict[str, Any]:
    """Turn the seconds of `count` patches into what a row says about all of them."""
    touch, copy = seconds[limits.FIRST_TOUCH], seconds[limits.WARM_COPY]
    scaled = [patches / count * taken for taken in seconds[key]]
    return {
        "patches": count,
        "seconds": scaled,
        "microseconds_per_patch": 1e6 * median(scaled) / patches,
        "to_first_touch": ratio(scaled, touch),
        "to_first_touch_best": best_ratio(scaled, touch),
        "to_warm_copy": ratio(scaled, copy),
    }


def report(result: dict[str, Any]) -> str:
    """Make the table, with remarks as notes below it."""
    problem = Problem(**result["problem"])
    header = ("", "layout", "output", "us/patch", "/ touch", "best", "/ copy", "timed", "error", "")
    touch, copy = result["limits"][limits.FIRST_TOUCH], result["limits"][limits.WARM_COPY]
    rows, notes = [], Notes()
    for name, seconds in result["limits"].items():
        if seconds:
            per_patch = number(1e6 * median(seconds) / problem.patches)
            ratios = ratio(seconds, touch), best_ratio(seconds, touch), ratio(seconds, copy)
            rows.append((f"limit: {name}", "", "", per_patch, *map(number, ratios), *("",) * 3))
    for row in result["rows"]:
        if row["status"] != "timed":
            layout = row.get("layout", "")
            rows.append((row["contender"], layout, "", *("-",) * 6, row["status"]))
            continue
        numbers = [number(row[key]) for key in RATIOS]
        cells = (*numbers, f"{row['patches']:,}", f"{row['error']:.0e}", notes.marks(_remarks(row)))
        rows.append((row["contender"], row["layout"], row["output"], *cells))
    return "\n".join(
        [
            f"Throughput: {problem.describe()}",
            "/ touch, / copy: time over that of a first touch, of a warm copy of the output, in",
            "turn with it (median; best: of the shortest times); timed: patches, fewer are scaled;",
            "error: largest, over the object's largest magnitude",
            "",
            format_table(header, rows, left=3),
            *notes.lines(),
        ]
    )


def _remarks(row: dict[str, Any]) -> Iterator[str]:
    if row["verdict"] != "equal":
        yield f"NOT THE SAME: {row['verdict']}"
    if row["note"]:
        yield row["note"]
