"""Regions of arrays: what a caller names, where it lies, and whether all of an array is covered."""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Iterator, Sequence

import numpy as np

#: What a caller names: slices of step 1 along the first axes; the axes behind are whole.
Region = slice | tuple[slice, ...]
#: The same as numbers; None is the beginning or the end of an axis, whatever its length.
Key = tuple[tuple[int | None, int | None], ...]
#: A region of one array: start and stop along every axis.
Box = tuple[tuple[int, int], ...]


def region_key(region: Region) -> Key:
    """Return the key of a region: the same for all arrays, and for every way to write it.

    Raises
    ------
    ValueError
        If it is no region.
    """
    slices = region if isinstance(region, tuple) else (region,)
    try:
        key = [_limits(part) for part in slices]
    except (AttributeError, TypeError, ValueError):
        raise ValueError(f"received {region!r}. Expected slices of step 1.") from None
    while key and key[-1] == (None, None):
        key.pop()
    return tuple(key)


def _limits(part: slice) -> tuple[int | None, int | None]:
    """Return start and stop of a slice of step 1 as plain numbers, as JSON takes them."""
    if part.step not in (None, 1):
        raise ValueError
    start, stop = (None if at is None else operator.index(at) for at in (part.start, part.stop))
    return start or None, stop


def box_of(key: Key, shape: Sequence[int]) -> Box:
    """Return where a region lies in an array.

    Raises
    ------
    ValueError
        If it lies not within the shape.
    """
    if len(key) > len(shape):
        raise ValueError(f"received a region of {len(key)} axes. Expected at most {len(shape)}.")
    whole = [(0, size) for size in shape]
    box = [
        (first if start is None else start, last if stop is None else stop)
        for (start, stop), (first, last) in zip(key, whole, strict=False)
    ] + whole[len(key) :]
    for axis, ((start, stop), size) in enumerate(zip(box, shape, strict=True)):
        if not 0 <= start <= stop <= size:
            raise ValueError(
                f"received {start} to {stop} along axis {axis}. Expected a range within 0 to "
                f"{size}, none beyond {size}."
            )
    return tuple(box)


def box_shape(box: Box) -> tuple[int, ...]:
    """Return the shape of the values of a box."""
    return tuple(stop - start for start, stop in box)


def box_size(box: Box) -> int:
    """Return the number of values of a box."""
    return math.prod(box_shape(box))


def box_slices(box: Box) -> tuple[slice, ...]:
    """Return the index of a box in its array."""
    return tuple(slice(start, stop) for start, stop in box)


def intersection(one: Box, other: Box) -> Box | None:
    """Return what two boxes share, or None."""
    pairs = zip(one, other, strict=True)
    shared = tuple((max(a, c), min(b, d)) for (a, b), (c, d) in pairs)
    return shared if all(start < stop for start, stop in shared) else None


def partial_axis(box: Box, shape: Sequence[int]) -> int:
    """Return the last axis of which a box holds a part only; 0 if it is the whole array."""
    partial = [axis for axis, size in enumerate(shape) if box[axis] != (0, size)]
    return partial[-1] if partial else 0


def runs(box: Box, shape: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield the runs that a box is made of in the memory of its array.

    Yields
    ------
    int
        Where the run starts, in items from the start of the array.
    tuple of int
        Index of the run in the values of the box.
    """
    axis = partial_axis(box, shape)
    if not shape:
        yield 0, ()
        return
    strides = [math.prod(shape[a + 1 :]) for a in range(axis + 1)]
    for index in np.ndindex(*(stop - start for start, stop in box[:axis])):
        where = (*(i + start for i, (start, _) in zip(index, box, strict=False)), box[axis][0])
        yield sum(i * stride for i, stride in zip(where, strides, strict=True)), index


def find_overlap(boxes: Sequence[Box]) -> tuple[Box, Box] | None:
    """Return two different boxes that share a sample, or None."""
    distinct = [box for box in dict.fromkeys(boxes) if box_size(box)]
    if len(distinct) < 2 or not distinct[0]:
        return None
    # Along the axis that tells most of them apart, a box is compared with few others.
    axis = max(range(len(distinct[0])), key=lambda a: len({box[a] for box in distinct}))
    distinct.sort(key=lambda box: box[axis])
    for number, box in enumerate(distinct):
        for other in distinct[number + 1 :]:
            if other[axis][0] >= box[axis][1]:
                break
            if intersection(box, other):
                return box, other
    return None


def missing_ranges(boxes: Sequence[Box], shape: Sequence[int]) -> list[tuple[int, int]]:
    """Return the ranges along the first axis that boxes, which do not overlap, leave incomplete."""
    section = math.prod(shape[1:])
    changes = {0: 0, shape[0]: 0}
    for box in boxes:
        (start, stop), size = box[0], box_size(box[1:])
        changes[start] = changes.get(start, 0) + size
        changes[stop] = changes.get(stop, 0) - size
    ranges: list[tuple[int, int]] = []
    places, covered = sorted(changes), 0
    for start, stop in itertools.pairwise(places):
        covered += changes[start]
        if covered < section and ranges and ranges[-1][1] == start:
            ranges[-1] = ranges[-1][0], stop
        elif covered < section:
            ranges.append((start, stop))
    return ranges
