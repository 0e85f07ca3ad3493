"""PtychoPINN npz files: what is read, what is refused, and that nothing in them ever runs."""

import dataclasses
import io
import json
import math
import pickle
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine.errors import InputFileError, MemoryBudgetError, OutputError, PtychoEngineError
from ptycho_engine.io.formats.ptychopinn import Options, needed_bytes, read_npz, write
from ptycho_engine.io.npz_archive import NpzArchive
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.pickled_json import MAX_OPCODES, find_object
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan


def arrays(count=6, size=4, **changes):
    """A small valid file's content; a change to None leaves a key out."""
    rng = np.random.default_rng(0)
    content = {
        "xcoords": rng.uniform(0, 20, count),
        "ycoords": rng.uniform(0, 10, count),
        "objectGuess": (rng.random((12, 24)) + 1j).astype(np.complex64),
        "diff3d": rng.random((count, size, size)).astype(np.float32),
        "probeGuess": np.ones((size, size), np.complex64),
    }
    content |= changes
    return {key: value for key, value in content.items() if value is not None}


@pytest.fixture
def save(tmp_path):
    def save(name="scan.npz", **changes):
        path = tmp_path / name
        np.savez(path, **arrays(**changes))
        return path

    return save


def refused(path, *words):
    """The message of the refusal, which names the file and each of `words`."""
    with pytest.raises(InputFileError) as caught:
        read_npz(path)
    message = str(caught.value)
    for word in (str(path), "Expected", *words):
        assert word in message, message
    assert message.endswith(".")
    assert isinstance(caught.value, PtychoEngineError)
    return message


