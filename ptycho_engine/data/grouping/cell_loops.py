"""Compiled loops over points in cells, and over groups; plain functions of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...native.compilation import compiled

Indices = NDArray[np.int64]
Reals = NDArray[np.float64]

#: Of a cell's width: more than rounding can move a point across the border of its cell.
SLACK = 1e-6
#: The quadrant of each pair of signs, (-1, -1), (-1, 0) ... (1, 1) of (dy, dx).
QUADRANTS = np.array([0, 1, 1, 0, -1, 3, 2, 2, 3], np.int8)


@compiled
def sort_into_cells(points: Reals, frame: Reals, shape: Any) -> Any:
    """Sort points by cell, row by row, in each by index.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Positions (y, x).
    frame : ndarray of float64, shape (3,)
        Lowest y, lowest x, and cells in a unit of length.
    shape : (int, int)
        Rows and columns of cells.

    Returns
    -------
    starts : ndarray of int64, shape (cells + 1,)
        Where the points of each cell begin.
    order : ndarray of int64, shape (P,)
        The points, by cell.
    placed : ndarray of float64, shape (P, 2)
        Their positions.
    """
    rows, columns = shape
    cell = np.empty(len(points), np.int64)
    starts = np.zeros(rows * columns + 2, np.int64)
    for k in range(len(points)):
        row = min(int((points[k, 0] - frame[0]) * frame[2]), rows - 1)
        column = min(int((points[k, 1] - frame[1]) * frame[2]), columns - 1)
        cell[k] = row * columns + column
        starts[cell[k] + 2] += 1
    starts = np.cumsum(starts)  # entry c + 1 is where cell c begins, and moves on as it fills
    order = np.empty(len(points), np.int64)
    placed = np.empty((len(points), 2))
    for k in range(len(points)):
        at = starts[cell[k] + 1]
        starts[cell[k] + 1] = at + 1
        order[at] = k
        placed[at, 0], placed[at, 1] = points[k, 0], points[k, 1]
    return starts[:-1], order, placed


@compiled
def _take(
    placed: Reals, order: Indices, begin: int, end: int, own: int, squares: Reals, found: Indices,
    held: int,
) -> int:  # fmt: skip
    """Take a run of points into the nearest found so far, by distance, then by index."""
    y, x = placed[own, 0], placed[own, 1]
    most = len(squares)
    for k in range(begin, end):
        dy, dx = placed[k, 0] - y, placed[k, 1] - x
        square = dy * dy + dx * dx
        if held == most and square > squares[most - 1]:
            continue
        point = order[k]
        if k == own:
            square = -1.0  # the point that asks comes first of all
        if held < most:
            held += 1
        elif square == squares[most - 1] and point > found[most - 1]:
            continue
        at = held - 1
        while at > 0 and (
            squares[at - 1] > square or (squares[at - 1] == square and found[at - 1] > point)
        ):
            squares[at], found[at] = squares[at - 1], found[at - 1]
            at -= 1
        squares[at], found[at] = square, point
    return held


@compiled
def nearest_in_cells(
    placed: Reals, order: Indices, starts: Indices, frame: Reals, shape: Any, slots: Indices,
    rows: Indices, out: Indices,
) -> None:  # fmt: skip
    """Find the nearest points of some points: the cells about each, ring by ring.

    Parameters
    ----------
    placed, order, starts, frame, shape
        What `sort_into_cells` took and returned.
    slots : ndarray of int64, shape (S,)
        The points that ask, as indices of `placed`.
    rows : ndarray of int64, shape (S,)
        Where the answer of each goes.
    out : ndarray of int64, shape (..., K)
        Filled: nearest first, at equal distances by index.
    """
    height, width = shape
    squares = np.empty(out.shape[1])
    for turn in range(len(slots)):
        own, found = slots[turn], out[rows[turn]]
        v, u = (placed[own, 0] - frame[0]) * frame[2], (placed[own, 1] - frame[1]) * frame[2]
        row, column = min(int(v), height - 1), min(int(u), width - 1)
        held, reach = 0, 1
        for r in range(max(row - 1, 0), min(row + 2, height)):
            begin = starts[r * width + max(column - 1, 0)]
            end = starts[r * width + min(column + 2, width)]
            held = _take(placed, order, begin, end, own, squares, found, held)
        while True:
            # How far away what lies beyond these cells is at least, on each side, in cells.
            up = v - (row - reach) if row > reach else np.inf
            down = row + reach + 1 - v if row + reach + 1 < height else np.inf
            left = u - (column - reach) if column > reach else np.inf
            right = column + reach + 1 - u if column + reach + 1 < width else np.inf
            least = min(min(up, down), min(left, right))
            farthest = np.inf
            if held == len(squares):
                # In cells; what is farther than this is no neighbour.
                farthest = np.sqrt(squares[held - 1]) * frame[2] + SLACK
            if least == np.inf or least > farthest:
                break
            reach += 1
            first, last = max(column - reach, 0), min(column + reach + 1, width)
            if up <= farthest and row >= reach:
                base = (row - reach) * width
                held = _take(
                    placed, order, starts[base + first], starts[base + last], own, squares, found,
                    held,
                )  # fmt: skip
            if down <= farthest and row + reach < height:
                base = (row + reach) * width
                held = _take(
                    placed, order, starts[base + first], starts[base + last], own, squares, found,
                    held,
                )  # fmt: skip
            for r in range(max(row - reach + 1, 0), min(row + reach, height)):
                if left <= farthest and column >= reach:
                    at = r * width + column - reach
                    held = _take(
                        placed, order, starts[at], starts[at + 1], own, squares, found, held
                    )
                if right <= farthest and column + reach < width:
                    at = r * width + column + reach
                    held = _take(
                        placed, order, starts[at], starts[at + 1], own, squares, found, held
                    )


@compiled
def find_quadrants(
    points: Reals, near: Indices, seeds: Indices, sides: Any, counts: Indices
) -> None:
    """Say in which quadrant about its seed each point lies, and how many lie in each.

    Parameters
    ----------
    points : ndarray of float64, shape (P, 2)
        Positions (y, x).
    near : ndarray of int64, shape (S, K)
        Points about each seed.
    seeds : ndarray of int64, shape (S,)
        The seeds.
    sides : ndarray of int8, shape (S, K)
        Filled: 0 top left, 1 top right, 2 bottom left, 3 bottom right, y downwards; -1 in the
        seed's own place.
    counts : ndarray of int64, shape (S, 4)
        Filled: the points of each quadrant.
    """
    for s in range(len(seeds)):
        y, x = points[seeds[s], 0], points[seeds[s], 1]
        found = np.zeros(5, np.int64)
        for k in range(near.shape[1]):
            dy, dx = points[near[s, k], 0] - y, points[near[s, k], 1] - x
            # Signs are looked up: branches that nothing foretells would take three times as long.
            side = QUADRANTS[3 * ((dy > 0) - (dy < 0)) + (dx > 0) - (dx < 0) + 4]
            sides[s, k] = side
            found[side] += 1  # the seed's own place counts last
        counts[s] = found[:4]


@compiled
def pick_by_quadrant(
    near: Indices, sides: Any, rows: Indices, wanted: Indices, out: Indices
) -> None:
    """Take of each quadrant about some seeds the point of a given number.

    Parameters
    ----------
    near, sides
        As for `find_quadrants`.
    rows : ndarray of int64, shape (B,)
        Which rows of them.
    wanted : ndarray of int64, shape (B, 4)
        Which of the points of each quadrant, below their number.
    out : ndarray of int64, shape (B, 4)
        Filled.
    """
    for b in range(len(rows)):
        passed = np.zeros(4, np.int64)
        for k in range(near.shape[1]):
            side = sides[rows[b], k]
            if side >= 0:
                if passed[side] == wanted[b, side]:
                    out[b, side] = near[rows[b], k]
                passed[side] += 1
