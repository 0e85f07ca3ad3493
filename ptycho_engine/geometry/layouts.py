"""The three layouts of a set of patches, and the exact conversions between them.

=========  =====================  =======================================================
layout     shape                  index
=========  =====================  =======================================================
flat       (P, N, N)              patch ``p = b * C + c``
channel    (B, N, N, C)           group b, member c
grid       (B, g, g, N, N, 1)     group b, member ``c = row * g + column``, ``C = g ** 2``
=========  =====================  =======================================================

Leading axes (modes, slices) stand before these and are carried along.
"""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError

Layout = Literal["flat", "channel", "grid"]
LAYOUTS: tuple[Layout, ...] = get_args(Layout)
#: Axes of the patches in each, behind the leading ones.
PATCH_AXES: dict[str, tuple[str, ...]] = {
    "flat": ("P", "N", "N"),
    "channel": ("B", "N", "N", "C"),
    "grid": ("B", "g", "g", "N", "N", "1"),
}

Array = NDArray[Any]


def axes_in_words(layout: str) -> str:
    """Write the axes of a layout as messages do: ``(..., P, N, N)``."""
    return f"(..., {', '.join(PATCH_AXES[layout])})"


def output_shape(layout: str, groups: int, channels: int, patch_size: int) -> tuple[int, ...]:
    """Shape of the patches without leading axes.

    Parameters
    ----------
    layout : {"flat", "channel", "grid"}
        The layout.
    groups, channels, patch_size : int
        B, C and N; a flat request counts each patch as a group of one.

    Returns
    -------
    tuple of int
        The shape in the table above.
    """
    n = patch_size
    if layout == "flat":
        return (groups * channels, n, n)
    if layout == "channel":
        return (groups, n, n, channels)
    side = grid_side(channels)
    return (groups, side, side, n, n, 1)


def grid_side(channels: int) -> int:
    """Side g of the square grid that holds `channels` members.

    Raises
    ------
    RequestError
        If `channels` is not a square number.
    """
    side = math.isqrt(channels)
    if side * side != channels:
        raise RequestError(
            f'layout="grid": groups of {channels} members form no square grid. Expected '
            '1, 4, 9, ... members, or layout="channel".'
        )
    return side


def flat_to_channel(patches: Array, channels: int) -> Array:
    """(..., B * C, N, N) to (..., B, N, N, C)."""
    *lead, count, rows, columns = patches.shape
    if channels < 1 or count % channels:
        raise RequestError(
            f"layout: {count} flat patches do not divide into groups of {channels} members."
        )
    grouped = patches.reshape(*lead, count // channels, channels, rows, columns)
    return np.ascontiguousarray(np.moveaxis(grouped, -3, -1))


def channel_to_flat(patches: Array) -> Array:
    """(..., B, N, N, C) to (..., B * C, N, N)."""
    *lead, groups, rows, columns, channels = patches.shape
    members = np.moveaxis(patches, -1, -3)  # (..., B, C, N, N)
    return np.ascontiguousarray(members).reshape(*lead, groups * channels, rows, columns)


def flat_to_grid(patches: Array, side: int) -> Array:
    """(..., B * g * g, N, N) to (..., B, g, g, N, N, 1)."""
    *lead, count, rows, columns = patches.shape
    if side < 1 or count % (side * side):
        raise RequestError(
            f"layout: {count} flat patches do not divide into grids of {side} x {side} members."
        )
    return patches.reshape(*lead, count // (side * side), side, side, rows, columns, 1)


def grid_to_flat(patches: Array) -> Array:
    """(..., B, g, g, N, N, 1) to (..., B * g * g, N, N)."""
    *lead, groups, side, _, rows, columns, _ = patches.shape
    return patches.reshape(*lead, groups * side * side, rows, columns)


def channel_to_grid(patches: Array) -> Array:
    """(..., B, N, N, C) to (..., B, g, g, N, N, 1)."""
    return flat_to_grid(channel_to_flat(patches), grid_side(patches.shape[-1]))


def grid_to_channel(patches: Array) -> Array:
    """(..., B, g, g, N, N, 1) to (..., B, N, N, C)."""
    return flat_to_channel(grid_to_flat(patches), patches.shape[-5] * patches.shape[-5])
