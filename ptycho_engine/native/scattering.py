"""Patches added onto an object, row by row: the adjoint of `ptycho_engine.native.kernels`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .compilation import compiled

Array = NDArray[Any]


@compiled
def scatter_any(
    canvas: Array, starts: Array, rows: Array, columns: Array, patches: Array, members: int
) -> None:
    """Add patches with any number of taps, one after another.

    Parameters
    ----------
    canvas : ndarray, shape (H, k W)
        The padded object, real and imaginary parts interleaved (k = 2) or real (k = 1).
    starts : ndarray of int32, shape (P, 2)
        Row and column of the first sample.
    rows, columns : ndarray, shapes (P, 1, T) and (P, T, 1)
        Weights of the taps along y and x.
    patches : ndarray, shape (B, N, N, C), complex if k = 2
        The groups; flat patches with C = 1.
    members : int
        Patches C of a group.
    """
    n = patches.shape[1]
    taps = rows.shape[2]
    line = np.empty(n, patches.dtype)
    numbers = line.view(canvas.dtype)
    width = len(numbers)
    k = width // n
    sums = np.empty(width + k * (taps - 1), canvas.dtype)
    for p in range(len(starts)):
        y, x = starts[p, 0], starts[p, 1] * k
        for i in range(n):
            for j in range(n):
                line[j] = patches[p // members, i, j, p % members]
            sums[:] = 0
            for b in range(taps):
                weight = columns[p, b, 0]
                if weight != 0:
                    for q in range(width):
                        sums[k * b + q] += weight * numbers[q]
            for a in range(taps):
                weight = rows[p, 0, a]
                if weight != 0:
                    target = canvas[y + i + a, x : x + len(sums)]
                    for q in range(len(sums)):
                        target[q] += weight * sums[q]
