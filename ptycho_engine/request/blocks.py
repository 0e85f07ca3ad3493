"""Where patches go: blocks, the targets that plugins fill, and layouts they do not return."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays.adapter import adapter_of
from ..arrays.tensors import framework_of
from ..display import Shown
from ..errors import PluginError, RequestError
from .extraction import ExtractionRequest
from .located import LocatedRequest
from .overlap import check_memory, memory_of
from .placement import PlacementRequest

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, eq=False, repr=False)
class Block(Shown):
    """A run of consecutive patches of a stream.

    Attributes
    ----------
    start, stop : int
        Their range along the first axis of the layout: patches if flat, else groups.
    patches : ndarray
        The patches of that range, leading axes first.
    """

    start: int
    stop: int
    patches: Array


def flat_target(served: ExtractionRequest, layout: str, out: Any) -> Array:
    """Return an array for flat patches: a view of a grid, which is flat under another shape."""
    if layout == "grid" and out.flags.c_contiguous:
        return np.asarray(out).reshape(served.output_shape)
    return np.empty(served.output_shape, served.dtype)


def is_same_array(array: Array, other: Array) -> bool:
    """Tell whether two arrays of one shape and dtype are the same samples in the same order."""
    steps = zip(array.shape, array.strides, other.strides, strict=True)
    return array.ctypes.data == other.ctypes.data and all(a == b for n, a, b in steps if n > 1)


def settle_patches(patches: Array, target: Array, request: ExtractionRequest, out: Array) -> None:
    """Write into an output what a plugin returned, unless it filled that itself.

    Whatever it returned counts: of the array that it was given, a view in another order, too.
    """
    if not np.may_share_memory(patches, out):
        copy_patches(patches, request, out)
    elif not is_same_array(patches, target):
        copy_patches(patches.copy(), request, out)


def add_placed(placed: Array, target: Array, out: Array, plugin: str) -> None:
    """Add to an output what a plugin returned, unless the plugin added it there itself.

    Raises
    ------
    PluginError
        If it is neither that nor memory of its own.
    """
    if target is out and is_same_array(placed, out):
        return
    if np.may_share_memory(placed, out):
        raise PluginError(
            f"{plugin}: place_patches returned a view of `out`. Expected `out` itself once added "
            "to, or the sum of the patches in memory of its own."
        )
    out += placed


def copy_patches(patches: Array, request: ExtractionRequest, out: Array) -> None:
    """Write patches, as they are or flat, into an output of the layout of a request."""
    if patches.shape != out.shape and request.layout == "channel":  # in one pass, without a copy
        out = np.moveaxis(out, -1, -3)  # (..., B, C, N, N)
    out[...] = patches.reshape(out.shape)


def flattened(request: PlacementRequest) -> PlacementRequest:
    """Return a placement of the same patches in the flat layout."""
    patches = adapter_of(request.patches).flatten(request.patches, request.layout)
    return request.with_patches(patches, "flat")


def members_first(request: LocatedRequest, patches: Array) -> Array:
    """View patches of one slice as (B, C, N, N); interleaving them takes no pass of its own."""
    if request.layout == "channel":
        return np.moveaxis(patches, -1, 1)
    if request.layout == "grid":
        n = request.patch_size
        return patches.reshape(-1, request.channels, n, n)
    return patches[:, None]


def padded_rows(values: Array, count: int) -> Array:
    """Append rows of zeros up to `count` rows, for chunks of one shape."""
    if len(values) == count:
        return values
    padded = np.zeros((count, *values.shape[1:]), values.dtype)
    padded[: len(values)] = values
    return padded


def block_index(request: ExtractionRequest, start: int, stop: int) -> tuple[slice, ...]:
    """Index of the groups `start` to `stop` behind the leading axes."""
    return (*(slice(None) for _ in request.leading_shape), slice(start, stop))


def check_out(request: ExtractionRequest, out: Any) -> None:
    """Refuse an `out` that cannot take the patches of a request.

    Raises
    ------
    RequestError
        If its shape or dtype is another, if it is read-only, holds a sample more than once or
        shares memory with the object, or has a mask or a unit.
    """
    framework = framework_of(out)
    if framework is not None:
        raise RequestError(
            f"out: received an array of {framework}. Expected one of NumPy, a data set of HDF5 or "
            "Zarr, or the like. Leave it out, and convert what is returned."
        )
    try:
        shape, dtype = getattr(out, "shape", None), getattr(out, "dtype", None)
    except (RuntimeError, ValueError) as error:  # of a file that is closed
        raise RequestError(f"out: cannot be used: {error}. Open it for writing.") from error
    if shape is None or tuple(shape) != request.output_shape or dtype != request.dtype:
        raise RequestError(
            f"out: received shape {shape}, dtype {dtype}. Expected shape {request.output_shape}, "
            f"dtype {request.dtype}."
        )
    memory = memory_of(out)
    if memory is not None:
        check_memory(memory, "image", request.image, "patches")
    elif getattr(out, "read_only", False) or getattr(getattr(out, "file", None), "mode", "") == "r":
        raise RequestError("out: the file is read-only. Open it for writing.")
