"""Regions against a mask of the array: where they lie, whether they overlap, what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.io.containers.zarr import files_of
from ptycho_engine.io.regions import (
    box_of,
    box_slices,
    find_overlap,
    missing_ranges,
    region_key,
    runs,
)
from ptycho_engine.io.specs import ArraySpec

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@st.composite
def boxes_in(draw, shape):
    ends = [sorted(draw(st.tuples(*[st.integers(0, size)] * 2))) for size in shape]
    return tuple(map(tuple, ends))


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), boxes_in(shape))))
def test_runs_are_the_places_of_a_box(case):
    shape, box = case
    array = np.arange(np.prod(shape)).reshape(shape)
    values = array[box_slices(box)]
    if not values.size:
        return
    flat = []
    for start, index in runs(box, shape):
        part = values[index]
        np.testing.assert_array_equal(part.ravel(), np.arange(start, start + part.size))
        flat += part.ravel().tolist()
    assert flat == values.ravel().tolist()


def test_a_region_has_one_key_of_plain_numbers():
    assert region_key(slice(np.int64(0), np.int64(4))) == region_key(slice(4)) == ((None, 4),)
    assert type(region_key(slice(np.int64(2), np.int64(4)))[0][1]) is int


@pytest.mark.parametrize("region", [slice(0.5, 2), slice(0, 2, 2), 3, slice("a", None)])
def test_what_is_no_region(region):
    with pytest.raises(ValueError, match="Expected slices of step 1"):
        region_key(region)


@given(SHAPES.flatmap(lambda s: st.tuples(st.just(s), st.lists(boxes_in(s), max_size=6))))
def test_overlaps_and_gaps(case):
    shape, boxes = case
    boxes = list(dict.fromkeys(boxes))
    count = np.zeros(shape, int)
    for box in boxes:
        count[box_slices(box)] += 1
    assert (find_overlap(boxes) is not None) == bool((count > 1).any())
    if (count > 1).any():
        return
    missing = np.zeros(shape[0], bool)
    for start, stop in missing_ranges(boxes, shape):
        assert start < stop
        missing[start:stop] = True
    np.testing.assert_array_equal(missing, (count == 0).reshape(shape[0], -1).any(axis=1))


@given(
    SHAPES.flatmap(
        lambda s: st.tuples(st.just(s), boxes_in(s), st.tuples(*[st.integers(1, 4) for _ in s]))
    )
)
def test_chunks_are_those_that_a_box_touches(case):
    shape, box, steps = case
    spec = ArraySpec(shape, np.dtype("f4"), chunks=steps)
    touched = np.zeros(shape, int)
    mask = np.zeros(shape, bool)
    mask[box_slices(box)] = True
    if not mask.any():
        return
    for chunk in files_of(spec, box):
        touched[box_slices(chunk)] += 1
        assert mask[box_slices(chunk)].any()
    assert touched.max() == 1
    assert (touched[mask] == 1).all()


def test_a_region_has_one_key_however_it_is_written():
    assert region_key(()) == region_key(slice(None)) == region_key((slice(0, None),)) == ()
    assert region_key(slice(0, 3)) == region_key((slice(None, 3), slice(None)))
    assert box_of(region_key(slice(2, None)), (5, 4)) == ((2, 5), (0, 4))
    for wrong in (3, slice(0, 4, 2), (slice(1), 2)):
        with pytest.raises(ValueError, match="Expected slices"):
            region_key(wrong)
