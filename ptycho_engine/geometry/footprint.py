"""Which pixels of an object lie under the windows of a scan, and under how many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .positions import Positions


def footprint(positions: Positions, shape: tuple[int, int], size: int) -> NDArray[np.int32]:
    """Count the windows over each pixel.

    A window of size N at p reaches from ``p - N // 2`` to ``p - N // 2 + N - 1``, borders
    included; a pixel lies under it if its centre does.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels, finite.
    shape : (int, int)
        Height H and width W of the object.
    size : int
        Rows and columns N of a window.

    Returns
    -------
    ndarray of int32, shape (H, W)
        Windows over each pixel.
    """
    start = positions - size // 2  # (P, 2)
    return _counted(np.ceil(start), np.floor(start + (size - 1)) + 1, shape)


def windows_over(positions: Positions, shape: tuple[int, int], size: int) -> NDArray[np.int32]:
    """Count the windows over each pixel, each over as many pixels as it has samples.

    A window of size N at p lies over the N pixels nearest to its samples, along each axis: over
    those whose centre lies from ``p - N // 2 - 1/2`` on, and N further on not any more. `footprint`
    counts those that lie between samples on all sides, which is one less at a fractional position.

    Parameters
    ----------
    positions, shape, size
        As for `footprint`.

    Returns
    -------
    ndarray of int32, shape (H, W)
        Windows over each pixel.
    """
    first = np.ceil(positions - size // 2 - 0.5)  # (P, 2)
    return _counted(first, first + size, shape)


def _counted(
    first: NDArray[np.float64], beyond: NDArray[np.float64], shape: tuple[int, int]
) -> NDArray[np.int32]:
    """Count rectangles of pixels, of which the first and those past the last are given."""
    height, width = shape
    begin = np.clip(first, 0, shape).astype(np.intp)
    end = np.maximum(np.clip(beyond, 0, shape).astype(np.intp), begin)
    # Each window adds one where it begins and takes it away where it ends, along both axes.
    counts = np.zeros((height + 1, width + 1), np.int32)
    for rows, sign in ((begin[:, 0], 1), (end[:, 0], -1)):
        np.add.at(counts, (rows, begin[:, 1]), sign)
        np.add.at(counts, (rows, end[:, 1]), -sign)
    np.cumsum(counts, axis=0, out=counts)
    np.cumsum(counts, axis=1, out=counts)
    return counts[:height, :width]
