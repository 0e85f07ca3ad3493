"""From windows to the weights that the kernel of `ptycho_engine.native` blends samples with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..geometry.kernels import KERNELS
from ..request.located import LocatedRequest
from ..request.windows import Windows

Array = NDArray[Any]


def tap_weights(request: LocatedRequest, found: Windows) -> tuple[Array, Array]:
    """Find the weights of the taps, as in `ptycho_engine.ops`.

    Parameters
    ----------
    request : ExtractionRequest or PlacementRequest
        Of a kernel that is separable.
    found : Windows
        Its windows.

    Returns
    -------
    rows, columns : ndarray, shapes (P, 1 or N, T) and (P, T, 1 or k N)
        As :func:`ptycho_engine.native.kernels.cut` takes them.
    """
    kernel = KERNELS[request.interpolation]
    assert kernel.weights is not None  # others are not declared
    t = found.offsets[:, None, :]  # (P, 1, 2)
    if request.rounding == "legacy":
        index = np.arange(request.patch_size, dtype=t.dtype)[:, None]
        t = (index + t) - (index + np.floor(t))  # (P, N, 2)
    if kernel.snaps:
        t = t >= 0.5
    rows, columns = _by_axis(kernel.weights(t.astype(request.real_dtype, copy=False)))
    if request.rounding == "legacy" and request.dtype.kind == "c":
        columns = np.repeat(columns, 2, axis=-1)
    return rows, columns


def tap_slopes(request: LocatedRequest, found: Windows) -> tuple[Array, Array]:
    """Find the derivatives of the weights by the positions.

    Parameters
    ----------
    request : ExtractionRequest
        Of a kernel that has slopes, and of exact coordinates.
    found : Windows
        Its windows.

    Returns
    -------
    rows, columns : ndarray, shapes (P, 1, T) and (P, T, 1)
        As `tap_weights` returns those, a pixel.
    """
    slopes = KERNELS[request.interpolation].slopes
    assert slopes is not None  # others are refused
    return _by_axis(slopes(found.offsets[:, None, :].astype(request.real_dtype)))


def _by_axis(taps: tuple[Array, ...]) -> tuple[Array, Array]:
    """Arrange T numbers of shape (P, 1 or N, 2): those of rows, and those of columns."""
    (patches, samples, _), count, dtype = taps[0].shape, len(taps), taps[0].dtype
    rows = np.empty((patches, samples, count), dtype)
    columns = np.empty((patches, count, samples), dtype)
    for tap, numbers in enumerate(taps):
        rows[:, :, tap] = numbers[:, :, 0]
        columns[:, tap] = numbers[:, :, 1]
    return rows, columns
