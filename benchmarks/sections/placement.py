"""Patches added onto an object, beside reading them once and beside others that add."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from statistics import median
from typing import Any

import numba
import numpy as np

from ptycho_engine.testing.reference import reference_placement
from ptycho_engine.workers import core_count, share

from ..peers.adding import ADDERS
from ..problem import Problem
from ..registry import select_engine
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import Action, affordable, best_ratio, in_turn, once, ratio
from ..worker import WorkerError, measure

OURS, READING, ALONE = "numba", "reading", "reading, one thread"
#: Largest error, as a share of the largest sample of the object, that counts as equal.
TOLERANCE = 1e-5


def run(settings: Settings) -> dict[str, Any]:
    """Measure ourselves, then each of the others beside us, in processes of their own."""
    effort, rows = settings.effort, []
    problem = replace(effort.problem, channels=1, dtype="complex64")
    larger = replace(
        problem, patch_size=2 * problem.patch_size, patches=max(1, problem.patches // 4)
    )
    ours = [(problem, "bilinear"), (replace(problem, channels=4), "bilinear")]
    if larger.patch_size < larger.object_size:
        ours.append((larger, "bilinear"))
    ours += [(problem, "bicubic"), (problem, "nearest")]
    same = {"repeats": effort.repeats, "seconds": effort.seconds}
    tasks = [{"problem": asdict(p), "interpolation": how, "peer": None} for p, how in ours]
    tasks += [
        {"problem": asdict(problem), "interpolation": "bilinear", "peer": adder.name}
        for adder in ADDERS
    ]
    for task in tasks:
        who = task["peer"] or f"{OURS}, {task['interpolation']}"
        progress(f"placement: {who}")
        try:
            rows += measure("placement", task | same, settings.device)["rows"]
        except WorkerError as error:
            progress(str(error))
            problem = Problem(**task["problem"])
            rows.append({"what": who, "problem": asdict(problem), "status": str(error)[:60]})
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time one who adds in turn with reading the patches once, and with us."""
    problem, how = Problem(**task["problem"]), task["interpolation"]
    adder = next((adder for adder in ADDERS if adder.name == task["peer"]), None)
    positions = _positions(problem)
    engine, side = select_engine(OURS), problem.object_size
    add: Callable[..., np.ndarray]
    if adder is None:
        check(partial(engine.place, interpolation=how), problem, how)
        patches, out = _patches(problem), np.zeros((side, side), problem.dtype)
        cut = {"interpolation": how, "layout": problem.layout}
        actions: dict[str, Action] = {
            f"{OURS}, {how}": lambda: engine.place(patches, positions, (side, side), **cut),
            f"{OURS}, {how}, adding": lambda: engine.place(
                patches, positions, (side, side), **cut, out=out
            ),
            f"{OURS}, {how}, reassembled": lambda: engine.reassemble(
                patches, positions, (side, side), **cut
            ),
        }
    else:
        add = adder.load()
        check(lambda y, p, s: add(y, p, s[0]), problem, how, adder.whole)
        patches = _patches(problem)
        fewer = affordable(
            lambda count: add(patches[:count], positions[:count], side),
            problem.patches,
            task["seconds"],
        )
        problem = replace(problem, patches=fewer)
        patches, positions = patches[:fewer], positions[:fewer]
        actions = {
            adder.name: lambda: add(patches, positions, side),
            OURS: lambda: engine.place(patches, positions, (side, side)),
        }
    if adder is None:
        actions[ALONE] = reading(patches, 1)
    names = list(actions)
    actions[READING] = reading(patches, core_count())
    for action in actions.values():
        once(action)
    seconds = in_turn(actions, task["repeats"])
    timed = names if adder is None else names[:1]
    return {
        "rows": [
            {
                "what": name,
                "problem": asdict(problem),
                "status": "timed",
                "microseconds": 1e6 * median(seconds[name]) / problem.patches,
                "to_reading": ratio(seconds[name], seconds[READING]),
                "to_reading_best": best_ratio(seconds[name], seconds[READING]),
                "to_ours": ratio(seconds[name], seconds[OURS]) if adder else None,
            }
            for name in timed
        ]
    }


def _positions(problem: Problem) -> np.ndarray:
    """Positions in random order; members of a group beside each other, as in a scan."""
    positions = problem.positions()
    if problem.channels == 1:
        return positions
    n = problem.patch_size
    beside = np.random.default_rng(0).uniform(-n / 8, n / 8, positions.shape)
    return np.clip(positions[:, :1] + beside, n // 2, problem.object_size - n + n // 2 - 0.01)


def _patches(problem: Problem) -> np.ndarray:
    """Noise, the same in every patch: only their number matters to anyone."""
    n = problem.patch_size
    one = replace(problem, object_size=max(n, 2), patch_size=1).image()[:n, :n]
    patches = np.empty(problem.output_shape, problem.dtype)
    patches[...] = one if problem.channels == 1 else one[..., None]
    return patches


def check(add: Callable[..., Any], problem: Problem, how: str, whole: bool = False) -> None:
    """Nothing is timed unchecked: some patches are held against the reference."""
    few = replace(problem, patches=min(16, problem.patches), channels=1)
    patches, positions, size = _patches(few), _positions(few), (few.object_size,) * 2
    expected = reference_placement(
        patches, np.rint(positions) if whole else positions, size, interpolation=how
    )
    error = np.abs(np.asarray(add(patches, positions, size)) - expected).max()
    if not error <= TOLERANCE * np.abs(expected).max():
        raise RuntimeError(f"the object is off by {error:.1e}")


@numba.njit(nogil=True)
def _look_at(numbers: np.ndarray) -> int:
    found = np.uint64(0)
    for i in range(len(numbers)):
        found ^= numbers[i]
    return found


def reading(patches: np.ndarray, threads: int) -> Action:
    """Read every byte once."""
    parts = np.array_split(patches.reshape(-1).view(np.uint64), 8 * threads)
    return lambda: share(_look_at, parts, threads)


def report(result: dict[str, Any]) -> str:
    """Make the table."""
    header = ("", "patches", "N", "layout", "us/patch", "/ reading", "best", "/ numba", "")
    rows = []
    for row in result["rows"]:
        problem = Problem(**row["problem"])
        same = f"{problem.patches:,}", str(problem.patch_size), problem.layout
        if row["status"] != "timed":
            rows.append((row["what"], *same, "-", "-", "-", "-", row["status"]))
            continue
        figures = (row["microseconds"], row["to_reading"], row["to_reading_best"], row["to_ours"])
        cells = ("-" if figure is None else number(figure) for figure in figures)
        rows.append((row["what"], *same, *cells, ""))
    title = (
        "Placement: patches added onto an object at any position, NumPy in and NumPy out;\n"
        "adding: onto an object that is there; reassembled: with the coverage, divided by it;\n"
        "/ reading: time over that of reading the patches once on all cores; / numba: over ours\n"
        "of the same patches, in the same process"
    )
    return f"{title}\n\n{format_table(header, rows)}"
