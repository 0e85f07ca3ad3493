"""The patches of a request added onto an object, whose rows are shared out among threads."""

from __future__ import annotations

from functools import partial
from operator import call
from typing import Any

import numpy as np

from ..request.placement import PlacementRequest
from ..request.windows import all_inside, find_windows, fold
from ..workers import share
from .bands import equal_bands
from .scattering import scatter
from .taps import tap_weights

Array = np.ndarray[Any, Any]
#: Numbers below which threads cost more than they save.
SERIAL = 1 << 18


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
    found, members = find_windows(request), request.channels
    shape = (request.groups, request.patch_size, request.patch_size * members)
    threads = threads if request.patches.size > SERIAL else 1
    order = found.down_the_object(members)
    weights, direct = tap_weights(request, found), adds_directly(request)
    before = 0 if not direct else found.padding.before
    starts = found.starts - np.int32(before)
    for index in request.slices:
        groups = _writeable(np.ascontiguousarray(request.patches[index])).reshape(shape)
        canvas = out[index]
        if not direct:
            canvas = np.zeros(found.padding.padded_shape(request.shape), out.dtype)
        image = canvas.view(request.real_dtype)
        bands = equal_bands(starts[:, 0], request.cut.span, len(image), 2 * threads)
        pieces = [
            partial(scatter, image, starts, *weights, groups, members, order, top, bottom)
            for top, bottom in (bands if threads > 1 else [(0, len(image))])
        ]
        share(call, pieces, threads)
        if not direct:
            fold(canvas, found.padding, request.fill, out[index])
    return out


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
