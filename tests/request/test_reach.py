"""Coordinates that cannot be meant: counted, doubted with a way out, and said once."""

import re

import numpy as np
import pytest
from events import logged
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine import Engine
from ptycho_engine.errors import OutOfBoundsError
from ptycho_engine.geometry.cut import INTERPOLATIONS, ROUNDINGS, Cut
from ptycho_engine.request import reach
from ptycho_engine.request.reach import measure_reach
from ptycho_engine.request.watch import MANY, Watch

SHAPE = (60, 90)
IMAGE = np.ones(SHAPE, np.float32)
CUT = Cut(8)
GOOD = np.random.default_rng(0).uniform([4, 4], [55, 85], (40, 2))
CASES = {
    "swapped": (GOOD[:, ::-1], "geometry.from_xy"),
    "metres": (GOOD * 2e-9, "geometry.from_metres"),
    "metres about zero": ((GOOD - 30) * 2e-9, "geometry.from_metres"),
    "fractions": (GOOD / SHAPE, "geometry.from_metres"),
    "centred": (GOOD - (np.array(SHAPE) - 1) / 2, "they lie about zero.*geometry.from_metres"),
    "binned": (GOOD * 4, "geometry.from_metres"),
}


def measured(positions, shape=SHAPE, cut=CUT):
    return measure_reach(np.asarray(positions, float).reshape(-1, 2), shape, cut)


def spoken(call):
    """What a call warns of in the log."""
    with logged() as logs:
        call()
    return [log["reason"] for log in logs if log["event"] == "doubtful_positions"]


# -- what is counted -------------------------------------------------------------------------


@given(
    arrays(np.float64, st.tuples(st.integers(0, 12), st.just(2)), elements=st.floats(-30, 120)),
    st.integers(1, 9), st.sampled_from(INTERPOLATIONS), st.sampled_from(ROUNDINGS),
)  # fmt: skip
def test_windows_that_leave_are_those_that_fill_error_refuses(positions, size, kernel, rounding):
    how = {"interpolation": kernel, "rounding": rounding}

    def is_refused(position, image):
        try:
            engine = Engine("batched")
            engine.plan(image, [position], size, fill="error", **how)
        except OutOfBoundsError:
            return True
        return False

    found = measured(positions, cut=Cut(size, **how))
    assert found.windows == len(positions)
    assert found.leaving == sum(is_refused(p, IMAGE) for p in positions)
    assert found.leaving_swapped == sum(is_refused(p, IMAGE.T) for p in positions)
    assert (found.farthest > 0) == (found.leaving > 0)


@given(
    arrays(np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(-99, 99)),
    st.integers(1, 7),
)
def test_parts_make_the_whole(positions, step):
    whole = measured(positions)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "STEP", step)
        assert measured(positions) == whole


def test_how_far():
    found = measured([[4, 4], [2.5, 50], [30, 90.25]])
    assert (found.windows, found.leaving, found.farthest) == (3, 2, 4.25)  # to 93.25, of 89
    assert found.extent == (27.5, 86.25)
    assert found.middle == (16.25, 47.125)
    assert found.records() == {
        "count": 3, "leaving": 2, "beyond_pixels": 4.25, "extent_pixels": [27.5, 86.25]
    }  # fmt: skip


# -- what is doubted -------------------------------------------------------------------------


def test_nothing_is_doubted_of_good_positions():
    assert measured(GOOD).warnings() == ()
    assert measured([]).warnings() == ()
    assert measured([[30, 40]]).warnings() == ()


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_meant_is_doubted_with_a_way_out(name):
    positions, way_out = CASES[name]
    (text,) = measured(positions).warnings()
    assert "Expected" in text
    assert "40" in text
    assert re.search(way_out, text)


@given(st.data())
def test_any_scan_that_fits_is_doubted_once_swapped(data):
    height, width = data.draw(st.integers(12, 50)), data.draw(st.integers(51, 200))
    size, count = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 20))
    pair = st.tuples(*(st.floats(4, side - 5) for side in (height, width)))
    positions = np.array(data.draw(st.lists(pair, min_size=count, max_size=count)))
    shape, cut = (height, width), Cut(size)
    assume(measured(positions, shape, cut).leaving == 0)
    swapped = measured(positions[:, ::-1], shape, cut)
    assume(swapped.leaving and max(swapped.extent) >= 1)
    (text,) = swapped.warnings({"swapped": "scan.swapped=true"})
    assert "with y and x exchanged, none would" in text
    assert "geometry.from_xy, or set scan.swapped=true." in text