class Hostile:
    """Unpickling one creates a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (open, (self.path, "w"))


def holding(value):
    array = np.empty((), object)
    array[()] = value
    return array


def test_read_everything(save):
    content = arrays()
    scan = read_npz(str(save(scan_index=np.arange(6), xcoords_start=content["xcoords"] + 1)))
    np.testing.assert_array_equal(scan.positions[:, 0], content["ycoords"])
    np.testing.assert_array_equal(scan.positions[:, 1], content["xcoords"])
    assert scan.positions.dtype == np.float64
    np.testing.assert_array_equal(scan.image, content["objectGuess"])
    np.testing.assert_array_equal(scan.probe, content["probeGuess"])
    assert scan.patterns.shape == (6, 4, 4)
    np.testing.assert_array_equal(scan.patterns.read(), content["diff3d"])
    assert scan.metadata["patterns"] == "diff3d (M, N, N)"
    np.testing.assert_array_equal(scan.metadata["scan_index"], np.arange(6))
    np.testing.assert_array_equal(scan.nominal_positions, scan.positions + np.array([0, 1]))
    assert scan.source.endswith("scan.npz")
    other = pickle.loads(pickle.dumps(scan.patterns))  # as other processes get them
    np.testing.assert_array_equal(other.read(1, 3), content["diff3d"][1:3])


def test_only_the_required_keys(save):
    scan = read_npz(save(diff3d=None, probeGuess=None))
    assert scan.probe is None
    assert scan.patterns is None
    assert scan.nominal_positions is None
    assert scan.metadata == {}


def test_the_patterns_stay_in_the_file(save, monkeypatch):
    path = save()
    loaded = []
    for name in ("load", "load_ranges", "map"):
        real = getattr(NpzArchive, name)

        def spy(self, key, *more, real=real):
            loaded.append(key)
            return real(self, key, *more)

        monkeypatch.setattr(NpzArchive, name, spy)
    scan = read_npz(path)
    assert loaded
    assert "diff3d" not in loaded
    scan.patterns.read()
    assert loaded[-1] == "diff3d"


@pytest.mark.parametrize("key", ["diff3d", "diffraction"])
@pytest.mark.parametrize(
    ("order", "arrange"),
    [
        ("(M, N, N)", lambda p: p),
        ("(M, N, N, 1)", lambda p: p[..., None]),
        ("(N, N, M)", lambda p: np.moveaxis(p, 0, -1)),
        ("(N, N, M)", lambda p: np.asfortranarray(np.moveaxis(p, 0, -1))),
    ],
)
def test_axis_orders(save, key, order, arrange):
    patterns = np.random.default_rng(1).random((6, 4, 4)).astype(np.float32)
    scan = read_npz(save(**({"diff3d": None} | {key: arrange(patterns)})))
    assert scan.patterns.shape == (6, 4, 4)
    assert scan.metadata["patterns"] == f"{key} {order}"
    read = scan.patterns.read()
    np.testing.assert_array_equal(read, patterns)
    assert read.flags.c_contiguous


def test_as_many_patterns_as_pixels_are_in_the_documented_order(save):
    patterns = np.random.default_rng(1).random((4, 4, 4))
    scan = read_npz(save(count=4, diff3d=patterns))
    np.testing.assert_array_equal(scan.patterns.read(), patterns)


@pytest.mark.parametrize("shape", [(1, 4, 4), (4, 4, 1)])
def test_a_single_pattern(save, shape):
    scan = read_npz(save(count=1, diff3d=np.arange(16.0).reshape(shape)))
    np.testing.assert_array_equal(scan.patterns.read(), np.arange(16.0).reshape(1, 4, 4))


def test_no_positions_at_all(save):
    scan = read_npz(save(count=0))
    assert scan.positions.shape == (0, 2)
    assert scan.patterns.read().shape == (0, 4, 4)


def test_diff3d_comes_before_its_alias(save):
    scan = read_npz(save(diffraction=np.zeros((6, 8, 8))))
    assert scan.patterns.shape == (6, 4, 4)


def test_integers_and_big_endian_numbers(save):
    scan = read_npz(
        save(
            xcoords=np.arange(6),
            ycoords=np.arange(6, dtype=">f4"),
            objectGuess=np.full((5, 7), 1 + 2j, ">c8"),
            probeGuess=np.full((4, 4), 3, ">f8"),
            diff3d=np.full((6, 4, 4), 7, ">u2"),
        )
    )
    np.testing.assert_array_equal(scan.positions, np.stack([np.arange(6.0)] * 2, axis=1))
    assert scan.image.dtype.name == "complex64"
    assert scan.image.dtype.isnative
    assert scan.image[0, 0] == 1 + 2j
    assert scan.probe[0, 0] == 3
    assert scan.patterns.read()[0, 0, 0] == 7
    assert scan.patterns.read().dtype.isnative


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("u1", "float32"), ("f2", "float32"), ("i4", "float64"), ("f8", "float64"), ("c16", "c16")],
)
def test_objects_become_floating(save, dtype, expected):
    image = read_npz(save(objectGuess=np.full((5, 7), 3, dtype))).image
    assert image.dtype == np.dtype(expected)
    assert (image == 3).all()


@pytest.mark.parametrize(
    ("shape", "expected"), [((4, 4), (4, 4)), ((4, 4, 1), (4, 4)), ((3, 4, 4), (3, 4, 4))]
)
def test_probe_shapes(save, shape, expected):
    assert read_npz(save(probeGuess=np.ones(shape))).probe.shape == expected


# Memory


def claiming(path, key, dtype, shape):
    """A compressed file of which one array is zeros, far larger than the file."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, value in arrays(**{key: None}).items():
            with archive.open(f"{name}.npy", "w") as member:
                np.save(member, value)
        with archive.open(f"{key}.npy", "w", force_zip64=True) as member:
            header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(member, header)
            left = math.prod(shape) * np.dtype(dtype).itemsize
            while left > 0:
                member.write(bytes(min(left, 1 << 24)))
                left -= 1 << 24
    return path


def test_a_small_file_that_claims_much_is_refused_unread(tmp_path):
    path = claiming(tmp_path / "scan.npz", "objectGuess", "c8", (4096, 8192))
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    with pytest.raises(MemoryBudgetError, match=r"takes 256\.00 MiB, .* is 64\.00 MiB"):
        read_scan("npz", path, memory_budget="64MiB")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


