"""Patches in files of every kind are found by name or as they are said, block by block."""

import zipfile
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.app.jobs import extract, train
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.stored_patches import PatchSource, open_patches
from ptycho_engine.errors import InputFileError
from ptycho_engine.geometry import to_legacy
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, write_scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store

RNG = np.random.default_rng(5)
PATCHES = (RNG.normal(size=(12, 6, 6)) + 1j * RNG.normal(size=(12, 6, 6))).astype(np.complex64)
POSITIONS = RNG.uniform(5, 20, (12, 2))
GROUPED = {"patches": flat_to_channel(PATCHES, 4), "positions": POSITIONS.reshape(3, 4, 2)}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def save(path, **arrays):
    if path.endswith(".h5"):
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file.create_dataset(name, data=array, compression="gzip", chunks=True)
    elif path.endswith(".zarr"):
        specs = {name: ArraySpec.of(np.asarray(array)) for name, array in arrays.items()}
        with Store.create(path, specs) as store:
            for name, array in arrays.items():
                store.write(name, (), np.asarray(array))
    elif path.endswith(".npy"):
        np.save(path, arrays["array"])
    else:
        (np.savez_compressed if "packed" in path else np.savez)(path, **arrays)
    return Path(path)


def found(path, size=5 * 6 * 6 * 8, **names):
    """What is read of a file in blocks of a few patches: flat, with the positions."""
    with open_patches(PatchSource(Path(path), **names)) as stored:
        blocks = list(stored.blocks(size))
        assert len(blocks) > 1
        axis = -3 if stored.layout == "flat" else -4
        patches = np.concatenate(blocks, axis=axis)
        assert patches.dtype == stored.dtype
        return patches, stored.positions, stored.layout


@pytest.mark.parametrize("path", ["a.npz", "packed.npz", "a.h5", "a.zarr"])
@pytest.mark.parametrize("arrays", [{"patches": PATCHES, "positions": POSITIONS}, GROUPED])
def test_files_hold_them(path, arrays):
    patches, positions, layout = found(save(path, **arrays))
    np.testing.assert_array_equal(patches, arrays["patches"])
    np.testing.assert_array_equal(positions, arrays["positions"])
    assert layout == ("flat" if arrays is not GROUPED else "channel")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("path", ["a.npz", "packed.npz", "pre.npy"])
def test_either_memory_order_and_byte_order(path, order):
    array = np.asarray(PATCHES.astype(">c8"), order=order)
    save(path, array=array, positions=POSITIONS)
    save("p.npz", positions=POSITIONS)
    patches, _, _ = found(path, positions_path=Path("p.npz"))
    np.testing.assert_array_equal(patches, PATCHES)
    assert patches.dtype.isnative


def test_reals_in_pairs_are_complex_patches():
    both = {"amplitude": np.abs(PATCHES), "phase": np.angle(PATCHES)}
    patches, _, _ = found(save("polar.npz", **both, positions=POSITIONS))
    np.testing.assert_allclose(patches, PATCHES, atol=1e-6)
    parts = {"real": PATCHES.real, "imag": PATCHES.imag}
    np.testing.assert_array_equal(found(save("p.h5", **parts, positions=POSITIONS))[0], PATCHES)
    last = np.stack([PATCHES.real, PATCHES.imag], axis=-1)
    np.testing.assert_array_equal(found(save("l.npz", Y=last, positions=POSITIONS))[0], PATCHES)
    mine = {"a": PATCHES.real.astype("f2"), "b": PATCHES.imag.astype("f8")}
    patches, _, _ = found(save("m.npz", **mine, positions=POSITIONS), real="a", imag="b")
    assert patches.dtype == np.complex128
    np.testing.assert_allclose(patches, PATCHES, atol=2e-3)


def test_a_channel_of_one_and_half_precision_are_a_networks():
    predicted = PATCHES.real.astype(np.float16)[..., None]
    patches, _, layout = found(save("n.npz", out=predicted, at=POSITIONS),
                               patches="out", positions="at")  # fmt: skip
    assert (patches.shape, patches.dtype, layout) == ((12, 6, 6), np.float32, "flat")
    np.testing.assert_array_equal(patches, predicted[..., 0])


def test_positions_of_another_program():
    legacy = {"Y": GROUPED["patches"], "coords_nn": to_legacy(GROUPED["positions"])}
    patches, positions, _ = found(save("y.npz", **legacy))
    np.testing.assert_array_equal(patches, GROUPED["patches"])
    np.testing.assert_array_equal(positions, GROUPED["positions"])
    columns = {"ycoords": POSITIONS[:, 0], "xcoords": POSITIONS[:, 1]}
    np.testing.assert_array_equal(found(save("c.npz", Y=PATCHES, **columns))[1], POSITIONS)


def test_objects_beside_positions_tell_their_shape():
    write_scan("scan.h5", Scan(np.ones((30, 40), np.complex64), POSITIONS, "made"))
    save("p.npz", patches=PATCHES)
    source = PatchSource(Path("p.npz"), positions_path=Path("scan.h5"))
    with open_patches(source) as stored:
        assert stored.object_shape == (30, 40)
        assert stored.said["positions"] == "positions"


def test_our_outputs_say_how_patches_were_cut():
    scan = ScanSource("synthetic", options={"points": 9, "object_size": 64, "step": 8.0})
    job = ExtractionJob(
        scan, Cut(6, "nearest", "edge"), Path("p.h5"), "numba", picture=False, report=False
    )
    extract.run(job)
    with open_patches(PatchSource(Path("p.h5"))) as stored, read_output("p.h5") as output:
        assert (stored.recorded["interpolation"], stored.recorded["fill"]) == ("nearest", "edge")
        assert stored.object_shape == (64, 64)
        np.testing.assert_array_equal(np.concatenate(list(stored.blocks(999))), output.patches)


