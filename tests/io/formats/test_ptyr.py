"""ptypy's reconstructions: an object, its probe, and positions on it."""

import h5py
import numpy as np
import pytest
from beamline_files import COUNT, SIZE, ptyr

from ptycho_engine.errors import CapabilityError, ConfigurationError, InputFileError
from ptycho_engine.io.formats import ptyr as ptyr_format
from ptycho_engine.io.scan_files import read_scan, write_scan

POSITIONS = np.random.default_rng(0).uniform(-1e-7, 1e-7, (COUNT, 2))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.ptyr"


def read(path, **options):
    return read_scan("ptyr", path, options)


@pytest.mark.parametrize("kind", ["minimal", "dls", "dump"])
def test_what_is_read(path, kind):
    changes = {"header/kind": kind, "content/positions/SMFG00": POSITIONS}
    scan = read(ptyr(path, **changes))
    assert (scan.image.shape, scan.image.dtype, scan.layer_axis) == ((20, 24), "c8", None)
    assert (scan.probe.shape, scan.probe.dtype) == ((2, SIZE, SIZE), "c16")
    expected = (POSITIONS - [-2e-7, -4e-7]) / [2e-8, 4e-8]
    np.testing.assert_allclose(scan.positions, expected, rtol=1e-12)
    assert (scan.units, scan.pixel_size, scan.energy) == ("px", (2e-8, 4e-8), 8000)
    assert (scan.patterns, scan.warnings) == (None, ())
    rounded = read(path, anchor="rounded_ptypy").positions
    np.testing.assert_array_equal(rounded, np.rint(expected + 1e-5))


def test_layers_are_modes(path):
    scan = read(ptyr(path, **{"content/obj/SMFG00/data": np.ones((3, 20, 24), "c8")}))
    assert (scan.image.shape, scan.layer_axis) == ((3, 20, 24), "mode")


def test_positions_may_be_missing(path):
    scan = read(ptyr(path, **{"content/positions": ...}))
    assert scan.positions is None


def test_several_objects(path):
    other = {"data": np.ones((1, 5, 6), "c8"), "_psize": np.full(2, 1e-8)}
    scan = read(ptyr(path, **{"content/obj/SMFG01": other}))
    assert "holds 2 objects, SMFG00, SMFG01" in scan.warnings[0]
    second = read(path, storage="SMFG01")
    assert (second.image.shape, second.positions, second.warnings) == ((5, 6), None, ())
    assert second.probe.shape == (2, SIZE, SIZE)  # the only one
    with pytest.raises(InputFileError, match="has not the object 'SMFG02'"):
        read(path, storage="SMFG02")


def test_several_probes_none_of_them_named_as_the_object(path):
    storage = {"data": np.ones((2, SIZE, SIZE), "c8")}
    scan = read(ptyr(path, **{"content/probe": {"one": storage, "two": storage}}))
    assert scan.probe is None
    assert "holds the probes one, two, none of them named as the object SMFG00" in scan.warnings[0]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"header/kind": "fullflat"}, "the kind 'fullflat'"),
        ({"header/kind": ...}, "no header/kind"),
        ({"content/obj": {}}, "has not an object"),
        ({"content/obj/SMFG00/data": np.ones((20, 24))}, r"layers of shape \(layers, H, W\)"),
        ({"content/obj/SMFG00/_origin": np.ones(3)}, "_psize and _origin"),
        ({"content/positions/SMFG00": np.full((3, 2), np.inf)}, "3 of 3 positions"),
        ({"content/positions/SMFG00": np.ones((3, 3))}, r"has shape \(3, 3\)"),
    ],
)
def test_what_is_refused(path, changes, words):
    with pytest.raises(InputFileError, match=words):
        read(ptyr(path, **changes))


@pytest.mark.parametrize("name", ["content/obj/SMFG00/data", "content/positions/SMFG00"])
def test_pickles_are_refused_by_name(path, name):
    ptyr(path)
    with h5py.File(path, "a") as file:
        file[name].attrs["type"] = "pickle"
    with pytest.raises(InputFileError, match=f"{name}' is of type 'pickle'"):
        read(path)


def test_pickles_that_nobody_asked_for_stay_closed(path):
    ptyr(path)
    with h5py.File(path, "a") as file:
        file["content/pars"] = "cos\nsystem"
        file["content/pars"].attrs["type"] = "pickle"
    assert read(path).image is not None


def test_what_else(path):
    with pytest.raises(ConfigurationError, match="anchor"):
        read(ptyr(path), anchor="corner")
    assert ptyr_format.recognise(path)
    with pytest.raises(CapabilityError, match="cannot write"):
        write_scan(path.with_name("new.ptyr"), read(path))
    path.write_bytes(b"other")
    assert not ptyr_format.recognise(path)
