"""Patterns that are changed as they are read, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..memory import check_reading
from .patterns import BLOCK_BYTES, Patterns, Ranges

Array = NDArray[Any]
#: Takes patterns (count, H, W), which it may overwrite, and returns what they become.
Change = Callable[[Array], Array]


def changed(
    patterns: Patterns, change: Change, frame: tuple[int, int], dtype: np.dtype[Any]
) -> Patterns:
    """Return patterns that are changed when they are read.

    Parameters
    ----------
    patterns : Patterns
        As they lie in their source.
    change : callable
        Takes patterns (count, H, W), which it may overwrite, and returns what they become,
        (count, height, width). A function of a module, or a `functools.partial` of one: other
        processes get it pickled.
    frame : (int, int)
        Height and width of what they become.
    dtype : dtype
        Of what they become.
    """
    made = np.dtype(dtype)
    stream = None if patterns.stream is None else partial(_stream, patterns, change, made)
    shape = (patterns.shape[0], *frame)
    load = partial(_load, patterns, change)
    return replace(patterns, shape=shape, dtype=made, load=load, stream=stream)


def _at_once(patterns: Patterns) -> int:
    """Return how many patterns of a source make up a block."""
    return max(1, BLOCK_BYTES * patterns.shape[0] // max(1, patterns.nbytes))


def _load(patterns: Patterns, change: Change, ranges: Ranges, into: Array) -> None:
    at = 0
    for batch in _batches(ranges, _at_once(patterns)):
        count = sum(stop - start for start, stop in batch)
        needed = count * patterns.nbytes // patterns.shape[0]
        check_reading(f"{patterns.source}: reading the patterns", needed)
        block = np.empty((count, *patterns.shape[1:]), patterns.dtype)
        patterns.load(batch, block)
        into[at : at + count] = change(block)
        at += count


def _stream(patterns: Patterns, change: Change, dtype: np.dtype[Any], step: int) -> Iterator[Array]:
    if patterns.stream is not None:
        for block in patterns.stream(min(step, _at_once(patterns))):
            yield np.ascontiguousarray(change(block), dtype)


def _batches(ranges: Ranges, step: int) -> Iterator[list[tuple[int, int]]]:
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
