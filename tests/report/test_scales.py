"""The scales of a picture hold what they shall show, whatever an object holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ptycho_engine.report.scales import UNITS, Scale, scale_bar

ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)


@given(arrays(np.float32, st.integers(0, 60), elements=ANY))
def test_a_scale_is_an_interval_whatever_the_values(values):
    scale = Scale.of(values)
    assert np.isfinite([scale.low, scale.high]).all()
    assert scale.low < scale.high
    finite = values[np.isfinite(values)]
    for end, beyond in (("min", finite < scale.low), ("max", finite > scale.high)):
        if scale.beyond in (end, "both"):  # what an arrow says is true
            assert beyond.any()


@given(
    arrays(np.float64, st.integers(2, 100), elements=st.floats(-1e6, 1e6)),
    st.floats(1e-3, 1e3),
)
def test_a_scale_follows_the_unit(values, factor):
    if np.ptp(values) <= 1e-3 * np.abs(values).max():  # shown as constant, from zero
        return
    scale, scaled = Scale.of(values), Scale.of(factor * values)
    assert [scaled.low, scaled.high] == pytest.approx([factor * scale.low, factor * scale.high])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0.3, 1, 1000), (0, 1)),  # from zero, if that is near
        (np.linspace(0.9, 1, 1000), (0.9, 1)),
        (np.ones(9), (0, 1)),  # no contrast of rounding
        (1 + 1e-7 * np.arange(9), (0, 1)),
        (np.zeros(9), (0, 1)),
        (-np.ones(9), (-1, 0)),
        (np.full(9, np.nan), (0, 1)),
        (np.empty(0), (0, 1)),
    ],
)
def test_the_ends_of_a_scale(values, expected):
    scale = Scale.of(values)
    assert (scale.low, scale.high) == pytest.approx(expected, abs=5e-3)


def test_a_hot_pixel_does_not_darken_the_rest():
    values = np.linspace(0.0, 1.0, 1000)
    values[7] = 1e6
    scale = Scale.of(values)
    assert scale.high < 1.01
    assert scale.beyond == "max"


@given(st.floats(1e-12, 1e-3), st.floats(1, 1e5))
def test_a_scale_bar_is_round_and_says_its_length(pixel_size, pixels):
    length, label = scale_bar(pixel_size, pixels)
    assert pixels / 10 < length <= pixels / 3 * (1 + 1e-9)
    number, unit = label.split()
    assert float(number) * UNITS[unit] == pytest.approx(length * pixel_size)
    assert float(number) / 10 ** np.floor(np.log10(float(number)) + 1e-9) in (1, 2, 5)


def test_scale_bars_by_hand():
    assert scale_bar(1e-8, 600) == (pytest.approx(200), "2 µm")
    assert scale_bar(5.3e-9, 64)[1] == "100 nm"
    assert scale_bar(1e-9, 10)[1] == "2 nm"
