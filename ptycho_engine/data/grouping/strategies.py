"""Strategies that choose among the nearest points of a seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...geometry import Positions
from .combinations import combinations, count_combinations
from .task import GroupTask, Indices
from .tree import AT_ONCE

Sides = NDArray[np.int8]


@dataclass(frozen=True)
class Nearest:
    """The seed and the C - 1 points nearest to it; ties go to the lower index.

    Nothing but the seeds is drawn, so that there are at most as many groups as points.
    """

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
        near, quadrants, seeds = _surrounded(task, order)
        turn = np.arange(task.count) % max(1, len(seeds))
        found = np.empty((task.count, 4), np.int64)
        step = max(1, AT_ONCE // task.pool)
        for start in range(0, task.count, step):
            rows = turn[start : start + step]
            found[start : start + step] = _one_of_each(near[rows], quadrants[rows], task.rng)
        return found, seeds[turn]


def _one_of_each(near: Indices, quadrants: Sides, rng: np.random.Generator) -> Indices:
    """Draw a point of each quadrant (B, 4) out of points (B, K), whose quadrants are given."""
    found = np.empty((len(near), 4), np.int64)
    for quadrant in range(4):
        inside = quadrants == quadrant
        wanted = rng.integers(inside.sum(axis=1))  # the n-th of those inside
        reached = np.cumsum(inside, axis=1) > wanted[:, None]
        found[:, quadrant] = near[np.arange(len(near)), np.argmax(reached, axis=1)]
    return found


def _surrounded(task: GroupTask, order: Indices) -> tuple[Indices, Sides, Indices]:
    """Take points in some order as seeds until there are enough with a neighbour on every side.

    Returns the nearest points (S, K) of each seed, the quadrant (S, K) of each of them, -1 in the
    seed's own place, and the seeds (S,).
    """
    wanted = min(task.count, task.points)
    step = max(1, AT_ONCE // task.pool)
    none = np.empty((0, task.pool), np.int64)
    parts = [(none, none.astype(np.int8), np.empty(0, np.int64))]
    found = start = 0
    while found < wanted and start < task.points:
        stop = start + min(16 + (wanted - found) * 5 // 4, step)  # at the edge of a scan few serve
        seeds = order[start:stop]
        near = task.nearest(seeds, task.pool)
        quadrants = _quadrants(task.positions[near] - task.positions[seeds][:, None])
        whole = np.all([(quadrants == side).any(axis=1) for side in range(4)], axis=0)
        parts.append((near[whole], quadrants[whole], seeds[whole]))
        found, start = found + int(whole.sum()), stop
    if task.count and not found:
        raise RequestError(
            f"positions: none of the {task.points} points has a neighbour in every quadrant among "
            f"its {task.pool} nearest. Expected an area of points. Raise neighbours, or take "
            "strategy='nearest'."
        )
    near, quadrants, seeds = (np.concatenate(part)[:wanted] for part in zip(*parts, strict=True))
    return near, quadrants, seeds


def _quadrants(away: Positions) -> Sides:
    """Return the quadrants that distances (S, K, 2) from a seed lie in, -1 of none."""
    dy, dx = np.moveaxis(away, -1, 0)
    sides = [(dx < 0) & (dy <= 0), (dy < 0) & (dx >= 0), (dy > 0) & (dx <= 0), (dx > 0) & (dy >= 0)]
    return np.select(sides, [np.int8(side) for side in range(4)], np.int8(-1))
