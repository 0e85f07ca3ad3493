"""The object that holds all windows at some positions: its shape, found from them."""

from __future__ import annotations

import numpy as np

from ..errors import RequestError
from ..geometry import Positions

#: Rows or columns beyond which a shape that was found is a mistake: positions in other units.
MOST = 2**20


def canvas_shape(positions: Positions, size: int) -> tuple[int, int]:
    """Return the least object, from sample [0, 0] on, that the windows of all positions fit in.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels, finite.
    size : int
        Rows and columns N of a window, from ``p - N // 2`` on; of one that begins between samples
        both neighbours count.

    Returns
    -------
    (int, int)
        Height and width.

    Raises
    ------
    RequestError
        If there are no positions, a window begins before sample [0, 0], or they lie so far away
        that they cannot be in pixels.
    """
    if not len(positions):
        raise RequestError("shape: received none, and no positions to find it from. Expected one.")
    start = np.floor(positions.min(axis=0) - size // 2)
    if (start < 0).any():
        index = int(np.argmin((positions - positions.min(axis=0)).min(axis=1)))
        raise RequestError(
            f"shape: received none, and windows begin before the first sample, at "
            f"{tuple(start.tolist())}; for instance that of position {index}, "
            f"{tuple(positions[index].tolist())}. Expected positions whose windows begin at (0, 0) "
            f"or later. Pass the shape, and what lies outside is left out; or add "
            f"{tuple(np.maximum(-start, 0).tolist())} to the positions."
        )
    end = np.ceil(positions.max(axis=0) - size // 2 + (size - 1)) + 1
    if (end > MOST).any():
        raise RequestError(
            f"shape: received none, and positions reach to {tuple(positions.max(axis=0).tolist())}."
            " Expected object pixels. Convert them, or pass the shape."
        )
    height, width = (int(length) for length in end)
    return height, width
