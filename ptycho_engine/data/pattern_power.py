"""The power of patterns, which their scale follows from, and the refusal of those without one."""

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
    *,
    dark_below_zero: bool = False,
) -> NDArray[np.float64]:
    """Sum the intensity of each pattern over the good pixels.

    Intensities below zero, as background that was subtracted may leave, count as zero: such a
    pixel has no amplitude, and no counts are drawn about it. Amplitudes below zero are squared, as
    PtychoPINN squares them, unless they are to be dark, too.

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
    dark_below_zero : bool
        Whether amplitudes below zero count as zero.

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
    is_clamped = dark_below_zero or quantity == "intensity"
    # Of NaN the least is NaN, and minus infinity stays, too: both are refused below.
    if is_clamped and block.dtype.kind != "u" and -np.inf < block.min(initial=0) < 0:
        block = np.maximum(block, 0)
    values = block if quantity == "intensity" else np.square(block, dtype=np.float64)
    powers: NDArray[np.float64] = values.sum(axis=axes, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(powers))
    if bad.size:
        raise unusable(source, first + int(bad[0]))
    return powers


def refuse_unusable(
    patterns: Array, good: NDArray[np.bool_] | None, source: str, numbers: NDArray[np.int64]
) -> None:
    """Refuse patterns (B, H, W), of the numbers (B,), that nothing can be trained on.

    Raises
    ------
    InputFileError
        If a good pixel is NaN or infinite.
    """
    # Both ends are finite if all between are; of NaN, both are NaN. Neither makes an array.
    ends = patterns.min(initial=0), patterns.max(initial=0)
    if np.isfinite(ends).all():
        return
    bad = ~np.isfinite(patterns)
    found = np.flatnonzero((bad if good is None else bad & good).any(axis=(1, 2)))
    if found.size:
        raise unusable(source, int(numbers[found[0]]))


def unusable(source: str, number: int) -> InputFileError:
    """Return the error of a pattern whose good pixels are not all finite."""
    return InputFileError(
        f"{source}: number {number} of its patterns holds samples that are NaN or infinite, and "
        "neither a scale nor training follows from them. Expected finite numbers. Declare these "
        "pixels bad in the scan's mask, or leave the pattern out."
    )
