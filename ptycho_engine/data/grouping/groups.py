"""Groups of scan positions, and how well they cover the scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...display import Shown, Words
from ...geometry import Positions
from ...kept import kept

Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class Coverage(Shown):
    """How groups cover a scan.

    Attributes
    ----------
    uses : ndarray of int64, shape (P,)
        How many groups hold each point of the scan.
    extents : ndarray of float64, shape (B, 2)
        Height and width of the box around the positions of each group, in object pixels.
    """

    uses: Indices
    extents: NDArray[np.float64]

    @property
    def used(self) -> int:
        """How many points of the scan are in a group."""
        return int(np.count_nonzero(self.uses))

    @property
    def share(self) -> float:
        """The share of the points that are in a group, from 0 to 1; 0 of an empty scan."""
        return self.used / len(self.uses) if len(self.uses) else 0.0

    @property
    def histogram(self) -> Indices:
        """Points by use: entry n counts the points that are in n groups."""
        return np.bincount(self.uses, minlength=1)

    def records(self) -> dict[str, Any]:
        """Return what provenance keeps: numbers and lists of them, as JSON takes them.

        Returns
        -------
        dict of str to object
            ``points``, ``used``, ``share``, ``groups``; ``uses``: least, mean and most uses of a
            point; ``extent_pixels``: median and largest height or width of a group.
        """
        sides = np.maximum(*self.extents.T) if len(self.extents) else np.zeros(1)
        uses = self.uses if len(self.uses) else np.zeros(1)
        return {
            "points": len(self.uses),
            "used": self.used,
            "share": round(self.share, 6),
            "groups": len(self.extents),
            "uses": [int(uses.min()), round(float(uses.mean()), 3), int(uses.max())],
            "extent_pixels": [round(float(np.median(sides)), 3), round(float(sides.max()), 3)],
        }

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        return {name: Words(value) for name, value in self.records().items()}


@dataclass(frozen=True, eq=False, repr=False)
class Groups(Shown):
    """Groups of scan points. Members stand at their true positions.

    Attributes
    ----------
    indices : ndarray of int64, shape (B, C)
        The members of each group, as indices of the scan's points.
    seeds : ndarray of int64, shape (B,)
        The point about which each group was formed; it need not be a member.
    strategy : str
        The strategy that formed them.
    positions : ndarray of float64, shape (P, 2)
        Every position of the scan (y, x), in object pixels.
    sample : ndarray of int64, or None
        The points that were drawn to take part, in ascending order; None if all may.
    """

    indices: Indices
    seeds: Indices
    strategy: str
    positions: Positions
    sample: Indices | None = None

    def __len__(self) -> int:
        """Count the groups."""
        return len(self.indices)

    @property
    def members(self) -> Positions:
        """Positions of the members (y, x): (B, C, 2), as ``Engine.extract`` takes them."""
        return self.positions[self.indices]

    @property
    def centres(self) -> Positions:
        """The mean of the members' positions: (B, 2)."""
        found: Positions = self.members.mean(axis=1)
        return found

    @property
    def relative(self) -> Positions:
        """Positions of the members less the centre of their group: (B, C, 2)."""
        members = self.members
        found: Positions = members - members.mean(axis=1, keepdims=True)
        return found

    @property
    @kept
    def coverage(self) -> Coverage:
        """How the groups cover the scan."""
        uses = np.bincount(self.indices.reshape(-1), minlength=len(self.positions))
        members = self.positions[self.indices.T]  # (C, B, 2), whose reduction is the faster
        return Coverage(uses, members.max(axis=0) - members.min(axis=0))

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        groups, members = self.indices.shape
        return {"groups": groups, "members": members, "strategy": self.strategy}
