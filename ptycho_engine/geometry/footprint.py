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
    height, width = shape
    start = positions - size // 2  # (P, 2)
    first = np.clip(np.ceil(start), 0, shape).astype(np.intp)
    beyond = np.clip(np.floor(start + (size - 1)) + 1, 0, shape).astype(np.intp)
    beyond = np.maximum(beyond, first)
    # Each window adds one where it begins and takes it away where it ends, along both axes.
    counts = np.zeros((height + 1, width + 1), np.int32)
    for rows, sign in ((first[:, 0], 1), (beyond[:, 0], -1)):
        np.add.at(counts, (rows, first[:, 1]), sign)
        np.add.at(counts, (rows, beyond[:, 1]), -sign)
    np.cumsum(counts, axis=0, out=counts)
    np.cumsum(counts, axis=1, out=counts)
    return counts[:height, :width]
