"""Training and test data of one scan that share no pixel of the object."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...geometry import Positions
from ...geometry.cut import Cut
from .contents import Contents
from .membership import Share
from .ordering import is_number

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Region:
    """A part of the object, in object pixels: rows and columns from the first to before the last.

    Attributes
    ----------
    top, left, bottom, right : float
        Its edges; infinite where it has none.

    Raises
    ------
    RequestError
        If it is empty.
    """

    top: float = -np.inf
    left: float = -np.inf
    bottom: float = np.inf
    right: float = np.inf

    def __post_init__(self) -> None:
        if not (self.top < self.bottom and self.left < self.right):
            raise RequestError(
                f"region: received rows {self.top} to {self.bottom}, columns {self.left} to "
                f"{self.right}. Expected some of each."
            )

    @classmethod
    def of_share(cls, positions: Positions, share: float, axis: str = "y") -> Region:
        """Return the end of a scan that holds a share of its positions.

        Parameters
        ----------
        positions : ndarray of float64, shape (P, 2)
            Positions (y, x), in object pixels.
        share : float
            Between 0 and 1.
        axis : {"y", "x"}
            Along which it is the end: of the rows, or of the columns.

        Raises
        ------
        RequestError
            If the share or the axis is none.
        """
        if not (is_number(share) and 0 < share < 1 and axis in ("y", "x")):
            raise RequestError(
                f"share: received {share!r} along {axis!r}. Expected a number between 0 and 1, "
                'along "y" or "x".'
            )
        column = positions[:, "yx".index(axis)]
        edge = float(np.rint(np.quantile(column, 1 - share))) if len(column) else 0.0
        return cls(top=edge) if axis == "y" else cls(left=edge)


def touched(
    positions: Positions, cut: Cut, object_size: tuple[int, int] | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the first and the last pixel of the object that each patch is made of.

    Parameters
    ----------
    positions : ndarray of float64, shape (..., 2)
        Positions (y, x), in object pixels.
    cut : Cut
        What is cut there.
    object_size : (int, int), optional
        Height and width of the object, for fills that continue it by its own samples.

    Returns
    -------
    first, last : ndarray of float64, shape (..., 2)
        Rows and columns, both included: all that have weight, and a few that have none.
    """
    spare = cut.rounding == "legacy"  # it may take the neighbour of the nearest pixel
    start = np.floor(positions) - cut.patch_size // 2
    between = positions != np.floor(positions)  # a whole position gives a copy
    first = start - cut.before * between - spare
    last = start + cut.patch_size - 1 + cut.after * between + spare
    if cut.fill in ("zeros", "error") or object_size is None:
        return first, last
    most = np.array(object_size) - 1.0
    if cut.fill == "reflect":  # rows above the object are those below its first one
        before, beyond = first < 0, last > most
        first, last = (
            np.where(beyond, np.minimum(first, 2 * most - last), first),
            np.where(before, np.maximum(last, -first), last),
        )
    return first.clip(0, most), last.clip(0, most)


def sides(
    positions: Positions, cut: Cut, object_size: tuple[int, int] | None, region: Region
) -> tuple[Flags, Flags]:
    """Tell which items lie in a region, and which wholly outside.

    Parameters
    ----------
    positions : ndarray of float64, shape (B, 2) or (B, C, 2)
        Of items, or of the members of groups.
    cut, object_size
        As for `touched`.
    region : Region
        The region.

    Returns
    -------
    inside, outside : ndarray of bool, shape (B,)
        Whether all pixels that the item is made of are in the region, or none; neither of items
        that straddle its edge.
    """
    first, last = touched(positions, cut, object_size)
    start = np.array([region.top, region.left])
    stop = np.array([region.bottom, region.right])
    within: Flags = np.all((first >= start) & (last < stop), axis=-1)
    apart: Flags = np.any((last < start) | (first >= stop), axis=-1)
    if within.ndim == 1:
        return within, apart
    return np.all(within, axis=1), np.all(apart, axis=1)  # of a group all members


def shown(contents: Contents, *, patterns: bool) -> Cut:
    """Return what is cut, as wide as the window that an item shows: its patch, or its pattern.

    Patterns are made of the object under all of the probe; where that is not known, it is as many
    samples wide as they are.
    """
    cut, pattern, probe = contents.cut, contents.pattern, contents.probe
    if not patterns or pattern is None:
        return cut
    sides = pattern.shape[:2] if probe is None else probe.shape[-2:]
    return replace(cut, patch_size=max(cut.patch_size, *sides))


def divide(
    shares: Iterable[tuple[Share, Contents]],
    count: int,
    test: Region | float,
    axis: str,
    *,
    patterns: bool,
) -> tuple[Flags, Flags, list[Region]]:
    """Tell of each item of a dataset whether it is for testing, and whether for training.

    Parameters
    ----------
    shares : iterable of (Share, Contents)
        The items of each scan, and the scan.
    count : int
        How many items there are.
    test, axis
        The region, or the share of each scan, as for ``PatchDataset.split``.
    patterns : bool
        Whether items hold patterns beside patches.

    Returns
    -------
    inside, outside : ndarray of bool, shape (count,)
        As `sides`.
    regions : list of Region
        That of each scan.
    """
    inside, outside = np.zeros(count, bool), np.zeros(count, bool)
    regions = []
    for share, contents in shares:
        positions = contents.positions(share.rows)
        region = test
        if not isinstance(region, Region):
            region = Region.of_share(positions.reshape(-1, 2), region, axis)
        regions.append(region)
        windows = contents.windows(share.rows)
        cut = shown(contents, patterns=patterns)
        found = sides(windows, cut, contents.object_size, region)
        inside[share.places], outside[share.places] = found
    return inside, outside, regions
