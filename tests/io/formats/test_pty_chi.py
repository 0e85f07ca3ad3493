"""Pairs of files as pty-chi's users keep them, written here by h5py alone."""

import dataclasses

import h5py
import numpy as np
import pytest
from events import logged

from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

PIXEL, COUNT, SIZE = 4e-9, 5, 8
RNG = np.random.default_rng(3)
PATTERNS = RNG.poisson(9, (COUNT, SIZE, SIZE)).astype(np.float32)
PROBE = (RNG.normal(size=(1, 2, SIZE, SIZE)) + 1j).astype(np.complex64)
STARTS = RNG.uniform(0, 20, (COUNT, 2))


def pair(folder, shape=(30, 42), origin=lambda length: np.rint(length / 2) - 0.5, name="a_{}.hdf5",
         pixel=(PIXEL, PIXEL), **more):  # fmt: skip
    """Both files: the window of N pixels begins (N - 1) / 2 before the position."""
    dp, para = (folder / name.format(role) for role in ("dp", "para"))
    yx = (STARTS + (SIZE - 1) / 2 - [origin(length) for length in shape]) * pixel
    with h5py.File(dp, "w") as file:
        file.create_dataset("dp", data=PATTERNS, compression="lzf", chunks=(1, SIZE, SIZE))
    with h5py.File(para, "w") as file:
        file["object"] = np.full((1, *shape), 1 + 2j, np.complex64)
        file["object"].attrs.update({"pixel_height_m": pixel[0], "pixel_width_m": pixel[1]})
        file["probe"] = PROBE
        file["probe_position_y_m"], file["probe_position_x_m"] = yx.T
        for key, values in more.items():
            file[key] = values
    return dp, para


def read(path, **options):
    return read_scan("pty_chi", path, options)


