"""The interpolation kernels: how many samples each needs, and their weights.

A new separable kernel is one entry of `KERNELS`. All share the anchor of
:mod:`ptycho_engine.geometry`: changing the kernel never moves a patch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Weights = Callable[[Any], tuple[Any, ...]]


@dataclass(frozen=True)
class Kernel:
    """An interpolation kernel.

    Attributes
    ----------
    before : int
        Samples that a separable kernel needs before the one at the whole part of a coordinate.
    after : int
        Samples that it needs after it.
    weights : callable or None
        Of a separable kernel: turns the fraction t of a coordinate into ``before + 1 + after``
        weights, in the order of the samples. It uses arithmetic and comparison alone, so that it
        serves NumPy and TensorFlow. None if a patch is a window with a margin, tapered and shifted
        as a whole, see `taper_weights`.
    snaps : bool
        The fraction is first rounded to 0 or 1, half up.
    slopes : callable or None
        Derivatives of the weights by the fraction, as `weights` gives those; None if patches
        jump, or are shifted as a whole.
    """

    before: int
    after: int
    weights: Weights | None
    snaps: bool = False
    slopes: Weights | None = None

    @property
    def taps(self) -> int:
        """Samples per axis."""
        return self.before + 1 + self.after

    def reach(self, patch_size: int) -> tuple[int, int]:
        """Count the samples needed before the first and after the last of a patch."""
        if self.weights is not None:
            return self.before, self.after
        margin = _margin(patch_size)
        return margin, margin + 1 - patch_size % 2


def linear_weights(t: Any) -> tuple[Any, ...]:
    """Weights of the samples before and after a point, at the fraction t between them."""
    return 1 - t, t


def _linear_slopes(t: Any) -> tuple[Any, ...]:
    return 0 * t - 1, 0 * t + 1


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


def _cubic_slopes(t: Any) -> tuple[Any, ...]:
    s = 1 - t
    return (
        s * (2 * t - s) / 2,
        t * (9 * t - 10) / 2,
        -s * (9 * s - 10) / 2,
        t * (t - 2 * s) / 2,
    )


@lru_cache
def _margin(patch_size: int) -> int:
    """Choose the samples m beside a patch that is shifted as a whole.

    Its window of ``2 h + 1``, with ``h = N // 2 + m``, then has a length that is transformed fast:
    without prime factors beyond 7.
    """
    margin = patch_size // 8 + 12
    while not _is_fast(2 * (patch_size // 2 + margin) + 1):
        margin += 1
    return margin


def _is_fast(length: int) -> bool:
    for factor in (3, 5, 7):
        while length % factor == 0:
            length //= factor
    return length == 1


def taper_weights(distance: Any, patch_size: int, xp: Any) -> Any:
    """Weights of the samples of a window that is shifted as a whole.

    They are 1 over the patch and fall to 0 at the end of the margin, with four continuous
    derivatives. They follow the position, not the window: what enters or leaves a window as the
    position passes a whole pixel has no weight, and patches do not jump there.

    Parameters
    ----------
    distance : array of float64 (float32 where a framework has no other)
        Distances of the samples from the position along one axis, in pixels, at least 0.
    patch_size : int
        Size N of the patches.
    xp : module
        `numpy`, `jax.numpy`, or `tensorflow.experimental.numpy` for tensors.

    Returns
    -------
    array of the dtype and shape of `distance`
        Weights: 1 up to ``N / 2``, 0 from ``N // 2 + m`` on.
    """
    half = patch_size // 2 + _margin(patch_size)
    u = (half - distance) / (half - patch_size / 2)
    u = xp.minimum(xp.maximum(u, 0.0), 1.0)  # `clip` has a gradient that XLA may not compile
    v = xp.minimum(u, 1.0 - u)  # it is odd around 1/2; near 1 its terms would cancel each other
    falling = v**5 * (126 + v * (-420 + v * (540 + v * (-315 + v * 70))))
    return xp.where(u > 0.5, 1.0 - falling, falling)


KERNELS: dict[str, Kernel] = {
    "nearest": Kernel(before=0, after=1, weights=linear_weights, snaps=True),
    "bilinear": Kernel(before=0, after=1, weights=linear_weights, slopes=_linear_slopes),
    "bicubic": Kernel(before=1, after=2, weights=_cubic, slopes=_cubic_slopes),
    "fourier": Kernel(before=0, after=0, weights=None),
}
#: Kernels whose weights take both signs.
SIGNED = "bicubic", "fourier"
#: Pixels beyond an image, after which a point farther away has the same sample.
REACH = max(kernel.taps for kernel in KERNELS.values())
