"""Extraction and reassembly by position as PtychoPINN has them."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ...arrays.tensors import is_tensor
from ...deprecation.table import deprecated
from ...errors import CompatError
from ..params import ambient
from ..params.resolution import warn_compat
from .channels import channel_to_flat, offsets_to_flat, shaped, sizes, unmasked
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
    canvases = shaped("imgs", imgs, (None, None, None, 1), "(B, M, M, 1)")
    count, height, width, _ = canvases.shape
    if None not in (height, width) and height != width:
        raise CompatError(f"imgs: received shape {canvases.shape}. Expected (B, M, M, 1).")
    words = f"(B, 1, 2, C), gridsize**2 = {side**2} offsets for each of B = {count} canvases"
    offsets = offsets_to_flat(shaped("offsets_xy", offsets_xy, (count, 1, 2, side**2), words))
    if not is_tensor(jitter) and jitter > 0:
        offsets += tf.random.normal(tf.shape(offsets), stddev=jitter, dtype=offsets.dtype)
    repeated = channel_to_flat(tf.repeat(canvases, side**2, axis=3))
    moved = translated(repeated, offsets, "bilinear", False)
    clip = (sizes(canvases)[1] - n) // 2
    clip = max(0, clip) if height is not None else tf.maximum(0, clip)
    return moved[:, clip:-clip, clip:-clip, :]  # empty for 0, as in legacy code


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
    global_offsets : ndarray or tf.Tensor of float64, shape (n, 1, 2, 1) or (n, 1, 1, 2)
        Their positions [x, y], in pixels; their mean comes to lie in the middle. Of another shape
        (n, ...), as (n, 1, 2, 4), the numbers are taken in pairs as they lie in memory, and patch
        i of a chunk takes pair i, as in legacy code; a warning says so.
    M : int
        Size of the middle that is used: even, at most N.
    chunk_size : int
        Patches translated at a time; the result does not depend on it, but for offsets in pairs.
    N : int, optional
        Size of the patches; if theirs is another, the middle of N is used as in legacy code, and
        a warning says so. Left out, from `config`, else from ``ptycho.params`` if the program
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
        If a shape or dtype is another, or M does not fit N or the patches.
    """
    import tensorflow as tf

    middles, summed = _canvas(obj_tensor, global_offsets, M, chunk_size, N, config)
    return summed(middles) / (1e-9 + summed(tf.ones_like(middles)))


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
    middles, summed = _canvas(obj_tensor, global_offsets, M, chunk_size, N, config)
    return summed(middles)


def _canvas(
    obj: Any, offsets: Any, m: int, chunk_size: int, N: int | None, config: Any
) -> tuple[Any, Callable[[Any], Any]]:
    """Return the middles (n, M, M, 1) of patches, and what sums such on the canvas of them all."""
    import tensorflow as tf

    if _integer(chunk_size) < 1:
        raise CompatError(f"chunk_size: received {chunk_size!r}. Expected an integer above zero.")
    patches = shaped("obj_tensor", obj, (None, None, None, 1), "complex64 (n, N, N, 1)")
    if patches.dtype != tf.complex64:
        raise CompatError(f"obj_tensor: received dtype {patches.dtype.name}. Expected complex64.")
    where = _centred(offsets, patches.shape[0])
    known = ambient.legacy_values(config).values
    n = ambient.size("N", N if N is not None else known.get("N", patches.shape[1]))
    if _integer(m) % 2 or not 0 <= m <= n:
        raise CompatError(f"M: received {m!r}. Expected an even number from 0 to N = {n}.")
    middle = slice(n // 2 - m // 2, n // 2 + m // 2)
    _look_at_size(patches.shape[1:3].as_list(), n, middle.stop)
    jit = ambient.use_xla()

    def summed(parts: Any) -> Any:
        return _summed(parts, where, m, chunk_size, jit)

    return patches[:, middle, middle, :], summed


def _integer(value: Any) -> int:
    """Return an integer of whatever type, -1 for anything else."""
    try:
        return operator.index(value)
    except TypeError:
        return -1


def _look_at_size(sides: list[int | None], n: int, stop: int) -> None:
    """Refuse, or warn of, patches of another size than N; one unknown in a graph passes."""
    if all(side in (None, n) for side in sides):
        return
    words = f"N: received {n}, for patches of {sides[0]} x {sides[1]} pixels"
    if any(side is not None and side < stop for side in sides):
        raise CompatError(f"{words}, which the middle of N does not fit. Expected their size.")
    warn_compat(
        f"{words}. As in PtychoPINN the middle is then that of N, not of the patches: pass their "
        "size as N."
    )


def _centred(offsets: Any, count: int | None) -> Any:
    """Return offsets (n, ...) about their mean, in float32."""
    import tensorflow as tf

    given = offsets if is_tensor(offsets) else np.asarray(unmasked("global_offsets", offsets))
    where = shaped("global_offsets", given, (count, None, None, None), f"({count}, 1, 2, 1)")
    if where.dtype != tf.float64:
        raise CompatError(f"global_offsets: received dtype {where.dtype.name}. Expected float64.")
    numbers = where.shape[1:].num_elements()
    if numbers is not None and (numbers == 0 or numbers % 2):
        raise CompatError(f"global_offsets: received shape {where.shape}. Expected (n, 1, 2, 1).")
    if numbers is not None and numbers != 2:
        warn_compat(
            f"reassembly: global_offsets of shape {where.shape}. As in PtychoPINN their numbers "
            "are taken in pairs as they lie, whatever their groups: pass one offset a patch, "
            "(n, 1, 2, 1)."
        )
    where = tf.cast(where, tf.float32)
    return where - tf.reduce_mean(where, axis=0)


def _summed(patches: Any, offsets: Any, m: int, chunk_size: int, jit: bool) -> Any:
    """Sum patches (n, M, M, 1) moved by their offsets, on a canvas (S, S, 1) that holds them."""
    import tensorflow as tf

    pad = tf.cast(tf.math.ceil(tf.maximum(tf.reduce_max(tf.abs(offsets)), 0)), tf.int32)
    pad += pad % 2
    border = tf.convert_to_tensor([[0, 0], [pad, pad], [pad, pad], [0, 0]])
    count = tf.shape(patches)[0]

    def add(start: Any, total: Any) -> tuple[Any, Any]:
        chunk = slice(start, tf.minimum(start + chunk_size, count))
        canvases = tf.pad(patches[chunk], border)
        part = moved(canvases, tf.reshape(offsets[chunk], (-1, 2)), "bilinear", jit)
        total += tf.reduce_sum(part, axis=0)
        return start + chunk_size, tf.ensure_shape(total, (None, None, 1))

    side = m + 2 * pad
    empty = tf.ensure_shape(tf.zeros((side, side, 1), patches.dtype), (None, None, 1))
    return tf.while_loop(
        lambda start, _: start < count,
        add,
        (0, empty),
        (tf.TensorShape(()), tf.TensorShape((None, None, 1))),
        parallel_iterations=1,
    )[1]
