"""The groups of PtychoPINN 712c23f, draw by draw: for results that must be repeated.

The seed point is in none of its groups, unless there are few points, and more groups than points
cover few of them. The other strategies have neither flaw.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .task import GroupTask, Indices

Array = NDArray[Any]

#: The name of the strategy, which alone draws from a RandomState.
LEGACY = "legacy"


@dataclass(frozen=True)
class Legacy:
    """PtychoPINN's draws, from a RandomState, as one seed of it gives them."""

    @staticmethod
    def default_neighbours(members: int) -> int:
        """Return K where the caller does not say."""
        return max(4, members)

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, C), and seeds (B,)."""
        if task.members == 1 and task.count > task.points:
            raise RequestError(
                f"count: received {task.count} groups of one for {task.points} points with "
                "strategy='legacy'. Expected at most one a point."
            )
        oversampled = is_oversampled(task.points, task.members, task.count)
        given = 0 if task.sequential and not oversampled else task.random
        draws = random_state(given) if isinstance(given, int) else given
        points = np.ascontiguousarray(task.positions[:, ::-1])  # its tree splits x first
        return published_groups(
            points, task.members, task.count, task.neighbours, draws, sequential=task.sequential
        )


def random_state(seed: int) -> np.random.RandomState:
    """Return what draws after ``numpy.random.seed``; RequestError if that takes no such seed."""
    if not 0 <= seed < 1 << 32:
        raise RequestError(
            f"seed: received {seed} with strategy='legacy'. Expected a whole number from 0 to "
            f"{(1 << 32) - 1}, as numpy.random.seed takes it."
        )
    return np.random.RandomState(seed)


def is_oversampled(points: int, members: int, count: int) -> bool:
    """Whether so many groups are drawn as combinations."""
    return count > points and members > 1


def published_groups(
    points: Array,
    members: int,
    count: int,
    neighbours: int,
    draws: Any,
    *,
    sequential: bool = False,
) -> tuple[Array, Array]:
    """Draw groups of neighbouring points; the caller has checked the numbers.

    Parameters
    ----------
    points : ndarray, shape (n, 2)
        The points, [x, y].
    members : int
        C, the size of a group, at most n.
    count : int
        Groups wanted. With one member each, there are at most n.
    neighbours : int
        K, at least C: how many neighbours of a seed point its group is drawn from.
    draws : numpy.random.RandomState, Generator, or the module numpy.random
        What draws. The stream is a part of the numbers: no newer generator gives the same groups.
    sequential : bool
        The first points are the seed points.

    Returns
    -------
    groups : ndarray of int32 or int64, shape (B, C)
        Indices of points, in the dtype of the legacy function.
    seeds : ndarray of int64, shape (B,)
        The seed point of each.
    """
    if is_oversampled(len(points), members, count):
        return _oversampled(points, members, count, neighbours, draws, sequential)
    seeds = _seed_points(draws, len(points), min(count, len(points)), sequential)
    if members == 1:
        return seeds[:, None], seeds
    found = _neighbours(points, seeds, neighbours)
    near = found[:, 1:] if found.shape[1] > neighbours else found
    rows = [draws.choice(row, size=members, replace=False) for row in near]
    return np.array(rows, np.int32).reshape(-1, members), seeds


def _oversampled(
    points: Array, members: int, count: int, pool: int, draws: Any, sequential: bool
) -> tuple[Array, Array]:
    """Draw from the combinations of the neighbours of as few points as give enough of them."""
    wanted = min(2 * math.ceil(count / math.comb(pool, members)), len(points))
    seeds = _seed_points(draws, len(points), wanted, sequential)
    near = _neighbours(points, seeds, pool)[:, 1:]
    if near.shape[1] < members:
        near = np.concatenate([seeds[:, None], near], axis=1)
    offered = itertools.chain.from_iterable(itertools.combinations(r, members) for r in near)
    groups: Array = np.array(list(itertools.islice(offered, 2 * count)), np.int64)
    chosen: Array = draws.choice(len(groups), size=count, replace=len(groups) < count)
    return groups[chosen], seeds[chosen // math.comb(near.shape[1], members)]


def _seed_points(draws: Any, count: int, wanted: int, sequential: bool) -> Array:
    if sequential or wanted >= count:
        return np.arange(wanted)
    found: Array = draws.choice(count, size=wanted, replace=False)
    return found


def _neighbours(points: Array, seeds: Array, wanted: int) -> Array:
    """Return the indices of the points nearest to some, themselves among them."""
    from scipy.spatial import cKDTree

    # Among equally near points it is the order of this very tree that legacy groups rest on.
    found: Array = cKDTree(points).query(points[seeds], k=min(wanted + 1, len(points)))[1]
    return found
