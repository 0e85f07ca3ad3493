"""Where members stand, and how groups cover a scan."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scattered import points

from ptycho_engine.data.grouping.groups import Coverage, Groups


@settings(max_examples=25)
@given(scan=points(), data=st.data(), seed=st.integers(0, 99))
def test_centres_offsets_and_coverage_equal_their_definitions(scan, data, seed):
    shape = data.draw(st.integers(0, 6)), data.draw(st.integers(1, len(scan)))
    indices = np.random.default_rng(seed).integers(len(scan), size=shape)
    groups = Groups(indices, indices[:, 0], "drawn", scan)
    assert len(groups) == shape[0]
    extents = []
    for row, centre, relative in zip(indices, groups.centres, groups.relative, strict=True):
        members = [scan[index] for index in row]
        np.testing.assert_allclose(centre, sum(members) / len(members), rtol=0, atol=1e-12)
        np.testing.assert_allclose(centre + relative, members, rtol=0, atol=1e-12)
        extents.append(np.max(members, axis=0) - np.min(members, axis=0))
    uses = [int((indices == index).sum()) for index in range(len(scan))]
    coverage = groups.coverage
    np.testing.assert_array_equal(coverage.uses, uses)
    np.testing.assert_array_equal(coverage.extents, np.reshape(extents, (-1, 2)))
    assert coverage.used == sum(use > 0 for use in uses)
    assert coverage.share == coverage.used / len(scan)
    assert coverage.histogram.tolist() == [uses.count(n) for n in range(max(uses) + 1)]


def test_records_are_plain_numbers_also_of_nothing():
    coverage = Coverage(np.array([0, 2, 1]), np.array([[1.0, 4.0], [2.0, 0.5], [0.0, 3.0]]))
    assert json.loads(json.dumps(coverage.records())) == {
        "points": 3,
        "used": 2,
        "share": 0.666667,
        "groups": 3,
        "uses": [0, 1.0, 2],
        "extent_pixels": [3.0, 4.0],
    }
    nothing = Coverage(np.zeros(0, int), np.zeros((0, 2)))
    assert nothing.records()["share"] == 0
    assert nothing.histogram.tolist() == [0]


def test_representations_print_no_arrays():
    scan = np.zeros((500, 2))
    groups = Groups(np.zeros((9, 4), int), np.zeros(9, int), "nearest", scan)
    assert repr(groups) == "Groups(groups=9, members=4, strategy='nearest')"
    assert "points=500" in repr(groups.coverage)
    assert len(repr(groups.coverage)) < 200
