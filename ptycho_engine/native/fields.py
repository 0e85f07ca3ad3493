"""Loops over fields and their intensities, compiled by numba: see `ptycho_engine.data`.

Fields come as views of real numbers, real and imaginary parts interleaved, (c, N, 2 N): so LLVM
vectorises them. No sum runs across neighbours in a row, so that a pattern has the same bits
whatever stands beside it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ptycho_engine.native.stores import VECTOR_BYTES

from .compilation import compiled
from .intrinsics import fence, store_past_caches

Array = NDArray[Any]


@compiled
def multiply(field: Array, factors: Array) -> None:
    """Multiply fields in place, sample by sample.

    Parameters
    ----------
    field : ndarray, shape (c, N, 2 N)
        The fields.
    factors : ndarray, shape (c, N, 2 N) or (1, N, 2 N)
        One for each field, or one for all; other memory.
    """
    count, n = field.shape[:2]
    for p in range(count):
        factor = factors[p if len(factors) > 1 else 0]
        for i in range(n):
            line, by = field[p, i], factor[i]
            for j in range(n):
                x, y = line[2 * j], line[2 * j + 1]
                u, v = by[2 * j], by[2 * j + 1]
                line[2 * j] = x * u - y * v
                line[2 * j + 1] = x * v + y * u


@compiled
def amplitudes(field: Array, scale: float, out: Array, places: Array, past_caches: bool) -> None:
    """Write amplitudes times a scale, zero frequency in the middle.

    Parameters
    ----------
    field : ndarray, shape (c, N, 2 N)
        Transforms, zero frequency first.
    scale : float, of the field's precision
        Their factor.
    out : ndarray, shape (P, N, N)
        Receives the amplitudes, zero frequency at sample ``N // 2``.
    places : ndarray of int, shape (c,)
        Which of `out`.
    past_caches : bool
        Whether they are stored past the caches, which asks for aligned rows.
    """
    count, n = field.shape[:2]
    half = n // 2
    row = np.empty(n, out.dtype)
    left, right = row[:half], row[half:]
    for p in range(count):
        for i in range(n):
            line, target = field[p, i], out[places[p], (i + half) % n]
            rest = line[2 * (n - half) :]
            for j in range(n - half):
                x, y = line[2 * j], line[2 * j + 1]
                right[j] = scale * np.sqrt(x * x + y * y)
            for j in range(half):
                x, y = rest[2 * j], rest[2 * j + 1]
                left[j] = scale * np.sqrt(x * x + y * y)
            if past_caches:
                for vector in range(row.nbytes // VECTOR_BYTES):
                    store_past_caches(target, row, vector)
            else:
                for j in range(n):
                    target[j] = row[j]
    fence()


@compiled
def add_intensities(field: Array, scale: float, out: Array, places: Array) -> None:
    """Add intensities times a scale, zero frequency in the middle; as `amplitudes`."""
    count, n = field.shape[:2]
    half = n // 2
    for p in range(count):
        for i in range(n):
            line, target = field[p, i], out[places[p], (i + half) % n]
            left, right = target[:half], target[half:]
            for j in range(n - half):
                x, y = line[2 * j], line[2 * j + 1]
                right[j] += scale * (x * x + y * y)
            rest = line[2 * (n - half) :]
            for j in range(half):
                x, y = rest[2 * j], rest[2 * j + 1]
                left[j] += scale * (x * x + y * y)


@compiled
def take_roots(out: Array, places: Array) -> None:
    """Replace intensities by amplitudes, in some of `out`."""
    for p in places:
        for i in range(out.shape[1]):
            line = out[p, i]
            for j in range(len(line)):
                line[j] = np.sqrt(line[j])


@compiled
def add_energies(field: Array, sums: Array, places: Array) -> None:
    """Add the sum of squares of each field (c, N, 2 N) to ``sums[places]``, float64."""
    count, n, width = field.shape
    columns = np.empty(width, np.float64)
    for p in range(count):
        columns[:] = 0.0
        for i in range(n):
            line = field[p, i]
            for q in range(width):
                columns[q] += np.float64(line[q]) * np.float64(line[q])
        total = 0.0
        for q in range(width):
            total += columns[q]
        sums[places[p]] += total
