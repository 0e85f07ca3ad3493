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

if TYPE_CHECKING:
    from scipy.spatial import cKDTree

Indices = NDArray[np.int64]
Points = NDArray[np.float64]

#: What differs by less, relative to itself, is sorted by our own arithmetic, not by the tree's.
CLOSE = 1e-12
#: Neighbours that one query may return: 128 MB of distances and indices.
AT_ONCE = 1 << 23
#: Points in a leaf, unless more lie in one place: no tree parts those, and a query reads them all.
LEAF = 16


def nearest(points: Points, seeds: Indices, count: int) -> Indices:
    """Find the nearest points of some of the points.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Finite positions (y, x).
    seeds : ndarray of int64, shape (S,)
        The points that ask, none twice.
    count : int
        K, how many neighbours, the seed among them: at least 1, at most P.

    Returns
    -------
    ndarray of int64, shape (S, K)
        The seed itself, then the others by distance, those at equal distances by index. Distances
        are compared as ``dy * dy + dx * dx`` in float64.
    """
    if count == 1 or not len(seeds):
        return seeds[:, None].repeat(count, axis=1)
    tree = _plant(points)
    if _is_crowded(points, tree):
        kept = _thinned(points, count)
        if len(kept) < len(points):
            return _crowded_rows(points, kept, seeds, count)
    # Neighbouring seeds ask in a row, so that the nodes that they visit are in the caches.
    row = np.full(len(points), -1)
    row[seeds] = np.arange(len(seeds))
    order = row[tree.indices]
    order = order[order >= 0]
    found = np.empty((len(seeds), count), np.int64)
    asked = min(count + 1, len(points))  # one more shows whether the last one ties
    step = max(1, AT_ONCE // asked)
    for start in range(0, len(seeds), step):
        rows = order[start : start + step]
        found[rows] = _nearest_rows(tree, points, seeds[rows], count, asked)
    return found


def _plant(points: Points) -> cKDTree:
    """Build a tree quickly: a balanced one takes longer to build than it saves."""
    from scipy.spatial import cKDTree

    return cKDTree(points, leafsize=LEAF, balanced_tree=False, compact_nodes=False)


def _is_crowded(points: Points, tree: cKDTree) -> bool:
    """Whether a leaf holds more than its share: it then holds one place, many times."""
    y, x = points[tree.indices].T
    return bool(((y[LEAF:] == y[:-LEAF]) & (x[LEAF:] == x[:-LEAF])).any())


def _nearest_rows(tree: cKDTree, points: Points, seeds: Indices, count: int, asked: int) -> Indices:
    distances, indices = tree.query(points[seeds], k=asked, workers=-1)  # (S, K + 1)
    found: Indices = indices[:, :count].copy()
    reach = distances * (1 + CLOSE)
    close = found[:, 0] != seeds
    # Reducing the short rows would take longer.
    close[np.flatnonzero(distances[:, 1:] <= reach[:, :-1]) // (asked - 1)] = True
    open_ended = (distances[:, -1] <= reach[:, count - 1]) & (asked < len(points))
    settled = np.flatnonzero(close & ~open_ended)
    if len(settled):
        found[settled] = _ranked(points, seeds[settled], indices[settled])[:, :count]
    rows = np.flatnonzero(open_ended)
    if len(rows):
        found[rows] = _tied_rows(tree, points, seeds[rows], count, asked)
    return found


def _tied_rows(tree: cKDTree, points: Points, seeds: Indices, count: int, asked: int) -> Indices:
    """Ask for twice as many neighbours until all that tie with the last one are among them."""
    more = min(2 * asked, len(points))
    found = np.empty((len(seeds), count), np.int64)
    step = max(1, AT_ONCE // more)
    for start in range(0, len(seeds), step):
        rows = slice(start, start + step)
        found[rows] = _nearest_rows(tree, points, seeds[rows], count, more)
    return found


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


def _crowded_rows(points: Points, kept: Indices, seeds: Indices, count: int) -> Indices:
    """Find neighbours among the points that are kept, once for each place; seeds come first."""
    order, starts = _by_place(points)
    first = np.empty(len(points), np.int64)  # the first point in the place of each: it is kept
    first[order] = np.repeat(order[starts], np.diff(np.r_[starts, len(points)]))
    places, place = np.unique(first[seeds], return_inverse=True)
    near = kept[nearest(points[kept], np.searchsorted(kept, places), count)][place]
    rows = np.concatenate([seeds[:, None], near], axis=1)
    again = rows == seeds[:, None]
    again[:, 0] = False
    return np.take_along_axis(rows, np.argsort(again, axis=1, kind="stable"), axis=1)[:, :count]
