"""Groups of scan positions, beside the tree query that they cannot do without."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import in_turn, ratio
from ..worker import WorkerError, measure

MEMBERS, NEIGHBOURS = 4, 7
STRATEGIES = ("nearest", "random_of_k", "combinations", "quadrant")
#: Points whose neighbours are compared with every distance before anything is timed.
CHECKED = 50


def _spiral(points: int) -> np.ndarray:
    """Return a Fermat spiral with a point a unit of area, in the order of the scan."""
    turn = np.arange(points)
    radius, angle = np.sqrt(turn / math.pi), turn * math.pi * (3 - math.sqrt(5))
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def _grid(points: int) -> np.ndarray:
    return np.stack(np.divmod(np.arange(points), math.isqrt(points)), axis=1).astype(float)


def _jittered(points: int) -> np.ndarray:
    return _grid(points) + np.random.default_rng(1).uniform(-0.3, 0.3, (points, 2))


SCANS: dict[str, Callable[[int], np.ndarray]] = {
    "jittered grid": _jittered,
    "spiral": _spiral,
    "grid": _grid,
}


def run(settings: Settings) -> dict[str, Any]:
    effort, rows = settings.effort, []
    tasks = [(scan, effort.grouped[0], effort.grouped[0]) for scan in SCANS]
    tasks += [("jittered grid", points, points // 10) for points in effort.grouped[1:]]
    for scan, points, groups in tasks:
        progress(f"grouping: {scan}, {points:,} points into {groups:,} groups")
        task = {"scan": scan, "points": points, "groups": groups, "repeats": effort.curve_repeats}
        try:
            rows += measure("grouping", task, settings.device)["rows"]
        except WorkerError as error:
            progress(str(error))
            rows.append({"scan": scan, "points": points, "groups": groups, "status": "failed"})
    return {"rows": rows}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time each strategy in turn with a default tree that is built and asked for as many points."""
    from scipy.spatial import cKDTree

    from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups

    points = SCANS[task["scan"]](task["points"])
    count = task["groups"]
    check_nearest(points)
    seeds = points
    if count < len(points):
        seeds = points[np.random.default_rng(0).choice(len(points), count, replace=False)]

    def grouped(strategy: str) -> Callable[[], object]:
        k = None if strategy in ("nearest", "quadrant") else NEIGHBOURS
        settings = GroupSettings(MEMBERS, count, strategy, k)
        return lambda: make_groups(points, settings)

    actions = {name: grouped(name) for name in STRATEGIES}
    actions["query"] = lambda: cKDTree(points).query(seeds, k=NEIGHBOURS, workers=-1)
    in_turn(actions, 1)  # modules are imported, pages touched
    seconds = in_turn(actions, task["repeats"])
    same = {key: task[key] for key in ("scan", "points", "groups")}
    return {
        "rows": [
            {
                **same,
                "strategy": name,
                "status": "timed",
                "seconds": median(seconds[name]),
                "to_query": ratio(seconds[name], seconds["query"]),
            }
            for name in STRATEGIES
        ]
    }


def check_nearest(points: np.ndarray) -> None:
    """Nothing is timed unchecked: some groups are held against every distance."""
    from ptycho_engine.data.grouping.neighbour_search import Neighbours

    found = Neighbours(points).nearest(np.arange(len(points)), NEIGHBOURS)
    for seed in np.linspace(0, len(points) - 1, CHECKED).astype(np.int64):
        row = found[seed]
        away = points - points[seed]
        squares = away[:, 0] * away[:, 0] + away[:, 1] * away[:, 1]
        if list(row) != list(np.argsort(squares, kind="stable")[:NEIGHBOURS]):
            raise RuntimeError(f"point {seed}: its neighbours are not the nearest")


def per_sample(row: dict[str, Any]) -> float:
    """Nanoseconds of a group, divided by the logarithm of the points: constant in an ideal tree."""
    return 1e9 * row["seconds"] / row["groups"] / math.log2(row["points"])


def report(result: dict[str, Any]) -> str:
    header = ("", "scan", "points", "groups", "ms", "/ query", "ns/(B log2 P)", "")
    rows = []
    for row in result["rows"]:
        same = row["scan"], f"{row['points']:,}", f"{row['groups']:,}"
        if row["status"] != "timed":
            rows.append(("", *same, "-", "-", "-", row["status"]))
            continue
        figures = number(1e3 * row["seconds"]), number(row["to_query"]), number(per_sample(row))
        remark = "out of 25 neighbours" if row["strategy"] == "quadrant" else ""
        rows.append((row["strategy"], *same, *figures, remark))
    title = (
        f"Grouping: P points into B groups of {MEMBERS} out of K = {NEIGHBOURS}, coverage "
        "included;\n/ query: time over that of a default cKDTree, built and asked for K neighbours "
        "of B points by all cores"
    )
    return f"{title}\n\n{format_table(header, rows, left=2)}"
