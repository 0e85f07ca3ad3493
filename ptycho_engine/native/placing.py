"""The patches of a request added onto an object, whose rows are shared out among threads."""

from __future__ import annotations

from functools import partial
from operator import call
from typing import Any

import numpy as np

from ..request.placement import PlacementRequest
from ..request.windows import Windows, all_inside, find_windows, fold
from ..workers import share
from .bands import equal_bands, is_worthwhile
from .scattering import scatter
from .taps import tap_weights

Array = np.ndarray[Any, Any]


def add_patches(request: PlacementRequest, out: Array, threads: int) -> Array:
    """Add the patches onto every slice of the object.

    Parameters
    ----------
    request : PlacementRequest
        A request of NumPy arrays, flat or in channels, of a kernel that is separable.
    out : ndarray, shape `request.output_shape`
        Is added to.
    threads : int
        Threads at most; the result does not depend on them.

    Returns
    -------
    ndarray
        `out`.
    """
    found = find_windows(request)
    threads = threads if is_worthwhile(request.patches.size) else 1
    order, weights = found.down_the_object(request.channels), tap_weights(request, found)
    for index in request.slices:
        _add_slice(request, found, weights, order, request.patches[index], out[index], threads)
    return out


def _add_slice(
    request: PlacementRequest,
    found: Windows,
    weights: tuple[Array, Array],
    order: Array,
    patches: Array,
    out: Array,
    threads: int,
) -> None:
    """Add patches onto one slice of the object, or by way of a canvas with a margin."""
    shape = (request.groups, request.patch_size, request.patch_size * request.channels)
    groups = _writeable(np.require(patches, requirements=["C", "A"])).reshape(shape)
    canvas, starts, padding = out, found.starts, found.padding
    if direct := adds_directly(request):
        starts = starts - np.int32(padding.before)
    else:
        canvas = np.zeros(padding.padded_shape(request.shape), out.dtype)
    image, members = canvas.view(request.real_dtype), request.channels
    count = 2 * threads if threads > 1 else 1
    pieces = [
        partial(scatter, image, starts, *weights, groups, members, order, top, bottom)
        for top, bottom in equal_bands(starts[:, 0], request.cut.span, len(image), count)
    ]
    share(call, pieces, threads)
    if not direct:
        fold(canvas, padding, request.fill, out)


def adds_directly(request: PlacementRequest) -> bool:
    """Tell whether patches are added to the object itself, since nothing beyond it comes back."""
    return request.fill == "zeros" or all_inside(request)


class _Borrowed:
    """The memory of an array, which is held while it is in use."""

    def __init__(self, array: Array) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def _writeable(array: Array) -> Array:
    """View an array that is only read as one that could be written to.

    The kernel would be compiled once more for a read-only one, as tensors and maps of files are.
    """
    return array if array.flags.writeable else np.asarray(_Borrowed(array))
