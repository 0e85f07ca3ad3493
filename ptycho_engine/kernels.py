"""The interpolation kernels: how many samples each needs, and their weights.

A new separable kernel is one entry of `KERNELS`. All share the anchor of
:mod:`ptycho_engine.geometry`: changing the kernel never moves a patch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """A separable interpolation kernel.

    Attributes
    ----------
    before : int
        Samples needed before the one at the whole part of a coordinate.
    after : int
        Samples needed after it.
    weights : callable
        Turns the fraction t of a coordinate into ``before + 1 + after`` weights, in the order of
        the samples. It uses arithmetic and comparison alone, so that it serves NumPy and
        TensorFlow.
    snaps : bool
        The fraction is first rounded to 0 or 1, half up.
    """

    before: int
    after: int
    weights: Callable[[Any], tuple[Any, ...]]
    snaps: bool = False

    @property
    def taps(self) -> int:
        """Samples per axis."""
        return self.before + 1 + self.after


def _linear(t: Any) -> tuple[Any, ...]:
    return 1 - t, t


KERNELS: dict[str, Kernel] = {
    "nearest": Kernel(before=0, after=1, weights=_linear, snaps=True),
    "bilinear": Kernel(before=0, after=1, weights=_linear),
}
