"""Windows shifted by a fraction of a pixel through their Fourier transform, in jax."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..geometry.kernels import taper_weights
from .gathering import copy_where, weighed


def shift_windows(windows: jax.Array, fractions: jax.Array, patch_size: int) -> jax.Array:
    """Taper windows, and sample them between their pixels as the band-limited images they show.

    The method, and why its patches do not jump, is that of
    :func:`ptycho_engine.ops.fourier.shift_windows`.

    Parameters
    ----------
    windows : jax.Array, shape (P, L, L)
        Windows at whole pixels, real or complex, with a position in the sample ``L // 2``; L is
        odd.
    fractions : jax.Array of real numbers, shape (P, 2)
        Fractions t of the shift along y and x, in [0, 1].
    patch_size : int
        Size N of the patches.

    Returns
    -------
    jax.Array, shape (P, N, N), dtype of the windows
        The patches; those that are not shifted are copies.
    """
    n, side = patch_size, windows.shape[1]
    first = side // 2 - n // 2
    # Single precision loses a digit in phases and weights: where jax has double, they are in it.
    precise = fractions.astype(jnp.result_type(float))
    rows, columns = precise[:, :1], precise[:, 1:]  # (P, 1)
    places = np.arange(side) - side // 2
    tapers = [taper_weights(jnp.abs(places - t), n, jnp) for t in (rows, columns)]  # (P, L)
    weights = (tapers[0][:, :, None] * tapers[1][:, None, :]).astype(fractions.dtype)
    tapered = _weighed(windows, weights)
    spectrum = jnp.fft.fft2(tapered)  # (P, L, L)
    down, along = (_phases(t, side).astype(spectrum.dtype) for t in (rows, columns))  # (P, L)
    inner = slice(first, first + n)
    shifted = jnp.fft.ifft2(spectrum * down[:, :, None] * along[:, None, :])[:, inner, inner]
    patches = shifted if jnp.iscomplexobj(windows) else shifted.real
    still = (fractions == 0).all(axis=1)[:, None, None]
    return copy_where(still, windows[:, inner, inner], patches.astype(windows.dtype))


def _weighed(windows: jax.Array, weights: jax.Array) -> jax.Array:
    """Multiply; NaN without weight is left out."""
    if not jnp.iscomplexobj(windows):
        return weighed(windows, weights)
    parts = (weighed(x, weights) for x in (windows.real, windows.imag))
    return lax.complex(*parts)


def _phases(t: jax.Array, side: int) -> jax.Array:
    """Factors (P, L) of the frequencies for shifts (P, 1), in the order of the transform."""
    angles = (2 * np.pi * np.fft.fftfreq(side)).astype(t.dtype) * t
    return lax.complex(jnp.cos(angles), jnp.sin(angles))
