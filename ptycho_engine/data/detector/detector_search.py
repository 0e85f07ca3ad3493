"""What is found in the frames of a scan: where the beam hits the detector, and hot pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...io.patterns import Patterns
from ...io.scan import Scan
from .detector_frames import AROUND

Floats = NDArray[np.float64]

#: Patterns that are looked at, evenly spread over the scan.
LOOKED_AT = 64


def patterns_of(scan: Scan) -> Patterns:
    """Return the patterns of a scan.

    Raises
    ------
    RequestError
        If it has none.
    """
    if scan.patterns is None:
        raise RequestError(f"{scan.source}: has no patterns. Expected them. Choose another scan.")
    return scan.patterns


def mean_intensity(scan: Scan, count: int = LOOKED_AT) -> Floats:
    """Return the mean of some patterns, evenly spread over the scan.

    Parameters
    ----------
    scan : Scan
        Its patterns are counts, unless they say that they are amplitudes.
    count : int
        How many patterns are read, at most.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Zero where the mask says that a pixel is bad.

    Raises
    ------
    RequestError
        If the scan has no patterns.
    """
    stack = patterns_of(scan)
    if not stack.shape[0]:
        raise RequestError(f"{scan.source}: has no patterns. Expected one at least.")
    if stack.quantity == "amplitude":
        stack = stack.as_quantity("intensity")
    chosen = np.unique(np.linspace(0, stack.shape[0] - 1, max(1, count)).round().astype(int))
    total = np.zeros(stack.shape[1:])
    for index in chosen:
        total += stack.read(int(index), int(index) + 1)[0]
    mean: Floats = total / len(chosen)
    return mean if scan.mask is None else np.where(scan.mask, mean, 0)


def find_centre(scan: Scan, count: int = LOOKED_AT) -> tuple[float, float]:
    """Find where the beam hits the detector: the centre of mass of the mean intensity.

    Parameters
    ----------
    scan : Scan
        A measured scan; its bad pixels count as dark.
    count : int
        How many patterns are read, at most.

    Returns
    -------
    (float, float)
        (y, x) in pixels of the detector, (0, 0) is the centre of the first.

    Raises
    ------
    RequestError
        If the scan has no patterns, or there is no light in them.
    """
    mean = np.maximum(mean_intensity(scan, count), 0)
    mass = mean.sum()
    if not 0 < mass < np.inf:
        raise RequestError(
            f"{scan.source}: the patterns that were looked at sum to {mass:g}, and have no centre. "
            "Expected light in them. Give the centre, or a mask of the bad pixels."
        )
    rows, columns = mean.sum(axis=1), mean.sum(axis=0)
    return float(rows @ np.arange(len(rows)) / mass), float(
        columns @ np.arange(len(columns)) / mass
    )


def find_hot(
    scan: Scan, ratio: float = 10.0, least: float = 1.0, count: int = LOOKED_AT
) -> NDArray[np.bool_]:
    """Find pixels that are brighter than what lies around them.

    A pixel is hot if its mean exceeds both `ratio` times the median of its good neighbours and
    `ratio` times `least`.

    Parameters
    ----------
    scan : Scan
        A measured scan.
    ratio : float
        How much brighter, above 1.
    least : float
        Counts in a pattern below which neighbours count as dark.
    count : int
        How many patterns are read, at most.

    Returns
    -------
    ndarray of bool, shape (H, W)
        True is hot; a pixel that the mask says is bad is not.

    Raises
    ------
    RequestError
        If the scan has no patterns, or a number is none of the above.
    """
    if not (ratio > 1 and least > 0):
        raise RequestError(
            f"hot pixels: received ratio {ratio!r}, least {least!r}. Expected a ratio above 1 and "
            "counts above 0."
        )
    mean = mean_intensity(scan, count)
    good = np.ones(mean.shape, bool) if scan.mask is None else scan.mask
    known: Any = np.pad(np.where(good, mean, np.nan), 1, constant_values=np.nan)
    height, width = mean.shape
    around = np.stack([known[1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in AROUND])
    around = np.sort(around, axis=0)  # (8, H, W), what is not known at the end
    found = np.isfinite(around).sum(axis=0)
    low, high = np.maximum(found - 1, 0) // 2, found // 2
    picked = np.take_along_axis(around, np.stack([low, np.minimum(high, 7)]), axis=0)
    median = np.where(found > 0, picked.mean(axis=0), 0)
    hot: NDArray[np.bool_] = good & (mean > ratio * np.maximum(median, least))
    return hot
