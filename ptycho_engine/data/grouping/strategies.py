"""Strategies that choose among the nearest points of a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .combinations import combinations, count_combinations
from .task import GroupTask, Indices
from .tree import AT_ONCE

Sides = NDArray[np.int8]


@dataclass(frozen=True)
class Nearest:
    """The seed and the C - 1 points nearest to it; ties go to the lower index.

    Nothing but the seeds is drawn, so that there are at most as many groups as points.
    """

    reads_neighbours = False

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, C), the seed first, and seeds (B,)."""
        if task.count > task.points:
            raise RequestError(
                f"count: received {task.count} groups for {task.points} points with "
                "strategy='nearest'. Expected at most one a point. Take strategy='random_of_k' or "
                "'combinations' for more."
            )
        seeds = task.draw_seeds()
        return task.nearest(seeds, task.members), seeds


@dataclass(frozen=True)
class RandomOfK:
    """C of the K points nearest to a seed, every choice as likely; the seed is one of the K.

    A group of one is the seed, unless K is given. Groups about one seed may repeat.
    """

    @staticmethod
    def default_neighbours(members: int) -> int:
        """Return K where the caller does not say."""
        return members + 3 if members > 1 else 1

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, C) by distance from the seed, and seeds (B,)."""
        seeds = task.draw_seeds()  # (S,)
        near = task.nearest(seeds, task.pool)  # (S, K)
        total = count_combinations(task.pool, task.members)
        ranks = np.asarray(task.rng.integers(total, size=task.count))
        chosen = combinations(ranks, task.pool, task.members)  # (B, C)
        if task.count > len(seeds):
            turn = np.arange(task.count) % len(seeds)
            near, seeds = near[turn], seeds[turn]
        return np.take_along_axis(near, chosen, axis=1), seeds


@dataclass(frozen=True)
class Quadrant:
    """One member of each quadrant about a seed, drawn from the K points nearest to it.

    The quadrants are turned into each other by a quarter turn, and hold one half of the axes each,
    so that the four next points of a grid lie in one each. With y downwards:

    ====== ============ ===================
    member quadrant     holds
    ====== ============ ===================
    0      top left     dx < 0 and dy <= 0
    1      top right    dy < 0 and dx >= 0
    2      bottom left  dy > 0 and dx <= 0
    3      bottom right dx > 0 and dy >= 0
    ====== ============ ===================

    The seed is no member, nor is a point in its place. A point that lacks a quadrant among its K
    nearest, as those at the edge of a scan do, is no seed.
    """

    @staticmethod
    def default_neighbours(members: int) -> int:
        """Return K where the caller does not say: a square of 5 x 5 points of a grid."""
        return 25

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, 4) by quadrant, and seeds (B,)."""
        if task.members != 4:
            raise RequestError(
                f"members: received {task.members} with strategy='quadrant'. Expected 4, one of "
                "each quadrant."
            )
        order = np.arange(task.points)
        if not task.sequential and task.count != task.points:
            order = task.rng.permutation(task.points)
        around = _surrounded(task, order)
        turn = np.arange(task.count) % max(1, len(around.seeds))
        found = np.empty((task.count, 4), np.int64)
        step = max(1, AT_ONCE // task.pool)
        for start in range(0, task.count, step):
            around.pick(turn[start : start + step], task.rng, found[start : start + step])
        return found, around.seeds[turn]


@dataclass(frozen=True, eq=False)
class _Surroundings:
    """Seeds (S,), the K points nearest to each, the quadrant of each of these, and their numbers.

    `near` and `sides` have the shape (S, K), -1 standing for no quadrant; `counts` is (S, 4).
    """

    seeds: Indices
    near: Indices
    sides: Sides
    counts: Indices

    @classmethod
    def empty(cls, seeds: int, pool: int) -> _Surroundings:
        """Make room."""
        near, sides = np.empty((seeds, pool), np.int64), np.empty((seeds, pool), np.int8)
        return cls(np.empty(seeds, np.int64), near, sides, np.empty((seeds, 4), np.int64))

    @classmethod
    def of(cls, task: GroupTask, seeds: Indices) -> _Surroundings:
        """Look around some seeds."""
        from .cell_loops import find_quadrants  # imports numba

        near = task.nearest(seeds, task.pool)
        sides, counts = np.empty(near.shape, np.int8), np.empty((len(seeds), 4), np.int64)
        find_quadrants(task.positions, near, seeds, sides, counts)
        return cls(seeds, near, sides, counts)

    def _parts(self) -> tuple[NDArray[Any], ...]:
        return self.seeds, self.near, self.sides, self.counts

    def take(self, other: _Surroundings, rows: Indices, start: int) -> None:
        """Copy rows of others."""
        for own, part in zip(self._parts(), other._parts(), strict=True):
            # Other modes than clip would copy twice; all rows are there.
            np.take(part, rows, axis=0, out=own[start : start + len(rows)], mode="clip")

    def first(self, count: int) -> _Surroundings:
        """Return the first of them."""
        return _Surroundings(*(part[:count] for part in self._parts()))

    def pick(self, rows: Indices, rng: np.random.Generator, out: Indices) -> None:
        """Draw a point of each quadrant about the seeds of some rows, into `out` (B, 4)."""
        from .cell_loops import pick_by_quadrant  # imports numba

        counts = self.counts[rows]
        wanted = np.stack([rng.integers(counts[:, side]) for side in range(4)], axis=1)
        pick_by_quadrant(self.near, self.sides, rows, wanted, out)


def _surrounded(task: GroupTask, order: Indices) -> _Surroundings:
    """Take points in some order as seeds until there are enough with a neighbour on every side."""
    wanted = min(task.count, task.points)
    step = max(1, AT_ONCE // task.pool)
    around = _Surroundings.empty(wanted, task.pool)
    found = start = 0
    while found < wanted and start < task.points:
        stop = start + min(16 + (wanted - found) * 5 // 4, step)  # at the edge of a scan few serve
        seen = _Surroundings.of(task, order[start:stop])
        whole = np.flatnonzero((seen.counts > 0).all(axis=1))[: wanted - found]
        around.take(seen, whole, found)
        found, start = found + len(whole), stop
    if task.count and not found:
        raise RequestError(
            f"positions: none of the {task.points} points has a neighbour in every quadrant among "
            f"its {task.pool} nearest. Expected an area of points. Raise neighbours, or take "
            "strategy='nearest'."
        )
    return around.first(found)