def test_layers_come_first():
    layered = np.stack([PATCHES, 2 * PATCHES], axis=1)  # (P, layers, N, N)
    patches, _, _ = found(save("l.npz", patches=layered, positions=POSITIONS))
    np.testing.assert_array_equal(patches, np.moveaxis(layered, 1, 0))
    grouped = np.stack([GROUPED["patches"], 3 * GROUPED["patches"]], axis=1)
    source = save("g.npz", patches=grouped, positions=GROUPED["positions"])
    np.testing.assert_array_equal(found(source, 1)[0], np.moveaxis(grouped, 1, 0))


@pytest.mark.parametrize("keys", ["native", "ptychopinn"])
def test_mirrored_training_data_lies_where_it_was_cut(keys):
    write_scan("scan.npz", _small_scan())
    job = train.TrainingJob(
        ScanSource("file", Path("scan.npz")), GroupSettings(members=4, count=5), Path("t.npz"),
        patch_size=6, mirrored=True, keys=keys, plugin="numba", picture=False, report=False,
    )  # fmt: skip
    train.run(job)
    with open_patches(PatchSource(Path("t.npz"))) as stored, read_output("t.npz") as output:
        if keys == "native":
            true = output.positions
            np.testing.assert_allclose(
                stored.positions, 2 * true.mean(axis=1, keepdims=True) - true, atol=1e-12
            )
        assert "mirrored" in stored.said["positions"]
        assert stored.layout == "channel"


def _small_scan():
    from ptycho_engine.io.patterns import Patterns

    image = (RNG.normal(size=(40, 40)) + 0j).astype(np.complex64)
    frames = Patterns.of(RNG.uniform(size=(12, 6, 6)).astype(np.float32), "amplitude")
    return Scan(image, POSITIONS, "made", image[:6, :6], frames)


@contextmanager
def refused(words):
    with pytest.raises(InputFileError, match=words) as caught:
        yield
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arrays", "names", "words"),
    [
        ({"positions": POSITIONS}, {}, "holds no patches under a known name"),
        ({"patches": PATCHES}, {}, "holds no positions under a known name"),
        ({"patches": PATCHES, "positions": POSITIONS[:5]}, {}, "there are 5 positions"),
        ({"patches": PATCHES[0], "positions": POSITIONS}, {}, "Expected real or complex"),
        ({"patches": PATCHES[..., :5], "positions": POSITIONS}, {}, "a position for each"),
        ({"patches": np.ones((12, 6, 6), int), "positions": POSITIONS}, {}, "dtype int64"),
        ({"patches": PATCHES, "positions": POSITIONS + 0j}, {}, "Expected real coordinates"),
        ({"patches": PATCHES, "positions": POSITIONS[:, :1]}, {}, "Expected positions"),
        ({"patches": PATCHES, "positions": POSITIONS * np.nan}, {}, "NaN or infinite"),
        ({"patches": PATCHES, "positions": POSITIONS}, {"patches": "other"}, "other"),
        ({"amplitude": np.ones((12, 6, 6)), "phase": np.ones((12, 5, 5)), "positions": POSITIONS},
         {}, "Expected one shape"),
        ({"a": np.ones((12, 6, 6)), "positions": POSITIONS}, {"amplitude": "a"}, "Expected both"),
        ({"patches": PATCHES, "positions": POSITIONS, "probe": np.ones(4)}, {}, "Expected a probe"),
        ({"patches": PATCHES, "ycoords": np.ones(3), "xcoords": np.ones(4)}, {}, "as many"),
        ({"patches": PATCHES[:0], "positions": POSITIONS[:0]}, {}, r"a\..*patches.* \(0, 6, 6\)"),
        ({"patches": PATCHES[:, :0, :0], "positions": POSITIONS}, {}, "Expected at least one"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["a.npz", "a.h5"])
def test_what_does_not_fit_is_refused(path, arrays, names, words):
    save(path, **arrays)
    with refused(words), open_patches(PatchSource(Path(path), **names)):
        pass


def test_files_that_are_none_are_refused():
    Path("text.h5").write_text("patches")
    Path("text.npy").write_text("patches")
    np.save("pickled.npy", np.array([{"a": 1}]), allow_pickle=True)
    for path in ("none.npz", "text.h5", "text.npy", "pickled.npy"):
        with refused(path), open_patches(PatchSource(Path(path))):
            pass
    metres = Scan(None, POSITIONS * 1e-6, "made", units="m")
    write_scan("m.h5", metres)
    save("p.npz", patches=PATCHES)
    both = PatchSource(Path("p.npz"), positions_path=Path("m.h5"))
    with refused("in metres"), open_patches(both):
        pass


def test_damage_is_told_by_the_checksum():
    save("a.npz", patches=PATCHES, positions=POSITIONS)
    with zipfile.ZipFile("a.npz") as archive:
        at = archive.getinfo("patches.npy").header_offset + 400
    data = bytearray(Path("a.npz").read_bytes())
    data[at] ^= 1
    Path("a.npz").write_bytes(data)
    with refused("a.npz"):
        found("a.npz")


@pytest.mark.parametrize("members", [4, 2])
def test_groups_of_real_and_imaginary_parts_are_complex(members):
    grouped = flat_to_channel(PATCHES, members)
    pairs = np.stack([grouped.real, grouped.imag], axis=-1)
    save("g.npz", patches=pairs, positions=POSITIONS.reshape(-1, members, 2))
    with open_patches(PatchSource(Path("g.npz"))) as stored:
        assert (stored.layout, stored.dtype, stored.layers) == ("channel", np.complex64, ())
        blocks = list(stored.blocks(1000))
    np.testing.assert_array_equal(np.concatenate(blocks), grouped)
