"""Patches added onto an object, compiled by numba: the adjoint of `ptycho_engine.native.kernels`.

A call adds to the rows of one band of the object. It goes through the patches in an order that all
calls share, and updates each row of the object once for a patch, in an expression that does not
depend on the band: so every sample is summed in the same order, however many bands there are.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compilation import compiled
from .intrinsics import prefetch

Array = NDArray[Any]

#: Bytes that are fetched together.
CACHE_LINE = 64


@compiled
def scatter(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    groups: Array,
    members: int,
    order: Array,
    top: int,
    bottom: int,
) -> None:
    """Add groups of patches to the rows `top` to `bottom` of an object.

    Parameters
    ----------
    image : ndarray, shape (H, k W), contiguous
        The object, real and imaginary parts interleaved (k = 2) or real (k = 1). What patches hold
        beyond its borders is dropped.
    starts : ndarray of int32, shape (P, 2)
        Row and column of the first sample.
    rows, columns : ndarray, shapes (P, 1, T) and (P, T, 1)
        Weights of the taps along y and x, T of them, an even number.
    groups : ndarray, shape (B, N, N C), contiguous
        The groups, member c of sample j at ``j * C + c``; complex if k = 2.
    members : int
        Patches C of a group; 1 for flat patches.
    order : ndarray of int, shape (B,)
        The groups, in the order in which they are added.
    top, bottom : int
        The band.
    """
    n, reach = groups.shape[1], groups.shape[1] + rows.shape[2] - 1
    if members == 1:
        scatter_flat(image, starts, rows, columns, groups, 0, order, top, bottom)
        return
    apart = np.empty((members, n, n), groups.dtype)
    for c in range(len(order)):
        g = order[c]
        first = g * members
        patches = np.arange(first, first + members)
        low, high = n, 0  # rows of patches that the band needs
        for p in patches:
            low = min(low, max(top - starts[p, 0] - rows.shape[2] + 1, 0))
            if starts[p, 0] + reach > top:
                high = max(high, min(bottom - starts[p, 0], n))
        if low < high:
            take_apart(groups, g, order[min(c + 1, len(order) - 1)], low, high, apart)
            scatter_flat(image, starts, rows, columns, apart, first, patches, top, bottom)


@compiled
def take_apart(groups: Array, g: int, later: int, low: int, high: int, apart: Array) -> None:
    """Copy rows `low` to `high` of group g as (C, N, N); meanwhile fetch those of a later group."""
    members, n = apart.shape[:2]
    step = max(CACHE_LINE // groups.itemsize, 1)
    four = members // 4 * 4
    for i in range(low, high):
        line, next_line = groups[g, i], groups[later, i]
        for j in range(0, n * members, step):
            prefetch(next_line, j)
        for c in range(0, four, 4):
            p, q, r, s = apart[c, i], apart[c + 1, i], apart[c + 2, i], apart[c + 3, i]
            for j in range(n):
                at = j * members + c
                p[j] = line[at]
                q[j] = line[at + 1]
                r[j] = line[at + 2]
                s[j] = line[at + 3]
        for c in range(four, members):
            for j in range(n):
                apart[c, i, j] = line[j * members + c]


@compiled
def scatter_flat(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    patches: Array,
    first: int,
    order: Array,
    top: int,
    bottom: int,
) -> None:
    """Add each flat patch p, found at ``patches[p - first]``, (P, N, N); as `scatter`."""
    numbers = patches.view(image.dtype)  # (P, N, k N)
    if rows.shape[2] == 2:
        scatter_two(image, starts, rows[:, 0], columns[:, :, 0], numbers, first, order, top, bottom)
    else:
        scatter_any(image, starts, rows[:, 0], columns[:, :, 0], numbers, first, order, top, bottom)


@compiled
def scatter_two(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    patches: Array,
    first: int,
    order: Array,
    top: int,
    bottom: int,
) -> None:
    """Add patches (P, N, k N) with two taps, whose weights (P, 2) each shares.

    A row of the object receives two rows of a patch, each twice, in one pass. A sample whose
    weight is zero beside one of weight one is not read: it may be NaN.
    """
    n, width = patches.shape[1:]
    k = width // n
    step = CACHE_LINE // patches.itemsize
    nothing = np.zeros(width, image.dtype)
    for c in range(len(order)):
        p = order[c]
        y, x = starts[p, 0], starts[p, 1] * k
        v, w = rows[p]
        s, t = columns[p]
        if v == 0:
            y, v, w = y + 1, w, v
        if s == 0:
            x, s, t = x + k, t, s
        two_rows, two_columns = w != 0, t != 0
        begin, end = max(top - y, 0), min(bottom - y, n + 1 if two_rows else n)
        left = max(-x, 0)
        right = min(image.shape[1] - x, width + k if two_columns else width)
        if begin >= end or left >= right:
            continue
        vs, vt, ws, wt = v * s, v * t, w * s, w * t
        inner, outer = max(left, k), min(right, width)  # where a sample has a neighbour before it
        following = patches[order[min(c + 1, len(order) - 1)] - first]
        for i in range(begin, end):
            a = patches[p - first, i] if i < n else nothing
            b = patches[p - first, i - 1] if two_rows and i > 0 else nothing
            line = image[y + i]
            if i < n:
                fetched = following[i]
                for q in range(0, width, step):
                    prefetch(fetched, q)
            if two_columns:
                for q in range(left, min(k, right)):
                    line[x + q] += vs * a[q] + ws * b[q]
                if inner < outer:
                    target = line[x + inner : x + outer]
                    a0, a1 = a[inner:outer], a[inner - k : outer - k]
                    b0, b1 = b[inner:outer], b[inner - k : outer - k]
                    for q in range(len(target)):
                        target[q] += (vs * a0[q] + vt * a1[q]) + (ws * b0[q] + wt * b1[q])
                for q in range(max(width, left), right):
                    line[x + q] += vt * a[q - k] + wt * b[q - k]
            else:
                target = line[x + left : x + right]
                a0, b0 = a[left:right], b[left:right]
                for q in range(len(target)):
                    target[q] += v * a0[q] + w * b0[q]


@compiled
def scatter_any(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    patches: Array,
    first: int,
    order: Array,
    top: int,
    bottom: int,
) -> None:
    """Add patches with any even number of taps: blended along y, then spread along x."""
    n, width = patches.shape[1:]
    k = width // n
    taps = rows.shape[1]
    margin = k * (taps - 1)
    nothing = np.zeros(width + margin, image.dtype)
    blend = np.zeros(width + 2 * margin, image.dtype)  # zero beside the row
    middle = blend[margin : margin + width]
    for p in order:
        y, x = starts[p, 0], starts[p, 1] * k
        begin, end = max(top - y, 0), min(bottom - y, n + taps - 1)
        left, right = max(-x, 0), min(image.shape[1] - x, width + margin)
        if begin >= end or left >= right:
            continue
        for i in range(begin, end):
            for a in range(0, taps, 2):
                v, w = rows[p, a], rows[p, a + 1]
                upper = nothing[:width]
                lower = nothing[:width]
                if v != 0 and 0 <= i - a < n:
                    upper = patches[p - first, i - a]
                if w != 0 and 0 <= i - a - 1 < n:
                    lower = patches[p - first, i - a - 1]
                if a == 0:
                    for q in range(width):
                        middle[q] = v * upper[q] + w * lower[q]
                else:
                    for q in range(width):
                        middle[q] += v * upper[q] + w * lower[q]
            target = image[y + i, x + left : x + right]
            for b in range(0, taps, 2):
                s, t = columns[p, b], columns[p, b + 1]
                here = blend[margin - k * b + left : margin - k * b + right]
                there = blend[margin - k * (b + 1) + left : margin - k * (b + 1) + right]
                if s == 0:
                    here = nothing[left:right]
                if t == 0:
                    there = nothing[left:right]
                for q in range(len(target)):
                    target[q] += s * here[q] + t * there[q]
