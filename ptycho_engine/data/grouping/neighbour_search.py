"""The nearest points of some points: in cells where points lie evenly, else in a tree.

Both give the same: the point that asks, then the others by distance, then by index.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import MissingExtraError, PluginLoadError
from ...kept import kept
from ...workers import POOL_SIZE, share
from .tree import PointTree

Indices = NDArray[np.int64]
Points = NDArray[np.float64]

#: Points that ask, from which on cells are worth the import of a compiler.
LEAST = 10_000
#: Neighbours up to which cells are faster.
MOST = 64
#: Points of a cell in the mean, for each neighbour that is asked for.
SHARE = 0.1
#: How many points share a cell with one, in the mean: more of them, and some cells are crowded.
CROWD = 8
#: Spans of which squares are finite, and are no zeros.
SPANS = 1e-100, 1e100
#: Points that a thread asks for at a time.
PIECE = 4096


class Neighbours:
    """Finds the nearest points of points.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Finite positions (y, x).
    """

    def __init__(self, points: Points) -> None:
        self._points = points
        self._cells: dict[int, Cells | None] = {}

    def nearest(self, seeds: Indices, count: int) -> Indices:
        """Find the nearest points of some points, as `PointTree.nearest` defines them.

        Parameters
        ----------
        seeds : ndarray of int64, shape (S,)
            The points that ask, none twice.
        count : int
            K, how many neighbours, the seed among them: at least 1, at most P.

        Returns
        -------
        ndarray of int64, shape (S, K)
        """
        if count not in self._cells and len(seeds) >= LEAST and 1 < count <= MOST:
            self._cells[count] = Cells.of(self._points, count)
        cells = self._cells.get(count)
        return (cells or self._tree).nearest(seeds, count)

    @property
    @kept
    def _tree(self) -> PointTree:
        return PointTree(self._points)


class Cells:
    """Points sorted into square cells, of which a search looks at the nearest ones alone.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Finite positions (y, x).
    frame : ndarray of float64, shape (3,)
        Lowest y, lowest x, and cells in a unit of length.
    shape : (int, int)
        Rows and columns of cells.
    """

    def __init__(self, points: Points, frame: Points, shape: tuple[int, int]) -> None:
        from . import cell_loops  # imports numba

        self._loops = cell_loops
        self._frame, self._shape = frame, shape
        self._starts, self._order, self._placed = cell_loops.sort_into_cells(points, frame, shape)

    @classmethod
    def of(cls, points: Points, count: int) -> Cells | None:
        """Sort points; None where a tree serves better, since they are crowded, or in one place.

        Parameters
        ----------
        points : ndarray of float64, shape (P, 2)
            Finite positions (y, x).
        count : int
            K, how many neighbours will be asked for.
        """
        low = points.min(axis=0)
        spans = points.max(axis=0) - low
        if not SPANS[0] < spans.max() < SPANS[1]:
            return None
        wanted = len(points) / max(1.0, SHARE * count)
        side = max(math.sqrt(spans[0] / wanted * spans[1]), spans.max() / wanted)
        rows, columns = (int(span / side) + 1 for span in spans)
        try:
            cells = cls(points, np.array([*low, 1 / side]), (rows, columns))
        except (MissingExtraError, PluginLoadError):  # numba cannot be had
            return None
        shared = np.diff(cells._starts)
        crowd = float(shared @ shared) / len(points)
        return cells if crowd <= CROWD * max(1.0, SHARE * count) else None

    def nearest(self, seeds: Indices, count: int) -> Indices:
        """Find the nearest points of some points, as `PointTree.nearest` defines them."""
        row = np.full(len(self._order), -1)
        row[seeds] = np.arange(len(seeds))
        rows = row[self._order]  # neighbouring seeds ask in a row: their cells are in the caches
        slots = np.flatnonzero(rows >= 0)
        found = np.empty((len(seeds), count), np.int64)
        pieces = [slots[at : at + PIECE] for at in range(0, len(slots), PIECE)]
        share(partial(self._ask, rows, found), pieces, POOL_SIZE)
        return found

    def _ask(self, rows: Indices, found: Indices, slots: Indices) -> Any:
        loop = self._loops.nearest_in_cells
        placed, order, starts = self._placed, self._order, self._starts
        loop(placed, order, starts, self._frame, self._shape, slots, rows[slots], found)
