"""Arrays of other frameworks, borrowed by DLPack: same device, same memory, no copy.

DLPack shares memory that is aligned to 64 bytes, as that of GPUs is; of other memory jax makes a
copy. What jax returns is not to be written to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import jax

from ..request.extraction import ExtractionRequest
from ..request.placement import PlacementRequest
from ..request.prepared import PreparedObject
from .adjoint import place_array
from .native_path import at_once, extract_array


class BorrowedKey(NamedTuple):
    """Names a borrowed object among what a prepared one keeps."""

    framework: str


def extract_borrowed(request: ExtractionRequest) -> Any:
    """Cut patches of arrays whose adapter has `from_dlpack`; they are the same framework's."""
    with at_once():  # in double precision if the object is
        prepared = request.prepared.once(
            BorrowedKey(request.arrays.name), lambda: _prepared(request.image, request.shared)
        )
        borrowed = replace(request, image=prepared.image, prepared=prepared)
        return _returned(request, extract_array(borrowed))


def place_borrowed(request: PlacementRequest) -> Any:
    """Place patches of arrays whose adapter has `from_dlpack`."""
    with at_once():
        patches = jax.dlpack.from_dlpack(request.patches)
        return _returned(request, place_array(replace(request, patches=patches)))


def _prepared(image: Any, shared: bool) -> PreparedObject:
    return PreparedObject(jax.dlpack.from_dlpack(image), shared=shared)


def _returned(request: Any, result: jax.Array) -> Any:
    return request.arrays.from_dlpack(jax.block_until_ready(result))
