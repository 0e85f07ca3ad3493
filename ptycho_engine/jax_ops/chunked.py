"""NumPy in, NumPy out: chunks of one shape, so that one compilation serves every number of them.

They are computed where they lie, on the CPU: to a GPU and back takes many times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..compilations import counted
from ..request.blocks import members_first, padded_rows
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.placement import PlacementRequest
from ..request.prepared import CopyKey
from ..request.windows import find_windows, fold, pad, padded_bytes, padding_of
from ..workers import share
from .blending import CutKind, cut_view
from .native_path import OWNER, at_once, interleave_of, kind_of

Array = np.ndarray[Any, Any]

#: Threads, each of which has a chunk computed and copies it while it is in the caches.
WORKERS = 2


class Chunk(NamedTuple):
    """Some groups of a request, and where their windows lie.

    Attributes
    ----------
    groups : slice
        Which.
    starts, offsets : ndarray, shape (chunk_size, 2)
        As `find_windows` gives them; zeros behind the last group of all.
    """

    groups: slice
    starts: Array
    offsets: Array


def fill_array(request: ExtractionRequest, out: Array, chunk_size: int) -> Array:
    """Fill a NumPy array with the patches of a request, chunk by chunk.

    Parameters
    ----------
    request : ExtractionRequest
        A request of NumPy arrays.
    out : ndarray, shape `request.output_shape`
        Receives the patches.
    chunk_size : int
        Patches of a chunk, a multiple of the members of a group.

    Returns
    -------
    ndarray
        `out`.
    """
    how = kind_of(request), interleave_of(request)

    def fill(chunk: Chunk) -> None:
        with _on_host():  # in each thread
            patches = np.asarray(_cut_chunk(source, chunk.starts, chunk.offsets, *how))
        groups = patches.view(request.dtype).reshape(-1, *target.shape[1:])
        part = target[chunk.groups]
        part[...] = groups[: len(part)]

    for index in request.slices:
        with _on_host():
            source = _padded(request, index)
        target = members_first(request, out[index])
        share(fill, _chunks(request, chunk_size), WORKERS)
    return out


def add_to_array(request: PlacementRequest, out: Array, chunk_size: int) -> Array:
    """Add the patches of a request of NumPy arrays onto `out`, chunk by chunk, in their order."""
    padding, interleave = padding_of(request), interleave_of(request)
    rows, columns = padding.padded_shape(request.shape)
    dtype = request.real_dtype if interleave == 2 else request.dtype
    with _on_host():
        for index in request.slices:
            canvas = jnp.zeros((rows, interleave * columns), dtype)
            flat = members_first(request, request.patches[index])
            for chunk in _chunks(request, chunk_size):
                patches = padded_rows(_flat(flat[chunk.groups]), chunk_size).view(dtype)
                where = chunk.starts, chunk.offsets
                canvas = _add_chunk(canvas, patches, *where, kind_of(request), interleave)
            fold(np.array(canvas).view(request.dtype), padding, request.fill, out[index])
    return out


def sum_slopes(request: ExtractionRequest, cotangent: Array, chunk_size: int) -> Array:
    """Differentiate with respect to positions, chunk by chunk.

    Parameters
    ----------
    request : ExtractionRequest
        A request of NumPy arrays.
    cotangent : ndarray, shape `request.output_shape`
        ``dL/dRe + i dL/dIm`` of the patches.
    chunk_size : int
        As for `fill_array`.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        The gradient, summed over the slices of the object; columns (y, x).
    """
    members, interleave = request.channels, interleave_of(request)
    gradient = np.zeros((request.groups, members, 2))
    with _on_host():
        for index in request.slices:
            source, values = _padded(request, index), members_first(request, cotangent[index])
            for chunk in _chunks(request, chunk_size):
                part = padded_rows(_flat(values[chunk.groups]), chunk_size).view(source.dtype)
                where = chunk.starts, chunk.offsets
                slopes = _slope_chunk(source, part, *where, kind_of(request), interleave)
                target = gradient[chunk.groups]
                target += np.asarray(slopes).reshape(-1, members, 2)[: len(target)]
    return gradient.reshape(-1, 2)


@contextmanager
def _on_host() -> Iterator[None]:
    """Compute at once, on the CPU."""
    cpu = _cpu_beside_others()
    with at_once(), nullcontext() if cpu is None else jax.default_device(cpu):
        yield


@lru_cache
def _cpu_beside_others() -> Any:
    """Return jax's device of the host; None if that is the default, or if there is none."""
    try:
        return None if jax.default_backend() == "cpu" else jax.local_devices(backend="cpu")[0]
    except RuntimeError:  # jax is told to have no such
        return None


def _chunks(request: LocatedRequest, chunk_size: int) -> Iterator[Chunk]:
    found, members = find_windows(request), request.channels
    step = chunk_size // members
    for first in range(0, request.groups, step):
        groups = slice(first, min(first + step, request.groups))
        rows = slice(first * members, groups.stop * members)
        windows = (padded_rows(x[rows], chunk_size) for x in (found.starts, found.offsets))
        yield Chunk(groups, *windows)


_cut_chunk = jax.jit(counted(cut_view), static_argnums=(3, 4))


@partial(jax.jit, static_argnums=(4, 5), donate_argnums=0)
@counted
def _add_chunk(
    canvas: jax.Array,
    patches: Any,
    starts: Any,
    offsets: Any,
    kind: CutKind,
    interleave: int,
) -> jax.Array:
    cut = partial(cut_view, starts=starts, offsets=offsets, kind=kind, interleave=interleave)
    added: jax.Array = jax.vjp(cut, canvas)[1](patches)[0]
    return canvas + added


@partial(jax.jit, static_argnums=(4, 5))
@counted
def _slope_chunk(
    source: jax.Array, cotangent: Any, starts: Any, offsets: Any, kind: CutKind, interleave: int
) -> jax.Array:
    cut = partial(cut_view, source, starts, kind=kind, interleave=interleave)
    # Of a complex function, jax's own convention takes the conjugate.
    slopes: jax.Array = jax.vjp(cut, offsets)[1](cotangent.conj())[0]
    return slopes


def _padded(request: ExtractionRequest, index: tuple[int, ...]) -> jax.Array:
    """Continue one slice of an object, once as long as it is kept."""
    padding = padding_of(request)

    def make() -> jax.Array:
        padded = pad(request.image[index], padding, request.fill)
        return jax.device_put(padded.view(request.real_dtype) if real else padded)

    real = interleave_of(request) == 2
    return request.prepared.once(
        CopyKey(f"{OWNER} {'real' if real else 'whole'}", index, padding, request.fill),
        make,
        padded_bytes(request),
    )


def _flat(groups: Array) -> Array:
    """Flatten groups (b, C, N, N) to patches (b * C, N, N), side by side in memory."""
    return np.ascontiguousarray(groups).reshape(-1, *groups.shape[2:])
