"""MATLAB files of both versions: names, order of axes, complex numbers, and no objects."""

import pickle

import h5py
import numpy as np
import pytest
import scipy.io
from beamline_files import SIZE, metres, stack

from ptycho_engine.errors import (
    CapabilityError,
    ConfigurationError,
    InputFileError,
    MemoryBudgetError,
)
from ptycho_engine.io.formats import mat
from ptycho_engine.io.scan_files import read_scan, write_scan

VERSIONS = ["5", "7.3"]
RNG = np.random.default_rng(0)
OBJECT = RNG.random((20, 30)) + 1j * RNG.random((20, 30))
PROBE = (RNG.random((SIZE, SIZE, 2)) + 1j).astype("c8")
XY = metres() * 1e6
CONTENT = {"object": OBJECT, "probe": PROBE, "positions": XY, "dp": np.moveaxis(stack(), 0, -1)}


def save(path, version, **changes):
    """Write arrays as MATLAB does, in its order of axes."""
    content = {key: value for key, value in (CONTENT | changes).items() if value is not None}
    if version == "5":
        scipy.io.savemat(path, content, do_compression=True)
        return path
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in content.items():
            array = np.asarray(value).T  # MATLAB's order is the other way round
            if array.dtype.kind == "c":
                part = array.real.dtype
                pairs = np.empty(array.shape, [("real", part), ("imag", part)])
                pairs["real"], pairs["imag"] = array.real, array.imag
                array = pairs
            file[name] = array
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.mat"


def read(path, **options):
    return read_scan("mat", path, options)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_read(path, version):
    scan = read(save(path, version))
    np.testing.assert_array_equal(scan.image, OBJECT)
    np.testing.assert_array_equal(scan.probe, np.moveaxis(PROBE, -1, 0))
    assert scan.probe.dtype == "c8"
    np.testing.assert_array_equal(scan.positions, XY[:, ::-1])
    assert (scan.patterns.quantity, scan.patterns.shape) == ("intensity", stack().shape)
    again = pickle.loads(pickle.dumps(scan.patterns))
    np.testing.assert_array_equal(again.read(), stack())
    np.testing.assert_array_equal(again.take([4, 1, 2]), stack()[[4, 1, 2]])
    assert scan.assumptions["patterns"] == "dp"


@pytest.mark.parametrize("version", VERSIONS)
def test_options(path, version):
    changes = {"dp": None, "mine": stack(), "xs": XY[:, :1], "ys": XY[:, 1:], "positions": None}
    changes["object"] = np.stack([OBJECT, 2 * OBJECT], axis=-1)
    save(path, version, **changes)
    assert read(path).positions is read(path).patterns is None
    chosen = {"x": "xs", "y": "ys", "patterns": "mine", "points": "first"}
    scan = read(path, **chosen, one_based=True, quantity="amplitude", layers="slice", swapped=True)
    np.testing.assert_array_equal(scan.positions, XY - 1)
    np.testing.assert_array_equal(scan.patterns.read(1, 3), stack()[1:3])
    assert (scan.patterns.quantity, scan.layer_axis) == ("amplitude", "slice")
    np.testing.assert_array_equal(scan.image[1], 2 * OBJECT)
    assert scan.assumptions["one_based"] == "True"


@pytest.mark.parametrize("version", VERSIONS)
def test_masks(path, version):
    valid = np.ones((SIZE, SIZE))
    valid[1, 2] = 0
    save(path, version, valid_mask=valid, other=1 - valid)
    np.testing.assert_array_equal(read(path).mask, valid == 1)
    np.testing.assert_array_equal(read(path, mask="other", good="zero").mask, valid == 1)
    save(path, version, valid_mask=np.ones((SIZE, SIZE, 2)))
    with pytest.raises(InputFileError, match="one mask for all patterns"):
        read(path)


