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
    k, size, wide = width // n, n * width, image.shape[1]
    step = CACHE_LINE // patches.itemsize
    # No slices in the loop: each counts references, in memory that all threads share.
    numbers, pixels = patches.reshape(-1), image.reshape(-1)
    for c in range(len(order)):
        p = order[c]
        y, x = starts[p, 0], starts[p, 1] * k
        v, w = rows[p]
        s, t = columns[p]
        if v == 0:
            y, v, w = y + 1, w, v
        if s == 0:
            x, s, t = x + k, t, s
        two_rows = w != 0
        begin, end = max(top - y, 0), min(bottom - y, n + 1 if two_rows else n)
        start, following = (p - first) * size, (order[min(c + 1, len(order) - 1)] - first) * size
        for i in range(begin, end):
            upper, lower = i < n, two_rows and i > 0  # which rows of the patch there are
            if upper:
                fetched = following + i * width
                for q in range(fetched, fetched + width, step):
                    prefetch(numbers, q)
            if upper and lower and t != 0 and x >= 0 and x + width + k <= wide:
                to, a = np.uint64((y + i) * wide + x), np.uint64(start + i * width)
                b, by = np.uint64(a - np.uint64(width)), np.uint64(k)
                vs, vt, ws, wt = v * s, v * t, w * s, w * t
                for q in range(by):
                    pixels[to + q] += vs * numbers[a + q] + ws * numbers[b + q]
                for q in range(by, np.uint64(width)):
                    pixels[to + q] += (vs * numbers[a + q] + vt * numbers[a + q - by]) + (
                        ws * numbers[b + q] + wt * numbers[b + q - by]
                    )
                to, a, b = to + np.uint64(width), a + np.uint64(width - k), b + np.uint64(width - k)
                for q in range(by):
                    pixels[to + q] += vt * numbers[a + q] + wt * numbers[b + q]
                continue
            for tap in range(2 if t != 0 else 1):
                at, weight = x + tap * k, t if tap else s
                low, high = max(-at, 0), min(wide - at, width)
                to = np.uint64((y + i) * wide + at + low)
                a = np.uint64(start + i * width + low)
                b = np.uint64(a - np.uint64(width))
                vs, ws = v * weight, w * weight
                if upper and lower:
                    for q in range(np.uint64(max(high - low, 0))):
                        pixels[to + q] += vs * numbers[a + q] + ws * numbers[b + q]
                    continue
                if lower:
                    a, vs = b, ws
                for q in range(np.uint64(max(high - low, 0))):
                    pixels[to + q] += vs * numbers[a + q]


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
