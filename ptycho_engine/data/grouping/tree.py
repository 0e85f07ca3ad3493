"""The nearest points of some points, in an order that does not depend on the tree that finds them.

Neighbours are ordered by distance, then by index; the point that asks comes first of all. A k-d
tree breaks ties as its nodes happen to lie, and scans on a grid consist of ties: where the last
neighbour that was asked for is as far as the next one, the row is asked again, until all that tie
are known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...kept import kept

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Indices = NDArray[np.int64]
Points = NDArray[np.float64]

#: What differs by less, relative to itself, is sorted by our own arithmetic, not by the tree's.
CLOSE = 1e-12
#: Neighbours that one query may return, and bytes that ordering one of them takes at most.
AT_ONCE, ORDERED_BYTES = 1 << 20, 160
#: Rows that are asked before it is known whether ties are the rule.
FIRST = 2048
#: Points in a leaf, unless more lie in one place: no tree parts those, and a query reads them all.
LEAF = 16


class PointTree:
    """A k-d tree of points, planted when it is first asked.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Finite positions (y, x).
    """

    def __init__(self, points: Points) -> None:
        self._points = points

    def nearest(self, seeds: Indices, count: int) -> Indices:
        """Find the nearest points of some of the points.

        Parameters
        ----------
        seeds : ndarray of int64, shape (S,)
            The points that ask, none twice.
        count : int
            K, how many neighbours, the seed among them: at least 1, at most P.

        Returns
        -------
        ndarray of int64, shape (S, K)
            The seed itself, then the others by distance, those at equal distances by index.
            Distances are compared as ``dy * dy + dx * dx`` in float64.
        """
        points = self._points
        if count == 1 or not len(seeds):
            return seeds[:, None].repeat(count, axis=1)
        if self._crowded:
            remaining = _thinned(points, count)
            if len(remaining) < len(points):
                return _crowded_rows(points, remaining, seeds, count)
        # Neighbouring seeds ask in a row, so that the nodes that they visit are in the caches.
        row = np.full(len(points), -1)
        row[seeds] = np.arange(len(seeds))
        order = row[self._tree.indices]
        order = order[order >= 0]
        found = np.empty((len(seeds), count), np.int64)
        one_more = min(count + 1, len(points))  # shows whether the last one ties
        found[order] = _ask(self._tree, points, seeds[order], count, one_more)
        return found

    @property
    @kept
    def _tree(self) -> cKDTree:
        """The tree: a balanced one takes longer to build than it saves."""
        from scipy.spatial import cKDTree

        return cKDTree(self._points, leafsize=LEAF, balanced_tree=False, compact_nodes=False)

    @property
    @kept
    def _crowded(self) -> bool:
        """Whether a leaf holds more than its share: it then holds one place, many times."""
        y, x = self._points[self._tree.indices].T
        return bool(((y[LEAF:] == y[:-LEAF]) & (x[LEAF:] == x[:-LEAF])).any())


def _ask(tree: cKDTree, points: Points, seeds: Indices, count: int, asked: int) -> Indices:
    """Ask piece by piece; rows that tie are asked for twice as many, until the tie is whole."""
    found = np.empty((len(seeds), count), np.int64)
    start, step = 0, FIRST
    while start < len(seeds):
        piece = seeds[start : start + step]
        near, tied = _query(tree, points, piece, count, asked)
        more = min(2 * asked, len(points))
        if len(tied):
            near[tied] = _ask(tree, points, piece[tied], count, more)
        found[start : start + step] = near
        if 2 * len(tied) > len(piece):  # as on a grid: the next rows will tie too
            asked = more
        start, step = start + step, max(1, AT_ONCE // asked)
    return found


def _query(
    tree: cKDTree, points: Points, seeds: Indices, count: int, asked: int
) -> tuple[Indices, Indices]:
    """Query once; return neighbours (S, K), and the rows whose last one ties with those beyond."""
    distances, indices = tree.query(points[seeds], k=asked, workers=-1)  # (S, asked)
    found: Indices = indices[:, :count].copy()
    reach = distances * (1 + CLOSE)
    close = found[:, 0] != seeds
    # Reducing the short rows would take longer.
    close[np.flatnonzero(distances[:, 1:] <= reach[:, :-1]) // (asked - 1)] = True
    last = reach[:, count - 1]
    tied = (distances[:, -1] <= last) & (asked < len(points))
    settled = np.flatnonzero(close & ~tied)
    if len(settled):
        width = count  # columns in which a row may have what ties with its last
        while width < asked and (distances[settled, width] <= last[settled]).any():
            width += 1
        ranked = _ranked(points, seeds[settled], indices[settled, :width])
        found[settled] = ranked[:, :count]
    return found, np.flatnonzero(tied)


def _ranked(points: Points, seeds: Indices, found: Indices) -> Indices:
    """Sort neighbours (S, K): the seed first, if it is there, then by distance, then by index."""
    found = np.sort(found, axis=1)
    away = points[found] - points[seeds][:, None]  # (S, K, 2)
    squares = away[..., 0] * away[..., 0] + away[..., 1] * away[..., 1]
    squares[found == seeds[:, None]] = -1
    return np.take_along_axis(found, np.argsort(squares, axis=1, kind="stable"), axis=1)


def _by_place(points: Points) -> tuple[Indices, Indices]:
    """Sort points by place, then by index; return that order, and where in it each place begins."""
    order = np.lexsort((points[:, 1], points[:, 0]))  # stable
    placed = points[order]
    new = np.r_[True, (placed[1:] != placed[:-1]).any(axis=1)]
    return order, np.flatnonzero(new)


def _thinned(points: Points, count: int) -> Indices:
    """Return the points that can be neighbours at all: of those in one place, the first `count`."""
    order, starts = _by_place(points)
    sizes = np.diff(np.r_[starts, len(points)])
    within = np.arange(len(points)) - np.repeat(starts, sizes)
    return np.sort(order[within < count])


def _crowded_rows(points: Points, remaining: Indices, seeds: Indices, count: int) -> Indices:
    """Find neighbours among the points that remain, once for each place; seeds come first."""
    order, starts = _by_place(points)
    first = np.empty(len(points), np.int64)  # the first point in the place of each: it remains
    first[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(points)]))
    places, place = np.unique(first[seeds], return_inverse=True)
    own = np.searchsorted(remaining, places)
    near = remaining[PointTree(points[remaining]).nearest(own, count)][place]
    rows = np.concatenate([seeds[:, None], near], axis=1)
    again = rows == seeds[:, None]
    again[:, 0] = False
    return np.take_along_axis(rows, np.argsort(again, axis=1, kind="stable"), axis=1)[:, :count]
