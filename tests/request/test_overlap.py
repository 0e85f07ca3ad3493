"""Outputs that share memory, with the image or with themselves: right numbers or a refusal."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from ptycho_engine import Engine
from ptycho_engine.errors import RequestError
from ptycho_engine.request.overlap import repeats_samples

POSITIONS = [[4.0, 4.0], [3.25, 5.5]]


@pytest.fixture(params=["numba", "batched"])
def engine(request):
    return Engine(request.param)


@pytest.mark.parametrize("first", [0, 1])
def test_an_output_over_the_image_is_refused(engine, first):
    memory = np.arange(3 * 64.0).reshape(3, 8, 8)
    before = memory.copy()
    image, out = memory[1], memory[first : first + 2]
    for given_image in (image, engine.prepare(image), image[::-1, 1:]):
        with pytest.raises(RequestError, match="out: shares memory with the image"):
            engine.extract(given_image, POSITIONS, 8, out=out)
    np.testing.assert_array_equal(memory, before)


def test_an_output_over_the_image_behind_a_wrapper():
    xarray = pytest.importorskip("xarray")
    memory = np.zeros((2, 8, 8))
    with pytest.raises(RequestError, match="out: shares memory with the image"):
        Engine("numba").extract(memory[0], POSITIONS, 8, out=xarray.DataArray(memory))


def test_an_output_over_the_image_in_a_file_that_is_mapped_twice(tmp_path):
    """Their memory is apart; the file is one, by whatever name."""
    path, other = tmp_path / "samples", tmp_path / "link"
    np.arange(4 * 64.0).tofile(path)
    other.hardlink_to(path)
    engine = Engine("numba")
    image = np.memmap(path, float, mode="r", offset=512)[:64].reshape(8, 8)
    expected = engine.extract(np.array(image), POSITIONS, 8)
    over = np.memmap(other, float, mode="r+", shape=(2, 8, 8))
    for given_image in (image, image[::-1], np.asarray(image)):
        with pytest.raises(RequestError, match="out: shares memory with the image"):
            engine.extract(given_image, POSITIONS, 8, out=over)
    beside = np.memmap(other, float, mode="r+", shape=(2, 8, 8), offset=1024)
    np.testing.assert_array_equal(engine.extract(image, POSITIONS, 8, out=beside), expected)


def test_outputs_beside_the_image_are_filled(engine):
    """In the same block of memory, even sample by sample in turns."""
    memory = np.arange(2 * 2 * 64.0).reshape(2, 8, 16)
    image, out = memory[0, :, 1::2], memory[:, :, ::2]
    expected = engine.extract(image.copy(), POSITIONS, 8)
    assert engine.extract(image, POSITIONS, 8, out=out) is out
    np.testing.assert_array_equal(out, expected)


def test_an_output_over_the_positions(engine):
    memory = np.zeros((2, 4, 4))
    positions = memory.reshape(-1)[:4].reshape(2, 2)
    positions[:] = POSITIONS
    image = np.arange(64.0).reshape(8, 8)
    expected = engine.extract(image, POSITIONS, 4)
    np.testing.assert_array_equal(engine.extract(image, positions, 4, out=memory), expected)


@pytest.mark.parametrize(
    "out",
    [
        as_strided(np.zeros((8, 8)), (2, 8, 8), (0, 64, 8)),
        as_strided(np.zeros(1), (2, 8, 8), (0, 0, 0)),
        sliding_window_view(np.zeros((9, 8)), (8, 8), writeable=True)[:, 0],
        as_strided(np.zeros((3, 8, 8)), (2, 8, 8), (512, 4, 64)),
    ],
)
def test_outputs_whose_patches_share_samples_are_refused(engine, out):
    with pytest.raises(RequestError, match="out: received strides"):
        engine.extract(np.ones((8, 8)), POSITIONS, 8, out=out)
    assert not out.any()


@given(st.permutations(range(3)), st.tuples(*[st.sampled_from([-2, -1, 1, 3])] * 3))
def test_views_of_whole_arrays_never_share_samples(order, steps):
    view = np.zeros((5, 6, 7))[tuple(slice(None, None, step) for step in steps)].transpose(order)
    assert not repeats_samples(view)
    assert repeats_samples(np.broadcast_to(view, (2, *view.shape)))


def test_masks_and_units_of_outputs():
    class Noted(np.ndarray):
        unit = "m"

    out = np.zeros((2, 8, 8))
    hidden = np.ma.masked_array(out, np.arange(128).reshape(out.shape) == 5)
    with pytest.raises(RequestError, match="out: 1 values are masked"):
        Engine("numba").extract(np.ones((8, 8)), POSITIONS, 8, out=hidden)
    with pytest.raises(RequestError, match=r"out: received the unit 'm'\. Expected none"):
        Engine("numba").extract(np.ones((8, 8)), POSITIONS, 8, out=out.view(Noted))
