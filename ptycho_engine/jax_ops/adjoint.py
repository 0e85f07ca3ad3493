"""Patches placed back: the transposes that jax derives of the functions that cut.

Every kernel is linear in the object, with real weights: its transpose is its adjoint.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from ..compilations import counted
from ..request.placement import PlacementRequest
from ..request.windows import Padding, find_windows, padding_of
from .blending import CutKind
from .native_path import at_once, cut_object, is_traced, kind_of, nan_where, traced_windows


def place_array(request: PlacementRequest) -> jax.Array:
    """Add patches that are jax arrays onto an object of zeros.

    Parameters
    ----------
    request : PlacementRequest
        Of which the patches or the positions are jax arrays, traced or not.

    Returns
    -------
    jax.Array, shape `request.output_shape`
        The object. Gradients reach the patches and traced positions; if one of these is NaN or
        infinite, so is every sample. On a CPU the bits are the same every time; a GPU adds in an
        order of its own, unless XLA is told otherwise
        (``XLA_FLAGS=--xla_gpu_deterministic_ops=true``).

    Raises
    ------
    CapabilityError
        If a trace is of double precision, and jax is told to compute in single.
    """
    how = request.output_shape, padding_of(request), request.fill, kind_of(request)
    if is_traced(request, request.patches):
        patches = request.arrays.flatten(jnp.asarray(request.patches), request.layout)
        starts, offsets, refused = traced_windows(request)
        placed = place_object(patches, starts, offsets, *how)
        if refused is None:
            return placed
        return nan_where(refused.any(), placed)
    with at_once():
        found = find_windows(request)
        patches = request.arrays.flatten(jnp.asarray(request.patches), request.layout)
        return place_object(patches, found.starts, found.offsets, *how)


@partial(jax.jit, static_argnums=(3, 4, 5, 6))
@counted
def place_object(
    patches: jax.Array,
    starts: Any,
    offsets: Any,
    shape: tuple[int, ...],
    padding: Padding,
    fill: str,
    kind: CutKind,
) -> jax.Array:
    """Add flat patches (..., P, N, N) onto zeros of a `shape` (..., H, W): see `cut_object`."""
    cut = partial(cut_object, starts=starts, offsets=offsets, padding=padding, fill=fill, kind=kind)
    # Inside jax.shard_map, zeros are each device's own as soon as any of these is: of zeros that
    # all devices share, the transpose would be the sum over the devices.
    zero = sum(jnp.zeros_like(x, patches.dtype, shape=()) for x in (patches, starts, offsets))
    transposed = jax.vjp(cut, jnp.zeros_like(zero, shape=shape))[1]
    placed: jax.Array = transposed(patches + zero)[0]
    return placed