@pytest.mark.parametrize("name", ["a_{}.hdf5", "{}.h5", "scan.{}.v2.hdf5", "dp_of_a-{}.h5"])
@pytest.mark.parametrize("which", [0, 1])
def test_either_file_leads_to_both(tmp_path, which, name):
    path = pair(tmp_path, name=name)[which]
    assert find_format(path) == "pty_chi"
    scan = read(path)
    np.testing.assert_allclose(scan.positions, STARTS + SIZE // 2, atol=1e-9)
    np.testing.assert_array_equal(scan.patterns.read(), PATTERNS)
    np.testing.assert_array_equal(scan.patterns.take([4, 1, 1]), PATTERNS[[4, 1, 1]])
    assert scan.patterns.quantity == "intensity"
    assert (scan.image.shape, scan.probe.shape) == ((30, 42), (2, SIZE, SIZE))
    assert scan.pixel_size == (PIXEL, PIXEL)
    assert (scan.source, scan.warnings) == (str(path), ())
    assert scan.assumptions["centre"] == "ptychi_from_2.1"


@pytest.mark.parametrize("shape", [(30, 42), (31, 41), (33, 43)])
@pytest.mark.parametrize(
    ("centre", "origin"),
    [
        ("ptychi_from_2.1", lambda length: np.rint(length / 2) - 0.5),
        ("ptychi_until_2.0", lambda length: np.rint(length / 2) + 0.5),
        ("ptychodus_from_1.6", lambda length: (length - 1) / 2),
    ],
)
def test_every_centre(tmp_path, centre, origin, shape):
    scan = read(pair(tmp_path, shape, origin)[0], centre=centre)
    np.testing.assert_allclose(scan.positions, STARTS + SIZE // 2, atol=1e-9)
    assert scan.assumptions["centre"] == centre


def test_one_file_alone(tmp_path):
    dp, para = pair(tmp_path)
    kept = dp.rename(tmp_path / "elsewhere.hdf5")
    scan = read(para)
    assert (find_format(para), scan.patterns, len(scan.positions)) == ("pty_chi", None, COUNT)
    alone = read(kept)
    assert (find_format(kept), alone.positions, alone.image) == ("pty_chi", None, None)
    assert alone.patterns.shape == PATTERNS.shape
    both = read(para, other="elsewhere.hdf5")
    assert both.patterns.shape == PATTERNS.shape
    np.testing.assert_array_equal(both.positions, scan.positions)


def test_a_product_with_patterns_beside_it_is_one_of_a_pair(tmp_path):
    dp, para = pair(tmp_path, probe_position_indexes=np.arange(COUNT))
    assert find_format(para) == find_format(dp) == "pty_chi"
    dp.unlink()
    assert find_format(para) == "ptychodus"


def test_positions_of_fold_slice_are_named(tmp_path):
    dp, para = pair(tmp_path)
    para.unlink()
    with h5py.File(dp, "r+") as file:
        file["ppX"], file["ppY"] = STARTS.T
    (doubt,) = read(dp).warnings
    assert "ppX and ppY" in doubt
    assert "not read" in doubt


def test_oblong_pixels_are_doubted(tmp_path):
    path, _ = pair(tmp_path, pixel=(PIXEL, 2 * PIXEL))
    scan = read(path)
    np.testing.assert_allclose(scan.positions, STARTS + SIZE // 2, atol=1e-9)
    assert "scan.x_pixel=height" in scan.warnings[0]
    again = read(path, x_pixel="height")
    x = (scan.positions[:, 1] - SIZE // 2 + (SIZE - 1) / 2 - 20.5) * 2 + 20.5
    np.testing.assert_allclose(again.positions[:, 1], x - (SIZE - 1) / 2 + SIZE // 2, atol=1e-9)


def test_files_that_do_not_fit_each_other(tmp_path):
    dp, para = pair(tmp_path)
    with h5py.File(dp, "r+") as file:
        del file["dp"]
        file["dp"] = PATTERNS[:3]
    with pytest.raises(InputFileError, match="one for each of 5 positions"):
        read(para)


def test_what_is_none_of_a_pair(tmp_path):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["other"] = np.ones(3)
    with pytest.raises(InputFileError, match=r"neither 'dp' nor 'object'\. Found: other \(3,\)"):
        read(tmp_path / "x.h5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"centre": "pty_chi"}, "centre 'pty_chi' is not known"),
        ({"x_pixel": "depth"}, "x_pixel 'depth'"),
        ({"quantity": "counts"}, "quantity: received 'counts'"),
        ({"other": "../a_dp.hdf5"}, "a name alone"),
    ],
)
def test_options_that_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path / "a_dp.hdf5", **options)


# -- writing ---------------------------------------------------------------------------------


SCAN = Scan(
    np.ones((30, 42), np.complex64), STARTS + SIZE // 2, "a test", PROBE[0],
    Patterns.of(PATTERNS, "intensity"), pixel_size=(PIXEL, PIXEL),
)  # fmt: skip


@pytest.mark.parametrize("name", ["b_dp.hdf5", "b_para.hdf5"])
def test_what_others_read_of_it(tmp_path, name):
    _, other = pair(tmp_path)
    write_scan(tmp_path / name, SCAN, "pty_chi")
    assert sorted(p.name for p in tmp_path.glob("b_*")) == ["b_dp.hdf5", "b_para.hdf5"]
    with h5py.File(tmp_path / "b_para.hdf5") as ours, h5py.File(other) as theirs:
        for key in theirs:
            assert (ours[key].shape, ours[key].dtype) == (theirs[key].shape, theirs[key].dtype)
        for key in ("probe_position_x_m", "probe_position_y_m"):
            np.testing.assert_allclose(ours[key][:], theirs[key][:], atol=1e-20)
        assert ours["object"].attrs["pixel_height_m"] == PIXEL
    with h5py.File(tmp_path / "b_dp.hdf5") as ours:
        np.testing.assert_array_equal(ours["dp"][:], PATTERNS)


def test_shares_of_the_probe_and_their_weights(tmp_path):
    """Shares belong to the probe that was read with them."""
    shares, weights = np.concatenate([PROBE, 2 * PROBE]), np.full((COUNT, 2), 0.5)
    _, para = pair(tmp_path)
    with h5py.File(para, "r+") as file:
        del file["probe"]
        file["probe"], file["opr_weights"] = shares, weights
    scan = read(para)
    write_scan(tmp_path / "b_dp.hdf5", scan, "pty_chi")
    again = read(tmp_path / "b_dp.hdf5").metadata
    np.testing.assert_array_equal(again["opr_probe"], shares)
    np.testing.assert_array_equal(again["opr_weights"], weights)
    with logged() as logs:
        other = dataclasses.replace(scan, probe=3 * PROBE[0])
        write_scan(tmp_path / "c_dp.hdf5", other, "pty_chi")
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said == ["opr_probe", "opr_weights"]
    np.testing.assert_array_equal(read(tmp_path / "c_dp.hdf5").probe, 3 * PROBE[0])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("b.hdf5", {}, "NAME_dp.hdf5"),
        ("b_dp.hdf5", {"patterns": None}, "NAME_para.hdf5"),
        ("b_dp.hdf5", {"pixel_size": (PIXEL, 2 * PIXEL)}, "square pixels"),
        ("b_dp.hdf5", {"patterns": Patterns.of(PATTERNS)}, "amplitude or intensity"),
    ],
)
def test_what_cannot_be_written(tmp_path, name, changes, message):
    with pytest.raises(OutputError, match=message):
        write_scan(tmp_path / name, dataclasses.replace(SCAN, **changes), "pty_chi")
    assert list(tmp_path.iterdir()) == []


def test_neither_file_appears_where_one_may_not(tmp_path):
    (tmp_path / "b_dp.hdf5").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_scan(tmp_path / "b_para.hdf5", SCAN, "pty_chi")
    assert [p.name for p in tmp_path.iterdir()] == ["b_dp.hdf5"]
