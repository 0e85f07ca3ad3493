"""Products of ptychodus: every version, every doubtful meaning, what is refused."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import product_files as made
import pytest
from events import logged
from real_files import real_file

from ptycho_engine.errors import ConfigurationError, InputFileError, MemoryBudgetError, OutputError
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan


def read(path, **options):
    return read_scan("ptychodus", path, options)


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize("version", made.VERSIONS)
def test_every_version(tmp_path, version, suffix):
    path = made.write_product(tmp_path / f"product{suffix}", version)
    assert find_format(path) == "ptychodus"
    scan = read(path)
    np.testing.assert_allclose(scan.positions, made.STARTS + made.SIZE // 2, atol=1e-9)
    np.testing.assert_array_equal(scan.image, made.OBJECT)
    assert (scan.image.dtype, scan.layer_axis) == (np.complex64, None)
    np.testing.assert_array_equal(scan.probe, made.PROBE[0])
    np.testing.assert_array_equal(scan.metadata["opr_probe"], made.PROBE)
    assert ("opr_weights" in scan.metadata) == (version != "1.1")
    assert (scan.energy, scan.distance) == (8000.0, 1.5)
    assert scan.pixel_size == (made.PIXEL_Y, made.PIXEL_X)
    np.testing.assert_array_equal(scan.metadata["scan_index"], made.INDEXES)
    assert scan.metadata["name"] == "a name"
    assert scan.warnings == ()
    assert scan.patterns is None


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize("key", ["object_layer_spacing_m", "object_layer_distance_m"])
def test_slices(tmp_path, suffix, key):
    """Before 1.2 there was a distance behind the last slice as well."""
    old = key == "object_layer_distance_m"
    arrays = dict(made.product("1.7.0")[1])
    del arrays["object_layer_spacing_m"]
    spacing = np.array([1e-6, 2e-6, np.inf][: 2 + old])
    arrays |= {"object": np.stack([made.OBJECT] * 3), key: spacing}
    path = tmp_path / f"product{suffix}"
    changed = {
        **{f"object_{k}": v for k, v in made.product("1.7.0")[3].items()}, **arrays,
    }  # fmt: skip
    if suffix == ".npz":
        np.savez(path, **changed)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
            file["object"].attrs.update(made.product("1.7.0")[3])
    scan = read(path)
    assert (scan.image.shape, scan.layer_axis) == ((3, 30, 41), "slice")
    np.testing.assert_array_equal(scan.layer_spacing, [1e-6, 2e-6])


def changed(tmp_path, change, version="1.7.0"):
    path = made.write_product(tmp_path / "product.h5", version)
    with h5py.File(path, "r+") as file:
        change(file)
    return path


def test_indexes_that_name_one_pattern_for_all_are_repaired(tmp_path):
    def change(file):
        file["probe_position_indexes"][:] = 0

    scan = read(changed(tmp_path, change))
    np.testing.assert_array_equal(scan.metadata["scan_index"], np.arange(made.COUNT))
    assert "more than once" in scan.warnings[0]
    assert "scan_index" in scan.assumptions


def test_pixels_under_the_names_of_metres(tmp_path):
    def change(file):
        for axis, column in (("y", 0), ("x", 1)):
            offsets = made.STARTS - (np.array(made.OBJECT.shape) - made.SIZE) / 2
            file[f"probe_position_{axis}_m"][:] = offsets[:, column]

    path = changed(tmp_path, change)
    assert "scan.units=px" in read(path).warnings[0]
    scan = read(path, units="px")
    np.testing.assert_allclose(scan.positions, made.STARTS + made.SIZE // 2, atol=1e-9)
    assert scan.warnings == ()
    assert scan.assumptions == {"units": "px"}


def test_swapped_coordinates(tmp_path):
    def change(file):
        y, x = file["probe_position_y_m"][:], file["probe_position_x_m"][:]
        file["probe_position_y_m"][:], file["probe_position_x_m"][:] = x, y

    scan = read(changed(tmp_path, change), swapped=True)
    np.testing.assert_allclose(scan.positions, made.STARTS + made.SIZE // 2, atol=1e-9)


def test_a_pixel_size_that_is_missing_is_asked_for(tmp_path):
    def change(file):
        file["object"].attrs["pixel_width_m"] = 0.0

    path = changed(tmp_path, change)
    with pytest.raises(InputFileError, match=r"scan\.pixel_size=METRES"):
        read(path)
    assert read(path, pixel_size=5e-9).pixel_size == (5e-9, 5e-9)


@pytest.mark.parametrize(
    ("key", "values", "message"),
    [
        ("object", np.ones(3, "c8"), r"'object' has shape \(3,\)"),
        ("object", None, "'object' is missing. Found: .*probe"),
        ("probe", np.ones((1, 1, 1, 4, 4), "c8"), "'probe' has shape"),
        ("probe", None, "windows are placed by its size"),
        ("probe_position_x_m", np.ones(3), "holds 3 entries, and 'probe_position_y_m' 6"),
        ("probe_position_x_m", np.full(6, np.nan), "6 of 6 positions are NaN"),
        ("probe_position_indexes", np.arange(3), "holds 3 entries for 6 positions"),
        ("object_layer_spacing_m", np.ones(4), "layer spacing has shape"),
    ],
)
def test_what_is_refused(tmp_path, key, values, message):
    def change(file):
        if key == "object_layer_spacing_m":
            del file["object"]
            file["object"] = np.ones((2, 30, 41), "c8")
            file["object"].attrs.update(made.product("1.7.0")[3])
        held = dict(file[key].attrs)
        del file[key]
        if values is not None:
            file[key] = values
            file[key].attrs.update(held)

    with pytest.raises(InputFileError, match=message):
        read(changed(tmp_path, change))


@pytest.mark.parametrize(
    ("options", "message"), [({"units": "nm"}, "units 'nm'"), ({"pixel_size": 0.0}, "received 0.0")]
)
def test_options_that_are_refused(tmp_path, options, message):
    with pytest.raises(ConfigurationError, match=message):
        read(tmp_path / "product.h5", **options)


def test_what_is_loaded_counts(tmp_path):
    path = made.write_product(tmp_path / "product.h5", "1.7.0")
    with pytest.raises(MemoryBudgetError):
        read_scan("ptychodus", path, memory_budget=made.OBJECT.nbytes)


def test_a_real_product_of_before_1_2():
    path = real_file("ptychotorch_metadata_250_nominalPos.hdf5")
    assert find_format(path) == "ptychodus"
    scan = read(path)
    assert (scan.image.shape, scan.image.dtype) == ((415, 415), np.complex128)
    assert scan.positions.shape == (961, 2)
    start = scan.positions - 256 // 2
    leaves = ((start < 0) | (start + 255 > 414)).any(axis=1)
    assert leaves.mean() == pytest.approx(0.79, abs=0.01)
    assert "probe_photons_per_s" in scan.metadata


def test_slices_at_unknown_distances(tmp_path):
    """Of one layer the array is empty; some have it so of several."""

    def change(file):
        held = dict(file["object"].attrs)
        del file["object"], file["object_layer_spacing_m"]
        file["object"] = np.ones((2, 30, 41), "c8")
        file["object"].attrs.update(held)
        file["object_layer_spacing_m"] = np.empty(0)

    scan = read(changed(tmp_path, change))
    assert (scan.layer_axis, scan.layer_spacing) == ("slice", None)
    assert "'object_layer_spacing_m' is empty" in scan.warnings[0]


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_a_near_field_stays_one(tmp_path, suffix):
    near = dataclasses.replace(whole(), assumptions={"propagation": "near"})
    with logged() as logs:
        write_scan(tmp_path / f"p{suffix}", near, "ptychodus")
    assert not [log for log in logs if log["event"] == "not_in_this_format"]
    again = read(tmp_path / f"p{suffix}")
    assert again.is_near
    far = dataclasses.replace(again, assumptions={})  # whatever the file once said
    write_scan(tmp_path / f"q{suffix}", far, "ptychodus")
    assert not read(tmp_path / f"q{suffix}").is_near


def test_losses_under_their_older_name(tmp_path):
    def change(file):
        del file["costs"]
        file["costs"] = [3.0, 2.0]

    scan = read(changed(tmp_path, change, "1.1"))
    np.testing.assert_array_equal(scan.metadata["loss_values"], [3.0, 2.0])


# -- writing ---------------------------------------------------------------------------------


def whole():
    return Scan(
        made.OBJECT, made.STARTS, "a test", made.PROBE[0], pixel_size=(4e-9, 5e-9), energy=8e3,
        distance=2.0, metadata={"name": "ü", "object_center_m": (1e-6, 2e-6)},
    )  # fmt: skip


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
def test_what_others_read_of_it(tmp_path, suffix):
    path = tmp_path / f"product{suffix}"
    write_scan(path, whole(), "ptychodus")
    scan = read(path)
    np.testing.assert_allclose(scan.positions, made.STARTS, atol=1e-9)
    offsets = made.STARTS - made.SIZE // 2 - (np.array(made.OBJECT.shape) - made.SIZE) / 2
    expected = offsets * [4e-9, 5e-9] + [1e-6, 2e-6]
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            held = {key: file[key][()] for key in file.files}
    else:
        with h5py.File(path) as file:
            held = {key: file[key][()] for key in file} | dict(file.attrs)
            held |= {f"object_{k}": v for k, v in file["object"].attrs.items()}
    np.testing.assert_allclose(held["probe_position_y_m"], expected[:, 0], atol=1e-18)
    np.testing.assert_allclose(held["probe_position_x_m"], expected[:, 1], atol=1e-18)
    np.testing.assert_array_equal(held["probe_position_indexes"], np.arange(made.COUNT))
    assert held["object_layer_spacing_m"].shape == (0,)
    assert held["photon_energy_eV"] == held["probe_energy_eV"] == 8e3
    assert held["detector_object_distance_m"] == 2.0
    assert held["object_center_x_m"] == 2e-6
    assert str(held["name"]) == "ü"


def test_what_was_read_is_written_again(tmp_path):
    """Also what a scan itself has no place for."""
    first = read(made.write_product(tmp_path / "one.h5", "1.7.0"))
    write_scan(tmp_path / "two.h5", first, "ptychodus")
    again = read(tmp_path / "two.h5")
    assert again.metadata.keys() >= first.metadata.keys()
    for key, value in first.metadata.items():
        np.testing.assert_array_equal(again.metadata[key], value)


@pytest.mark.parametrize("count", [2, 1])
def test_shares_of_another_probe_are_not_written_in_its_place(tmp_path, count):
    path = made.write_product(tmp_path / "one.h5", "1.7.0")
    with h5py.File(path, "r+") as file:
        attributes = dict(file["probe"].attrs)
        for name in ("probe", "opr_weights"):
            values = file[name][...]
            del file[name]
            file[name] = values[:count] if name == "probe" else values[:, :count]
        file["probe"].attrs.update(attributes)
    first = read(path)
    with logged() as logs:
        changed = dataclasses.replace(first, probe=first.probe * 5)
        write_scan(tmp_path / "two.h5", changed, "ptychodus")
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said == ["opr_probe", "opr_weights"]
    again = read(tmp_path / "two.h5")
    np.testing.assert_array_equal(again.probe, first.probe * 5)
    assert not {"opr_probe", "opr_weights"}.intersection(again.metadata)


def test_what_has_no_place_is_said(tmp_path):
    patterns = Patterns.of(np.ones((made.COUNT, 8, 8)), "intensity")
    scan = dataclasses.replace(whole(), patterns=patterns)
    with logged() as logs:
        write_scan(tmp_path / "product.h5", scan, "ptychodus")
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said == ["patterns"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"probe": None}, "has no probe"),
        ({"pixel_size": None}, "has no pixel_size"),
        ({"energy": None, "distance": None}, "no energy and no distance"),
        ({"image": np.ones((2, 30, 41), "c8"), "layer_axis": "mode"}, "2 modes"),
        ({"image": np.ones((2, 30, 41), "c8"), "layer_axis": "slice"}, "layer_spacing"),
    ],
)
def test_what_a_product_must_have(tmp_path, changes, message):
    with pytest.raises(OutputError, match=message):
        write_scan(tmp_path / "p.h5", dataclasses.replace(whole(), **changes), "ptychodus")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("index", [np.zeros(made.COUNT, int), np.full(made.COUNT, 0.5), {"a": 1}])
def test_an_index_that_names_no_pattern_for_each_position_is_not_written(tmp_path, index):
    scan = dataclasses.replace(whole(), metadata={"scan_index": index})
    write_scan(tmp_path / "product.h5", scan, "ptychodus")
    again = read(tmp_path / "product.h5")
    np.testing.assert_array_equal(again.metadata["scan_index"], np.arange(made.COUNT))
    assert again.warnings == ()


def test_what_belongs_to_other_positions_is_said_to_be_left_out(tmp_path):
    first = read(made.write_product(tmp_path / "one.h5", "1.7.0"))
    with logged() as logs:
        write_scan(
            tmp_path / "two.h5",
            dataclasses.replace(first, positions=first.positions[:3]),
            "ptychodus",
        )
    (said,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert said == ["opr_weights", "probe_photon_counts"]
    again = read(tmp_path / "two.h5")
    assert not {"opr_weights", "probe_photon_counts"}.intersection(again.metadata)
    np.testing.assert_array_equal(again.metadata["opr_probe"], first.metadata["opr_probe"])


@pytest.mark.parametrize("suffix", [".h5", ".npz"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("comments", {"a": 1}),
        ("comments", Path("a")),
        ("name", None),
        ("name", "a\0b"),
        ("polarization", ["a", "b"]),
        ("loss_values", "low"),
        ("loss_values", [[1.0], [1.0, 2.0]]),
        ("exposure_time_s", 10**30),
    ],
)
def test_metadata_that_would_be_pickled_are_refused_by_name(tmp_path, suffix, key, value):
    scan = dataclasses.replace(whole(), metadata={key: value})
    with pytest.raises(OutputError, match=key) as error:
        write_scan(tmp_path / f"product{suffix}", scan, "ptychodus")
    assert "\n" not in str(error.value)
    assert list(tmp_path.iterdir()) == []
