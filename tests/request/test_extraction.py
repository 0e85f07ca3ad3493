"""Everything that a request refuses, and what it makes of what it takes."""

import numpy as np
import pytest
from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.errors import OutOfBoundsError, PtychoEngineError, RequestError
from ptycho_engine.geometry.cut import Cut

IMAGE = np.zeros((9, 12), np.float32)
POSITIONS = np.array([[4.0, 6.0], [2.5, 3.25]])


def refused(message, image=IMAGE, positions=POSITIONS, patch_size=4, **how):
    with pytest.raises(RequestError, match=message) as caught:
        build_request(image, positions, patch_size, **how)
    assert isinstance(caught.value, PtychoEngineError)
    assert isinstance(caught.value, ValueError)
    return str(caught.value)


# -- patch size ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size",
    [0, -1, 4.0, 4.5, True, False, np.True_, "4", None, np.float64(4), [4], np.zeros(2, int)],
)
def test_patch_sizes_refused(size):
    assert "Expected an integer above zero" in refused("patch_size: received", patch_size=size)


@pytest.mark.parametrize("size", [1, 64, np.int64(8), np.uint8(8), np.array(8)])
def test_patch_sizes_taken(size):
    assert Cut(size).patch_size == int(size)
    assert type(build_request(IMAGE, POSITIONS, size).patch_size) is int


def test_patches_larger_than_memory_are_counted_without_overflow():
    request = build_request(IMAGE, POSITIONS, 2**33)
    assert request.output_bytes == 2 * 2**66 * 4
    with pytest.raises(MemoryError, match="memory budget"):
        Engine("batched").extract(IMAGE, POSITIONS, 2**33)


# -- positions -------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_positions_that_are_not_finite_are_named(bad):
    positions = np.zeros((6, 2))
    positions[3, 1] = positions[5, 0] = bad
    message = refused(r"2 of 6 are NaN or infinite, the first at index 3", positions=positions)
    assert str((0.0, bad)) in message


def test_grouped_positions_that_are_not_finite_are_named_by_flat_index():
    positions = np.zeros((3, 4, 2))
    positions[1, 2] = np.nan
    refused("index 6", positions=positions, layout="channel")


@pytest.mark.parametrize(
    ("positions", "layout"),
    [
        (np.zeros(2), "flat"),
        (np.zeros((2, 3)), "flat"),
        (np.zeros((2, 1)), "flat"),
        (np.zeros((2, 4, 2)), "flat"),
        (np.zeros((0, 3)), "flat"),
        (np.zeros(()), "flat"),
        (np.zeros((4, 2)), "channel"),
        (np.zeros((4, 2)), "grid"),
        (np.zeros((1, 2, 4)), "channel"),
        (np.zeros((2, 1, 4, 2)), "grid"),
        ([], "channel"),
    ],
)
def test_ranks_refused(positions, layout):
    message = refused(r"positions: received shape \(", positions=positions, layout=layout)
    assert f'layout="{layout}"' in message


def test_groups_without_members():
    refused("at least one member", positions=np.zeros((3, 0, 2)), layout="channel")


@pytest.mark.parametrize("members", [2, 3, 5])
def test_groups_that_form_no_grid(members):
    refused("form no square grid", positions=np.zeros((2, members, 2)), layout="grid")


@pytest.mark.parametrize(
    "positions",
    [
        [["1", "2"]],
        np.array([[1, 2]], object),
        np.array([["a", "b"]]),
        [[None, 1.0]],
        [[1j, 2]],
        [[True, False]],
        np.array([["2020-01-01", "2020-01-02"]], "datetime64[D]"),
        "positions",
        {"y": 1},
    ],
)
def test_positions_that_are_no_numbers(positions):
    refused("positions: received dtype", positions=positions)


def test_ragged_positions():
    refused("positions: cannot be read as an array", positions=[[1.0, 2.0], [3.0]])


