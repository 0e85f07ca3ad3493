"""jax arrays in, jax arrays out: at once, or inside ``jax.jit``, ``grad`` and ``vmap``."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..errors import CapabilityError
from ..request.extraction import ExtractionRequest
from ..request.prepared import CopyKey
from ..request.windows import Padding, find_windows, padded_bytes, padding_of
from .blending import CutKind, cut_slice
from .continuation import continued, placed

#: Owner of the continued objects that are kept.
OWNER = "jax"


def extract_array(request: ExtractionRequest) -> jax.Array:
    """Cut the patches of a request of jax arrays.

    Parameters
    ----------
    request : ExtractionRequest
        A request of which the object or the positions are jax arrays, traced or not.

    Returns
    -------
    jax.Array, shape `request.output_shape`
        The patches, on the device of the object. Gradients reach the object and, through the
        fractions, traced positions. Patches of traced positions that are NaN or infinite are NaN in
        every sample.

    Raises
    ------
    CapabilityError
        If a trace is of double precision, and jax is told to compute in single.
    """
    arrays = request.arrays
    if arrays.is_symbolic(request.image) or arrays.is_symbolic(request.positions):
        refuse_double(request)
        patches = cut_traced(request)
    else:
        # At once: a trace around this must not reach what is kept. Intermediate numbers may be in
        # double precision, whatever jax is told: patches keep that of the object.
        with jax.enable_x64(True), jax.ensure_compile_time_eval():
            patches = _cut_known(request)
    return arrays.arrange(patches, request.layout, request.channels)


def refuse_double(request: ExtractionRequest) -> None:
    """Refuse objects in double precision where jax would silently compute in single."""
    if request.real_dtype == np.float64 and not jax.config.jax_enable_x64:
        raise CapabilityError(
            f"jax: received an object of {request.dtype_name} for jax arrays, and jax is told to "
            "compute in single precision. Expected float32 or complex64. Convert the object, or "
            'call jax.config.update("jax_enable_x64", True) first.'
        )


def kind_of(request: ExtractionRequest) -> CutKind:
    """Find what the function that cuts depends on besides its arrays."""
    return CutKind(request.patch_size, request.interpolation, request.rounding)


def cut_traced(request: ExtractionRequest) -> jax.Array:
    """Cut flat patches (..., P, N, N) inside a trace."""
    padding, refused = padding_of(request), None
    if request.arrays.is_symbolic(request.positions):
        shape = request.image.shape[-2:]
        starts, offsets, refused = placed(request.positions, shape, request.cut, padding)
        offsets = offsets.astype(request.offset_dtype)
    else:
        found = find_windows(request)
        starts, offsets = jnp.asarray(found.starts), jnp.asarray(found.offsets)
    padded = continued(jnp.asarray(request.image), padding, request.fill)
    patches = cut_slices(padded, starts, offsets, kind_of(request))
    if refused is None:
        return patches
    return jnp.where(refused[:, None, None], jnp.full((), np.nan, patches.dtype), patches)


def cut_slices(image: jax.Array, starts: jax.Array, offsets: jax.Array, kind: CutKind) -> jax.Array:
    """Cut flat patches (..., P, N, N) of every slice of a continued object (..., H, W)."""
    cut = partial(cut_slice, starts=starts, offsets=offsets, kind=kind)
    if image.ndim == 2:
        return cut(image)
    slices = image.reshape(-1, *image.shape[-2:])
    patches = jax.vmap(cut)(slices)
    return patches.reshape(*image.shape[:-2], *patches.shape[1:])


def _cut_known(request: ExtractionRequest) -> jax.Array:
    """Cut flat patches of arrays whose numbers are known; the continued object is kept."""
    found = find_windows(request)
    padded = request.prepared.once(
        CopyKey(OWNER, (), found.padding, request.fill),
        partial(_continued_at_once, jnp.asarray(request.image), found.padding, request.fill),
        padded_bytes(request) * request.slice_count,
    )
    return _cut_at_once(padded, found.starts, found.offsets, kind_of(request))


@partial(jax.jit, static_argnums=(1, 2))
def _continued_at_once(image: jax.Array, padding: Padding, fill: str) -> jax.Array:
    return continued(image, padding, fill)


@partial(jax.jit, static_argnums=3)
def _cut_at_once(padded: jax.Array, starts: Any, offsets: Any, kind: CutKind) -> jax.Array:
    return cut_slices(padded, starts, offsets, kind)
