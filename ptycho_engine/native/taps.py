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
    weights = np.array(kernel.weights(t.astype(request.real_dtype)))  # (T, P, 1 or N, 2)
    rows = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0))
    columns = np.ascontiguousarray(weights[..., 1].transpose(1, 0, 2))
    if request.rounding == "legacy" and request.dtype.kind == "c":
        columns = np.repeat(columns, 2, axis=-1)
    return rows, columns
