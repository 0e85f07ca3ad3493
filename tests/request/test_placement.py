"""What a placement is made of, and what is refused before any work."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests_built import build_request

from ptycho_engine.errors import OutOfBoundsError, RequestError
from ptycho_engine.request.placement import adjoint_of, build_placement, check_accumulator
from ptycho_engine.request.windows import Padding, find_windows, fold, pad

PATCHES = np.ones((2, 3, 3), np.complex64)
POSITIONS = [[1.0, 2.0], [3.5, 0.25]]


def test_what_a_request_says():
    grouped = np.ones((2, 5, 4, 7, 7, 3), np.float32)
    request = build_placement(grouped, np.zeros((4, 3, 2)), (10, 11), layout="channel")
    assert (request.patch_size, request.channels, request.groups) == (7, 3, 4)
    assert request.patch_count == len(request.positions) == 12
    assert (request.leading_shape, request.output_shape) == ((2, 5), (2, 5, 10, 11))
    assert (request.dtype_name, request.real_dtype) == ("float32", np.float32)
    assert request.patches_shape == grouped.shape
    assert (request.slice_count, request.output_bytes) == (10, 4400)
    assert request.cut.rounding == "exact"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"patches": np.ones((2, 3, 4))}, r"patches: received shape \(2, 3, 4\)"),
        ({"patches": np.ones((3, 3, 3))}, r"Expected .* ending in \(2, 3, 3\)"),
        ({"patches": np.ones((3, 3))}, r"patches: received shape \(3, 3\)"),
        ({"patches": np.ones((2, 0, 0))}, "above zero"),
        ({"patches": np.ones((2, 3, 3), int)}, "patches: received dtype int64"),
        ({"patches": [["a"]]}, "patches: received dtype"),
        ({"patches": np.ma.masked_equal(PATCHES.real, 1)}, "patches"),
        ({"positions": [[1.0, np.nan], [0, 0]]}, "NaN or infinite"),
        ({"positions": [[1.0, 2.0]]}, r"ending in \(1, 3, 3\)"),
        ({"shape": (3.5, 2)}, r"shape: received \(3.5, 2\)"),
        ({"shape": (-1, 2)}, r"shape: received \(-1, 2\)"),
        ({"shape": 7}, "shape: received 7"),
        ({"shape": (2, 3, 4)}, "shape: received"),
        ({"shape": (0, 3), "fill": "edge"}, "without samples"),
        ({"layout": "rows"}, "layout"),
        ({"layout": "channel"}, "Expected .*, N, N, C"),
        ({"fill": "wrap"}, "fill"),
        ({"interpolation": "cubic"}, "interpolation"),
    ],
)
def test_what_is_refused(changes, message):
    arguments = {"patches": PATCHES, "positions": POSITIONS, "shape": (6, 7)} | changes
    with pytest.raises(RequestError, match=message):
        build_placement(**arguments)


def test_windows_that_leave_the_object_are_refused_where_that_is_asked_for():
    request = build_placement(PATCHES, [[1, 1], [2.5, 3.5]], (5, 6), fill="error")
    assert request.fill == "zeros"
    with pytest.raises(OutOfBoundsError, match="the first at index 1"):
        build_placement(PATCHES, [[1, 1], [3.5, 3.5]], (5, 6), fill="error")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((6, 7)), "dtype float64"),
        (np.zeros((7, 6), "c8"), r"shape \(7, 6\)"),
        ([[0.0]], "received list"),
        (np.broadcast_to(np.zeros(7, "c8"), (6, 7)), "read-only"),
        (np.lib.stride_tricks.as_strided(np.zeros(9, "c8"), (6, 7), (0, 8)), "share samples"),
    ],
)
def test_outputs_that_cannot_be_added_to(out, message):
    request = build_placement(PATCHES, POSITIONS, (6, 7))
    check_accumulator(request, np.zeros((6, 7), "c8"))
    with pytest.raises(RequestError, match=message):
        check_accumulator(request, out)


def test_an_output_within_the_patches_is_refused():
    patches = np.zeros((2, 8, 8), np.float32)
    with pytest.raises(RequestError, match="shares memory with the patches"):
        check_accumulator(build_placement(patches, POSITIONS, (6, 7)), patches[0, :6, :7])


def test_the_adjoint_of_an_extraction_shares_its_windows():
    extraction = build_request(np.ones((2, 6, 7)), POSITIONS, 3, interpolation="bicubic")
    found = find_windows(extraction)
    request = adjoint_of(extraction, np.ones(extraction.output_shape))
    assert find_windows(request) is found
    assert (request.output_shape, request.cut) == ((2, 6, 7), extraction.cut)
    with pytest.raises(RequestError, match="legacy"):
        adjoint_of(build_request(np.ones((6, 7)), POSITIONS, 3, rounding="legacy"), PATCHES)


@given(
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    before=st.integers(0, 9),
    after=st.tuples(st.integers(0, 9), st.integers(0, 9)),
    fill=st.sampled_from(["zeros", "edge", "reflect"]),
    lead=st.sampled_from([(), (2,)]),
)
def test_fold_is_the_adjoint_of_pad(shape, before, after, fill, lead):
    padding = Padding(before, after)
    rng = np.random.default_rng(0)
    image = rng.integers(-9, 9, (*lead, *shape)).astype(float)
    padded = rng.integers(-9, 9, (*lead, *padding.padded_shape(shape))).astype(float)
    expected = np.vdot(pad(image, padding, fill), padded)
    out = np.ones_like(image)
    assert fold(padded.copy(), padding, fill, out) is out
    assert np.vdot(image, out - 1) == expected