@pytest.mark.parametrize(
    "positions", [[[4, 6], [2, 3]], np.array([[4, 6], [2, 3]], np.uint8), ((4, 6), (2, 3)),
                  np.array([[4, 6], [2, 3]], ">f4"), np.array([[4, 2], [6, 3]], float).T,
                  np.array([[4, 6], [2, 3]], np.longdouble)]
)  # fmt: skip
def test_positions_become_float64(positions):
    request = build_request(IMAGE, positions, 4)
    assert request.positions.dtype == np.float64
    np.testing.assert_array_equal(request.positions, [[4, 6], [2, 3]])


@pytest.mark.parametrize("positions", [[], np.empty((0, 2)), np.empty((0, 2), np.float32)])
def test_no_positions(positions):
    request = build_request(IMAGE, positions, 4)
    assert request.output_shape == (0, 4, 4)
    assert request.output_bytes == 0


def test_groups_are_flattened_member_by_member():
    positions = np.arange(24.0).reshape(3, 4, 2)
    request = build_request(IMAGE, positions, 4, layout="grid")
    np.testing.assert_array_equal(request.positions, positions.reshape(12, 2))
    assert (request.channels, request.groups, request.patch_count) == (4, 3, 12)
    assert request.output_shape == (3, 2, 2, 4, 4, 1)
    part = request.block(1, 3)
    np.testing.assert_array_equal(part.positions, positions[1:].reshape(8, 2))
    assert part.output_shape == (2, 2, 2, 4, 4, 1)


# -- the object ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int32", "uint8", "bool", "float16", "int64"])
def test_dtypes_of_objects_refused(dtype):
    message = refused(f"image: received dtype {dtype}", image=np.zeros((9, 12), dtype))
    assert "float32, float64, complex64, complex128" in message
    assert "Convert it first, for instance to float32" in message


@pytest.mark.parametrize(
    "image", [np.zeros((9, 12), object), np.full((9, 12), "a"), "image", None, {"a": 1}]
)
def test_objects_that_are_no_numbers(image):
    refused("image: received dtype", image=image)


def test_ragged_objects():
    refused("image: cannot be read as an array", image=[[1.0, 2.0], [3.0]])


@pytest.mark.parametrize("shape", [(), (9,)])
def test_ranks_of_objects_refused(shape):
    refused(rf"image: received shape \({'9,' if shape else ''}\)", image=np.zeros(shape))


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (2, 0, 0)])
def test_objects_without_samples(shape):
    image = np.zeros(shape)
    for fill in ("edge", "reflect"):
        refused("without samples", image=image, fill=fill)
    patches = Engine("batched").extract(image, POSITIONS, 4)
    assert not patches.any()
    assert patches.shape == (*shape[:-2], 2, 4, 4)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_objects_taken(dtype):
    request = build_request(
        np.zeros((3, 2, 9, 12), np.dtype(dtype).newbyteorder(">")), POSITIONS, 4
    )
    assert request.dtype == dtype
    assert request.image.dtype.isnative
    assert request.real_dtype.itemsize * (2 if "complex" in dtype else 1) == request.dtype.itemsize
    assert request.leading_shape == (3, 2)
    assert request.output_shape == (3, 2, 2, 4, 4)
    assert not request.is_tensor


@pytest.mark.parametrize("shape", [(300, 400, 1), (300, 400, 3), (2, 30, 40, 4), (5, 3, 3)])
def test_images_with_channels_last_are_refused(shape):
    for image in (np.zeros(shape), Engine("numba").prepare(np.zeros(shape, np.complex64))):
        message = refused(r"image: received shape \(", image=image, patch_size=8)
        assert f"objects of {shape[-2]} x {shape[-1]} pixels" in message
        assert "numpy.moveaxis(image, -1, 0)" in message


@pytest.mark.parametrize(
    ("shape", "size"), [((300, 2), 8), ((1, 1), 8), ((9, 9, 4), 4), ((9, 9, 5), 8), ((3, 9, 12), 8)]
)
def test_narrow_objects_and_channels_first_are_taken(shape, size):
    assert build_request(np.zeros(shape), POSITIONS, size).leading_shape == shape[:-2]


