"""Patterns that are changed, picked, joined or watched: how they are read from a source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .patterns import Patterns, Quantity, Ranges

Array = NDArray[Any]


def load_picked(patterns: Patterns, indices: NDArray[np.intp], ranges: Ranges, into: Array) -> None:
    """Let another source fill in what stands at indices."""
    wanted = np.concatenate([indices[start:stop] for start, stop in ranges])
    if (np.diff(wanted) == 1).all():  # one range of it
        patterns.load([(int(wanted[0]), int(wanted[-1]) + 1)], into)
    else:
        into[...] = patterns.take(wanted)


def load_joined(parts: tuple[Patterns, ...], ranges: Ranges, into: Array) -> None:
    """Let each part fill its share of the ranges."""
    first, at = 0, 0
    for part in parts:
        count = part.shape[0]
        own = [(max(a - first, 0), min(b - first, count)) for a, b in ranges]
        own = [(a, b) for a, b in own if a < b]
        length = sum(b - a for a, b in own)
        if length:
            part.load(own, into[at : at + length])
        first, at = first + count, at + length


def load_watched(
    patterns: Patterns, told: Callable[[int], None], ranges: Ranges, into: Array
) -> None:
    """Fill from another source, and tell how many."""
    patterns.load(ranges, into)
    told(len(into))


def load_mapped(
    patterns: Patterns, change: Callable[[Array], Array], ranges: Ranges, into: Array
) -> None:
    """Fill with what patterns of another source become, some megabytes at a time."""
    at = 0
    for batch in batches(ranges, patterns.step()):
        count = sum(stop - start for start, stop in batch)
        into[at : at + count] = change(patterns.read_ranges(batch))
        at += count


def batches(ranges: Ranges, step: int) -> Iterator[list[tuple[int, int]]]:
    """Share ranges out, in their order, so that no batch has more than `step` patterns."""
    batch: list[tuple[int, int]] = []
    room = step
    for start, stop in ranges:
        while start < stop:
            end = min(stop, start + room)
            batch.append((start, end))
            room, start = room - (end - start), end
            if not room:
                yield batch
                batch, room = [], step
    if batch:
        yield batch


def load_as(patterns: Patterns, ranges: Ranges, into: Array) -> None:
    """Fill with the root, or the square, of what another source holds."""
    if patterns.dtype == into.dtype:
        patterns.load(ranges, into)
    else:
        into[...] = patterns.read_ranges(ranges)
    convert_quantity(into, patterns.quantity)


def convert_quantity(values: Array, quantity: Quantity | None) -> None:
    """Turn intensities into amplitudes, or amplitudes into intensities, in place."""
    if quantity == "intensity":
        np.sqrt(np.maximum(values, 0, out=values), out=values)
    else:
        np.square(values, out=values)


def stream_as(patterns: Patterns, dtype: np.dtype[Any], step: int) -> Iterator[Array]:
    """Yield the root, or the square, of what another source holds."""
    for block in patterns.in_steps(step):
        values = block.astype(dtype, copy=False)
        convert_quantity(values, patterns.quantity)
        yield values


def stream_watched(patterns: Patterns, told: Callable[[int], None], step: int) -> Iterator[Array]:
    """Yield the patterns of another source, and tell how many."""
    for block in patterns.in_steps(step):
        told(len(block))
        yield block


def stream_mapped(
    patterns: Patterns, change: Callable[[Array], Array], step: int
) -> Iterator[Array]:
    """Yield what the patterns of another source become, which may be smaller or larger than it."""
    for block in patterns.in_steps(min(step, patterns.step())):
        yield np.ascontiguousarray(change(block))


def stream_joined(parts: tuple[Patterns, ...], step: int) -> Iterator[Array]:
    """Yield the patterns of one source after the other."""
    for part in parts:
        yield from part.in_steps(step)