@pytest.mark.parametrize("key", ["xcoords", "probeGuess", "scan_index", "xcoords_start"])
def test_every_array_that_is_loaded_counts(tmp_path, key):
    shape = (2000, 2000) if key == "probeGuess" else (4_000_000,)
    path = claiming(tmp_path / "scan.npz", key, "i8", shape)
    with pytest.raises(MemoryBudgetError):
        read_scan("file", path, memory_budget=32_000_000)


def test_patterns_and_unknown_arrays_do_not_count(tmp_path):
    path = claiming(tmp_path / "scan.npz", "diff3d", "f8", (6, 1024, 1024))
    assert read_scan("npz", path, memory_budget=10_000).patterns.shape == (6, 1024, 1024)


def test_patterns_count_when_they_are_read(tmp_path, monkeypatch):
    path = claiming(tmp_path / "scan.npz", "diff3d", "f8", (6, 256, 256))
    scan = read_npz(path)
    monkeypatch.setattr("ptycho_engine.memory.parse_bytes", lambda budget: 3_000_000)
    with pytest.raises(MemoryBudgetError, match=r"reading the patterns takes 3\.00 MiB"):
        scan.patterns.read()


def test_metadata_of_any_length_counts(save):
    path = save(_metadata=np.array("{}", "U250000"))
    with pytest.raises(MemoryBudgetError):
        read_scan("npz", path, memory_budget=1_000_000)


@pytest.mark.parametrize("dtype", ["f2", "u1", "f4", "c8", "i4"])
def test_reading_takes_what_it_says(save, dtype):
    path = save(count=20_000, diff3d=None, objectGuess=np.ones((600, 700), dtype))
    needed = needed_bytes(path, None)
    tracemalloc.start()
    scan = read_npz(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert scan.held_bytes <= needed
    assert 0.7 * needed < peak < 1.1 * needed + 2**17


# Writing


def test_a_scan_comes_back_as_it_was_written(save, tmp_path):
    declared = {"nphotons": 1e9, "nested": {"a": [1, None]}}
    content = arrays()
    scan = read_npz(
        save(scan_index=np.arange(6)[::-1], _metadata=np.array(json.dumps(declared)),
             xcoords_start=content["xcoords"] + 1)
    )  # fmt: skip
    path = tmp_path / "again.npz"
    write_scan(path, scan)
    again = read_npz(path)
    for name in ("image", "positions", "probe"):
        np.testing.assert_array_equal(getattr(again, name), getattr(scan, name))
        assert getattr(again, name).dtype == getattr(scan, name).dtype
    np.testing.assert_array_equal(again.patterns.read(), content["diff3d"])
    assert (again.patterns.shape, again.patterns.dtype) == (scan.patterns.shape, np.float32)
    assert again.patterns.quantity == "amplitude"
    assert again.metadata["_metadata"] == declared
    np.testing.assert_array_equal(again.metadata["scan_index"], scan.metadata["scan_index"])
    np.testing.assert_array_equal(again.nominal_positions, scan.nominal_positions)
    with np.load(path, allow_pickle=False) as file:  # as others read it
        np.testing.assert_array_equal(file["xcoords"], content["xcoords"])
        assert json.loads(file["_metadata"].item()) == declared


@given(
    count=st.integers(0, 5),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 6)),
    dtype=st.sampled_from(["f4", "f8", "c8", "c16"]),
    modes=st.sampled_from([None, (), (2,)]),
)
def test_any_scan_comes_back(tmp_path_factory, count, shape, dtype, modes):
    rng = np.random.default_rng(count)
    probe = None if modes is None else rng.normal(size=(*modes, 4, 4)).astype(np.complex64)
    scan = Scan(rng.normal(size=shape).astype(dtype), rng.normal(size=(count, 2)), "drawn", probe)
    path = tmp_path_factory.mktemp("drawn") / "scan.npz"
    write_scan(path, scan)
    again = read_npz(path)
    assert (again.image.dtype, again.positions.shape) == (scan.image.dtype, (count, 2))
    np.testing.assert_array_equal(again.image, scan.image)
    np.testing.assert_array_equal(again.positions, scan.positions)
    assert (again.probe is None) == (probe is None)
    assert probe is None or np.array_equal(again.probe, probe)
    assert again.patterns is None


