"""Arrays as pictures of a page: each colour stands for a value."""

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from ptycho_engine.report.html.images import (
    LEVELS,
    colours_of,
    hexadecimal,
    legend_of,
    levels_of,
    number,
    picture_of,
)
from ptycho_engine.report.quantities import BAD, Quantity
from ptycho_engine.report.scales import Scale


def quantity(low=0.0, high=1.0, colours="gray", ticks=None):
    return Quantity("amplitude", "", np.abs, Scale(low, high, "neither"), colours, ticks)


def opened(picture):
    start = "data:image/png;base64,"
    assert picture.uri.startswith(start)
    return Image.open(BytesIO(b64decode(picture.uri.removeprefix(start))))


@settings(max_examples=20)
@given(hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32)))
def test_a_colour_stands_for_its_value(values):
    """A browser knows the value within half a step of the scale."""
    levels = levels_of(values, quantity())
    assert np.abs(levels / (LEVELS - 1) - values).max() <= 0.5 / (LEVELS - 1) + 1e-6


def test_what_is_beyond_a_scale_has_its_ends_and_what_is_not_finite_a_colour_of_its_own():
    values = np.array([[-5.0, 0.0, 1.0, 9.0, np.nan, np.inf]])
    plain = Quantity("value", "", np.asarray, Scale(0.0, 1.0, "both"), "gray")
    assert levels_of(values, plain).tolist() == [[0, 0, LEVELS - 1, LEVELS - 1, LEVELS, LEVELS]]
    shown = np.asarray(opened(picture_of(values, plain, "a row")).convert("RGB"))
    bad = tuple(int(BAD[i : i + 2], 16) for i in (1, 3, 5))
    assert [tuple(colour) for colour in shown[0]] == [
        (0, 0, 0), (0, 0, 0), (255, 255, 255), (255, 255, 255), bad, bad,
    ]  # fmt: skip


def test_a_picture_has_the_samples_of_its_image():
    values = np.linspace(0, 1, 30).reshape(5, 6)
    picture = picture_of(values, quantity(), "what it shows")
    assert (picture.width, picture.height, picture.alt) == (6, 5, "what it shows")
    assert opened(picture).size == (6, 5)
    assert picture == picture_of(values, quantity(), "what it shows")  # byte for byte


@pytest.mark.parametrize("name", ["gray", "twilight_shifted", "viridis", "magma", "cividis"])
def test_a_browser_gets_the_colours_of_the_pictures(name):
    text, colours = hexadecimal(name), colours_of(name)
    assert len(text) == 6 * LEVELS
    assert [tuple(bytes.fromhex(text[i : i + 6])) for i in range(0, len(text), 6)] == colours[:-1]


def test_a_legend_says_both_ends():
    assert legend_of(quantity(high=2.5)).high == "2.5"
    turn = legend_of(quantity(-np.pi, np.pi, ticks={-np.pi: "-π", np.pi: "π"}))
    assert (turn.low, turn.high) == ("-π", "π")
    assert turn.stops.startswith("#000000, ")


@pytest.mark.parametrize(
    ("beyond", "ends"),
    [
        ("neither", ("0", "1")),
        ("min", ("≤ 0", "1")),
        ("max", ("0", "≥ 1")),
        ("both", ("≤ 0", "≥ 1")),
    ],
)
def test_a_legend_says_that_values_lie_beyond(beyond, ends):
    legend = legend_of(Quantity("amplitude", "", np.abs, Scale(0.0, 1.0, beyond), "gray"))
    assert (legend.low, legend.high) == ends


def test_numbers_are_short():
    assert [number(v) for v in (-0.25, 123456.0, 1e-9)] == ["\u22120.25", "1.235e+05", "1e\u221209"]
