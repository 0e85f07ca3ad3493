"""What a grouping strategy is asked for, and what it answers.

A strategy is a dataclass, which an entry point of the group ``ptycho_engine.groupings`` names. Its
fields are its options, and it has

``draw(task)``
    Returns the members of the groups, (B, C) whole numbers, and their seeds, (B,): B and C are the
    task's `count` and `members`.
``default_neighbours(members)``, as a static method, if it wants other than C + 3
    How many neighbours a group is drawn from where the caller does not say.
``reads_neighbours``, false, if it draws from none
    Settings of a job that say how many are refused then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...geometry import Positions
from ...kept import kept
from .neighbour_search import Neighbours
from .subsets import sequential
from .tree import AT_ONCE, ORDERED_BYTES

#: A seed, or what draws: where random numbers come from.
Random = int | np.random.Generator | np.random.RandomState
Indices = NDArray[np.int64]

#: Bytes that a point takes in the tree, a neighbour until it is chosen, a member while it is drawn.
POINT_BYTES, KEPT_BYTES, MEMBER_BYTES = 160, 16, 64


@dataclass(frozen=True, eq=False)
class GroupTask:
    """Groups that are wanted; every number is checked before a strategy sees it.

    Attributes
    ----------
    positions : ndarray of float64, shape (P, 2)
        Finite positions (y, x) in object pixels, at least C of them.
    members : int
        C, the size of a group: 1 or more.
    count : int
        B, how many groups: 0 or more.
    neighbours : int
        K, how many points a group is drawn from: C or more. There may be fewer points than that.
    random : int, numpy.random.Generator or RandomState
        Where draws come from, as it was given; `rng` is the generator that follows from it.
    sequential : bool
        The seeds are the first points, rather than drawn ones.
    """

    positions: Positions
    members: int
    count: int
    neighbours: int
    random: Random
    sequential: bool = False

    @property
    def points(self) -> int:
        """P, how many positions there are."""
        return len(self.positions)

    @property
    def pool(self) -> int:
        """How many points a group is drawn from: K, or all points where there are fewer."""
        return min(self.neighbours, self.points)

    @property
    @kept
    def rng(self) -> np.random.Generator:
        """What draws.

        Raises
        ------
        RequestError
            If a RandomState was given: only the legacy groups are drawn from one.
        """
        if isinstance(self.random, np.random.RandomState):
            raise RequestError(
                "rng: received a RandomState. Expected a seed, or a numpy.random.Generator; "
                "strategy='legacy' alone draws from a RandomState."
            )
        return np.random.default_rng(self.random)

    @property
    def needed_bytes(self) -> int:
        """The most memory that forming the groups takes, beside the positions."""
        seeds = min(self.count, self.points)
        ordered = min(2 * seeds * (self.pool + 1), AT_ONCE)
        return (
            POINT_BYTES * self.points
            + KEPT_BYTES * seeds * self.pool
            + MEMBER_BYTES * self.count * self.members
            + ORDERED_BYTES * ordered
        )

    def nearest(self, seeds: Indices, count: int) -> Indices:
        """Find the points nearest to seeds (S,): (S, count), as `PointTree.nearest` orders them."""
        return self._neighbours.nearest(seeds, count)

    @property
    @kept
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.positions)

    def draw_seeds(self) -> Indices:
        """Draw as many different points as are wanted as seeds: ``min(B, P)``, shape (S,).

        In the order of the scan if all points are seeds once, or the seeds are sequential. Where
        more groups are wanted than there are points, the seeds take turns, in a random order.
        """
        if self.sequential or self.count == self.points:
            return sequential(self.points, self.count)
        if self.count > self.points:
            return self.rng.permutation(self.points)
        return self.rng.choice(self.points, self.count, replace=False)


class Strategy(Protocol):
    """What `draw` of a strategy takes and returns."""

    def draw(self, task: GroupTask) -> tuple[Indices, Indices]:
        """Draw the groups of a task: members (B, C) and seeds (B,)."""
        ...
