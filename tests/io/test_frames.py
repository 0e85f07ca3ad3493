"""Frames that a file does not name: the options of the reader, and what it warns of."""

import numpy as np
import pytest
from events import logged
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine import geometry
from ptycho_engine.errors import ConfigurationError, InputFileError
from ptycho_engine.io.frames import FrameOptions
from ptycho_engine.io.scan_files import ScanSource, read_scan

YX = np.array([[3.5, 7.0], [5.0, 11.25]])
SHAPE = (12, 24)


@pytest.fixture
def save(tmp_path):
    def save(yx=YX, **more):
        content = {
            "ycoords": yx[:, 0], "xcoords": yx[:, 1], "objectGuess": np.ones(SHAPE, np.complex64)
        } | more  # fmt: skip
        np.savez(tmp_path / "scan.npz", **content)
        return tmp_path / "scan.npz"

    return save


def positions(path, **options):
    return read_scan("npz", path, options).positions


def test_coordinates_are_those_of_ptychopinn_unless_told_otherwise(save):
    np.testing.assert_array_equal(positions(save()), YX)
    np.testing.assert_array_equal(positions(save(), anchor="half"), YX)


def test_swapped_coordinates(save):
    np.testing.assert_array_equal(positions(save(YX[:, ::-1]), swapped=True), YX)


def test_coordinates_in_metres(save):
    np.testing.assert_allclose(positions(save(YX * 2e-9), pixel_size=2e-9), YX)


def test_coordinates_from_the_middle(save):
    middle = (np.array(SHAPE) - 1) / 2
    np.testing.assert_allclose(positions(save(YX - middle), centre="middle"), YX)
    swapped_metres = (YX - middle)[:, ::-1] * 2e-9
    path = save(swapped_metres)
    np.testing.assert_allclose(positions(path, centre="middle", swapped=True, pixel_size=2e-9), YX)


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("anchor", geometry.ANCHORS)
def test_every_anchor_by_the_size_of_the_patterns(save, anchor, size):
    expected = geometry.from_anchor(YX, size, anchor)
    for more in ({"diff3d": np.ones((2, size, size))}, {"probeGuess": np.ones((size, size))}):
        scan = read_scan("npz", save(xcoords_start=YX[:, 1] + 1, **more), {"anchor": anchor})
        np.testing.assert_array_equal(scan.positions, expected)
        start = geometry.from_anchor(YX + np.array([0, 1]), size, anchor)
        np.testing.assert_array_equal(scan.nominal_positions, start)


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize("centre", geometry.CENTRES)
def test_every_centre_by_the_size_of_the_patterns(save, centre, size):
    path = save(YX - 6, diff3d=np.ones((2, size, size)))
    expected = geometry.from_centre(YX - 6, SHAPE, size, centre)
    np.testing.assert_array_equal(positions(path, centre=centre), expected)


def test_an_anchor_without_a_size_is_refused(save):
    for options in ({"anchor": "corner"}, {"centre": "ptychi_from_2.1"}):
        with pytest.raises(InputFileError, match=r"neither patterns nor a probe.*from_anchor"):
            positions(save(), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"anchor": "center"}, "anchor 'center' is not known. Did you mean 'centre'"),
        ({"centre": "ptychodus"}, "centre 'ptychodus' is not known.*ptychodus_from_1.6"),
        ({"pixel_size": 0.0}, "pixel_size: received 0.0"),
        ({"pixel_size": float("nan")}, "pixel_size: received nan"),
        ({"swapped": "no"}, "swapped: received 'no'"),
        ({"anchor": "half", "centre": "middle"}, "centre and anchor: received 'middle' and 'half'"),
    ],
)
def test_options_that_are_refused(save, options, message):
    with pytest.raises(ConfigurationError, match=message):
        positions(save(), **options)


# -- exports whose convention moved ----------------------------------------------------------


def warned(path, **options):
    """Warnings of a scan, which are also logged."""
    with logged() as logs:
        scan = read_scan("npz", path, options)
    assert [log["reason"] for log in logs if log["event"] == "doubtful_scan"] == [*scan.warnings]
    return scan.warnings


@pytest.mark.parametrize("more", [{}, {"diff3d": np.ones((2, 4, 4))}])
def test_the_fingerprint_of_a_moved_export_is_warned_of(save, more):
    text, *others = warned(save(bad_pixels=np.zeros((4, 4), bool), **more))
    assert len(others) == len(more)  # what its patterns are is asked too
    assert "scan.anchor=ptychodus_from_1.6" in text
    assert "half a pixel" in text


@pytest.mark.parametrize("anchor", geometry.ANCHORS)
def test_nothing_is_warned_of_once_the_anchor_is_named(save, anchor):
    path = save(bad_pixels=np.zeros((4, 4), bool), probeGuess=np.ones((4, 4)))
    assert warned(path, anchor=anchor) == ()


def test_nothing_is_warned_of_where_nothing_moved(save):
    assert warned(save()) == ()
    odd = save(bad_pixels=np.zeros((5, 5), bool), probeGuess=np.ones((5, 5)))
    assert warned(odd) == ()
    np.testing.assert_array_equal(positions(odd, anchor="ptychodus_from_1.6"), positions(odd))


@given(st.booleans())
def test_remedies_are_options(swapped):
    """What a warning says to set can be set, and differs from what is set."""
    options = FrameOptions(swapped=swapped)
    settings = dict(text.split()[-1].split("=") for text in options.remedies("scan=npz").values())
    assert set(settings) == {"scan.swapped", "scan.pixel_size", "scan.centre"}
    assert settings["scan.swapped"] == str(not swapped).lower()
    FrameOptions(centre=settings["scan.centre"])


def test_settings_of_a_job_carry_the_frame():
    source = ScanSource("npz", options={"anchor": "corner"})
    assert source.settings() == {"format": "npz", "anchor": "corner"}