def test_a_scan_that_cannot_be_written_leaves_nothing(tmp_path):
    def broken(ranges, into):
        raise OSError(28, "No space left on device")

    good = Scan(np.ones((4, 4)), np.zeros((2, 2)), "a test")
    stack = dataclasses.replace(good, image=np.ones((3, 4, 4)), layer_axis="slice")
    with pytest.raises(OutputError, match="3 layers"):
        write_scan(tmp_path / "scan.npz", stack)
    wide = dataclasses.replace(good, patterns=Patterns.of(np.ones((2, 3, 5)), "amplitude"))
    with pytest.raises(OutputError, match=r"patterns are 3 x 5\. Expected square ones"):
        write_scan(tmp_path / "scan.npz", wide)
    patterns = Patterns((2, 4, 4), np.dtype("f4"), broken, "amplitude")
    with pytest.raises(OSError, match="No space"):
        write_scan(tmp_path / "scan.npz", dataclasses.replace(good, patterns=patterns))
    short = dataclasses.replace(good, metadata={"scan_index": np.arange(3)})
    with pytest.raises(OutputError, match="'point'"):
        write_scan(tmp_path / "scan.npz", short)
    assert list(tmp_path.iterdir()) == []


# Metadata


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_pickled_metadata_of_every_protocol(protocol):
    declared = {"nphotons": 1e9, "text": 'quotes " and ü', "nested": {"a": [1, None]}}
    pickled = pickle.dumps(holding(json.dumps(declared)), protocol)
    assert find_object(pickled) == declared


@pytest.mark.parametrize(
    "wrap",
    [
        holding,
        lambda text: np.array([text], object),
        np.array,
        lambda text: np.array([text]),
        lambda text: np.array(text.encode()),
    ],
)
def test_metadata(save, wrap):
    declared = {"schema": "1.0", "N": 64}
    assert read_npz(save(_metadata=wrap(json.dumps(declared)))).metadata["_metadata"] == declared


@pytest.mark.parametrize(
    "value",
    [
        holding(None),
        holding("not JSON"),
        holding("[1, 2]"),
        holding("{" * 100_000),
        np.array("no JSON"),
        np.arange(3),
    ],
)
def test_metadata_without_an_object_is_noted(save, value):
    metadata = read_npz(save(_metadata=value)).metadata
    assert "_metadata" not in metadata
    assert "no JSON object" in metadata["_metadata_note"]


def test_hostile_metadata_does_not_run(save, tmp_path):
    trap = tmp_path / "trap"
    pickle.loads(pickle.dumps(Hostile(trap))).close()
    assert trap.exists()  # the trap works
    trap.unlink()
    scan = read_npz(save(_metadata=holding(Hostile(trap))))
    assert not trap.exists()
    assert "never unpickled" in scan.metadata["_metadata_note"]
    honest = np.array([Hostile(trap), '{"N": 64}'], object)
    assert read_npz(save(_metadata=honest)).metadata["_metadata"] == {"N": 64}
    assert not trap.exists()


@pytest.mark.parametrize("key", ["xcoords", "diff3d", "probeGuess", "scan_index"])
def test_hostile_arrays_do_not_run(save, tmp_path, key):
    trap = tmp_path / "trap"
    refused(save(**{key: holding(Hostile(trap))}), repr(key), "Python objects")
    assert not trap.exists()


def test_other_keys_are_never_looked_at(save, tmp_path):
    trap = tmp_path / "trap"
    read_npz(save(Y=holding(Hostile(trap))))
    assert not trap.exists()


def test_the_search_for_metadata_ends():
    endless = pickle.PROTO + b"\x04" + b"(" * MAX_OPCODES + pickle.dumps('{"N": 1}', 4)[2:]
    assert find_object(endless) is None
    for cut in (b"", b"\x80", b"\x80\x04\x95", b"junk", b"\x80\x04\x8d" + b"\xff" * 8):
        assert find_object(cut) is None


