"""Extraction and reassembly by position as PtychoPINN has them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...arrays.tensors import is_tensor
from ...deprecation.table import deprecated
from ...errors import CompatError
from ..params import ambient
from .channels import channel_to_flat, offsets_to_flat
from .translation import moved, translated

#: Patches translated at a time, which bounds memory alone.
CHUNK = 32


@deprecated("PED018")
def extract_patches_position(
    imgs: Any, offsets_xy: Any, jitter: Any = 0.0, N: int | None = None, gridsize: int | None = None
) -> Any:
    """Cut the members of groups out of the canvases of the groups.

    Parameters
    ----------
    imgs : tf.Tensor, shape (B, M, M, 1)
        A canvas for each group: float32, float64, complex64 or complex128.
    offsets_xy : tf.Tensor, shape (B, 1, 2, C)
        Offsets [dx, dy] by which the content of a canvas moves for each member, in pixels.
    jitter : float
        Standard deviation of a normal displacement that is added, in pixels; a tensor is ignored,
        as in legacy code.
    N, gridsize : int, optional
        Left out, from ``ptycho.params`` if the program has imported it.

    Returns
    -------
    tf.Tensor, shape (B * C, N', N', 1)
        The middle of the canvas moved, in flat format: N' is N, or N + 1 if ``M - N`` is odd, or
        0 if it is below 2, as in legacy code.

    Raises
    ------
    CompatError
        If a shape or dtype is another, or a number is nowhere.
    """
    import tensorflow as tf

    n, side = ambient.size("N", N), ambient.size("gridsize", gridsize)
    canvases = tf.convert_to_tensor(imgs)
    if canvases.shape.rank != 4 or canvases.shape[1] != canvases.shape[2]:
        raise CompatError(f"imgs: received shape {tuple(canvases.shape)}. Expected (B, M, M, 1).")
    offsets = offsets_to_flat(offsets_xy)
    repeated = channel_to_flat(tf.repeat(canvases, side**2, axis=3))
    if repeated.shape[0] != offsets.shape[0]:
        raise CompatError(
            f"offsets_xy: {offsets.shape[0]} offsets for {canvases.shape[0]} canvases of "
            f"gridsize**2 = {side**2} members. Expected {repeated.shape[0]}."
        )
    if not is_tensor(jitter) and jitter > 0:
        offsets += tf.random.normal(tf.shape(offsets), stddev=jitter, dtype=offsets.dtype)
    clip = max(0, (int(canvases.shape[1]) - n) // 2)
    middle = slice(clip, -clip)  # empty for 0, as in legacy code
    return translated(repeated, offsets, "bilinear", False)[:, middle, middle, :]


@deprecated("PED019")
def reassemble_position(
    obj_tensor: Any,
    global_offsets: Any,
    M: int = 10,
    chunk_size: int = CHUNK,
    N: int | None = None,
    config: Any = None,
) -> Any:
    """Lay the middles of patches side by side at their positions, and average where they overlap.

    Parameters
    ----------
    obj_tensor : ndarray or tf.Tensor of complex64, shape (n, N, N, 1)
        The patches.
    global_offsets : ndarray of float64, shape (n, 1, 2, 1) or (n, 1, 1, 2)
        Their positions [x, y], in pixels; their mean comes to lie in the middle.
    M : int
        Size of the middle that is used: even, at most N.
    chunk_size : int
        Patches translated at a time; the result does not depend on it.
    N : int, optional
        Size of the patches; left out, from `config`, else from ``ptycho.params`` if the program
        has imported it, else the size of the patches themselves. Legacy code reads it once, when
        its function is first traced, and goes on with a stale one; this function does not.
    config : object or mapping, optional
        A legacy configuration.

    Returns
    -------
    tf.Tensor of complex64, shape (S, S, 1)
        The canvas, zero where no patch reaches.

    Raises
    ------
    CompatError
        If a shape or dtype is another, or M does not fit.
    """
    import tensorflow as tf

    parts = _middles(obj_tensor, global_offsets, M, N, config)
    if parts is None:
        return tf.zeros((M, M, 1), tf.complex64)
    middles, offsets = parts
    total = _summed(middles, offsets, chunk_size)
    return total / (1e-9 + _summed(tf.ones_like(middles), offsets, chunk_size))


@deprecated("PED020")
def shift_and_sum(
    obj_tensor: Any,
    global_offsets: Any,
    M: int = 10,
    chunk_size: int = CHUNK,
    N: int | None = None,
    config: Any = None,
) -> Any:
    """Lay the middles of patches at their positions, and add them up.

    Parameters
    ----------
    obj_tensor, global_offsets, M, chunk_size, N, config
        As `reassemble_position` takes them.

    Returns
    -------
    tf.Tensor of complex64, shape (S, S, 1)
        The sum.

    Raises
    ------
    CompatError
        As `reassemble_position`.
    """
    import tensorflow as tf

    parts = _middles(obj_tensor, global_offsets, M, N, config)
    if parts is None:
        return tf.zeros((M, M, 1), tf.complex64)
    middles, offsets = parts
    return _summed(middles, offsets, chunk_size)


def _middles(obj: Any, offsets: Any, m: int, N: int | None, config: Any) -> Any:
    """Return the middles (n, M, M, 1) and the centred offsets (n, 2); None if n is 0."""
    import tensorflow as tf

    patches, where = tf.convert_to_tensor(obj), np.asarray(offsets)
    if patches.shape.rank != 4 or patches.dtype != tf.complex64 or patches.shape[3] != 1:
        raise CompatError(
            f"obj_tensor: received shape {tuple(patches.shape)}, dtype {patches.dtype.name}. "
            "Expected complex64 of shape (n, N, N, 1)."
        )
    count = int(patches.shape[0])
    if where.dtype != np.float64 or where.shape not in ((count, 1, 2, 1), (count, 1, 1, 2)):
        raise CompatError(
            f"global_offsets: received shape {where.shape}, dtype {where.dtype}. Expected float64 "
            f"of shape ({count}, 1, 2, 1) or ({count}, 1, 1, 2)."
        )
    known = ambient.legacy_values(config).values
    n = ambient.size("N", N if N is not None else known.get("N", int(patches.shape[1])))
    if m % 2 or not 0 <= m <= n:
        raise CompatError(f"M: received {m}. Expected an even number from 0 to N = {n}.")
    if count == 0:
        return None
    middle = slice(n // 2 - m // 2, n // 2 + m // 2)
    centred = where.reshape(count, 2).astype(np.float32)
    centred = tf.constant(centred - centred.mean(axis=0, dtype=np.float32))
    return patches[:, middle, middle, :], centred


def _summed(patches: Any, offsets: Any, chunk_size: int) -> Any:
    """Sum patches (n, M, M, 1) moved by offsets (n, 2), on a canvas that holds them all."""
    import tensorflow as tf

    if chunk_size < 1:
        raise CompatError(f"chunk_size: received {chunk_size}. Expected an integer above zero.")
    pad = math.ceil(float(tf.reduce_max(tf.abs(offsets))))
    pad += pad % 2
    border = [[0, 0], [pad, pad], [pad, pad], [0, 0]]
    jit = ambient.use_xla()
    total = None
    for start in range(0, int(patches.shape[0]), chunk_size):
        chunk = slice(start, start + chunk_size)
        canvases = moved(tf.pad(patches[chunk], border), offsets[chunk], "bilinear", jit)
        part = tf.reduce_sum(canvases, axis=0)
        total = part if total is None else total + part
    return total
