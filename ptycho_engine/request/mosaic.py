"""From patches, positions and weights to an object, block by block, within a memory budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import MemoryBudgetError, RequestError, one_of
from ..geometry.cut import Cut, Fill, Interpolation
from ..geometry.layouts import LAYOUTS, Layout
from ..memory import format_bytes, parse_bytes
from .blocks import Block
from .canvas_shape import canvas_shape
from .checks import check_inside, check_positions, checked_shape
from .normalisation import Overlap, Place, Reassembled, block_patches
from .patch_input import PatchInput, open_patches
from .patch_weights import patch_weights

#: Of blocks and how many patches they are in all, to the same blocks.
PatchWatch = Callable[[Iterator[Block], int], Iterator[Block]]
#: Makes what places patches of a kind: of the cut, and the shape of the object.
Placer = Callable[[Cut, tuple[int, int]], Place]


@dataclass(frozen=True)
class Mosaic:
    """How patches are put together.

    Attributes
    ----------
    interpolation, fill : str
        How they were cut, see :class:`~ptycho_engine.geometry.cut.Cut`.
    layout : {"flat", "channel", "grid"}
        How they lie.
    border : int
        Samples at each side of a patch that are left out.
    """

    interpolation: Interpolation = "bilinear"
    fill: Fill = "zeros"
    layout: Layout = "flat"
    border: int = 0


def reassemble(
    placer: Placer,
    patches: Any,
    positions: Any,
    shape: tuple[int, int] | None,
    how: Mosaic,
    *,
    probe: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    memory_budget: int | None = None,
    watch: PatchWatch | None = None,
) -> Reassembled:
    """Put patches together.

    Parameters
    ----------
    placer : callable
        Makes what adds patches onto an object.
    patches : array_like, or iterable of arrays or Blocks
        As :func:`~ptycho_engine.request.patch_input.open_patches` takes them.
    positions : array_like, shape (P, 2), or (B, C, 2) for channel and grid
        Where they lie, (y, x) in object pixels.
    shape : (int, int) or None
        Height and width of the object; None for the least that holds all windows.
    how : Mosaic
        How they lie, and were cut.
    probe, weights : array_like, optional
        As :func:`~ptycho_engine.request.patch_weights.patch_weights` takes them.
    memory_budget : int, optional
        Bytes that object, coverage and blocks may take; half of what is free by default.
    watch : callable, optional
        Passes the blocks on.

    Raises
    ------
    RequestError, CapabilityError, MemoryBudgetError
        If it cannot be done; before more than a first block is read, but for blocks that do not
        fit the first.
    """
    if how.layout not in LAYOUTS:
        raise RequestError(one_of("layout", how.layout, LAYOUTS))
    where, channels = check_positions(positions, how.layout)
    where = np.asarray(where)
    given = open_patches(patches, how.layout, channels, len(where))
    cut = Cut(given.patch_size, how.interpolation, how.fill)
    size = canvas_shape(where, cut.patch_size) if shape is None else checked_shape(shape)
    if cut.fill == "error":
        where = check_inside(where, size, cut)
        cut = replace(cut, fill="zeros")  # every sample with a weight lies inside
    real = np.dtype(given.dtype.char.lower()) if given.dtype.kind == "c" else given.dtype
    scale = patch_weights(
        cut.patch_size, len(where), real, probe=probe, weights=weights, border=how.border
    )
    _check_budget(given, size, len(where), memory_budget)
    overlap = Overlap(placer(cut, size), where, size, cut, given.leading, given.dtype, scale)
    blocks = given.blocks if watch is None else watch(given.blocks, len(where))
    for block in blocks:
        overlap.add(block.patches)
    return overlap.result()


def needed_bytes(
    leading: tuple[int, ...],
    shape: tuple[int, int],
    size: int,
    dtype: np.dtype[Any],
    count: int,
) -> int:
    """Return the bytes of the sums, and of the blocks beside them."""
    planes, real = math.prod(leading), np.empty(0, dtype).real.itemsize
    sums = math.prod(shape) * (planes * dtype.itemsize + real + 1)
    patch = planes * size * size * dtype.itemsize
    held = min(block_patches(patch), max(1, count))
    # Patches as they come and as they are placed, their weights, and what placing takes beside.
    return sums + held * (2 * patch + 2 * size * size * real)


def _check_budget(
    given: PatchInput, shape: tuple[int, int], count: int, budget: int | None
) -> None:
    """Refuse what does not fit."""
    available = parse_bytes(budget)
    needed = needed_bytes(given.leading, shape, given.patch_size, given.dtype, count)
    if needed > available:
        raise MemoryBudgetError(
            f"an object of {shape[0]} x {shape[1]} samples, its coverage and one block of patches "
            f"take {format_bytes(needed)}, and the memory budget is {format_bytes(available)}. "
            "Expected room for them. Pass a smaller shape, or raise memory_budget."
        )
