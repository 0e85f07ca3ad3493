"""A scan: what it may leave open, and what is refused when that is needed."""

import numpy as np
import pytest

from ptycho_engine.errors import InputFileError, RequestError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import CuttableScan, Scan

IMAGE, POSITIONS = np.ones((6, 8)), np.array([[1.0, 2.5], [3.0, 4.0]])
STACK = Patterns.of(np.ones((2, 4, 4)))


def test_a_scan_of_nothing_known():
    scan = Scan(None, None, "a test")
    assert (scan.wavelength, scan.held_bytes) == (None, 0)
    assert repr(scan) == "Scan(source='a test')"


def test_what_is_missing_for_cutting_and_what_is_there():
    with pytest.raises(InputFileError, match=r"no object and no positions.*holds: patterns "):
        Scan(None, None, "a test", patterns=STACK).for_cutting()
    with pytest.raises(InputFileError, match=r"no object, .*positions \(2, y 1 to 3.*probe"):
        Scan(None, POSITIONS, "a test", np.ones((4, 4))).for_cutting()
    with pytest.raises(InputFileError, match="holds: nothing"):
        Scan(None, None, "a test", metadata={"a": 1}).for_cutting()


def test_a_scan_that_can_be_cut_keeps_everything():
    scan = Scan(IMAGE, POSITIONS, "a test", patterns=STACK, energy=8e3, warnings=("one",))
    cut = scan.for_cutting()
    assert isinstance(cut, CuttableScan)
    assert {**vars(cut)} == {**vars(scan)}
    assert cut.layer_axes == ()
    layered = Scan(np.ones((2, 6, 8)), POSITIONS, "a test", layer_axis="slice")
    assert layered.for_cutting().layer_axes == ("slice",)


def test_numbers_are_read_as_what_they_are_to_be():
    scan = Scan(
        np.arange(48).reshape(6, 8), [[1, 2], [3, 4]], "a test",
        np.ones((4, 4), int), energy=np.float32(8000), pixel_size=np.array([1e-9, 2e-9]),
    )  # fmt: skip
    assert [scan.image.dtype, scan.positions.dtype, scan.probe.dtype] == ["f8"] * 3
    assert (scan.energy, scan.pixel_size) == (8000.0, (1e-9, 2e-9))
    assert Scan(IMAGE, POSITIONS, "a test").image is IMAGE
    assert Scan(None, None, "a test", energy=np.array([8e3])).energy == 8e3


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("mask", np.ones((4, 4), np.uint8), r"mask: received dtype uint8. Expected bool"),
        ("mask", np.ones((4, 4)), r"mask: received dtype float64. Expected bool"),
        ("image", np.ones((6, 8), bool), "image: received dtype bool. Expected numbers"),
        ("image", np.ma.masked_less(IMAGE, 2), "image: 48 values are masked"),
        ("positions", np.ma.masked_less(POSITIONS, 2), "positions: 1 values are masked"),
        ("positions", [[1.0, np.nan]], "positions: some are NaN or infinite"),
        ("positions", [["1", "2"]], "positions: received dtype <U1"),
        ("units", "mm", "units: received 'mm'. Expected 'px' or 'm'"),
        ("pixel_size", 5e-9, r"pixel_size: received 5e-09. Expected a pair of numbers \(y, x\)"),
        ("pixel_size", (5e-9, 0.0), r"pixel_size: received \(5e-09, 0.0\)"),
        ("detector_pixel_size", (np.inf, 1.0), "detector_pixel_size: received"),
        ("pixel_size", np.array(1e-8), "pixel_size: received .*Expected a pair"),
        ("patterns", np.ones((2, 4, 4)), r"patterns: received ndarray.*Patterns.of\(array\)"),
        ("layer_axis", "plane", "layer_axis: received 'plane'"),
        ("energy", np.nan, "energy: received nan. Expected a number above zero"),
        ("energy", 0, "energy: received 0"),
        ("distance", -1.0, "distance: received -1.0"),
        ("patterns", Patterns.of(np.ones((2, 4, 4), bool)), "patterns: received dtype bool"),
        ("patterns", Patterns.of(np.ones((2, 4, 4), "c8")), "patterns: received dtype complex64"),
    ],
)
def test_what_a_field_cannot_be_is_refused(field, value, words):
    with pytest.raises((InputFileError, RequestError), match=words):
        Scan(**{"image": IMAGE, "positions": POSITIONS, "source": "a test", field: value})


def test_metres_become_pixels_with_a_pixel_size_only():
    scan = Scan(IMAGE, POSITIONS * 1e-9, "a test", units="m", nominal_positions=POSITIONS * 2e-9)
    for pixels in (scan.in_pixels, scan.for_cutting):
        with pytest.raises(InputFileError, match=r"in metres.*pixel_size"):
            pixels()
    with pytest.raises(RequestError, match="pixel_size"):
        scan.in_pixels(0.0)
    placed = scan.in_pixels((1e-9, 0.5e-9))
    np.testing.assert_allclose(placed.positions, POSITIONS * [1, 2])
    np.testing.assert_allclose(placed.nominal_positions, POSITIONS * [2, 4])
    assert (placed.units, placed.pixel_size) == ("px", (1e-9, 0.5e-9))
    assert placed.in_pixels(7.0) is placed
    assert "units='m'" in repr(scan)
    assert "units" not in repr(placed)


def test_wavelength():
    """8047.8 eV is the K-alpha line of copper, 1.54056 Angstrom."""
    wavelength = Scan(None, None, "a test", energy=8047.83).wavelength
    assert wavelength == pytest.approx(1.540592e-10, rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": np.ones((2, 6, 8))}, r"object has shape \(2, 6, 8\).*\(H, W\)"),
        ({"layer_axis": "mode"}, r"object has shape \(6, 8\).*\(modes, H, W\)"),
        ({"positions": np.ones((2, 3))}, r"positions has shape \(2, 3\)"),
        ({"nominal_positions": np.ones((3, 2))}, r"nominal positions has shape \(3, 2\)"),
        ({"probe": np.ones(4)}, r"probe has shape \(4,\)"),
        ({"patterns": Patterns.of(np.ones((3, 4, 4)))}, r"patterns has shape.*each of 2 positions"),
        ({"patterns": STACK, "mask": np.ones((3, 4), bool)}, r"mask has shape \(3, 4\)"),
        ({"positions": np.array(3.0)}, r"positions has shape \(\)"),
        ({"image": np.array(3.0), "layer_axis": "mode"}, r"object has shape \(\)"),
        ({"layer_spacing": np.ones(1)}, r"spacing has shape \(1,\).*\(0,\)"),
    ],
)
def test_shapes_that_do_not_fit(changes, message):
    with pytest.raises(InputFileError, match=message):
        Scan(**{"image": IMAGE, "positions": POSITIONS, "source": "a test"} | changes)
