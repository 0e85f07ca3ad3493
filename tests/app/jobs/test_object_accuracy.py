"""A spot of a reassembled object against the float64 reference, within a fixed effort."""

from types import SimpleNamespace

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.app.jobs import object_accuracy
from ptycho_engine.app.jobs.arrangement import Arranged
from ptycho_engine.app.jobs.object_accuracy import SIDE, find_spot, measure_object
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.request.blocks import Block
from ptycho_engine.request.patch_weights import patch_weights

RNG = np.random.default_rng(0)
SHAPE, SIZE = (70, 90), 9  # and blocks of more groups than that
POSITIONS = RNG.uniform(0, (69, 89), (60, 2))


def spot_of(arranged, dtype="c16", budget=2**30):
    return find_spot(arranged, np.dtype(dtype), budget)


def arrangement(cut, positions=POSITIONS, layers=(), shape=SHAPE):
    return Arranged(cut, positions, shape, np.zeros(2), layers, {})


def blocks(patches, layout, step):
    axis = -3 if layout == "flat" else -4
    for start in range(0, patches.shape[axis], step):
        stop = min(start + step, patches.shape[axis])
        yield Block(start, stop, np.take(patches, range(start, stop), axis))


def compare(cut, positions=POSITIONS, layers=(), dtype="c8", layout="flat", border=0, **weight):
    """Put random patches together, in blocks, and measure; also what was made, and the spot."""
    arranged = arrangement(cut, positions, layers)
    shape = (*layers, len(positions), cut.patch_size, cut.patch_size)
    if layout == "channel":
        shape = (*shape[:-3], len(positions), *shape[-2:], positions.shape[1])
    patches = (RNG.normal(size=shape) + 1j * RNG.normal(size=shape)).astype(dtype)
    spot = spot_of(arranged)
    made = Engine("numba").reassemble(
        spot.watch(blocks(patches, layout, 13), layout), positions, SHAPE, layout=layout,
        interpolation=cut.interpolation, fill=cut.fill, border=border, **weight,
    )  # fmt: skip
    count = len(arranged.points)
    weights = patch_weights(cut.patch_size, count, made.coverage.dtype, border=border, **weight)
    return measure_object(spot, made, arranged, weights), made, spot


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_an_object_of_the_engine_is_within_the_tolerance(interpolation, fill):
    found, made, spot = compare(Cut(SIZE, interpolation, fill))
    assert len(found.errors) == SIDE
    assert found.errors[0][0] == spot.first[0]
    assert found.holds
    assert found.largest > 0
    assert (made.coverage[tuple(slice(i, i + SIDE) for i in spot.first)] > 0).mean() > 0.5


def test_layers_groups_weights_and_borders_are_compared_too():
    grouped = POSITIONS.reshape(15, 4, 2)
    probe = RNG.random((SIZE, SIZE))
    for dtype in ("c8", "c16"):
        found, _, spot = compare(Cut(SIZE), grouped, (2,), dtype, "channel", 1, probe=probe)
        assert found.holds
        assert found.tolerance == pytest.approx(1e-5 if dtype == "c8" else 1e-11)
        assert set(spot.patches) == set(spot.numbers.tolist())


def test_what_is_wrong_shows_in_its_row():
    arranged, patches = arrangement(Cut(SIZE)), np.ones((60, SIZE, SIZE), "c8")
    spot = spot_of(arranged)
    list(spot.watch(blocks(patches, "flat", 60), "flat"))
    made = Engine("numba").reassemble(patches, POSITIONS, SHAPE)
    row, column = spot.first
    inside = np.argwhere(made.coverage[row : row + SIDE, column : column + SIDE] > 0)[0]
    made.object[row + inside[0], column + inside[1]] += 0.01
    found = measure_object(spot, made, arranged, patch_weights(SIZE, 60, np.dtype("f4")))
    assert dict(found.errors)[row + inside[0]] == pytest.approx(0.01, rel=0.02)
    assert not found.holds


def test_of_what_is_not_finite_only_a_difference_counts():
    patches = np.ones((60, SIZE, SIZE), "c8")
    arranged, weights = arrangement(Cut(SIZE)), patch_weights(SIZE, 60, np.dtype("f4"))
    spot = spot_of(arranged)
    patches[spot.numbers[0]] = np.nan
    list(spot.watch(blocks(patches, "flat", 60), "flat"))
    made = Engine("numba").reassemble(patches, POSITIONS, SHAPE)
    part = tuple(slice(first, first + SIDE) for first in spot.first)
    assert measure_object(spot, made, arranged, weights).holds
    made.object[part] = np.where(np.isnan(made.object[part]), 1, np.nan)
    assert not measure_object(spot, made, arranged, weights).holds


def test_what_is_not_covered_counts_too():
    arranged, patches = arrangement(Cut(SIZE)), np.ones((60, SIZE, SIZE), "c8")
    spot = spot_of(arranged)
    list(spot.watch(blocks(patches, "flat", 60), "flat"))
    made = Engine("numba").reassemble(patches, POSITIONS, SHAPE)
    made.object[...], made.coverage[...] = 0, 0
    assert not measure_object(spot, made, arranged, patch_weights(SIZE, 60, np.dtype("f4"))).holds


def test_the_effort_is_bounded(monkeypatch):
    few = spot_of(arrangement(Cut(SIZE)))
    assert len(spot_of(arrangement(Cut(SIZE)), budget=16 * 3 * 16 * SIZE**2).numbers) <= 3
    monkeypatch.setattr(object_accuracy, "SAMPLES", 3 * SIZE**2)
    assert len(few.numbers) > 3 >= len(spot_of(arrangement(Cut(SIZE))).numbers) > 0
    monkeypatch.setattr(object_accuracy, "SAMPLES", 1)
    assert spot_of(arrangement(Cut(SIZE))) is None
    found = measure_object(
        None, SimpleNamespace(object=np.ones((2, 2))), arrangement(Cut(SIZE)), None
    )
    assert found.errors == ()
    assert "Not compared" in found.reason


@pytest.mark.parametrize(("fill", "found"), [("zeros", True), ("edge", False), ("reflect", False)])
def test_what_folds_back_from_outside_is_left_alone(fill, found):
    positions = np.concatenate([POSITIONS, [[-40.0, 5.0]]])
    assert (spot_of(arrangement(Cut(SIZE, fill=fill), positions)) is not None) is found


def test_a_small_object():
    arranged = arrangement(Cut(3), np.array([[1.0, 2.5]]), shape=(3, 4))
    spot = spot_of(arranged)
    list(spot.watch(blocks(np.ones((1, 3, 3)), "flat", 1), "flat"))
    made = Engine("numba").reassemble(np.ones((1, 3, 3)), arranged.points, (3, 4))
    found = measure_object(spot, made, arranged, patch_weights(3, 1, np.dtype("f8")))
    assert len(found.errors) == 3
    assert found.largest == 0
