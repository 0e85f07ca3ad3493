"""How patches change with their positions, compiled by numba: the gradient of positions.

Sums run down the columns of a patch, and across them in double precision at the end: so the loops
are vectorised, and each patch has the same bits whoever computes it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compilation import compiled

Array = NDArray[Any]


@compiled
def add_slopes(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    row_slopes: Array,
    column_slopes: Array,
    cotangent: Array,
    places: Array,
    patches: Array,
    out: Array,
) -> None:
    """Add the gradients of some positions.

    Parameters
    ----------
    image : ndarray, shape (H, k W)
        The padded object, real and imaginary parts interleaved (k = 2) or real (k = 1).
    starts : ndarray of int32, shape (P, 2)
        Row and column of the first sample.
    rows, columns : ndarray, shapes (P, 1, T) and (P, T, 1)
        Weights of the taps along y and x, T of them, an even number.
    row_slopes, column_slopes : ndarray, shapes (P, 1, T) and (P, T, 1)
        Their derivatives by the position.
    cotangent : ndarray, shape (M, N, k N), contiguous
        Gradients of patches.
    places, patches : ndarray of int, shape (m,)
        Where in `cotangent` they stand, and which patches they are of; no patch comes twice.
    out : ndarray of float64, shape (P, 2)
        Receives the sums over samples of cotangent times slope, along y and along x.
    """
    n, width = cotangent.shape[1:]
    sums = np.empty((2, width), image.dtype)
    taps = rows.shape[2]
    k = width // n
    lines = np.empty((2, width + k * (taps - 1)), image.dtype)
    for m in range(len(patches)):
        place, p = places[m], patches[m]
        y, x = starts[p, 0], starts[p, 1] * k
        sums[:] = 0
        if taps == 2:
            two_taps(image, y, x, rows[p, 0], columns[p, :, 0], cotangent[place], sums)
        else:
            for i in range(n):
                window = image[y + i : y + i + taps, x : x + lines.shape[1]]
                blend_rows(window, row_slopes[p, 0], rows[p, 0], lines)
                line = cotangent[place, i]
                for b in range(taps):
                    v, w = columns[p, b, 0], column_slopes[p, b, 0]
                    upper, lower = lines[0, k * b : k * b + width], lines[1, k * b : k * b + width]
                    for q in range(width):
                        sums[0, q] += line[q] * (v * upper[q])
                        sums[1, q] += line[q] * (w * lower[q])
        for axis in range(2):
            total = 0.0
            for q in range(width):
                total += sums[axis, q]
            out[p, axis] += total


@compiled
def two_taps(
    image: Array, y: int, x: int, row: Array, column: Array, cotangent: Array, sums: Array
) -> None:
    """Sum along the columns of one patch; of two taps, whose slopes are -1 and 1."""
    n, width = cotangent.shape
    k = width // n
    v, w = row
    s, t = column
    down, right = sums[0], sums[1]
    for i in range(n):
        line = cotangent[i]
        a, b = image[y + i, x : x + width], image[y + i, x + k : x + k + width]
        c, d = image[y + i + 1, x : x + width], image[y + i + 1, x + k : x + k + width]
        for q in range(width):
            down[q] += line[q] * (s * (c[q] - a[q]) + t * (d[q] - b[q]))
            right[q] += line[q] * (v * (b[q] - a[q]) + w * (d[q] - c[q]))


@compiled
def blend_rows(window: Array, slopes: Array, weights: Array, lines: Array) -> None:
    """Blend the rows of a window (T, S) by their slopes, and by their weights: (2, S)."""
    upper, lower = lines[0], lines[1]
    for a in range(len(weights)):
        v, w = slopes[a], weights[a]
        row = window[a]
        if a == 0:
            for q in range(len(row)):
                upper[q] = v * row[q]
                lower[q] = w * row[q]
        else:
            for q in range(len(row)):
                upper[q] += v * row[q]
                lower[q] += w * row[q]
