"""The power of patterns, which their scale follows from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError
from ..io.patterns import Quantity

Array = NDArray[Any]


def pattern_powers(
    block: Array,
    quantity: Quantity | None,
    good: NDArray[np.bool_] | None,
    source: str,
    first: int = 0,
) -> NDArray[np.float64]:
    """Sum the intensity of each pattern over the good pixels.

    Parameters
    ----------
    block : ndarray, shape (B, H, W) or (B, H, W, C)
        Patterns, or groups of them.
    quantity : {"amplitude", "intensity"}
        What they are; amplitude if it is not known.
    good : ndarray of bool, shape (H, W), or None
        The good pixels; None if all are.
    source : str
        Where they come from, for messages.
    first : int
        Number of the first of the block.

    Returns
    -------
    ndarray of float64, shape (B,)
        Of groups, the sum over their members.

    Raises
    ------
    InputFileError
        If a good pixel is NaN or infinite.
    """
    if good is not None:
        shown = good if block.ndim == 3 else good[..., None]
        block = np.where(shown, block, 0)
    axes = tuple(range(1, block.ndim))
    values = block if quantity == "intensity" else np.square(block, dtype=np.float64)
    powers: NDArray[np.float64] = values.sum(axis=axes, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(powers))
    if bad.size:
        raise InputFileError(
            f"{source}: number {first + bad[0]} of its patterns holds samples that are NaN or "
            "infinite, and no scale follows from them. Expected finite numbers. Declare these "
            "pixels bad in the scan's mask, or leave the pattern out."
        )
    return powers