# Refusals


def test_missing_keys(save):
    message = refused(save(objectGuess=None, xcoords=None), "Found: diff3d, probeGuess, ycoords")
    assert "xcoords missing" in message
    assert "numpy.savez" in message


def test_coordinates_alone_are_no_scan(save):
    message = refused(save(objectGuess=None, diff3d=None, probeGuess=None), "xcoords, ycoords")
    assert "one of objectGuess, diff3d" in message


def test_a_scan_without_an_object(save, tmp_path):
    """Its patterns are there, patches are refused, and it is written and read again."""
    scan = read_npz(save(objectGuess=None))
    assert scan.image is None
    np.testing.assert_array_equal(scan.patterns.read(0, 6), arrays()["diff3d"])
    with pytest.raises(InputFileError, match="holds no object"):
        scan.for_cutting()
    write(tmp_path / "again.npz", scan)
    again = read_npz(tmp_path / "again.npz")
    assert again.image is None
    np.testing.assert_array_equal(again.positions, scan.positions)
    np.testing.assert_array_equal(again.probe, scan.probe)


def test_a_centre_needs_the_object(save):
    path = save(objectGuess=None)
    with pytest.raises(InputFileError, match="counts from the middle of the object"):
        read_npz(path, Options(centre="middle"))


def test_positions_are_needed_to_write(save, tmp_path):
    scan = dataclasses.replace(read_npz(save()), positions=None, nominal_positions=None)
    with pytest.raises(OutputError, match="no positions"):
        write(tmp_path / "other.npz", scan)


def test_an_archive_without_arrays(tmp_path):
    with zipfile.ZipFile(tmp_path / "scan.npz", "w") as archive:
        archive.writestr("readme.txt", "none")
    refused(tmp_path / "scan.npz", "no arrays")


def test_the_none_of_legacy_files(save, tmp_path):
    for value in (None, Hostile(tmp_path / "trap")):
        scan = read_npz(save(objectGuess=holding(value)))
        assert scan.image is None
        assert "as legacy files hold None" in scan.warnings[0]
    assert not (tmp_path / "trap").exists()
    message = refused(save(probeGuess=holding(None)), "'probeGuess'", "legacy files hold None")
    assert "numeric array" in message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("xcoords", np.array(list("abcdef")), ["dtype <U1"]),
        ("ycoords", np.zeros(6, complex), ["dtype complex128"]),
        ("ycoords", np.zeros(6, bool), ["dtype bool"]),
        ("xcoords", np.zeros((6, 1)), ["shape (6, 1)", "(M,)"]),
        ("xcoords", np.array(3.0), ["shape ()"]),
        ("objectGuess", np.zeros((1, 5, 5)), ["shape (1, 5, 5)", "(H, W)"]),
        ("objectGuess", np.full((5, 5), "x"), ["dtype <U1"]),
        ("probeGuess", np.zeros(4), ["shape (4,)"]),
        ("probeGuess", np.full((4, 4), "x"), ["dtype <U1"]),
        ("diff3d", np.zeros((6, 4)), ["shape (6, 4)", "(N, N, M)"]),
        ("diff3d", np.zeros((6, 4, 5)), ["shape (6, 4, 5)", "square"]),
        ("diff3d", np.zeros((6, 4, 4, 2)), ["shape (6, 4, 4, 2)"]),
        ("diff3d", np.zeros((6, 4, 4), complex), ["dtype complex128"]),
        ("scan_index", np.full(6, "x"), ["dtype <U1", "integers"]),
        ("xcoords", np.zeros(6, [("a", "f8")]), ["dtype [('a', '<f8')]"]),
    ],
)
def test_arrays_of_the_wrong_kind(save, key, value, words):
    refused(save(**{key: value}), repr(key), *words, "save the file again")


