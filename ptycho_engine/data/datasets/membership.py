"""Which rows of which scan an item is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from .entries import Entry
from .ordering import Indices


class Share(NamedTuple):
    """What some items have of one scan.

    Attributes
    ----------
    scan : int
        Which scan.
    places : slice or ndarray of int64, shape (k,)
        Where those that it has stand among the items.
    rows : ndarray of int64, shape (k,) or (k, C)
        Their rows.
    """

    scan: int
    places: Any
    rows: Indices


@dataclass(frozen=True, eq=False)
class Membership:
    """The rows of all items, scan after scan.

    Attributes
    ----------
    ends : ndarray of int64, shape (scans,)
        Where the items of each scan end.
    groups : tuple of ndarray of int64, shape (B, C), or None
        The members of the items of each scan; None where an item is a row.
    members : int or None
        C, if items are groups.
    """

    ends: Indices
    groups: tuple[Indices, ...] | None
    members: int | None

    @classmethod
    def of(cls, entries: Sequence[Entry], groups: Any) -> Membership:
        """Read what a caller names.

        Raises
        ------
        RequestError
            If groups do not fit the scans.
        """
        stored = {entry.members for entry in entries}
        if groups is None:
            if len(stored) > 1:
                raise RequestError(
                    f"scans: hold groups of {sorted(map(str, stored))} members. Expected one "
                    "number. Make datasets of their own."
                )
            counts = [entry.rows for entry in entries]
            return cls(np.cumsum(counts, dtype=np.int64), None, next(iter(stored), None))
        if stored - {None}:
            raise RequestError("groups: received some, and an output holds groups already.")
        several = groups if len(entries) != 1 or _is_sequence_of_one(groups) else [groups]
        if len(several) != len(entries):
            raise RequestError(
                f"groups: received those of {len(several)} scans. Expected one array (B, C) for "
                f"each of {len(entries)}."
            )
        read = tuple(_read(one, entry) for one, entry in zip(several, entries, strict=True))
        sizes = {one.shape[1] for one in read}
        if len(sizes) > 1:
            raise RequestError(f"groups: of {sorted(sizes)} members. Expected one number.")
        ends = np.cumsum([len(one) for one in read], dtype=np.int64)
        return cls(ends, read, next(iter(sizes), None))

    @property
    def total(self) -> int:
        """Number of all items."""
        return int(self.ends[-1]) if len(self.ends) else 0

    def scans_of(self, items: Indices) -> Indices:
        """Return the scan of each item."""
        return np.searchsorted(self.ends, items, side="right")

    def rows_by_scan(self, items: Indices) -> Iterator[Share]:
        """Share items out among their scans.

        Parameters
        ----------
        items : ndarray of int64, shape (K,)
            Numbers of items, each from 0 to `total` - 1.

        Yields
        ------
        Share
            Of each scan that has some.
        """
        if len(self.ends) == 1:
            yield Share(0, slice(None), self._rows(0, items))
            return
        scans = self.scans_of(items)
        for scan in np.unique(scans).tolist():
            places = np.flatnonzero(scans == scan)
            first = int(self.ends[scan - 1]) if scan else 0
            yield Share(scan, places, self._rows(scan, items[places] - first))

    def _rows(self, scan: int, items: Indices) -> Indices:
        return items if self.groups is None else self.groups[scan][items]


def _is_sequence_of_one(groups: Any) -> bool:
    """Whether it is a list that holds the groups of one scan, rather than these."""
    return isinstance(groups, Sequence) and len(groups) == 1 and _array(groups[0]).ndim == 2


def _array(groups: Any) -> NDArray[Any]:
    """Take the indices of `Groups`, or anything as an array."""
    try:
        return np.asarray(getattr(groups, "indices", groups))
    except ValueError:
        raise RequestError(
            "groups: received rows of different lengths. Expected whole numbers, (B, C): as many "
            "members in each."
        ) from None


def _read(groups: Any, entry: Entry) -> Indices:
    """Read the groups of one scan."""
    found = _array(groups)
    if found.ndim != 2 or found.shape[1] < 1 or found.dtype.kind not in "iu":
        raise RequestError(
            f"groups: received shape {found.shape}, dtype {found.dtype}. Expected whole numbers, "
            "(B, C)."
        )
    if found.size and not 0 <= found.min() <= found.max() < entry.rows:
        raise RequestError(
            f"groups: received points {found.min()} to {found.max()}. Expected 0 to "
            f"{entry.rows - 1}, those of {entry.source}."
        )
    return found.astype(np.int64)
