"""The built-in scan: the same for a seed, within its bounds, spaced as asked."""

import tracemalloc

import numpy as np
import pytest

from ptycho_engine.errors import ConfigurationError, MemoryBudgetError
from ptycho_engine.io.formats.synthetic import (
    Options,
    make,
    make_synthetic,
    needed_bytes,
)
from ptycho_engine.io.scan_files import read_scan


def test_a_seed_determines_everything():
    one, two, other = (make_synthetic(seed, 128, 200, 4.0) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.image, two.image)
    np.testing.assert_array_equal(one.positions, two.positions)
    assert not np.array_equal(one.image, other.image)
    assert not np.array_equal(one.positions, other.positions)
    assert one.source == "synthetic(seed=5, object_size=128, points=200, step=4)"


@pytest.mark.parametrize("size", [16, 33, 200])
def test_the_object(size):
    image = make_synthetic(0, size, 3, 1.0).image
    assert image.shape == (size, size)
    assert image.dtype == np.complex64
    amplitude, phase = np.abs(image), np.angle(image)
    assert 0.3 - 1e-6 <= amplitude.min() < amplitude.max() <= 1 + 1e-6
    assert -1 - 1e-6 <= phase.min() < phase.max() <= 1 + 1e-6


def test_the_object_has_sharp_edges():
    amplitude = np.abs(make_synthetic(0, 256, 3, 1.0).image)
    assert np.abs(np.diff(amplitude, axis=1)).max() > 0.25


def test_the_positions():
    scan = make_synthetic(0, 256, 600, 7.0)
    assert scan.positions.shape == (600, 2)
    assert scan.positions.dtype == np.float64
    np.testing.assert_allclose(scan.positions.mean(axis=0), 127.5, atol=0.5)
    # one point for each step ** 2 of the disc, about evenly
    radius = np.hypot(*(scan.positions - 127.5).T)
    for within in (30, 60, 90):
        assert (radius < within).sum() == pytest.approx(np.pi * within**2 / 49, rel=0.06)
    far = np.hypot(*np.moveaxis(scan.positions[:, None] - scan.positions, -1, 0))
    np.fill_diagonal(far, np.inf)
    nearest = far.min(axis=1)
    assert nearest.mean() == pytest.approx(7, rel=0.15)
    assert nearest.min() > 3.5


def test_a_single_point_is_in_the_centre():
    assert np.abs(make_synthetic(3, 64, 1, 1.0).positions - 31.5).max() < 0.2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": -1}, "scan.seed: received -1. Expected an integer, 0 or more"),
        ({"seed": 1.5}, "scan.seed: received 1.5"),
        ({"object_size": 15}, "scan.object_size: received 15. Expected an integer, 16 or more"),
        ({"object_size": "64"}, "scan.object_size: received '64'"),
        ({"points": 0}, "scan.points: received 0. Expected an integer, 1 or more"),
        ({"points": True}, "scan.points: received True"),
        ({"step": 0.0}, "scan.step: received 0.0. Expected object pixels"),
        ({"step": float("nan")}, "scan.step: received nan"),
        ({"step": float("inf")}, "scan.step: received inf"),
        ({"step": None}, "scan.step: received None"),
        ({"step": "wide"}, "scan.step: received 'wide'"),
        ({"step": 1e308}, "scan.step: received 1e+308. Expected object pixels"),
        ({"step": 10**400}, "scan.step: received 1000"),
        ({"seed": 2**64}, "scan.seed: received 18446744073709551616. Expected an integer, at most"),
        ({"seed": 10**5000}, "scan.seed: received a number of thousands of digits"),
        ({"points": 10**12}, "scan.points: received 1000000000000. Expected an integer, at most"),
        ({"object_size": 10**6}, "scan.object_size: received 1000000. Expected an integer, at"),
    ],
)
def test_arguments_are_checked(change, words):
    with pytest.raises(ConfigurationError) as caught:
        make_synthetic(**({"seed": 0, "object_size": 64, "points": 10, "step": 2.0} | change))
    assert words in str(caught.value)


def test_a_scan_that_leaves_the_object_says_what_fits():
    with pytest.raises(ConfigurationError, match="leave the object of 64 x 64") as caught:
        make_synthetic(0, 64, 500, 4.0)
    advice = str(caught.value)
    step = float(advice.split("choose step=")[1].split()[0])
    size = int(advice.split("object_size=")[1].split()[0])
    assert step < 4 < 64 < size
    make_synthetic(0, 64, 500, step)
    make_synthetic(0, size, 500, 4.0)


@pytest.mark.parametrize("options", [{"points": 10**9}, {"object_size": 10**5}])
def test_a_scan_beyond_the_budget_is_refused_before_it_is_made(options):
    with pytest.raises(MemoryBudgetError, match=r"'synthetic': reading the scan takes .* GiB"):
        read_scan("synthetic", options=options, memory_budget="64GiB")


def test_a_budget_without_end_makes_no_scan_of_absurd_size():
    for options in ({"points": 10**12}, {"object_size": 10**6}):
        with pytest.raises(ConfigurationError, match="Expected an integer, at most"):
            read_scan("synthetic", options=options, memory_budget=2**60)


@pytest.mark.parametrize(
    "options",
    [Options(object_size=700, points=10, step=2.0), Options(object_size=600, points=10**5, step=1)],
)
def test_making_takes_what_it_says(options):
    make(Options(object_size=16, points=1))  # what is imported on the way
    tracemalloc.start()
    make(options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.6 * needed_bytes(options) < peak <= 1.05 * needed_bytes(options)
