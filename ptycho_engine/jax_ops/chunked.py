"""NumPy in, NumPy out: chunks of one shape, each computed while the one before it is copied."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np

from ..compilations import counted
from ..geometry.kernels import KERNELS
from ..request.extraction import ExtractionRequest
from ..request.prepared import CopyKey
from ..request.windows import Windows, find_windows, pad, padded_bytes
from .blending import CutKind, cut_real, cut_slice
from .native_path import OWNER, kind_of

Array = np.ndarray[Any, Any]


def fill_array(request: ExtractionRequest, out: Array, chunk_size: int) -> Array:
    """Fill a NumPy array with the patches of a request, chunk by chunk.

    Parameters
    ----------
    request : ExtractionRequest
        A request of NumPy arrays.
    out : ndarray, shape `request.output_shape`
        Receives the patches.
    chunk_size : int
        Patches of a chunk, a multiple of the members of a group; the last is padded to it, so that
        one compilation serves every number of positions.

    Returns
    -------
    ndarray
        `out`.
    """
    found = find_windows(request)
    # In double precision where the arrays are, whatever jax is told; and at once, also while a
    # function around this is traced.
    with jax.enable_x64(True), jax.ensure_compile_time_eval():
        for index in request.slices:
            source = request.prepared.once(
                CopyKey(OWNER, index, found.padding, request.fill),
                partial(_padded, request, index, found),
                padded_bytes(request),
            )
            _fill_slice(request, found, source, _members_first(request, out[index]), chunk_size)
    return out


def _fill_slice(
    request: ExtractionRequest, found: Windows, source: jax.Array, target: Array, chunk_size: int
) -> None:
    """Fill the patches (B, C, N, N) of one slice; two chunks take turns."""
    step = chunk_size // request.channels
    firsts = range(0, request.groups, step)
    kind, interleave = kind_of(request), 2 if source.dtype != request.dtype else 1
    pending: list[tuple[int, jax.Array]] = []

    def copy_one() -> None:
        first, chunk = pending.pop(0)
        groups = np.asarray(chunk).view(request.dtype).reshape(-1, *target.shape[1:])
        count = min(step, len(target) - first)
        target[first : first + count] = groups[:count]

    for first in firsts:
        rows = slice(first * request.channels, (first + step) * request.channels)
        chunk = (_padded_rows(x[rows], chunk_size) for x in (found.starts, found.offsets))
        pending.append((first, _cut_chunk(source, *chunk, kind, interleave)))
        if len(pending) == 2:
            copy_one()
    while pending:
        copy_one()


def _cut(source: jax.Array, starts: Any, offsets: Any, kind: CutKind, interleave: int) -> jax.Array:
    if KERNELS[kind.interpolation].weights is None:
        return cut_slice(source, starts, offsets, kind)
    return cut_real(source, starts, offsets, kind, interleave)


_cut_chunk = jax.jit(counted(_cut), static_argnums=(3, 4))


def _padded(request: ExtractionRequest, index: tuple[int, ...], found: Windows) -> jax.Array:
    """Continue one slice; of a kernel that is separable as its real view (H, k W)."""
    padded = pad(request.image[index], found.padding, request.fill)
    if KERNELS[request.interpolation].weights is not None:
        padded = padded.view(request.real_dtype)
    return jax.device_put(padded)


def _members_first(request: ExtractionRequest, out: Array) -> Array:
    """View patches of one slice as (B, C, N, N); interleaving them takes no pass of its own."""
    if request.layout == "channel":
        return np.moveaxis(out, -1, 1)
    return (
        out.reshape(-1, request.channels, *out.shape[-3:-1])
        if request.layout == "grid"
        else out[:, None]
    )


def _padded_rows(values: Array, count: int) -> Array:
    """Append rows of zeros up to `count` rows."""
    if len(values) == count:
        return values
    padded = np.zeros((count, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded
