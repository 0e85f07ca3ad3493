"""What bilinear patches, placement and slopes are in double precision, with NumPy alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .case import Case

Weighted = tuple[tuple[slice, slice], np.ndarray, np.ndarray]


def _taps(case: Case, chosen: np.ndarray) -> Iterator[Iterator[Weighted]]:
    """Of each chosen patch its four taps: where they lie, the weight, its slopes along (y, x)."""
    n = case.patch_size

    def taps_of(start: np.ndarray, fraction: np.ndarray) -> Iterator[Weighted]:
        (y, x), (v, u) = start.tolist(), fraction.astype(float).tolist()
        for row, a, along_y in ((0, 1 - v, -1.0), (1, v, 1.0)):
            for column, b, along_x in ((0, 1 - u, -1.0), (1, u, 1.0)):
                at = slice(y + row, y + row + n), slice(x + column, x + column + n)
                yield at, np.array(a * b), np.array([along_y * b, a * along_x])

    for start, fraction in zip(case.starts()[chosen], case.fractions()[chosen], strict=True):
        yield taps_of(start, fraction)


def true_patches(case: Case) -> np.ndarray:
    """The checked patches, complex128 (64, N, N)."""
    image = case.image().view(np.complex64).astype(complex)
    return np.stack([sum(w * image[at] for at, w, _ in taps) for taps in _taps(case, case.checked)])


def true_object(case: Case) -> np.ndarray:
    """The sum of the checked upstream patches where they lie, complex128 (H, H)."""
    placed = np.zeros((case.object_size,) * 2, complex)
    upstream = case.checked_upstream().view(np.complex64)
    for taps, patch in zip(_taps(case, case.checked), upstream, strict=True):
        for at, weight, _ in taps:
            placed[at] += weight * patch
    return placed


def true_slopes(case: Case) -> np.ndarray:
    """Slopes of ``Re sum conj(upstream) patch`` along checked positions, float64 (64, 2)."""
    image = case.image().view(np.complex64).astype(complex)
    upstream = case.checked_upstream().view(np.complex64)
    return np.stack(
        [
            sum(slopes * np.vdot(patch, image[at]).real for at, _, slopes in taps)
            for taps, patch in zip(_taps(case, case.checked), upstream, strict=True)
        ]
    )
