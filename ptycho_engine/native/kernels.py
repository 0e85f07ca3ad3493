"""The kernel compiled by numba: windows of the padded object, written in place into the output.

It releases the GIL and is called from threads, rather than parallelised by numba, whose thread
pools do not survive forks and may not be entered twice. Compiled code is kept on disk.

Rows are sliced and looped over in one function: handed to another, they are vectorised less well,
which costs a factor of two.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_engine.native.stores import VECTOR_BYTES

from .compilation import compiled
from .intrinsics import fence, store_past_caches

Array = NDArray[Any]


@compiled
def cut(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    out: Array,
    members: int,
    each: bool,
    past_caches: bool,
    groups: Array,
) -> None:
    """Cut groups of patches.

    Parameters
    ----------
    image : ndarray, shape (H, k W)
        The padded object, real and imaginary parts interleaved (k = 2) or real (k = 1).
    starts : ndarray of int32, shape (P, 2)
        Row and column of the first sample.
    rows, columns : ndarray, shapes (P, 1 or N, T) and (P, T, 1 or k N)
        Weights of the taps along y and x, T of them, an even number.
    out : ndarray, shape (B, N, N C), contiguous
        Receives the groups, member c of sample j at ``j * C + c``; complex if k = 2.
    members : int
        Patches C of a group; 1 for flat patches.
    each : bool
        Whether every row and every number of a row has weights of its own, as legacy coordinates
        ask for. Samples of weight zero count then, so that NaN spreads as in the legacy code.
    past_caches : bool
        Whether groups of several patches are stored past the caches, which asks for aligned rows.
    groups : ndarray of int
        The groups to cut, in this order.
    """
    n = out.shape[1]
    grouped = members > 1
    group = np.empty((members if grouped else 0, n, n), out.dtype)
    target = (group if grouped else out).view(image.dtype)  # (C or P, N, k N)
    patches, first = groups, 0
    for g in groups if grouped else groups[:1]:  # flat patches all at once
        if grouped:
            first = g * members
            patches = np.arange(first, first + members)
        if rows.shape[2] == 2 and not each:
            blend_two(image, starts, rows[:, 0], columns[:, :, 0], target, first, patches)
        else:
            blend_any(image, starts, rows, columns, target, each, first, patches)
        if grouped:
            interleave(group, out[g], past_caches)
    fence()


@compiled
def interleave(group: Array, out: Array, past_caches: bool) -> None:
    """Write a group (C, N, N) as (N, N C); four members at a time are vectorised."""
    members, n = group.shape[:2]
    alone = members // 4 * 4
    line = np.empty(n * members, out.dtype)
    for i in range(n):
        for c in range(0, alone, 4):
            p, q, r, s = group[c, i], group[c + 1, i], group[c + 2, i], group[c + 3, i]
            for j in range(n):
                at = j * members + c
                line[at] = p[j]
                line[at + 1] = q[j]
                line[at + 2] = r[j]
                line[at + 3] = s[j]
        for c in range(alone, members):
            for j in range(n):
                line[j * members + c] = group[c, i, j]
        row = out[i]
        if past_caches:
            for vector in range(line.nbytes // VECTOR_BYTES):
                store_past_caches(row, line, vector)
        else:
            for j in range(n * members):
                row[j] = line[j]


@compiled
def blend_two(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    out: Array,
    first: int,
    patches: Array,
) -> None:
    """Cut each flat patch p into ``out[p - first]``, of k N columns.

    Two taps, whose weights (P, 2) a patch shares, in one pass. A tap of weight zero, beside one
    of weight one, is not read: it may be NaN.
    """
    n, width = out.shape[1:]
    k = width // n
    for p in patches:
        y, x = starts[p, 0], starts[p, 1] * k
        v, w = rows[p]
        s, t = columns[p]
        if v == 0:
            y += 1
        if s == 0:
            x += k
        two_rows, two_columns = v != 0 and w != 0, s != 0 and t != 0
        if two_rows and two_columns:
            vs, vt, ws, wt = v * s, v * t, w * s, w * t
            for i in range(n):
                line = out[p - first, i]
                a, b = image[y + i, x : x + width], image[y + i, x + k : x + k + width]
                c, d = image[y + i + 1, x : x + width], image[y + i + 1, x + k : x + k + width]
                for q in range(width):
                    line[q] = (vs * a[q] + vt * b[q]) + (ws * c[q] + wt * d[q])
        elif two_rows:
            for i in range(n):
                line = out[p - first, i]
                a, c = image[y + i, x : x + width], image[y + i + 1, x : x + width]
                for q in range(width):
                    line[q] = v * a[q] + w * c[q]
        elif two_columns:
            for i in range(n):
                line = out[p - first, i]
                a, b = image[y + i, x : x + width], image[y + i, x + k : x + k + width]
                for q in range(width):
                    line[q] = s * a[q] + t * b[q]
        else:
            for i in range(n):
                line, a = out[p - first, i], image[y + i, x : x + width]
                for q in range(width):
                    line[q] = a[q]


@compiled
def is_alone(weights: Array) -> bool:
    """Tell whether one tap has all the weight."""
    return bool(np.count_nonzero(weights) == 1)


@compiled
def blend_any(
    image: Array,
    starts: Array,
    rows: Array,
    columns: Array,
    out: Array,
    each: bool,
    first: int,
    patches: Array,
) -> None:
    """Blend any even number of taps: along y, then along x, taps in pairs."""
    n, width = out.shape[1:]
    k = width // n
    taps = rows.shape[2]
    span = width + k * (taps - 1)
    sums = np.empty(span, image.dtype)
    nothing = np.zeros(span, image.dtype)  # read in place of samples without weight
    for p in patches:
        y, x = starts[p, 0], starts[p, 1] * k
        if not each and is_alone(rows[p, 0]) and is_alone(columns[p, :, 0]):  # a copy, to the bit
            y += np.argmax(rows[p, 0])
            x += k * np.argmax(columns[p, :, 0])
            for i in range(n):
                line, source = out[p - first, i], image[y + i, x : x + width]
                for q in range(width):
                    line[q] = source[q]
            continue
        for i in range(n):
            line = out[p - first, i]
            for a in range(0, taps, 2):
                v, w = rows[p, i if each else 0, a], rows[p, i if each else 0, a + 1]
                upper = image[y + i + a, x : x + span] if each or v != 0 else nothing
                lower = image[y + i + a + 1, x : x + span] if each or w != 0 else nothing
                if a == 0:
                    for q in range(span):
                        sums[q] = v * upper[q] + w * lower[q]
                else:
                    for q in range(span):
                        sums[q] += v * upper[q] + w * lower[q]
            for b in range(0, taps, 2):
                left = sums[k * b : k * b + width]
                right = sums[k * (b + 1) : k * (b + 1) + width]
                if each:
                    vs, ws = columns[p, b], columns[p, b + 1]
                    if b == 0:
                        for q in range(width):
                            line[q] = vs[q] * left[q] + ws[q] * right[q]
                    else:
                        for q in range(width):
                            line[q] += vs[q] * left[q] + ws[q] * right[q]
                    continue
                v, w = columns[p, b, 0], columns[p, b + 1, 0]
                if v == 0:
                    left = nothing
                if w == 0:
                    right = nothing
                if b == 0:
                    for q in range(width):
                        line[q] = v * left[q] + w * right[q]
                else:
                    for q in range(width):
                        line[q] += v * left[q] + w * right[q]
