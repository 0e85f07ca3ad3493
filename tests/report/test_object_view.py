"""The picture of an object that was put together."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ptycho_engine.report import object_view, panes
from ptycho_engine.report.object_view import ObjectView, draw_object

RNG = np.random.default_rng(0)
IMAGE = np.exp(1j * RNG.normal(size=(40, 50))).astype(np.complex64)
COVERAGE = np.zeros((40, 50), np.float32)
COVERAGE[5:30, 10:45] = RNG.integers(1, 9, (25, 35))
POSITIONS = RNG.uniform(5, 40, (30, 2))


@pytest.fixture
def shown(monkeypatch):
    """What is painted: planes and quantities."""
    seen = []
    paint = panes.paint_object

    def paint_object(axis, image, step, quantity, view):
        seen.append((image, quantity))
        return paint(axis, image, step, quantity, view)

    monkeypatch.setattr(panes, "paint_object", paint_object)
    return seen


def drawn(view):
    with Image.open(BytesIO(draw_object(view))) as picture:
        picture.load()
        return picture


def test_amplitude_phase_and_coverage_stand_side_by_side(shown):
    image = np.where(COVERAGE > 0, IMAGE, 1e6)  # what is not covered counts for no scale
    picture = drawn(ObjectView(image, COVERAGE, POSITIONS, "title", "caption", 2e-8))
    assert picture.width > 2 * picture.height
    planes, quantities = zip(*shown, strict=True)
    assert [quantity.name for quantity in quantities] == ["amplitude", "phase", "coverage"]
    assert planes[2] is not image
    np.testing.assert_array_equal(planes[2], COVERAGE)
    assert quantities[0].scale.high < 2
    assert (quantities[2].scale.low, quantities[2].scale.high) == (0, COVERAGE.max())


def test_a_real_object_has_a_value(shown):
    picture = drawn(ObjectView(IMAGE.real, COVERAGE, POSITIONS))
    assert [quantity.name for _, quantity in shown] == ["value", "coverage"]
    assert picture.width < 2.5 * picture.height


@pytest.mark.parametrize(
    "view",
    [
        ObjectView(np.stack([IMAGE, IMAGE]) * np.nan, COVERAGE, POSITIONS, pixel_size=np.nan),
        ObjectView(np.ones((1, 3000), "c8"), np.zeros((1, 3000)), POSITIONS[:0]),
    ],
)
def test_odd_ones_are_drawn_too(view):
    assert drawn(view).width > 500


def test_notes_say_what_is_covered():
    view = ObjectView(np.stack([IMAGE, IMAGE]), COVERAGE, POSITIONS)
    notes = object_view._notes(view, IMAGE * np.nan, 0.4375)
    assert notes == ("covered: 43.8% of the object; shown: the first of 2 planes; red: not finite")