@pytest.mark.parametrize(
    ("key", "value", "received"),
    [
        ("ycoords", np.zeros(5), "5"),
        ("ycoords", np.zeros(7), "7"),
        ("diff3d", np.zeros((5, 4, 4)), "5"),
        ("diff3d", np.zeros((7, 4, 4)), "7"),
        ("diff3d", np.zeros((4, 4, 7)), "7"),
        ("diff3d", np.zeros((5, 4, 4, 1)), "5"),
        ("diffraction", np.zeros((7, 8, 8)), "7"),
        ("scan_index", np.zeros(5, int), "5"),
        ("xcoords_start", np.zeros(5), "5"),
        ("ycoords_start", np.zeros(5), "5"),
    ],
)
def test_mismatched_lengths(save, key, value, received):
    changes = {key: value} | ({"diff3d": None} if key == "diffraction" else {})
    message = refused(save(**changes), repr(key), f"holds {received} entries")
    assert "there are 6 in 'xcoords'" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("key", ["xcoords", "ycoords"])
def test_positions_that_are_no_numbers(save, key, bad):
    values = np.arange(6.0)
    values[[3, 5]] = bad
    refused(save(**{key: values}), "2 of 6", "index 3", f"{key} {bad}")


# Files that are none


def test_a_missing_file(tmp_path):
    (tmp_path / "scans.npz").touch()
    refused(tmp_path / "scan.npz", "no such file", "Did you mean 'scans.npz'?")
    refused(tmp_path / "else.bin", "no such file", "Check its spelling")
    refused(tmp_path / "none" / "scan.npz", f"folder {tmp_path / 'none'} does not exist")


def test_a_folder(tmp_path):
    refused(tmp_path, "is a folder")
    (tmp_path / "zarr.json").touch()
    refused(tmp_path, "is a Zarr store")


def test_a_device():
    refused("/dev/null", "is a device")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ["is empty"]),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), ["an HDF5 file"]),
        (b"x,y\n1.0,2.0\n", ["text, beginning 'x,y\\n1.0,2.0\\n'"]),
        (b"\x93NUMPY\x01\x00", ["a single .npy array"]),
        (pickle.dumps({}), ["a Python pickle"]),
        (b"\x1f\x8b\x08", ["a gzip file"]),
        (b"\xff\xfe\xfd", ["unknown data, b'\\xff\\xfe\\xfd'"]),
    ],
)
def test_files_that_only_have_the_name(tmp_path, content, words):
    path = tmp_path / "scan.npz"
    path.write_bytes(content)
    refused(path, *words)


def test_a_truncated_file(save):
    path = save()
    path.write_bytes(path.read_bytes()[:-200])
    refused(path, "truncated", "write it again")


def test_data_that_is_shorter_than_its_header_says(save):
    path = save()
    stream = io.BytesIO()
    np.save(stream, np.zeros((6, 4, 4)))
    with zipfile.ZipFile(path, "w") as archive:
        for key, value in arrays(diff3d=None).items():
            with archive.open(f"{key}.npy", "w") as member:
                np.save(member, value)
        archive.writestr("diff3d.npy", stream.getvalue()[:-8])
    refused(path, "'diff3d'", "holds 760 bytes", "768", "damaged")


def test_a_file_that_may_not_be_read(save, monkeypatch):
    path = save()
    monkeypatch.setattr(zipfile, "ZipFile", _denied)
    refused(path, "Permission denied", "permissions")


