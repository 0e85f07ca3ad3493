"""Reassembly: the weighted mean of what patches say, exactly 0 where none says anything."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError, OutOfBoundsError, RequestError
from ptycho_engine.geometry.footprint import footprint
from ptycho_engine.geometry.layouts import flat_to_channel, flat_to_grid
from ptycho_engine.request import normalisation, patch_weights
from ptycho_engine.request.blocks import Block
from ptycho_engine.request.mosaic import Mosaic, reassemble
from ptycho_engine.testing import reference_patches, reference_placement

SHAPE = (11, 13)
RNG = np.random.default_rng(3)
IMAGE = RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)
POSITIONS = RNG.uniform(-1, 12, (9, 2))
WHOLE = np.round(POSITIONS)


def naive_placer(cut, shape):
    def place(patches, positions, out):
        placed = reference_placement(patches, positions, shape, cut.interpolation, cut.fill)
        out += placed.astype(out.dtype)

    return place


def put_together(patches, positions=POSITIONS, shape=SHAPE, *, how=Mosaic(), **more):  # noqa: B008
    return reassemble(naive_placer, patches, positions, shape, how, **more)


def cut_out(positions=POSITIONS, size=5, image=IMAGE, **how):
    return reference_patches(image, positions, size, **how)


# -- what comes of it ------------------------------------------------------------------------


@settings(max_examples=25)
@given(st.integers(0, 2**16), st.integers(1, 6), st.sampled_from(["nearest", "bilinear"]),
       st.sampled_from(["zeros", "edge", "reflect"]), st.sampled_from(["<c16", "<f8", "<c8"]),
       st.sampled_from(["none", "shared", "own"]))  # fmt: skip
def test_it_is_the_weighted_mean_by_definition(seed, size, interpolation, fill, dtype, weighted):
    rng = np.random.default_rng(seed)
    positions = rng.uniform(-3, 12, (rng.integers(1, 6), 2))
    patches = rng.normal(size=(len(positions), size, size, 2)) @ [1, 1j]
    patches = (patches.real if dtype == "<f8" else patches).astype(dtype)
    shapes = {"none": None, "shared": (size, size), "own": patches.shape}
    weights = None if weighted == "none" else rng.uniform(0, 1, shapes[weighted]).round(1)
    how = Mosaic(interpolation, fill)
    found = put_together(patches, positions, SHAPE, how=how, weights=weights)
    w = np.ones(patches.shape) if weights is None else np.broadcast_to(weights, patches.shape)
    coverage, sums = (
        reference_placement(part, positions, SHAPE, interpolation, fill)
        for part in (w, w * patches)
    )
    covered = coverage >= normalisation.least_coverage(np.dtype(found.coverage.dtype))
    expected = np.divide(sums, coverage, out=np.zeros_like(sums), where=covered)
    close = 1e-12 if patches.dtype.itemsize > 8 or dtype == "<f8" else 3e-6
    np.testing.assert_allclose(found.coverage, coverage * covered, atol=close)
    np.testing.assert_allclose(found.object, expected, atol=close * np.abs(patches).max() + 1e-300)
    assert not found.object[found.coverage == 0].any()
    assert (found.object.dtype, found.coverage.dtype) == (patches.dtype, patches.real.dtype)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "fourier"])
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_whole_positions_give_the_object_back_where_windows_lie(interpolation, fill):
    how = {"interpolation": interpolation, "fill": fill}
    found = put_together(cut_out(WHOLE, **how), WHOLE, how=Mosaic(**how))
    windows = footprint(WHOLE, SHAPE, 5)
    assert 20 < np.count_nonzero(windows) < windows.size
    inside = windows > 0
    np.testing.assert_allclose(found.object[inside], IMAGE[inside], atol=1e-12)
    covered = found.coverage > 0
    np.testing.assert_allclose(found.object[covered], IMAGE[covered], atol=1e-12)
    assert not found.object[~covered].any()
    if fill == "reflect":  # what lies outside was taken from deeper inside, and goes back there
        assert not inside[~covered].any()
    else:
        np.testing.assert_array_equal(covered, inside)
    if fill == "zeros":
        np.testing.assert_allclose(found.coverage, windows, atol=1e-12)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "fourier"])
def test_what_is_constant_stays_so_up_to_the_rim(interpolation):
    """Also where almost nothing of a window reaches: no constant is added to the coverage."""
    positions = np.array([[5.0, 5 + 1e-9], [5.0, 6 - 1e-12], [6 + 1e-7, 7.0]])
    patches = np.full((3, 4, 4), 7.0, np.float32)
    found = put_together(patches, positions, how=Mosaic(interpolation))
    covered = found.coverage > 0
    assert (footprint(positions, SHAPE, 4) > 0)[~covered].sum() == 0
    if interpolation == "bilinear":
        assert 0 < found.coverage[covered].min() < 1e-6
        np.testing.assert_allclose(found.object[covered], 7.0, rtol=1e-5)
    if interpolation == "nearest":
        np.testing.assert_array_equal(found.object[covered], 7.0)


def test_kernels_with_lobes_cover_their_windows_alone():
    found = put_together(np.ones((1, 4, 4)), [[5.3, 5.6]], how=Mosaic("bicubic"))
    np.testing.assert_array_equal(found.coverage > 0, footprint(np.array([[5.3, 5.6]]), SHAPE, 4))
    assert found.coverage[found.coverage > 0].min() > 0.99


def test_coverage_counts_windows():
    patches = np.ones((len(WHOLE), 5, 5), np.complex64)
    found = put_together(patches, WHOLE, how=Mosaic("nearest"))
    counts = np.zeros(SHAPE, int)
    for y, x in WHOLE.astype(int):
        counts[max(0, y - 2) : y + 3, max(0, x - 2) : x + 3] += 1
    np.testing.assert_array_equal(found.coverage, counts)
    np.testing.assert_array_equal(found.object, counts > 0)


def test_leading_axes_are_carried_along():
    image = np.stack([IMAGE, 2 * IMAGE, -IMAGE]).reshape(3, *SHAPE)
    found = put_together(cut_out(WHOLE, image=image), WHOLE)
    np.testing.assert_allclose(found.object, image * (found.coverage > 0), atol=1e-12)
    assert found.coverage.shape == SHAPE


# -- weights ---------------------------------------------------------------------------------


def test_a_probe_weighs_by_its_intensity():
    probe = RNG.normal(size=(2, 5, 5)) + 1j * RNG.normal(size=(2, 5, 5))
    power = (np.abs(probe) ** 2).sum(axis=0)
    found = put_together(cut_out() + RNG.normal(size=(9, 5, 5)), probe=1e6 * probe)
    assert found.coverage.max() < 9
    again = put_together(cut_out(), weights=power / power.max())
    np.testing.assert_allclose(found.coverage, again.coverage, atol=1e-12)
    one = put_together(cut_out(), probe=probe[0])
    np.testing.assert_allclose(
        one.object, put_together(cut_out(), weights=np.abs(probe[0]) ** 2).object, atol=1e-12
    )


def test_a_border_is_left_out_whatever_it_holds():
    patches = cut_out(WHOLE, 6)
    spoilt = np.full_like(patches, np.nan)
    spoilt[:, 1:-1, 1:-1] = patches[:, 1:-1, 1:-1]
    spoilt[0, 0, 0] = np.inf
    found = put_together(spoilt, WHOLE, how=Mosaic(border=1))
    inner = put_together(patches[:, 1:-1, 1:-1], WHOLE)  # 6 // 2 - 1 == 4 // 2
    np.testing.assert_array_equal(found.object, inner.object)
    np.testing.assert_array_equal(found.coverage, inner.coverage)


@pytest.mark.parametrize("light", [1e-200, 1e200])
def test_a_probe_is_in_any_unit(light):
    probe, patches = RNG.normal(size=(5, 5)), cut_out()
    np.testing.assert_allclose(
        put_together(patches, probe=light * probe).object,
        put_together(patches, probe=probe).object,
        atol=1e-12,
    )


def test_weights_of_each_patch_are_not_all_held_at_once(monkeypatch):
    """They are as many numbers as the patches, and may be mapped from a file."""
    count, size = 400, 32
    patches, positions = np.ones((count, size, size), "f4"), RNG.uniform(20, 40, (count, 2))
    weights = RNG.uniform(0.5, 1, patches.shape)
    monkeypatch.setattr(normalisation, "BLOCK_BYTES", 40 * size * size * 4)
    monkeypatch.setattr(patch_weights, "LOOKED_AT", 40 * size * size)
    tracemalloc.start()
    put_together(patches, positions, (60, 60), weights=weights)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < weights.nbytes / 4


def test_weights_may_be_small_but_not_without_digits():
    patches = cut_out().astype(np.complex64)
    usual = put_together(patches, weights=np.ones((5, 5)))
    small = put_together(patches, weights=np.full((5, 5), 1e-25))
    covered = usual.coverage > 1e-3
    np.testing.assert_allclose(small.object[covered], usual.object[covered], rtol=1e-5, atol=1e-5)
    none = put_together(patches, weights=np.full((5, 5), 1e-37))  # in single precision
    assert not none.coverage.any()
    assert not none.object.any()


def test_what_is_not_finite_stays_where_it_lies():
    patches = cut_out(WHOLE)
    patches[3, 1, 2] = np.nan
    found = put_together(patches, WHOLE)
    y, x = (WHOLE[3] - 5 // 2).astype(int) + np.array([1, 2])
    spoilt = np.zeros(SHAPE, bool)
    spoilt[y, x] = 0 <= y < SHAPE[0] and 0 <= x < SHAPE[1]
    np.testing.assert_array_equal(np.isnan(found.object), spoilt)
    assert spoilt.any()


@pytest.mark.parametrize("each", [False, True])
def test_an_infinite_part_leaves_the_other_one(each):
    """A complex product with a weight would make NaN of it."""
    patches, positions = np.full((40, 5, 5), 2 + 1j), np.full((40, 2), 5.0)
    patches[20, 1, 2] = complex(np.inf, 1)
    weights = np.full((40, 5, 5) if each else (5, 5), 0.5)
    found = Engine("numba").reassemble(patches, positions, SHAPE, weights=weights).object
    found = found[3:8, 3:8]
    np.testing.assert_array_equal(found.imag, np.ones((5, 5)))
    assert np.argwhere(np.isinf(found.real)).tolist() == [[1, 2]]
    assert not np.isnan(found).any()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"probe": np.ones((5, 5)), "weights": np.ones((5, 5))}, "beside a probe"),
        ({"probe": np.ones((4, 5))}, r"probe: received shape \(4, 5\)"),
        ({"probe": np.zeros((5, 5))}, "zero everywhere"),
        ({"weights": np.ones((5, 5), complex)}, "Expected reals"),
        ({"weights": -np.ones((5, 5))}, "negative"),
        ({"weights": np.ones((3, 5, 5))}, r"or \(9, 5, 5\)"),
        ({"weights": np.full((5, 5), np.nan)}, "NaN"),
        ({"weights": np.full((5, 5), 1e300)}, "Expected at most"),
        ({"weights": [[1.0], [1.0, 2.0]]}, "cannot be read"),
        ({"probe": [[1.0], [1.0, 2.0]]}, "cannot be read"),
        ({"how": Mosaic(border=3)}, "from 0 to 2"),
        ({"how": Mosaic(border=True)}, "from 0 to 2"),
        ({"how": Mosaic(layout="flt")}, "layout 'flt' is not known"),
        ({"how": Mosaic(interpolation="linear")}, "interpolation 'linear' is not known"),
        ({"shape": (4.5, 3)}, "shape: received"),
        ({"shape": (-1, 3)}, "shape: received"),
        ({"positions": np.zeros((4, 2))}, "received more, and positions for 4"),
        ({"positions": np.zeros((12, 2))}, "received 9, and positions for 12"),
        ({"positions": np.zeros((9, 3))}, "positions: received shape"),
    ],
)
def test_what_cannot_be_used_is_refused(more, words):
    with pytest.raises(RequestError, match=words):
        put_together(cut_out(), **more)


@pytest.mark.parametrize(
    ("patches", "words"),
    [
        (np.ones((9, 5, 4)), r"Expected \(\.\.\., P, N, N\)"),
        (np.ones((9, 5, 5), np.float16), "received dtype float16"),
        (np.ones((5, 5)), r"received shape \(5, 5\)"),
        (iter([]), "no blocks"),
        ([np.ones((4, 5, 5)), np.ones((5, 5, 5), "f4")], "unlike the first"),
        (7, "received a int"),
    ],
)
def test_what_are_no_patches_is_refused(patches, words):
    with pytest.raises(RequestError, match=words):
        put_together(patches)


# -- layouts, blocks, shapes -----------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, RNG.uniform(0, 1, (8, 5, 5))])
def test_layouts_are_one(weights):
    flat, grouped = cut_out()[:8], POSITIONS[:8].reshape(2, 4, 2)
    found = put_together(flat, POSITIONS[:8], weights=weights)
    for layout, patches in (("channel", flat_to_channel(flat, 4)), ("grid", flat_to_grid(flat, 2))):
        other = put_together(patches, grouped, how=Mosaic(layout=layout), weights=weights)
        np.testing.assert_array_equal(other.object, found.object)
        np.testing.assert_array_equal(other.coverage, found.coverage)
    with pytest.raises(RequestError, match="C = 2"):
        put_together(
            flat_to_channel(flat, 4), POSITIONS[:8].reshape(4, 2, 2), how=Mosaic(layout="channel")
        )


class Slices:
    """Hands out slices of patches as a file does, and keeps how long they were."""

    def __init__(self, array):
        self._array, self.shape, self.dtype, self.lengths = array, array.shape, array.dtype, []

    def __getitem__(self, index):
        block = self._array[index]
        self.lengths.append(len(block))
        return block


@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_of_any_length_give_the_same_bits(monkeypatch, weighted):
    monkeypatch.setattr(normalisation, "BLOCK_BYTES", 4 * 25 * 8)  # four patches
    patches = cut_out().astype(np.complex64)
    how = {"weights": RNG.uniform(0, 1, (5, 5))} if weighted else {}
    whole = put_together(patches, **how)
    for lengths in ([1] * 9, [5, 4], [0, 9], [2, 3, 4]):
        ends = np.cumsum(lengths)
        blocks = [patches[end - n : end] for n, end in zip(lengths, ends, strict=True)]
        found = put_together(iter(blocks), **how)
        np.testing.assert_array_equal(found.object, whole.object)
        np.testing.assert_array_equal(found.coverage, whole.coverage)
    stored = Slices(patches)
    found = put_together(stored, **how)
    assert stored.lengths == [4, 4, 1]
    np.testing.assert_array_equal(found.object, whole.object)
    block = [Block(0, 9, patches)]
    np.testing.assert_array_equal(put_together(block, **how).object, whole.object)


def test_windows_that_leave_the_object_are_refused_first():
    def unread():
        yield np.ones((1, 5, 5))
        pytest.fail("was read")

    with pytest.raises(OutOfBoundsError, match="leave the object"):
        put_together(unread(), how=Mosaic(fill="error"))
    inside = np.array([[4.5, 5.0], [6.0, 7.25]])
    patches = cut_out(inside)
    found = put_together(patches, inside, how=Mosaic(fill="error"))
    np.testing.assert_array_equal(found.object, put_together(patches, inside).object)


def test_what_is_placed_is_never_what_was_given():
    patches = cut_out().astype(np.complex64)
    kept = patches.copy()
    put_together(patches, probe=RNG.normal(size=(5, 5)))
    np.testing.assert_array_equal(patches, kept)


def test_no_patches_give_an_empty_object():
    found = put_together(np.empty((0, 5, 5), np.complex64), np.empty((0, 2)))
    assert not found.object.any()
    assert not found.coverage.any()
    with pytest.raises(RequestError, match="no positions to find it from"):
        put_together(np.empty((0, 5, 5), np.complex64), np.empty((0, 2)), None)


def test_the_shape_is_found_from_positions():
    positions = np.array([[2.0, 2.0], [6.5, 9.0]])
    found = put_together(np.ones((2, 5, 5)), positions, None)
    assert found.object.shape == (10, 12)
    assert found.coverage[-1, -1] == 0.5
    wide = put_together(np.ones((2, 5, 5)), positions, (20, 20))
    assert wide.coverage.sum() == found.coverage.sum() == 50  # nothing was left out
    with pytest.raises(RequestError, match=r"or add \(0.0, 1.0\) to the positions"):
        put_together(np.ones((2, 5, 5)), positions - [0, 1], None)
    with pytest.raises(RequestError, match="Expected object pixels"):
        put_together(np.ones((2, 5, 5)), positions * 1e9, None)


def test_the_budget_is_checked_first():
    with pytest.raises(MemoryBudgetError, match="11 x 13 samples"):
        put_together(cut_out(), memory_budget=2000)
    put_together(cut_out(), memory_budget=40_000)


def test_blocks_are_watched():
    seen = []

    def watch(blocks, count):
        seen.append(count)
        for block in blocks:
            seen.append((block.start, block.stop))
            yield block

    put_together(cut_out(), watch=watch)
    assert seen == [9, (0, 9)]


def test_a_mask_is_not_lost_between_blocks():
    blocks = [cut_out()[:4], np.ma.masked_greater(cut_out()[4:], 0)]
    with pytest.raises(RequestError, match="are masked"):
        put_together(iter(blocks))


def test_an_object_without_planes_has_none_put_together():
    found = put_together(np.ones((0, *cut_out().shape)))
    assert found.object.shape == (0, *found.coverage.shape)


def test_a_number_is_no_patches():
    with pytest.raises(RequestError, match=r"patches: received shape \(\)"):
        put_together(np.float64(3))
