"""ptypy's prepared data: chunks, parts in other files, weights, units, and nothing pickled."""

import pickle

import h5py
import numpy as np
import pytest
from beamline_files import COUNT, PLANCK_LIGHT, SIZE, metres, ptyd, ptypy_chunk, ptypy_file, stack

from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.formats import ptyd as ptyd_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

PIXEL = PLANCK_LIGHT / (8000 * 1.602176634e-19) * 1.5 / (75e-6 * SIZE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.ptyd"


def read(path, **options):
    return read_scan("ptyd", path, options)


def test_what_is_read(path):
    scan = read(ptyd(path))
    np.testing.assert_allclose(scan.positions, metres() / PIXEL, rtol=1e-8)
    assert scan.energy == pytest.approx(8000)
    assert (scan.units, scan.distance, scan.warnings) == ("px", 1.5, ())
    assert scan.detector_pixel_size == (75e-6, 75e-6)
    assert (scan.patterns.quantity, scan.patterns.dtype) == ("intensity", "i4")
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(scan.patterns)).read(), stack())
    np.testing.assert_array_equal(scan.metadata["indices"], np.arange(COUNT))
    assert scan.metadata["center"] == [4, 4]
    bad = np.zeros((SIZE, SIZE), bool)
    bad[2, 3] = True
    np.testing.assert_array_equal(scan.mask, ~bad)


@pytest.mark.parametrize("folder", ["", "/where/they/were/"])
def test_chunks_in_files_of_their_own(path, folder):
    """They follow by number, not by name; one whose file is gone is left out, as ptypy does."""
    links = {}
    for number, (start, stop) in {2: (0, 1), 10: (1, 4), 11: (4, 6)}.items():
        name = f"scan.ptyd.part{number:03d}"
        ptypy_file(path.parent / name, ptypy_chunk(start, stop))
        links[str(number)] = h5py.ExternalLink(folder + name, "/")
    ptyd(path, links)
    np.testing.assert_array_equal(read(path).patterns.read(), stack())
    (path.parent / "scan.ptyd.part010").unlink()
    scan = read(path)
    np.testing.assert_array_equal(scan.patterns.read(), stack()[[0, 4, 5]])
    np.testing.assert_array_equal(scan.metadata["indices"], [0, 4, 5])
    assert "the chunks 10 of 3 lie in files that are gone" in scan.warnings[0]
    (path.parent / "scan.ptyd.part002").unlink()
    (path.parent / "scan.ptyd.part011").unlink()
    with pytest.raises(InputFileError, match="no chunk of patterns"):
        read(path)


def test_positions_that_were_not_known(path):
    scan = read(ptyd(path, {"0": ptypy_chunk(0, 6, positions=(None,) * 6)}))
    assert (scan.positions, scan.patterns.shape[0]) == (None, 6)


def test_weights(path):
    weights = np.ones((COUNT, SIZE, SIZE))
    weights[:, 0, 1], weights[3, 5, 6] = 0, 0  # the second in one pattern alone
    ptyd(path, {"0": ptypy_chunk(0, 6, weights=weights)})
    assert np.argwhere(~read(path).mask).tolist() == [[0, 1]]
    assert np.argwhere(~read(path, weights="all").mask).tolist() == [[0, 1], [5, 6]]
    assert read(path, weights="none").mask is None
    ptyd(path, {"0": ptypy_chunk(0, 6, weights=np.zeros(0))})
    assert read(path).mask is None
    ptyd(path, {"0": ptypy_chunk(0, 6, weights=weights[3])})
    assert np.argwhere(~read(path).mask).tolist() == [[0, 1], [5, 6]]


def test_the_size_of_a_pixel(path):
    assert read(ptyd(path), pixel_size=2e-8).pixel_size == (2e-8, 2e-8)
    assert read(ptyd(path, propagation="nearfield")).pixel_size == (75e-6, 75e-6)
    scan = read(ptyd(path, psize=(75e-6, 50e-6)))
    np.testing.assert_allclose(scan.pixel_size, (PIXEL, PIXEL * 1.5), rtol=1e-8)
    scan = read(ptyd(path, energy=None))
    assert (scan.units, scan.energy) == ("m", None)
    np.testing.assert_array_equal(scan.positions, metres())


