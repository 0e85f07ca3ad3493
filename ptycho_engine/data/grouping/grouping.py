"""Groups of neighbouring scan points: sample first, then one query for the sampled points alone."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...culprits import name_culprit
from ...discovery import (
    GROUPING,
    GROUPING_GROUP,
    PluginSource,
    build_options,
    discover,
    find_source,
    load_source,
)
from ...errors import MemoryBudgetError, PluginError, RequestError, at_caller
from ...geometry import Positions
from ...geometry.positions import pairs
from ...memory import format_bytes, parse_bytes
from .groups import Groups
from .task import GroupTask, Indices, Random

#: How many more points than members a group is drawn from, where nobody says.
SPARE = 3
#: Coordinates up to which squares of distances are finite.
FARTHEST = 1e150


def list_strategies() -> tuple[PluginSource, ...]:
    """List the installed strategies by name, from metadata alone; none is imported."""
    return discover(GROUPING_GROUP)


@at_caller
def group(
    positions: ArrayLike,
    members: int,
    count: int,
    *,
    strategy: str = "nearest",
    neighbours: int | None = None,
    rng: Random = 0,
    sequential: bool = False,
    oversampling: bool = False,
    pool_size: int | None = None,
    options: Mapping[str, Any] | None = None,
    memory_budget: int | str | None = None,
) -> Groups:
    """Form groups of neighbouring scan points.

    Parameters
    ----------
    positions : array_like, shape (P, 2)
        Scan positions (y, x) in object pixels.
    members : int
        C, the size of a group.
    count : int
        B, how many groups.
    strategy : str
        Who belongs to a group: ``"nearest"``, ``"random_of_k"``, ``"combinations"``,
        ``"quadrant"``, ``"legacy"``, or what another distribution installs.
    neighbours : int, optional
        K, how many of the points nearest to a seed its group is drawn from, the seed among them;
        by default C + 3, or what the strategy says. All points where there are fewer than K. For a
        strategy that draws from neighbours: ``"nearest"`` does not.
    rng : int, numpy.random.Generator or RandomState
        A seed, or what draws. ``"legacy"`` alone takes a RandomState, and makes one of a seed.
    sequential : bool
        The first points are the seeds, rather than drawn ones.
    oversampling : bool
        Whether there may be more groups than points.
    pool_size : int, optional
        Takes the place of K where there are more groups than points.
    options : mapping of str to object, optional
        Options of the strategy, if it has any.
    memory_budget : int or str, optional
        Most memory that forming groups may take, beside the positions: bytes, or a text such as
        ``"2GiB"``; half of what is free by default.

    Returns
    -------
    Groups
        Members, seeds and coverage. Equal arguments and an equal seed give equal groups.

    Raises
    ------
    RequestError
        If a position is not finite, a number cannot be used or would not be read, or there are too
        few points.
    UnknownPluginError, PluginLoadError, PluginError, ConfigurationError
        If the strategy is unknown, cannot be imported, breaks its contract, or has no such option.
    MemoryBudgetError
        If so many groups do not fit the budget.
    """
    points = check_points(positions)
    members, count = whole_number("members", members, 1), whole_number("count", count, 0)
    if len(points) < members:
        raise RequestError(
            f"positions: received {len(points)} points for groups of {members}. Expected at least "
            "as many points as members."
        )
    source, chosen = load_strategy(strategy, options)
    if count > len(points) and not oversampling:
        raise RequestError(
            f"count: received {count} groups for {len(points)} points. Expected at most one a "
            "point, unless oversampling=True; strategy='combinations' then forms different groups."
        )
    _refuse_unread(chosen, strategy, neighbours=neighbours, pool_size=pool_size)
    wanted = pool_size if pool_size is not None and count > len(points) else neighbours
    if wanted is None:
        wanted = getattr(chosen, "default_neighbours", lambda size: size + SPARE)(members)
    name = "pool_size" if wanted is pool_size is not None else "neighbours"
    task = GroupTask(
        points, members, count, whole_number(name, wanted, members), _random(rng), sequential
    )
    _check_budget(task, parse_bytes(memory_budget))
    return _drawn(task, chosen, source)


def _refuse_unread(chosen: Any, strategy: str, **numbers: int | None) -> None:
    """Refuse numbers of neighbours for a strategy that draws from none."""
    for name, value in numbers.items():
        if value is not None and not getattr(chosen, "reads_neighbours", True):
            raise RequestError(
                f"{name}: received {value!r} with strategy={strategy!r}, which draws from no "
                "neighbours. Expected None, or another strategy, such as 'random_of_k'."
            )


def _check_budget(task: GroupTask, budget: int) -> None:
    if task.needed_bytes > budget:
        raise MemoryBudgetError(
            f"count: {task.count} groups of {task.members} out of {task.neighbours} neighbours "
            f"take up to {format_bytes(task.needed_bytes)}, and the memory budget is "
            f"{format_bytes(budget)}. Expected fewer groups, or raise memory_budget."
        )


def check_points(positions: ArrayLike) -> Positions:
    """Read finite positions (P, 2), as float64; RequestError if there are others."""
    points = pairs(positions, "positions")
    if points.ndim != 2:
        raise RequestError(f"positions: received shape {points.shape}. Expected (P, 2).")
    if not np.isfinite(points).all():
        bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
        raise RequestError(
            f"positions: {len(bad)} of {len(points)} are NaN or infinite, the first at index "
            f"{bad[0]}: {points[bad[0]].tolist()}. Expected finite numbers. Leave them out."
        )
    if points.size and np.abs(points).max() > FARTHEST:
        worst = int(np.argmax(np.abs(points).max(axis=1)))
        raise RequestError(
            f"positions: received {points[worst].tolist()} at index {worst}. Expected at most "
            f"{FARTHEST:g}: squares of distances beyond are no numbers. Leave it out."
        )
    return points


def whole_number(name: str, value: object, least: int) -> int:
    """Read a whole number; truth values are none."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if number < least:
        raise RequestError(f"{name}: received {value!r}. Expected a whole number from {least} on.")
    return number