def test_positions_on_their_side_and_pixels_that_are_not_square(path):
    wide = np.arange(5 * 7 * 3).reshape(5, 7, 3)
    scan = read(save(path, "7.3", positions=XY[:3].T, dp=wide, probe=None))
    np.testing.assert_array_equal(scan.positions, XY[:3, ::-1])
    np.testing.assert_array_equal(scan.patterns.read(), np.moveaxis(wide, -1, 0))


@pytest.mark.parametrize("version", VERSIONS)
def test_one_pattern_has_no_axis_of_points(path, version):
    """MATLAB drops it; without one position alone it is anyone's guess what an axis is."""
    wide = np.arange(5 * 7).reshape(5, 7)
    scan = read(save(path, version, positions=XY[:1], dp=wide))
    np.testing.assert_array_equal(scan.patterns.read(), wide[None])
    for positions in (XY, None):
        save(path, version, positions=positions, dp=wide)
        with pytest.raises(InputFileError, match=r"Expected real patterns, \(H, W, P\)"):
            read(path)


def test_members_of_structures(path):
    with h5py.File(path, "w") as file:
        file["outputs/object"] = np.ones((3, 4))
        file["#refs#/a"] = np.ones(2)
        file["cells"] = np.zeros(2)
        file["cells"].attrs["MATLAB_class"] = np.bytes_("cell")
    assert read(path).image.shape == (4, 3)


def test_objects_and_handles_are_not_loaded(path):
    scipy.io.savemat(path, {"object": np.array([1, "a"], object), "probe": np.eye(4)})
    assert read(path).image is None
    scipy.io.savemat(path, {"dp": np.array([1, "a"], object)})
    with pytest.raises(InputFileError, match=r"no part of a scan .* Found: dp"):
        read(path)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"object": None}, {"object": "other"}, "has no array 'other'"),
        ({"probe": np.ones((2, 2, 2, 2))}, {}, "Expected the probe"),
        ({"dp": np.ones((4, 4))}, {}, "Expected real patterns"),
        ({"positions": np.ones((3, 4))}, {}, r"\(P, 2\) or"),
        ({"positions": np.full((6, 2), np.nan)}, {}, "6 of 6 positions"),
        ({"positions": np.ones((6, 2)) * 1j}, {}, "Expected real coordinates"),
        ({"positions": None, "x": np.ones(3), "y": np.ones(4)}, {}, "hold 3 and 4 entries"),
        ({"object": None}, {"centre": "middle"}, "from the middle of an object"),
    ],
)
def test_what_is_refused(path, version, changes, options, words):
    save(path, version, **changes)
    with pytest.raises(InputFileError, match=words):
        read(path, **options)


@pytest.mark.parametrize(
    "options",
    [
        {"points": "x"},
        {"layers": "x"},
        {"good": 1},
        {"one_based": 1},
        {"one_based": True, "centre": "middle"},
    ],
)
def test_options_that_are_none(path, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        read(save(path, "5"), **options)


def test_complex_patterns_of_version_5(path):
    with pytest.raises(InputFileError, match="Expected real patterns"):
        read(save(path, "5", dp=np.ones((SIZE, SIZE, 6)) * 1j))


def test_sizes_come_from_headers(path):
    save(path, "5", dp=np.zeros((1000, 1000, 6)))
    with pytest.raises(MemoryBudgetError):
        read_scan("mat", path, memory_budget="10MB")


def test_what_else(path):
    assert mat.recognise(save(path, "5"))
    assert mat.recognise(save(path, "7.3"))
    with pytest.raises(CapabilityError, match="cannot write"):
        write_scan(path.with_name("new.mat"), read(path))
    path.write_bytes(b"other, which is longer than the header of a file of MATLAB" * 9)
    assert not mat.recognise(path)
    with pytest.raises(InputFileError, match="is not a MATLAB file"):
        read(path)


def test_the_first_pixel_is_at_one_in_pixels_whatever_the_coordinates_are(path):
    save(path, "5", positions=XY * 2e-8)
    found = read(path, pixel_size=2e-8, one_based=True)
    np.testing.assert_allclose(found.positions, XY[:, ::-1] - 1, atol=1e-9)