def test_lists_are_objects_too():
    assert build_request([[1.0, 2.0], [3.0, 4.0]], [[0.5, 0.5]], 1).dtype == np.float64
    refused("image: received dtype int64", image=[[1, 2], [3, 4]])


# -- named choices ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        ({"interpolation": "bilinea"}, "Did you mean 'bilinear'"),
        ({"interpolation": "sinc"}, "Available: bicubic, bilinear, fourier, nearest"),
        ({"fill": "zero"}, "Did you mean 'zeros'"),
        ({"fill": None}, "Available: edge, error, reflect, zeros"),
        ({"rounding": "Exact"}, "Did you mean 'exact'"),
        ({"layout": "channels"}, "Did you mean 'channel'"),
    ],
)
def test_unknown_choices(how, hint):
    (name,) = how
    assert hint in refused(f"{name} .* is not known", **how)


def test_misspelled_keyword():
    with pytest.raises(TypeError, match="interpolaton"):
        Engine("batched").extract(IMAGE, POSITIONS, 4, interpolaton="nearest")


# -- fill="error" ----------------------------------------------------------------------------


def test_first_window_outside_is_named():
    positions = [[4.0, 6.0], [2.0, 10.0], [1.5, 6.0], [40.0, 6.0]]
    with pytest.raises(OutOfBoundsError) as caught:
        build_request(IMAGE, positions, 4, fill="error")
    message = str(caught.value)
    assert "2 of 4 windows leave the object of 9 x 12 pixels" in message
    assert "the first at index 2: position (1.5, 6.0)" in message
    assert "sampled from (-0.5, 4.0) to (2.5, 7.0)" in message
    assert isinstance(caught.value, IndexError)
    assert isinstance(caught.value, RequestError)


@pytest.mark.parametrize(
    ("position", "size", "inside"),
    [
        ((2.0, 2.0), 4, True),  # first sample at 0
        ((7.0, 10.0), 4, True),  # last sample at 8, 11
        ((7.0, np.nextafter(10, 11)), 4, False),
        ((np.nextafter(2, 1), 2.0), 4, False),
        ((4.0, 5.0), 9, True),  # exactly as high as the object
        ((4.0, 5.0), 10, False),
        ((0.0, 0.0), 1, True),
        ((8.0, 11.0), 1, True),
        ((8.0, 11.5), 1, False),
        ((2.0**100, 5.0), 1, False),
    ],
)
def test_windows_on_the_border(position, size, inside):
    for rounding in ("exact", "legacy"):
        if rounding == "legacy" and np.float32(position).astype(float).tolist() != list(position):
            continue
        if inside:
            request = build_request(IMAGE, [position], size, fill="error", rounding=rounding)
            assert request.fill == "zeros"
        else:
            with pytest.raises(OutOfBoundsError):
                build_request(IMAGE, [position], size, fill="error", rounding=rounding)


def test_legacy_rounding_judges_the_float32_position():
    position = [[7.0, 10.0 + 1e-9]]
    build_request(IMAGE, position, 4, fill="error", rounding="legacy")
    with pytest.raises(OutOfBoundsError):
        build_request(IMAGE, position, 4, fill="error", rounding="exact")


def test_legacy_rounding_of_far_positions_does_not_overflow():
    with pytest.raises(OutOfBoundsError, match="index 0"):
        build_request(IMAGE, [[1e300, 0.0]], 4, fill="error", rounding="legacy")


def test_inside_windows_are_cut_as_by_any_fill():
    engine, image = Engine("batched"), np.arange(108.0).reshape(9, 12)
    positions = [[2.0, 10.0], [7.0, 2.0], [4.25, 5.5]]
    np.testing.assert_array_equal(
        engine.extract(image, positions, 4, fill="error"), engine.extract(image, positions, 4)
    )