def _random(rng: Random) -> Random:
    if isinstance(rng, np.random.Generator | np.random.RandomState):
        return rng
    return whole_number("rng", rng, 0)


def load_strategy(name: str, options: Mapping[str, Any] | None) -> tuple[PluginSource, Any]:
    """Find a strategy, import it and make an instance of it."""
    source = find_source(GROUPING, name, list_strategies())
    kind = load_source(GROUPING, source)
    if not (
        isinstance(kind, type)
        and dataclasses.is_dataclass(kind)
        and callable(getattr(kind, "draw", None))
    ):
        raise PluginError(
            f"{GROUPING} {source.name!r} ({source.origin}): received a "
            f"{type(kind).__name__}. Expected a dataclass with draw(task); "
            "ptycho_engine.data.grouping.task says what it takes and returns."
        )
    return source, build_options(f"{GROUPING} {source.name!r}", kind, options)


def _drawn(task: GroupTask, chosen: Any, source: PluginSource) -> Groups:
    """Let a strategy draw, and check what comes back."""
    try:
        indices, seeds = (np.asarray(part) for part in chosen.draw(task))
    except Exception as error:
        name_culprit(error, GROUPING, source)
        raise
    fault = _fault(task, indices, seeds)
    if fault:
        raise PluginError(
            f"{GROUPING} {source.name!r} ({source.origin}): draw returned {fault}. Expected "
            f"indices below {task.points} of shape ({task.count}, {task.members}), no two alike in "
            f"a group, and seeds of shape ({task.count},)."
        )
    return Groups(indices.astype(np.int64), seeds.astype(np.int64), source.name, task.positions)


def _fault(task: GroupTask, indices: Indices, seeds: Indices) -> str:
    """Say what is wrong with an answer; empty if nothing is."""
    shapes = indices.shape, seeds.shape
    if shapes != ((task.count, task.members), (task.count,)):
        return f"shapes {shapes[0]} and {shapes[1]}"
    for part in (indices, seeds):
        if part.dtype.kind not in "iu":
            return f"dtype {part.dtype}"
        if part.size and (part.min() < 0 or part.max() >= task.points):
            return f"indices from {part.min()} to {part.max()}"
    placed = np.sort(indices, axis=1)
    if (placed[:, 1:] == placed[:, :-1]).any():
        return "a point twice in one group"
    return ""
