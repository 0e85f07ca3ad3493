"""Overlapping patches put together: their sum, divided by how much of them lies on each sample.

With A* the adjoint of extraction, patches p, weights w of their samples, and sums over all patches,

    coverage = A* w,    object = A* (w p) / coverage    where there is coverage, and 0 elsewhere.

This is the weighted mean of what patches say of a sample. No constant is added to the coverage, so
that patches of a constant object give it back right up to their rims, where the bilinear weights
of a sample come near to 0: both sums are made of the same weights in the same precision, and their
quotient keeps its digits however small they are. Two kinds of coverage count as none:

- What has no digits of its own: below the smallest normal number divided by its precision (1e-31
  in single precision, 1e-292 in double).
- Outside every window, that of kernels whose weights take both signs (``bicubic``, ``fourier``):
  there it is a remainder of lobes, and within a window it is about 1 or more. Windows count where
  they lie, not where ``reflect`` folds them to.

The coverage that is returned is 0 there, and the object exactly 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..display import Shown
from ..geometry import Positions
from ..geometry.cut import Cut
from ..geometry.footprint import footprint
from ..geometry.kernels import SIGNED
from .patch_weights import PatchWeights

Array = NDArray[Any]
#: Adds patches (..., n, N, N) at positions (n, 2) onto an object (..., H, W).
Place = Callable[[Array, Positions, Array], object]

#: Bytes of the patches that are placed at a time. It depends on nothing, so that sums are made in
#: one order however the patches come, and are equal bit for bit. Half as many take a fifth longer.
BLOCK_BYTES = 32 * 1024**2
#: Patches whose parts are multiplied in turn by weights of their own, while caches hold them.
FEW = 16


@dataclass(frozen=True, eq=False, repr=False)
class Reassembled(Shown):
    """An object put together from patches.

    Attributes
    ----------
    object : ndarray, shape (..., H, W)
        The object, of the dtype of the patches; exactly 0 where nothing covers it.
    coverage : ndarray, shape (H, W)
        Sum of the weights on each sample, real, of the same precision; 0 or more. Without weights
        it is the number of windows over a sample.
    """

    object: Array
    coverage: Array


def block_patches(patch_bytes: int) -> int:
    """Return how many patches are placed at a time."""
    return max(1, BLOCK_BYTES // max(1, patch_bytes))


def least_coverage(dtype: np.dtype[Any]) -> float:
    """Return the coverage below which it has no digits of its own."""
    limits = np.finfo(dtype)
    return float(limits.tiny / limits.eps)


class Overlap:
    """Sums of patches and of their weights, to which blocks are added in order.

    Parameters
    ----------
    place : callable
        What adds patches onto an object: the adjoint of extraction.
    positions : ndarray of float64, shape (P, 2)
        Where all patches lie, (y, x).
    shape : (int, int)
        Height and width of the object.
    cut : Cut
        How patches were cut.
    leading : tuple of int
        Leading axes of the patches: modes, slices.
    dtype : dtype
        Of the patches.
    weights : PatchWeights
        Of their samples.
    """

    def __init__(
        self,
        place: Place,
        positions: Positions,
        shape: tuple[int, int],
        cut: Cut,
        leading: tuple[int, ...],
        dtype: np.dtype[Any],
        weights: PatchWeights,
    ) -> None:
        self._place, self._positions, self._cut, self._weights = place, positions, cut, weights
        real = np.dtype(dtype.char.lower()) if dtype.kind == "c" else dtype
        size = cut.patch_size
        self._step = block_patches(math.prod(leading) * size * size * dtype.itemsize)
        self._step = min(self._step, max(1, len(positions)))
        self._total = np.zeros((*leading, *shape), dtype)
        self._coverage = np.zeros(shape, real)
        self._buffer = np.empty((*leading, self._step, size, size), dtype)
        self._alike = None if weights.differ else weights.of(0, self._step)  # (K, N, N)
        self._factors: Array | None = None
        if self._alike is not None:  # of each number of a row: two for a complex sample
            self._factors = np.repeat(self._alike[:1], dtype.itemsize // real.itemsize, axis=-1)
        self._held = self._done = 0
        self._windows = np.zeros(shape, np.int32) if cut.interpolation in SIGNED else None
        # Of nothing, it refuses all the same what cannot be placed so.
        self._place(self._buffer[..., :0, :, :], positions[:0], self._total)

    @property
    def added(self) -> int:
        """Patches that have come."""
        return self._done + self._held

    def add(self, patches: Array) -> None:
        """Add the next patches, (..., n, N, N)."""
        at, count = 0, patches.shape[-3]
        while at < count:
            more = min(count - at, self._step - self._held)
            part = patches[..., at : at + more, :, :]
            at += more
            if more == self._step and self._weights.are_one:  # a whole block, as it is
                self._place_next(part)
                continue
            self._buffer[..., self._held : self._held + more, :, :] = part
            self._held += more
            if self._held == self._step:
                self._flush()

    def _flush(self) -> None:
        """Place what is in the buffer."""
        held, self._held = self._held, 0
        self._place_next(self._buffer[..., :held, :, :])

    def _place_next(self, block: Array) -> None:
        """Place the next patches, which are overwritten if they have weights."""
        start, stop = self._done, self._done + block.shape[-3]
        weights = self._weights.of(start, stop) if self._alike is None else self._alike
        weights = weights[: stop - start]  # (n, N, N)
        if not self._weights.are_one:
            with np.errstate(invalid="ignore"):  # infinity times 0
                self._weigh(block, weights)
            np.copyto(block, 0, where=weights == 0)  # what is left out may be NaN
        where = self._positions[start:stop]
        self._place(block, where, self._total)
        self._place(weights, where, self._coverage)
        if self._windows is not None:
            self._windows += footprint(where, self._coverage.shape, self._cut.patch_size)
        self._done = stop

    def _weigh(self, block: Array, weights: Array) -> None:
        """Multiply numbers, not complex samples: a product of those makes infinity NaN."""
        if self._factors is not None:
            numbers = block.view(self._factors.dtype)
            numbers *= self._factors
            return
        for first in range(0, len(weights), FEW):
            few = slice(first, first + FEW)
            for part in _parts(block[..., few, :, :]):
                part *= weights[few]

    def result(self) -> Reassembled:
        """Return the quotient; nothing can be added any more."""
        if self._held:
            self._flush()
        coverage, total = self._coverage, self._total
        covered = coverage >= least_coverage(coverage.dtype)
        if self._windows is not None:
            covered &= self._windows > 0
        np.copyto(coverage, 0, where=~covered)
        np.copyto(total, 0, where=~covered)
        for part in _parts(total):  # a complex quotient would round more
            np.divide(part, coverage, out=part, where=covered)
        return Reassembled(total, coverage)


def _parts(array: Array) -> tuple[Array, ...]:
    """Return the real and the imaginary part of complex numbers, or the real numbers."""
    return (array.real, array.imag) if array.dtype.kind == "c" else (array,)
