"""The fields of an item: names, shapes, dtypes, and what a batch of them takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ...display import Shown, Words
from ...memory import format_bytes

Field = Literal[
    "patterns",
    "patches",
    "amplitude",
    "phase",
    "probe",
    "positions",
    "index",
    "scan",
    "scale",
]

#: What an item can hold, and where that comes from.
FIELDS: dict[str, str] = {
    "patterns": "patterns",
    "patches": "object",
    "amplitude": "object",
    "phase": "object",
    "probe": "probe",
    "positions": "positions",
    "index": "numbers",
    "scan": "numbers",
    "scale": "numbers",
}
#: Fields that are made of the complex patches.
OF_PATCHES = ("patches", "amplitude", "phase")


@dataclass(frozen=True)
class Column:
    """One field of an item.

    Attributes
    ----------
    shape : tuple of int
        Of one item.
    dtype : dtype
        Of its values.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def nbytes(self) -> int:
        """Bytes of one item."""
        return math.prod(self.shape) * self.dtype.itemsize

    def with_members(self, members: int | None) -> Column:
        """Return it for a group: channels stand last."""
        return self if members is None else Column((*self.shape, members), self.dtype)


@dataclass(frozen=True, repr=False)
class BatchBytes(Shown):
    """What a batch takes of memory.

    Attributes
    ----------
    size : int
        Items of the batch.
    arrays : dict of str to int
        Bytes of the arrays that are delivered, by field; each counts once.
    workspace : int
        Bytes beside them while they are made.
    """

    size: int
    arrays: Mapping[str, int]
    workspace: int

    @property
    def delivered(self) -> int:
        """Bytes of all arrays that are delivered."""
        return sum(self.arrays.values())

    @property
    def peak(self) -> int:
        """Bytes at most while the batch is made."""
        return self.delivered + self.workspace

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        sizes = {name: Words(format_bytes(count)) for name, count in self.arrays.items()}
        return {"size": self.size, **sizes, "workspace": Words(format_bytes(self.workspace))}
