"""Shares of work for threads: how many threads, and bands of an object's rows."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Numbers up to which threads cost more than they save.
SERIAL = 1 << 18


def equal_bands(
    firsts: NDArray[np.integer[Any]], span: int, height: int, count: int
) -> list[tuple[int, int]]:
    """Divide the rows of an object into bands under which lie about as many rows of patches.

    Parameters
    ----------
    firsts : ndarray of int, shape (P,)
        First rows of the windows, beyond the object too.
    span : int
        Rows of a window.
    height : int
        Rows of the object.
    count : int
        Bands, at most.

    Returns
    -------
    list of (int, int)
        First row of each band and the one after its last, in order; rows under no window may be
        left out.
    """
    if count < 2:
        return [(0, height)]
    edges = np.zeros(height + 1, np.int64)
    np.add.at(edges, np.clip(firsts, 0, height), 1)
    np.add.at(edges, np.clip(firsts + span, 0, height), -1)
    work = np.cumsum(np.cumsum(edges[:height]))  # rows of windows down to each row of the object
    shares = np.arange(1, count) * (work[-1] / count)
    inner = np.searchsorted(work, shares) + 1
    bounds = np.unique(np.clip([0, *inner, height], 0, height)).tolist()
    return list(pairwise(bounds))


def is_worthwhile(numbers: int) -> bool:
    """Whether threads save more than they cost for so many numbers."""
    return numbers > SERIAL
