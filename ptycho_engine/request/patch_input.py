"""Patches as a caller hands them over: one array, or blocks of it in order, of any layout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..geometry.labels import plain
from ..geometry.layouts import PATCH_AXES, Layout, axes_in_words
from .blocks import Block
from .checks import DTYPES
from .normalisation import block_patches

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class PatchInput:
    """Patches that can be gone through once.

    Attributes
    ----------
    patch_size : int
        Rows and columns N of a patch.
    leading : tuple of int
        Leading axes: modes, slices.
    dtype : dtype
        Of the patches.
    blocks : iterator of Block
        The patches in order, flat, (..., n, N, N).
    """

    patch_size: int
    leading: tuple[int, ...]
    dtype: np.dtype[Any]
    blocks: Iterator[Block]


def open_patches(patches: Any, layout: Layout, channels: int, count: int) -> PatchInput:
    """Look at patches, of which no more than a first block is read.

    Parameters
    ----------
    patches : array_like, or iterable of arrays or Blocks
        An array, or anything with a shape that is read slice by slice: a memory map, an HDF5
        dataset, a Zarr array. Or blocks of one, in order along its first axis behind the leading
        ones.
    layout : {"flat", "channel", "grid"}
        How they lie.
    channels : int
        Members C of a group.
    count : int
        Patches in all, as positions say.

    Raises
    ------
    RequestError
        If they are no patches, or of another number.
    """
    if hasattr(patches, "shape"):
        patches = plain(patches, "patches") if isinstance(patches, np.ndarray) else patches
        first: Any = patches
        given: Iterator[Any] = _slices(patches, layout, channels)
    else:
        given = _arrays(patches)
        first = next(given, None)
        if first is None:
            raise RequestError("patches: received no blocks. Expected at least one array of them.")
        given = chain([first], given)
    leading, size = _form(first, layout, channels)
    dtype = np.dtype(first.dtype).newbyteorder("=")
    expected = (leading, size, dtype)
    return PatchInput(size, leading, dtype, _flat(given, layout, channels, count, expected))


def _arrays(patches: Any) -> Iterator[Any]:
    """Yield the arrays of an iterable of blocks."""
    if not isinstance(patches, Iterable) or isinstance(patches, str | bytes):
        raise RequestError(
            f"patches: received a {type(patches).__name__}. Expected an array, or an iterable of "
            "blocks of one."
        )
    for block in patches:
        yield block.patches if isinstance(block, Block) else np.asarray(plain(block, "patches"))


def _form(array: Any, layout: Layout, channels: int) -> tuple[tuple[int, ...], int]:
    """Return the leading axes and the size of patches."""
    rank = len(PATCH_AXES[layout])
    shape, dtype = tuple(map(int, array.shape)), np.dtype(array.dtype)
    if dtype.newbyteorder("=").name not in DTYPES:
        raise RequestError(
            f"patches: received dtype {dtype}. Expected one of {', '.join(DTYPES)}. Convert them "
            "first, for instance with patches.astype('complex64')."
        )
    leading, own = shape[: max(0, len(shape) - rank)], shape[-rank:]
    if layout == "flat":
        fits = len(own) == rank and own[1] == own[2]
    elif layout == "channel":
        fits = len(own) == rank and own[1] == own[2] and own[3] == channels
    else:
        fits = len(own) == rank and own[3] == own[4] and own[1] * own[2] == channels
        fits = fits and own[1] == own[2] and own[5] == 1
    if not fits or own[-2] < 1:
        members = "" if layout == "flat" else f", C = {channels} as in the positions"
        raise RequestError(
            f"patches: received shape {shape}. Expected {axes_in_words(layout)} for "
            f'layout="{layout}"{members}. Pass the layout that they have.'
        )
    return leading, own[-2]


def _slices(patches: Any, layout: Layout, channels: int) -> Iterator[Any]:
    """Yield slices of an array, whole groups of about the patches of a block."""
    leading = len(patches.shape) - len(PATCH_AXES[layout])
    groups = patches.shape[leading]
    patch = math.prod(patches.shape) * np.dtype(patches.dtype).itemsize
    step = max(1, block_patches(patch // max(1, groups * channels)) // channels)
    for start in range(0, groups, step):
        index = (*(slice(None),) * leading, slice(start, start + step))
        yield np.asarray(patches[index])


def _flat(
    given: Iterator[Any],
    layout: Layout,
    channels: int,
    count: int,
    expected: tuple[tuple[int, ...], int, np.dtype[Any]],
) -> Iterator[Block]:
    """Yield blocks as flat patches; refuse what does not fit the first, or another number."""
    leading, size, dtype = expected
    seen = 0
    for block in given:
        found = (*_form(block, layout, channels), np.dtype(block.dtype).newbyteorder("="))
        if found != expected:
            raise RequestError(
                f"patches: a block has shape {block.shape}, dtype {block.dtype}, unlike the first, "
                f"whose patches are {size} x {size} {dtype} behind leading axes {leading}. "
                "Expected blocks alike."
            )
        array = np.moveaxis(block, -1, -3) if layout == "channel" else block
        number = array.shape[len(leading)] * channels
        flat = array.reshape(*leading, number, size, size)
        seen += number
        if seen > count:
            break
        yield Block(seen - number, seen, flat)
    if seen != count:
        received = "more" if seen > count else str(seen)
        raise RequestError(
            f"patches: received {received}, and positions for {count}. Expected a patch for each "
            "position, in the same order."
        )
