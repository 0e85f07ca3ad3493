"""Which points of a scan take part: a region, a sample, the first ones.

Each returns indices in ascending order, so that what is made of the points can be traced to the
scan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError, one_of
from ...geometry import Positions

Indices = NDArray[np.int64]
Unit = Literal["pixels", "fraction"]
Bounds = Sequence[float] | None

UNITS = ("pixels", "fraction")


def region(positions: Positions, y: Bounds, x: Bounds, *, unit: Unit = "pixels") -> Indices:
    """Find the positions within bounds, which belong to the region themselves.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels.
    y, x : (float, float) or None
        Lower and upper bound along each axis; None for none.
    unit : {"pixels", "fraction"}
        Whether bounds are coordinates in object pixels, or fractions of the way from the lowest to
        the highest position, as the ``x_bounds`` and ``y_bounds`` of PtychoPINN are.

    Returns
    -------
    ndarray of int64
        Indices of positions.

    Raises
    ------
    RequestError
        As :func:`check_bounds`.
    """
    inside = np.ones(len(positions), bool)
    for along, bounds in zip(positions.T, check_bounds(y, x, unit), strict=True):
        if bounds is None:
            continue
        low, high = bounds
        if unit == "fraction" and len(along):
            low, high = (_part_of_the_way(along.min(), along.max(), part) for part in (low, high))
        inside &= (along >= low) & (along <= high)
    return np.flatnonzero(inside)


def check_bounds(
    y: Bounds, x: Bounds, unit: Unit
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """Read the bounds of a region, which are those of `region`.

    Raises
    ------
    RequestError
        If they are not two finite numbers in ascending order, or fractions beyond 0 and 1, or the
        unit is unknown.
    """
    if unit not in UNITS:
        raise RequestError(one_of("bounds unit", unit, UNITS))
    return _checked("y", y, unit), _checked("x", x, unit)


def _part_of_the_way(least: float, most: float, part: float) -> float:
    """Return what lies a part of the way between two numbers: all of it is the second, exactly."""
    return most if part == 1 else least + part * (most - least)


def _checked(name: str, bounds: Bounds, unit: Unit) -> tuple[float, float] | None:
    if bounds is None:
        return None
    try:
        low, high = (float(bound) for bound in bounds)
    except (TypeError, ValueError):
        low, high = np.inf, -np.inf
    if not -np.inf < low <= high < np.inf:
        raise RequestError(
            f"{name} bounds: received {bounds!r}. Expected a lower and an upper bound, finite and "
            "ascending."
        )
    if unit == "fraction" and not 0 <= low <= high <= 1:
        raise RequestError(
            f"{name} bounds: received {bounds!r}. Expected fractions of the way from the lowest "
            "to the highest position, from 0 to 1. Set groups.bounds_unit=pixels for bounds in "
            "object pixels."
        )
    return low, high


def subsample(
    points: int, wanted: int, rng: np.random.Generator | np.random.RandomState
) -> Indices:
    """Draw points of a scan, none twice; nothing is drawn where all are wanted.

    Parameters
    ----------
    points : int
        P, how many there are.
    wanted : int
        How many take part; all if there are fewer.
    rng : numpy.random.Generator or RandomState
        What draws. PtychoPINN's sample is that of a RandomState.

    Returns
    -------
    ndarray of int64
        Indices in ascending order.

    Raises
    ------
    RequestError
        If fewer than none are wanted.
    """
    if wanted >= points:
        return np.arange(points)
    return np.sort(rng.choice(points, size=_counted(wanted), replace=False))


def sequential(points: int, wanted: int) -> Indices:
    """Take the first points of a scan, all if there are fewer; errors as for `subsample`."""
    return np.arange(min(_counted(wanted), points))


def _counted(wanted: int) -> int:
    if wanted < 0:
        raise RequestError(f"subset: received {wanted} points. Expected zero or more.")
    return wanted
