"""Kernels compiled by numba: windows of the padded object, written in place into the output.

They release the GIL and are called from threads, rather than parallelised by numba, whose thread
pools do not survive forks and may not be entered twice. Compiled code is cached on disk.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

compiled = numba.njit(nogil=True, cache=True, boundscheck=False)


@compiled
def cut_two_taps(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    out: Array,
    members: int,
    first: int,
    last: int,
) -> None:
    """Cut groups of patches with two taps per axis and one weight per tap.

    Parameters
    ----------
    image : ndarray, shape (H, k W)
        The padded object, real and imaginary parts interleaved (k = 2) or real (k = 1).
    starts : ndarray of int32, shape (P, 2)
        Row and column of the first sample.
    rows, columns : ndarray, shape (P, 2)
        Weights of the taps; where one is zero its sample is left out.
    out : ndarray, shape (B, N, k N C)
        Receives the groups, member c of sample j at ``(j * C + c) * k``.
    members : int
        Patches C of a group; 1 for flat patches.
    first, last : int
        The range of groups to cut.
    """
    n = out.shape[1]
    width = out.shape[2] // members
    k = width // n
    row = np.empty(width + k, image.dtype)
    line = np.empty(width, image.dtype)
    for p in range(first * members, last * members):
        y = starts[p, 0]
        x = starts[p, 1] * k
        for i in range(n):
            upper = image[y + i, x : x + width + k]
            lower = image[y + i + 1, x : x + width + k]
            target = out[p // members, i]
            weigh(row, upper, lower, rows[p, 0], rows[p, 1], width + k)
            if members == 1:
                weigh(target, row, row[k:], columns[p, 0], columns[p, 1], width)
            else:
                weigh(line, row, row[k:], columns[p, 0], columns[p, 1], width)
                scatter(target, line, members, p % members, k)


@compiled
def weigh(
    target: Array, one: Array, other: Array, one_weight: float, other_weight: float, count: int
) -> None:
    """Weighted sum of two rows, without the row of weight zero."""
    if other_weight == 0:
        for q in range(count):
            target[q] = one[q]
    elif one_weight == 0:
        for q in range(count):
            target[q] = other[q]
    else:
        for q in range(count):
            target[q] = one_weight * one[q] + other_weight * other[q]


@compiled
def cut_any(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    out: Array,
    members: int,
    spread: bool,
    first: int,
    last: int,
) -> None:
    """Cut groups of patches with any number of taps, and weights for each sample if need be.

    Parameters
    ----------
    image, starts
        As for `cut_two_taps`.
    rows : ndarray, shape (P, 1 or N, T)
        Weights along y, shared by all rows of a patch or one set for each.
    columns : ndarray, shape (P, T, 1 or k N)
        Weights along x, shared by all columns or one set for each number of a row.
    out : ndarray, shape (B, N, k N C)
        Receives the groups, member c of sample j at ``(j * C + c) * k``.
    members : int
        Patches C of a group; 1 for flat patches.
    spread : bool
        Whether samples of weight zero count, so that NaN spreads as in the legacy code.
    first, last : int
        The range of groups to cut.
    """
    n = out.shape[1]
    k = out.shape[2] // (n * members)
    taps = rows.shape[2]
    span = k * (n + taps - 1)
    row = np.empty(span, image.dtype)
    line = np.empty(k * n, image.dtype)
    for g in range(first, last):
        for c in range(members):
            p = g * members + c
            y = starts[p, 0]
            x = starts[p, 1] * k
            for i in range(n):
                weights = rows[p, i if rows.shape[1] > 1 else 0]
                row[:] = 0
                for a in range(taps):
                    if weights[a] != 0 or spread:
                        source = image[y + i + a, x : x + span]
                        for q in range(span):
                            row[q] += weights[a] * source[q]
                line[:] = 0
                for b in range(taps):
                    add_tap(line, row[k * b :], columns[p, b], spread)
                scatter(out[g, i], line, members, c, k)


@compiled
def add_tap(line: Array, source: Array, weights: Array, spread: bool) -> None:
    """Add one tap along x, whose weights are shared or one for each number."""
    if weights.shape[0] > 1:
        for q in range(line.shape[0]):
            line[q] += weights[q] * source[q]
    elif weights[0] != 0 or spread:
        for q in range(line.shape[0]):
            line[q] += weights[0] * source[q]


@compiled
def scatter(target: Array, line: Array, members: int, member: int, k: int) -> None:
    """Write the numbers of one row of one member between those of the others."""
    if k == 1:
        for j in range(line.shape[0]):
            target[j * members + member] = line[j]
    else:
        for j in range(line.shape[0] // 2):
            place = 2 * (j * members + member)
            target[place] = line[2 * j]
            target[place + 1] = line[2 * j + 1]
