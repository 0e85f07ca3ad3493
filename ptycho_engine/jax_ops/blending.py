"""Patches of one slice of a padded object, by every kernel, in jax.

What is here can be compiled, differentiated forwards and backwards, and batched by ``jax.vmap``.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from ..geometry.kernels import KERNELS, Kernel
from .gathering import copy_where, gather, gather_taps, weighed
from .spectra import shift_windows


class CutKind(NamedTuple):
    """What the function that cuts depends on besides its arrays.

    Attributes
    ----------
    patch_size, interpolation, rounding
        As in the request.
    """

    patch_size: int
    interpolation: str
    rounding: str


def cut_slice(image: jax.Array, starts: jax.Array, offsets: jax.Array, kind: CutKind) -> jax.Array:
    """Cut interpolated patches out of one slice of a padded object.

    Parameters
    ----------
    image : jax.Array, shape (H, W)
        The padded object, real or complex.
    starts : jax.Array of int32, shape (P, 2)
        Row and column of the first sample that each patch needs.
    offsets : jax.Array, shape (P, 2), the request's `offset_dtype`
        The second result of :func:`ptycho_engine.geometry.split`.
    kind : CutKind
        What to cut.

    Returns
    -------
    jax.Array, shape (P, N, N), dtype of the image
        The patches.
    """
    kernel = KERNELS[kind.interpolation]
    if kernel.weights is None:
        side = kind.patch_size + sum(kernel.reach(kind.patch_size))
        windows = gather(image, starts, side, side)
        whole = fractions(offsets, jnp.int32(0), kernel, kind.rounding, image.real.dtype)
        return shift_windows(windows, whole, kind.patch_size)
    if not jnp.iscomplexobj(image):
        return cut_real(image, starts, offsets, kind, 1)
    # XLA's CPU code for complex numbers is not vectorised: parts apart take half the time.
    parts = (cut_real(part, starts, offsets, kind, 1) for part in (image.real, image.imag))
    return lax.complex(*parts)


def cut_view(
    source: jax.Array, starts: jax.Array, offsets: jax.Array, kind: CutKind, interleave: int
) -> jax.Array:
    """Cut out of an object by `cut_slice`, or out of its real view by `cut_real`."""
    if interleave == 1:
        return cut_slice(source, starts, offsets, kind)
    return cut_real(source, starts, offsets, kind, interleave)


def cut_real(
    image: jax.Array, starts: jax.Array, offsets: jax.Array, kind: CutKind, interleave: int
) -> jax.Array:
    """Blend the taps of a separable kernel, of real numbers.

    Parameters
    ----------
    image : jax.Array of float32 or float64, shape (H, k W)
        The padded object; of a complex one its real view, real and imaginary parts interleaved.
    starts, offsets, kind
        As `cut_slice` takes them.
    interleave : {1, 2}
        Numbers k per sample.

    Returns
    -------
    jax.Array, shape (P, N, k N), dtype of the image
        The patches.
    """
    kernel, n, k = KERNELS[kind.interpolation], kind.patch_size, interleave
    assert kernel.weights is not None  # another path cuts these
    places = list(itertools.product(range(kernel.taps), repeat=2))
    scaled = starts * jnp.array([1, k], starts.dtype)
    taps = tuple((row, k * column) for row, column in places)
    samples = dict(zip(places, gather_taps(image, scaled, n, k * n, taps), strict=True))
    how = kernel, kind.rounding, image.dtype
    index = jnp.arange(k * n, dtype=jnp.int32)
    rows = fractions(offsets[:, :1], index[:n], *how)[:, :, None]  # (P, 1 or N, 1)
    columns = fractions(offsets[:, 1:], index // k, *how)[:, None, :]  # (P, 1, 1 or k N)
    total = None
    row_weights, column_weights = kernel.weights(rows), kernel.weights(columns)
    # The legacy code sums bilinear taps in this order.
    for row, column in places:
        weight = row_weights[row] * column_weights[column]
        sample = samples[row, column]
        term = weighed(sample, weight) if kind.rounding == "exact" else weight * sample
        total = term if total is None else total + term
    assert total is not None  # a kernel has taps
    if kind.rounding == "legacy":
        return total
    still = (rows == 0) & (columns == 0)  # (P, 1, 1)
    return copy_where(still, samples[kernel.before, kernel.before], total)


def fractions(
    offsets: jax.Array, index: jax.Array, kernel: Kernel, rounding: str, dtype: jnp.dtype
) -> jax.Array:
    """Fractions of the coordinates along one axis, as :func:`ptycho_engine.ops.interpolate` does.

    All samples of a window share theirs if rounding is exact; the legacy coordinate is pixel index
    plus window start, rounded to float32.
    """
    t = offsets
    if rounding == "legacy":
        pixels = index.astype(t.dtype)
        t = (pixels + t) - (pixels + jnp.floor(t))
    return (t >= 0.5 if kernel.snaps else t).astype(dtype)
