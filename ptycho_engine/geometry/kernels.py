"""The interpolation kernels: how many samples each needs, and their weights.

A new separable kernel is one entry of `KERNELS`. All share the anchor of
:mod:`ptycho_engine.geometry`: changing the kernel never moves a patch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

Weights = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Kernel:
    """An interpolation kernel.

    Attributes
    ----------
    before : int
        Samples needed before the one at the whole part of a coordinate.
    after : int
        Samples needed after it.
    weights : callable or None
        Of a separable kernel: turns the fraction t of a coordinate into ``before + 1 + after``
        weights, in the order of the samples. It uses arithmetic and comparison alone, so that it
        serves NumPy and TensorFlow. None if a patch is its window, shifted as a whole.
    snaps : bool
        The fraction is first rounded to 0 or 1, half up.
    """

    before: int
    after: int
    weights: Weights | None
    snaps: bool = False

    @cached_property
    def taps(self) -> int:
        """Samples per axis."""
        return self.before + 1 + self.after


def linear_weights(t: Any) -> tuple[Any, ...]:
    """Weights of the samples before and after a point, at the fraction t between them."""
    return 1 - t, t


def _cubic(t: Any) -> tuple[Any, ...]:
    """Cubic convolution with a = -1/2, at distances 1 + t, t, 1 - t and 2 - t.

    R. G. Keys, "Cubic convolution interpolation for digital image processing", IEEE Transactions
    on Acoustics, Speech, and Signal Processing 29 (1981) 1153, equation 15. It reproduces
    polynomials of second order.
    """
    s = 1 - t
    return (
        -t * s * s / 2,
        1 + t * t * (3 * t - 5) / 2,
        1 + s * s * (3 * s - 5) / 2,
        -s * t * t / 2,
    )


KERNELS: dict[str, Kernel] = {
    "nearest": Kernel(before=0, after=1, weights=linear_weights, snaps=True),
    "bilinear": Kernel(before=0, after=1, weights=linear_weights),
    "bicubic": Kernel(before=1, after=2, weights=_cubic),
    "fourier": Kernel(before=0, after=0, weights=None),
}