@pytest.mark.parametrize("kind", ["pickle", "record_array"])
@pytest.mark.parametrize("name", ["chunks/1/positions", "meta/energy", "chunks/0/weights"])
def test_pickles_are_refused_by_name(path, kind, name):
    ptyd(path)
    with h5py.File(path, "a") as file:
        file[name].attrs["type"] = kind
    with pytest.raises(InputFileError, match=rf"{name}' is of type '{kind}', a pickle"):
        read(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positions": np.ones((1, 2))}, r"has shape \(1, 2\), for 2 patterns"),
        ({"positions": np.ones((2, 3))}, r"has shape \(2, 3\), for 2 patterns"),
        ({"positions": None}, "has no positions, and"),
        ({"positions": np.full((2, 2), np.nan)}, "2 of 6 positions"),
        ({"weights": np.ones((2, 3, 3))}, r"of \(8, 8\). Expected weights"),
        ({"data": np.ones((2, 3, 3), "i4")}, "holds patterns of 3 x 3"),
    ],
)
def test_chunks_that_do_not_fit(path, changes, words):
    ptyd(path, {"0": ptypy_chunk(0, 4), "1": ptypy_chunk(4, 6, **changes)})
    with pytest.raises(InputFileError, match=words):
        read(path)


@pytest.mark.parametrize("options", [{"weights": "some"}, {"pixel_size": -1}])
def test_options_that_are_none(path, options):
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        read(ptyd(path), **options)


def test_recognised_by_content(path):
    assert ptyd_format.recognise(ptyd(path))
    path.write_bytes(b"other")
    assert not ptyd_format.recognise(path)


def scan(**changes):
    fields = {
        "image": None, "positions": metres() / 2e-8, "source": "a test", "pixel_size": (2e-8, 2e-8),
        "patterns": Patterns.of(stack(), "intensity"), "energy": 8000.0, "distance": 1.5,
        "detector_pixel_size": (75e-6, 75e-6), "mask": ~np.eye(SIZE, dtype=bool),
    }  # fmt: skip
    return Scan(**fields | changes)


def test_ptypy_finds_what_it_looks_for(path):
    """Names, types and units, read by h5py alone."""
    write_scan(path, scan())
    with h5py.File(path) as file:
        chunk, meta = file["chunks/0"], file["meta"]
        np.testing.assert_array_equal(chunk["data"][()], stack())
        np.testing.assert_allclose(chunk["positions"][()], metres())
        np.testing.assert_array_equal(chunk["indices"][()], np.arange(COUNT))
        mask = np.broadcast_to(~np.eye(SIZE, dtype=bool), stack().shape)
        np.testing.assert_array_equal(chunk["weights"][()], mask)
        assert (meta["energy"][()], meta["distance"][()], meta["num_frames"][()]) == (8, 1.5, COUNT)
        kinds = {}
        file.visititems(lambda name, node: kinds.update({name: node.attrs["type"]}))
        assert (kinds["chunks/0/data"], kinds["meta/energy"]) == ("array", "scalar")
        assert (kinds["chunks"], kinds["meta/version"]) == ("dict", "string")
        assert file.attrs["h5rw_version"] == "0.1"
    np.testing.assert_array_equal(read(path).mask, ~np.eye(SIZE, dtype=bool))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patterns": None, "mask": None}, "lacks patterns"),
        ({"positions": None}, "lacks patterns or positions"),
        ({"patterns": Patterns.of(stack(width=9), "intensity"), "mask": None}, "8 x 9"),
        ({"pixel_size": None, "energy": None}, "pixels of unknown size"),
        ({"patterns": Patterns.of(np.ones((COUNT, 0, 0)), "intensity"), "mask": None}, "0 x 0"),
        ({"metadata": {"label": ["a", "b"]}}, "label"),
    ],
)
def test_what_cannot_be_written(path, changes, words):
    with pytest.raises(OutputError, match=words):
        write_scan(path, scan(**changes))
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("indices", [np.arange(COUNT + 3), {"a": 1}, [[1], [1, 2]]])
def test_numbers_of_other_frames_are_not_written(path, indices):
    write_scan(path, scan(metadata={"indices": indices}))
    np.testing.assert_array_equal(read(path).metadata["indices"], np.arange(COUNT))
