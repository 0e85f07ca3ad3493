"""Objects continued beyond their borders, and windows placed in them, inside compiled functions."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from ..arrays.jax_arrays import Precision
from ..geometry.cut import Cut
from ..request.windows import Padding, locate, source_index


def continued(image: jax.Array, padding: Padding, fill: str) -> jax.Array:
    """Continue an object beyond its borders, as :func:`ptycho_engine.request.windows.pad`.

    Parameters
    ----------
    image : jax.Array, shape (..., H, W)
        The object.
    padding : Padding
        How far.
    fill : {"zeros", "edge", "reflect"}
        With what.

    Returns
    -------
    jax.Array, shape (..., before + H + after, before + W + after)
        The continued object. Gradients reach `image`.
    """
    if fill == "zeros":
        borders = [(0, 0)] * (image.ndim - 2)
        return jnp.pad(image, [*borders, *((padding.before, after) for after in padding.after)])
    for axis in (-2, -1):
        size, after = image.shape[axis], padding.after[axis]
        index = source_index(np.arange(-padding.before, size + after), size, fill)
        image = jnp.take(image, index.astype(np.int32), axis=axis, mode="clip")
    return image


@partial(jax.jit, static_argnums=(1, 2, 3))
def placed(
    positions: jax.Array, shape: tuple[int, int], cut: Cut, padding: Padding
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Find windows at positions whose numbers are not known before a compiled function runs.

    Parameters
    ----------
    positions : jax.Array of float32 or float64, shape (P, 2)
        Columns (y, x). They are split in their own precision: float32, which is what jax has
        unless ``jax_enable_x64`` is set, tells 1000 pixels from 1000.00006.
    shape : (int, int)
        Height and width of the object.
    cut : Cut
        What is cut there.
    padding : Padding
        How far the object is continued.

    Returns
    -------
    starts : jax.Array of int32, shape (P, 2)
        Index of the first sample in the continued object.
    offsets : jax.Array, shape (P, 2), dtype of the positions
        As :func:`ptycho_engine.request.windows.locate`. Gradients reach the positions through
        these.
    refused : jax.Array of bool, shape (P,)
        Which positions are NaN or infinite; their windows lie somewhere.
    """
    refused = ~jnp.isfinite(positions).all(axis=1)
    somewhere = jnp.where(refused[:, None], jnp.zeros_like(positions), positions)
    first, offsets = locate(somewhere, shape, cut, Precision(positions.dtype))
    return jax.lax.stop_gradient(first).astype(jnp.int32) + padding.before, offsets, refused