def _denied(*_, **__):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("compress", [False, True])
def test_damage_anywhere_is_one_kind_of_error(tmp_path, compress):
    path = tmp_path / "scan.npz"
    (np.savez_compressed if compress else np.savez)(path, **arrays())
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(damaged), 3):
            damaged[at] = rng.integers(256)
        path.write_bytes(
            damaged[: rng.integers(1, len(damaged) + 1)] if rng.random() < 0.2 else damaged
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # zipfile and numpy may warn on their way
            try:
                scan = read_npz(path)
                if scan.patterns is not None:
                    scan.patterns.read()
            except InputFileError:
                refused += 1
    assert refused > 100


def test_an_index_of_whole_numbers_is_one_whatever_its_dtype(save):
    for dtype in (np.float64, np.float16):
        scan = read_npz(save(scan_index=np.arange(6, dtype=dtype)))
        assert (scan.metadata["scan_index"].dtype, scan.warnings) == (np.int64, ())
    scan = read_npz(save(scan_index=np.arange(6) + 0.5))
    assert "scan_index" not in scan.metadata
    assert "'scan_index' holds float64 that are not whole" in scan.warnings[0]


def test_an_export_of_ptychodus_leaves_open_what_its_patterns_are(save):
    """It stores them as they were measured under the name of amplitudes, and its mask beside."""
    bad = np.eye(4, dtype=bool)
    path = save(bad_pixels=bad)
    scan = read_npz(path)
    assert scan.patterns.quantity is None
    assert any("'diff3d' stands beside 'bad_pixels'" in text for text in scan.warnings)
    np.testing.assert_array_equal(scan.mask, ~bad)
    chosen = read_npz(path, Options(quantity="intensity", anchor="ptychodus_from_1.6"))
    assert (chosen.patterns.quantity, chosen.warnings) == ("intensity", ())
    scan = read_npz(save(bad_pixels=bad[:3]), Options(quantity="intensity", anchor="half"))
    assert scan.mask is None
    assert "'bad_pixels' has shape (3, 4)" in scan.warnings[0]


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i8"])
def test_roots_of_counts_are_of_single_precision(save, tmp_path, dtype):
    counts = np.random.default_rng(1).integers(0, 100, (6, 4, 4)).astype(dtype)
    scan = read_npz(save(diff3d=counts), Options(quantity="intensity"))
    write(tmp_path / "new.npz", scan)
    with np.load(tmp_path / "new.npz") as written:
        assert written["diff3d"].dtype == np.float32
        expected = np.sqrt(counts.astype(np.float64)).astype(np.float32)
        np.testing.assert_array_equal(written["diff3d"], expected)


@pytest.mark.parametrize("between", [None, "scan.h5"])
def test_metadata_that_declare_counts_declare_amplitudes_once_these_are_written(
    save, tmp_path, between
):
    counts = np.arange(6 * 16, dtype=np.float32).reshape(6, 4, 4)
    said = {"scale_contract_version": "ci_intensity_v2", "measurement_domain": "count_intensity"}
    path = save(diff3d=counts, _metadata=np.array(json.dumps({"of": "us", **said})))
    scan = read_npz(path)
    if between:
        write_scan(tmp_path / between, scan)
        scan = read_scan("ptycho_engine", tmp_path / between)
    write_scan(tmp_path / "again.npz", scan, "npz")
    again = read_npz(tmp_path / "again.npz")
    found = again.patterns.as_quantity("intensity").read()
    np.testing.assert_allclose(found, counts, rtol=1e-6)
    assert again.metadata["_metadata"] == {
        "of": "us", "scale_contract_version": "legacy_v1",
        "measurement_domain": "normalized_amplitude",
    }  # fmt: skip
    bare = dataclasses.replace(scan, patterns=None, mask=None)
    write_scan(tmp_path / "bare.npz", bare, "npz")  # of no patterns, it stays what it is
    assert read_npz(tmp_path / "bare.npz").metadata["_metadata"] == {"of": "us", **said}


@pytest.mark.parametrize(
    "metadata",
    [
        {"scan_index": {"a": 1}},
        {"scan_index": [[1], [1, 2]]},
        {"_metadata": np.ones(3)},
        {"_metadata": {"a": np.longdouble(1)}},
        {"_metadata": {"a": np.ones(2, np.longdouble)}},
    ],
)
def test_metadata_that_no_reader_would_take_are_refused_by_name(save, tmp_path, metadata):
    scan = dataclasses.replace(read_npz(save()), metadata=metadata)
    with pytest.raises(OutputError, match=next(iter(metadata))) as error:
        write_scan(tmp_path / "again.npz", scan, "npz")
    assert "\n" not in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["scan.npz"]
