"""How many windows lie over each place of a view, whatever lies beyond it.

Examples
--------
>>> view = View((0, 0), -0.5, 3.5, 1.5, -0.5, 0)
>>> counts, _ = window_counts(np.array([[0.0, 1.0], [1.0, 2.5]]), 2, view)
>>> counts
array([[1. , 1.5, 1. , 0.5],
       [0. , 0.5, 1. , 0.5]])
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .views import View

Array = np.ndarray[Any, Any]
#: Left, right, bottom and top edge, in object pixels.
Extent = tuple[float, float, float, float]

#: Cells along the longer side of a view.
CELLS = 400
#: Positions at a time: their corners take some megabytes.
BLOCK = 65_536


def window_counts(positions: Array, size: int, view: View) -> tuple[Array, Extent]:
    """Count the windows over each cell of a view: their mean number over its area.

    A window of size N at p covers what lies between ``p - N // 2 - 1/2`` and N further on, as its
    frame is drawn.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Positions (y, x), in object pixels.
    size : int
        Rows and columns N of a window.
    view : View
        Where they are counted.

    Returns
    -------
    counts : ndarray of float64, shape (h, w)
        Windows over each cell. A cell is a pixel; or a square of several, where the view is large.
    extent : (float, float, float, float)
        Left, right, bottom and top edge of the cells, in object pixels.
    """
    low = np.floor(np.array([view.top, view.left]) + 0.5) - 0.5  # borders of pixels
    sides = np.array([view.bottom, view.right]) - low
    step = max(1.0, float(sides.max()) / CELLS)
    height, width = (int(cells) for cells in np.maximum(np.ceil(sides / step), 1))
    # How a count differs from that of the cell before it, along both axes. Beyond the last cell
    # there is room for where windows end.
    steps = np.zeros((height + 2) * (width + 2))
    for start in range(0, len(positions), BLOCK):
        corners = (positions[start : start + BLOCK] - size // 2 - 0.5 - low) / step  # (B, 2)
        rows, columns = (
            _edges(corners[:, i], size / step, n) for i, n in enumerate((height, width))
        )
        for row, up in rows:
            for column, across in columns:
                steps += np.bincount(row * (width + 2) + column, up * across, len(steps))
    counts = steps.reshape(height + 2, width + 2).cumsum(axis=0).cumsum(axis=1)[:height, :width]
    top, left = low.tolist()
    return counts, (left, left + width * step, top + height * step, top)


def _edges(begins: Array, length: float, cells: int) -> list[tuple[Array, Array]]:
    """Return cells where windows begin or end along an axis, and by how much counts change there.

    An edge inside a cell changes its count by the share of the cell behind it, and the rest comes
    with the next cell.
    """
    found = []
    for edges, sign in ((begins, 1.0), (begins + length, -1.0)):
        inside = np.clip(edges, 0, cells)
        cell = np.floor(inside).astype(np.intp)
        share = inside - cell
        found += [(cell, sign * (1 - share)), (cell + 1, sign * share)]
    return found
