"""More groups than points: different combinations of the neighbours of each point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .combinations import combinations, count_combinations
from .task import GroupTask, Indices

#: Groups that are formed at once: what they need stays below some hundred megabytes.
AT_ONCE = 1 << 21


@dataclass(frozen=True)
class Combinations:
    """C of the K points nearest to a seed, no group twice as long as there are others.

    The seeds take turns, so that each has as many groups as any other, or one more, as long as none
    is met twice. Each walks through the numbers of its
    combinations from a random one on, in steps of a random size that has no divisor in common with
    how many there are, so that it meets each once; none is built before it is met. Groups of the
    same members about different seeds count as one, and the first is kept.
    """

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, C) by distance from the seed, and seeds (B,)."""
        seeds = task.draw_seeds()
        if task.pool == task.points:  # every point has all of them around it
            seeds = seeds[:1]
        groups, owners = _distinct_groups(task, seeds)
        if len(groups) < task.count and len(seeds) < task.points > task.pool:
            rest = np.setdiff1d(np.arange(task.points), seeds)
            more = rest if task.sequential else task.rng.permutation(rest)
            groups, owners = _distinct_groups(task, np.concatenate([seeds, more]))
        turn = np.arange(task.count) % max(1, len(groups))  # none is left: they take turns
        return groups[turn], owners[turn]


def _distinct_groups(task: GroupTask, seeds: Indices) -> tuple[Indices, Indices]:
    """Walk from some seeds until there are enough different groups, or no more at all."""
    near = task.nearest(seeds, task.pool)  # (S, K)
    total = count_combinations(task.pool, task.members)
    starts = task.rng.integers(total, size=len(seeds))
    steps = _steps(task.rng, total, len(seeds))
    groups, owners = np.empty((0, task.members), np.int64), np.empty(0, np.int64)
    begun, most = 0, len(seeds) * total
    while len(groups) < task.count and begun < most:
        wanted = task.count - len(groups)
        stop = min(begun + min(max(wanted + wanted // 8 + 64, begun), AT_ONCE), most)
        number = np.arange(begun, stop)
        turn, times = number % len(seeds), number // len(seeds)
        ranks = (starts[turn] + steps[turn] * times) % total
        chosen = combinations(ranks, task.pool, task.members)
        groups = np.concatenate([groups, np.take_along_axis(near[turn], chosen, axis=1)])
        owners = np.concatenate([owners, seeds[turn]])
        kept = _first_of_each(groups)[: task.count]
        groups, owners, begun = groups[kept], owners[kept], stop
    return groups, owners


def _steps(rng: np.random.Generator, total: int, count: int) -> Indices:
    """Draw steps that visit each of `total` numbers before one comes again."""
    largest = max(2, min(total, 1 << 31))  # products with the number of a turn fit 64 bits
    steps = rng.integers(1, largest, size=count)
    while (bad := np.flatnonzero(np.gcd(steps, total) != 1)).size:
        steps[bad] = rng.integers(1, largest, size=len(bad))
    return steps


def _first_of_each(groups: Indices) -> Indices:
    """Return, in order, the rows whose members are those of no earlier row."""
    if not len(groups):
        return np.empty(0, np.int64)
    members = np.sort(groups, axis=1)
    order = np.lexsort(members.T)  # stable: the earliest of equal rows comes first
    placed = members[order]
    new = np.r_[True, (placed[1:] != placed[:-1]).any(axis=1)]
    return np.sort(order[new])