@given(
    arrays(np.float64, st.tuples(st.integers(2, 9), st.just(2)), elements=st.floats(0, 1)),
    st.sampled_from([1e-9, 1e-6, 0.999]), st.sampled_from([0.0, 30.0, -1e6]),
)  # fmt: skip
def test_any_scan_within_a_pixel_is_doubted(positions, scale, origin):
    (text,) = measured(positions * scale + origin).warnings({"metres": "scan.pixel_size=METRES"})
    assert "less than one" in text
    assert "geometry.from_metres" in text
    assert "scan.pixel_size=METRES" in text


@given(st.integers(0, 20), st.integers(0, 20))
def test_most_windows_outside_are_doubted(inside, outside):
    positions = [[10.0 + i, 40.0] for i in range(inside)] + [[-5.0, i] for i in range(outside)]
    found = measured(positions)
    assert found.leaving == outside
    most = outside > inside and max(found.extent) >= 1
    assert any("leave the object of 60 x 90 pixels, by up to 9 pixels" in text
               for text in found.warnings()) >= most  # fmt: skip
    assert bool(found.warnings()) == (most or (inside + outside > 1 and max(found.extent) < 1))


def test_a_scan_about_zero_names_the_option_for_it():
    offered = {"centred": "scan.centre=middle", "swapped": "scan.swapped=true"}
    (text,) = measured(CASES["centred"][0]).warnings(offered)
    assert text.endswith("or count from another origin, or set scan.centre=middle.")


# -- where it is said ------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_an_engine_says_it_once(name):
    engine, bad = Engine("numba"), CASES[name][0]
    assert spoken(lambda: engine.extract(IMAGE, GOOD, 8)) == []
    assert spoken(lambda: engine.extract(IMAGE, bad, 8)) == list(measured(bad).warnings())
    assert spoken(lambda: engine.with_budget("1GiB").extract(IMAGE, bad, 8)) == []
    assert len(spoken(lambda: list(Engine("numba").stream(IMAGE, bad, 8)))) == 1


def test_each_prepared_object_says_it_once():
    engine, bad = Engine("numba"), CASES["swapped"][0]
    for _ in range(2):
        prepared = engine.prepare(IMAGE)
        assert len(spoken(lambda p=prepared: engine.extract(p, bad, 8))) == 1
        assert spoken(lambda p=prepared: [engine.extract(p, bad, 8) for _ in range(9)]) == []


def test_groups_are_looked_at_too():
    bad = CASES["swapped"][0].reshape(10, 4, 2)
    assert len(spoken(lambda: Engine("numba").extract(IMAGE, bad, 8, layout="channel"))) == 1


def test_reach_says_nothing_by_itself_and_all_is_said_then():
    engine, bad = Engine("numba"), CASES["swapped"][0]
    found = []
    assert spoken(lambda: found.append(engine.reach(IMAGE, bad, 8))) == []
    assert found == [measured(bad)]
    assert spoken(lambda: engine.extract(IMAGE, bad, 8)) == []


@pytest.mark.tensorflow
def test_tensors_are_looked_at_where_their_numbers_are_known():
    import tensorflow as tf

    bad = tf.constant(CASES["swapped"][0])
    assert len(spoken(lambda: Engine("batched").extract(tf.constant(IMAGE), bad, 8))) == 1
    assert len(spoken(lambda: Engine("batched").extract(IMAGE, bad, 8))) == 1
    engine = Engine("batched")
    cut = tf.function(lambda positions: engine.extract(tf.constant(IMAGE), positions, 8))
    assert spoken(lambda: cut(bad)) == []


def test_small_calls_on_a_prepared_object_are_looked_at_ever_less():
    watch = Watch(sparing=True)
    due = [call for call in range(1, 100) if watch.is_due(16)]
    assert due == [1, 2, 4, 8, 16, 32, 64]
    assert watch.is_due(MANY)
    assert all(Watch().is_due(1) for _ in range(9))
    watch.is_over = True
    assert not watch.is_due(MANY)
