"""Outputs: what is written comes back, from every format and in blocks of any size."""

import json
import os
import subprocess
import sys
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from written import Blocks, Plan, begin

from ptycho_engine import read_output
from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.containers import zarr as zarr_container
from ptycho_engine.io.store import ArraySpec, Store
from ptycho_engine.io.targets import check_output

SUFFIXES = (".npz", ".h5", ".hdf5", ".zarr")
RECORDS = {
    "geometry": {"anchor": "half", "axes": ["y", "x"], "shift": np.float64(0.5)},
    "configuration": {"seed": np.int64(3), "path": Path("a/b"), "dtype": np.dtype("c8")},
    "provenance": {"text": 'ü "quoted"', "nothing": None, "points": np.arange(3)},
}
PLAIN = {
    "geometry": {"anchor": "half", "axes": ["y", "x"], "shift": 0.5},
    "configuration": {"seed": 3, "path": "a/b", "dtype": "complex64"},
    "provenance": {"text": 'ü "quoted"', "nothing": None, "points": [0, 1, 2]},
}


def make(shape=(10, 4, 4), axis=0, dtype="complex64", positions=None):
    rng = np.random.default_rng(0)
    patches = rng.standard_normal(shape).astype(np.dtype(dtype))
    patches *= 1j if patches.dtype.kind == "c" else 1
    if positions is None:
        positions = rng.uniform(0, 9, (shape[axis], 2))
    return patches, Plan(shape, axis, dtype, positions, RECORDS)


def write(path, patches, header, step, overwrite=False):
    with begin(path, header, overwrite) as store:
        for start in range(0, header.length, step):
            stop = min(start + step, header.length)
            Blocks(store, header).write(start, stop, patches[(*header.lead, slice(start, stop))])


def check(path, patches, header):
    with read_output(path) as output:
        assert output.patches.shape == patches.shape
        assert output.patches.dtype == patches.dtype
        np.testing.assert_array_equal(output.patches[...], patches)
        np.testing.assert_array_equal(output.positions, header.positions)
        assert output.positions.dtype == header.positions.dtype
        for name, record in PLAIN.items():
            assert getattr(output, name) == record


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of a few of the test's patches (128 bytes each)."""
    monkeypatch.setattr(zarr_container, "CHUNK_BYTES", 3 * 128)


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("step", [1, 2, 3, 4, 7, 10])
def test_blocks_of_any_size(tmp_path, suffix, step):
    patches, header = make()
    write(tmp_path / f"p{suffix}", patches, header, step)
    check(tmp_path / f"p{suffix}", patches, header)
    assert [entry.name for entry in tmp_path.iterdir()] == [f"p{suffix}"]


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("shape", "axis"),
    [((2, 10, 4, 4), 1), ((2, 3, 7, 4, 4), 2), ((1, 5, 4, 4), 1), ((2, 3, 4, 4, 4), 1)],
)
def test_leading_axes_and_grouped_layouts(tmp_path, suffix, shape, axis):
    groups = shape[axis]
    patches, header = make(shape, axis, positions=np.arange(groups * 8.0).reshape(groups, 4, 2))
    for step in (1, 4):
        write(tmp_path / f"p{suffix}", patches, header, step, overwrite=True)
        check(tmp_path / f"p{suffix}", patches, header)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("shape", "axis"), [((0, 4, 4), 0), ((2, 0, 4, 4), 1), ((0, 5, 4, 4), 1), ((5, 0, 0), 0)]
)
def test_nothing_to_write_is_written(tmp_path, suffix, shape, axis):
    patches, header = make(shape, axis)
    write(tmp_path / f"p{suffix}", patches, header, 2)
    check(tmp_path / f"p{suffix}", patches, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128", ">c8"])
def test_dtypes(tmp_path, suffix, dtype):
    patches, header = make(dtype=dtype)
    native = patches.astype(patches.dtype.newbyteorder("="))
    write(tmp_path / f"p{suffix}", native, header, 4)
    check(tmp_path / f"p{suffix}", native, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_blocks_need_not_be_contiguous_and_may_be_reused(tmp_path, suffix):
    patches, header = make()
    buffer = np.empty((4, 4, 2), np.complex64)
    with begin(tmp_path / f"p{suffix}", header) as store:
        for start in range(0, 10, 2):
            buffer[...] = patches[start : start + 2].transpose(1, 2, 0)
            Blocks(store, header).write(start, start + 2, buffer.transpose(2, 0, 1))
            buffer[...] = np.nan
    check(tmp_path / f"p{suffix}", patches, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_records_longer_than_a_small_hdf5_attribute(tmp_path, suffix):
    patches, header = make()
    record = {"long": "x" * 200_000, "odd": float("inf")}
    header.records = {"provenance": record}
    write(tmp_path / f"p{suffix}", patches, header, 10)
    with read_output(tmp_path / f"p{suffix}") as output:
        assert output.provenance == record


def test_other_programs_read_npz_without_pickle(tmp_path):
    patches, header = make()
    write(tmp_path / "p.npz", patches, header, 3)
    with np.load(tmp_path / "p.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["patches"], patches)
        assert json.loads(str(arrays["geometry"])) == PLAIN["geometry"]


def test_other_programs_read_hdf5(tmp_path):
    patches, header = make()
    write(tmp_path / "p.h5", patches, header, 3)
    with h5py.File(tmp_path / "p.h5") as file:
        np.testing.assert_array_equal(file["patches"][...], patches)
        assert file["patches"].compression is None
        assert file["patches"].chunks is None
        assert json.loads(file.attrs["configuration"]) == PLAIN["configuration"]


def test_other_programs_read_zarr(tmp_path):
    patches, header = make()
    write(tmp_path / "p.zarr", patches, header, 3)
    group = zarr.open_group(str(tmp_path / "p.zarr"), mode="r")
    np.testing.assert_array_equal(group["patches"][...], patches)
    np.testing.assert_array_equal(group["positions"][...], header.positions)
    assert dict(group.attrs) == PLAIN


def test_patches_are_read_back_on_demand(tmp_path):
    patches, header = make()
    kinds = {".npz": np.memmap, ".h5": h5py.Dataset, ".zarr": zarr.Array}
    for suffix, kind in kinds.items():
        write(tmp_path / f"p{suffix}", patches, header, 3)
        with read_output(tmp_path / f"p{suffix}") as output:
            assert isinstance(output.patches, kind)
            np.testing.assert_array_equal(output.patches[3:5], patches[3:5])


def test_npz_memory_is_one_block(tmp_path):
    """64 MB in blocks of 1 MB must not take more than a few MB."""
    program = f"""
import numpy as np, resource
from ptycho_engine.io.store import ArraySpec, Store
for shape in ((1024, 128, 128), (2, 512, 128, 128)):
    axis = len(shape) - 3
    specs = {{"patches": ArraySpec(shape, np.dtype("f4"))}}
    block = np.ones((*shape[:axis], 16, 128, 128), "f4")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Store.create({str(tmp_path / "p.npz")!r}, specs, overwrite=True) as store:
        for start in range(0, shape[axis], 16):
            store.write("patches", (*[slice(None)] * axis, slice(start, start + 16)), block)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert all(int(grown) < 40_000 for grown in done.stdout.split()), done.stdout


def test_slow_libraries_are_imported_on_demand():
    program = (
        "import sys, ptycho_engine.io.store, ptycho_engine.io.formats.ptychopinn, "
        "ptycho_engine.io.formats.synthetic\n"
        "assert not {'h5py', 'zarr', 'tensorflow', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


# Before any work


def refused(path, overwrite, *words):
    with pytest.raises(OutputError) as caught:
        check_output(path, overwrite)
    for word in (str(path), *words):
        assert word in str(caught.value)
    _, header = make()
    with pytest.raises(OutputError):
        begin(path, header, overwrite)


def test_unknown_suffixes(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        check_output(tmp_path / "p.npzz", False)
    message = str(caught.value)
    assert "'.npzz' is not known. Did you mean '.npz'?" in message
    assert "Available: .h5, .hdf5, .npz, .zarr" in message
    for name in ("patches", "p.txt"):
        with pytest.raises(ConfigurationError, match=r"output\.path"):
            check_output(tmp_path / name, True)
    check_output(tmp_path / "P.NPZ", False)


def test_a_missing_folder(tmp_path):
    refused(tmp_path / "none" / "p.npz", False, "does not exist", "mkdir -p")
    (tmp_path / "file").touch()
    refused(tmp_path / "file" / "p.npz", False, "is not a folder")


def test_a_folder_without_permission(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    refused(tmp_path / "p.npz", False, "not writeable", "permissions")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_earlier_output_needs_permission_to_go(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    patches, header = make()
    write(path, patches, header, 4)
    refused(path, False, "exists already", "output.overwrite=true")
    check(path, patches, header)
    other, header = make((5, 3, 3))
    write(path, other, header, 2, overwrite=True)
    check(path, other, header)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_users_folder_is_never_replaced(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    path.mkdir()
    refused(path, True, "exists and is a folder", "never replaced")
    (path / "precious").write_text("kept")
    refused(path, True, "exists and is a folder", "never replaced")
    assert (path / "precious").read_text() == "kept"


def test_a_file_is_no_zarr_store(tmp_path):
    (tmp_path / "p.zarr").write_text("kept")
    refused(tmp_path / "p.zarr", True, "exists and is a file")
    assert (tmp_path / "p.zarr").read_text() == "kept"


def test_a_zarr_store_is_no_file(tmp_path):
    patches, header = make()
    write(tmp_path / "p.zarr", patches, header, 4)
    (tmp_path / "p.zarr").rename(tmp_path / "p.npz")
    refused(tmp_path / "p.npz", True, "is a folder")


def test_a_device(tmp_path):
    (tmp_path / "p.npz").symlink_to("/dev/null")
    refused(tmp_path / "p.npz", True, "is a device")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", ["same", "dotted", "symbolic", "hard", "inside"])
def test_the_scan_itself_is_never_replaced(tmp_path, suffix, kind):
    """Not even where it is an output of ours, which could be replaced."""
    scan = tmp_path / f"scan{suffix}"
    write(scan, *make(), 4)
    path = tmp_path / f"p{suffix}"
    if kind == "same":
        path = scan
    elif kind == "dotted":
        path = tmp_path / ".." / tmp_path.name / scan.name
    elif kind == "symbolic":
        path.symlink_to(scan)
    elif scan.is_dir() and kind == "inside":
        path, scan = scan, scan / "patches" / "zarr.json"
    elif scan.is_file() and kind == "hard":
        path.hardlink_to(scan)
    else:
        pytest.skip("there is no such thing for this format")
    before = scan.stat()
    with pytest.raises(OutputError, match=r"is the input itself, .*never replaced"):
        check_output(path, True, [scan])
    check_output(tmp_path / f"other{suffix}", True, [scan])
    assert os.path.samestat(scan.stat(), before)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_symbolic_links_are_followed(tmp_path, suffix):
    patches, header = make()
    (tmp_path / "real").mkdir()
    link = tmp_path / f"p{suffix}"
    link.symlink_to(tmp_path / "real" / "data")
    write(link, patches, header, 4)
    write(link, patches, header, 4, overwrite=True)
    assert link.is_symlink()
    check(link, patches, header)
    assert [entry.name for entry in (tmp_path / "real").iterdir()] == ["data"]


def test_a_disk_without_room(tmp_path):
    header = Plan((10**9, 64, 64), 0, "c8", np.zeros((0, 2)))
    with pytest.raises(OutputError, match=r"the arrays take .* but .* free") as caught:
        begin(tmp_path / "p.npz", header)
    assert "output.path" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_is_compressed_may_be_larger_than_the_disk(tmp_path):
    axes = ("point", "y", "x")
    packed = ArraySpec(
        (10**9, 64, 64), np.dtype("c8"), axes, chunks=(1, 64, 64), compression="zstd"
    )
    Store.create(tmp_path / "p.zarr", {"patches": packed}).discard()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": np.dtype(object)}, "dtype: received object, no numbers"),
        ({"dtype": np.dtype("U1")}, "no numbers"),
        ({"shape": (3, -1)}, "shape: received"),
        ({"axes": ("y",)}, "Expected 2 different names"),
        ({"axes": ("y", "y")}, "Expected 2 different names"),
        ({"chunks": (1,)}, "Expected 2 sizes of 1 or more"),
        ({"chunks": (1, 0)}, "Expected 2 sizes of 1 or more"),
    ],
)
def test_arrays_are_checked(change, words):
    with pytest.raises(OutputError, match=words):
        ArraySpec(**({"shape": (3, 4), "dtype": np.dtype("f4")} | change))


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "received none"),
        ({"a/b": ArraySpec((1,), np.dtype("f4"))}, "received the name 'a/b'"),
        ({"entry": ArraySpec((1,), np.dtype("f4"))}, "received the name 'entry'"),
        ({"array_specs": ArraySpec((1,), np.dtype("f4"))}, "received the name 'array_specs'"),
        ({"geometry": ArraySpec((1,), np.dtype("f4"))}, "received the name 'geometry'"),
        (
            {
                "a": ArraySpec((3,), np.dtype("f4"), ("y",)),
                "b": ArraySpec((4,), np.dtype("f4"), ("y",)),
            },
            "'y' has length 4 in 'b' and 3 in 'a'",
        ),
    ],
)
def test_arrays_fit_each_other(tmp_path, arrays, words):
    with pytest.raises(OutputError, match=words):
        Store.create(tmp_path / "p.npz", arrays)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"patches": {"a": 1}}, "arrays: received the name 'patches'"),
        ({"NX_class": {"a": 1}}, "records: received the name 'NX_class'"),
        ({"scan": {"text": "x" * 2**22}}, r"scan: takes \d+ letters as JSON. Expected at most"),
    ],
)
def test_records_that_no_reader_would_find_are_refused(tmp_path, more, words):
    spec = ArraySpec((1,), np.dtype("f4"))
    with pytest.raises(OutputError, match=words):
        Store.create(tmp_path / "p.npz", {"patches": spec}, more=more)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_regions_of_numpys_integers(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    with Store.create(path, {"patches": ArraySpec((4, 2), np.dtype("f4"))}) as store:
        for start in np.arange(0, 4, 2):
            store.write("patches", slice(start, start + 2), np.full((2, 2), start, "f4"))
            store.finish(slice(start, start + 2))
        store.publish()
    with read_output(path) as output:
        np.testing.assert_array_equal(output.arrays["patches"][:, 0], [0, 0, 2, 2])


def test_records_without_json_are_refused_before_anything_is_written(tmp_path):
    _, header = make()
    header.records = {"provenance": {"handle": object()}}
    with pytest.raises(OutputError, match=r"provenance: .*type object"):
        begin(tmp_path / "p.npz", header)
    assert not list(tmp_path.iterdir())


# Reading back


def test_reading_what_is_no_output(tmp_path):
    for name, words in (("p.npz", "no such output"), ("p.txt", "unknown suffix")):
        with pytest.raises(InputFileError, match=words):
            read_output(tmp_path / name)
    np.savez(tmp_path / "p.npz", patches=np.zeros(3))
    np.savez(tmp_path / "q.npz", geometry=np.array({}, object), patches=np.zeros(3))
    (tmp_path / "e.npz").touch()
    with h5py.File(tmp_path / "p.h5", "w") as file:
        file["patches"] = np.zeros(3)
    (tmp_path / "p.hdf5").write_text("text")
    zarr.create_group(str(tmp_path / "p.zarr"))
    (tmp_path / "q.zarr").mkdir()
    for name in ("p.npz", "q.npz", "e.npz", "p.h5", "p.hdf5", "p.zarr", "q.zarr"):
        with pytest.raises(InputFileError, match="cannot be read as an output"):
            read_output(tmp_path / name)


def damage_npz(path):
    with np.load(path) as arrays:
        np.savez(path, **{**arrays, "array_specs": "[]"})


def compress_npz(path):
    with np.load(path) as arrays:
        np.savez_compressed(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("geometry.npy").header_offset
    content = bytearray(path.read_bytes())
    content[start + 70 : start + 100] = bytes(30)
    path.write_bytes(content)


def add_text(path):
    with h5py.File(path, "a") as file:
        file["note"] = "text"


def damage_zarr(path):
    (path / "zarr.json").write_text('{"attributes": [1]}')


@pytest.mark.parametrize(
    ("suffix", "change", "replaceable"),
    [
        (".npz", damage_npz, True),
        (".npz", compress_npz, False),
        (".h5", add_text, True),
        (".zarr", damage_zarr, False),
    ],
)
def test_a_damaged_output_is_an_error_in_words(tmp_path, suffix, change, replaceable):
    """And is replaced only as long as its records can be read."""
    path = tmp_path / f"p{suffix}"
    patches, header = make()
    write(path, patches, header, 10)
    change(path)
    with pytest.raises(InputFileError, match="cannot be read as an output"):
        read_output(path)
    if replaceable:
        write(path, patches, header, 10, overwrite=True)
        check(path, patches, header)
    else:
        refused(path, True, "is no output of ptycho-engine")


# Regions in any order, names and units


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
@pytest.mark.parametrize("chunks", [None, (3, 2, 4)])
def test_regions_in_any_order_from_several_threads(tmp_path, suffix, chunks):
    patches, header = make()
    header.chunks = chunks
    regions = [(slice(i, i + 2), slice(j, j + 2)) for i in range(0, 10, 2) for j in (0, 2)]
    np.random.default_rng(1).shuffle(regions)
    with begin(tmp_path / f"p{suffix}", header) as store, ThreadPoolExecutor(3) as pool:

        def job(region):
            store.write("patches", tuple(region), patches[tuple(region)])
            store.finish(tuple(region))

        list(pool.map(job, regions))
    check(tmp_path / f"p{suffix}", patches, header)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_axes_and_units_come_back(tmp_path, suffix):
    arrays = {
        "patches": ArraySpec((3, 2, 2), np.dtype("f4"), ("point", "y", "x"), "counts"),
        "point": ArraySpec((3,), np.dtype("f8"), ("point",), "m"),
        "nameless": ArraySpec((2,), np.dtype("f8")),
    }
    with Store.create(tmp_path / f"p{suffix}", arrays) as store:
        for name, spec in arrays.items():
            store.write(name, (), np.ones(spec.shape, spec.dtype))
    with read_output(tmp_path / f"p{suffix}") as output:
        for name, spec in arrays.items():
            found = output.specs[name]
            assert (found.axes, found.units) == (spec.axes, spec.units)
    if suffix == ".h5":
        with h5py.File(tmp_path / "p.h5") as file:  # the way of a NeXus viewer to the plot
            plot = file[file.attrs["default"]]
            plot = plot[plot.attrs["default"]]
            assert plot.attrs["NX_class"] == "NXdata"
            assert plot[plot.attrs["signal"]].shape == (3, 2, 2)
            assert list(plot.attrs["axes"]) == ["point", ".", "."]
            assert plot["point"].attrs["units"] == "m"


@pytest.mark.parametrize("consolidated", [None, False, True])
def test_xarray_opens_zarr(tmp_path, consolidated):
    """Without a warning, by its defaults too."""
    xarray = pytest.importorskip("xarray")
    arrays = {"patches": ArraySpec((3, 2, 2), np.dtype("f4"), ("point", "y", "x"), "counts")}
    with Store.create(tmp_path / "p.zarr", arrays, geometry={"a": 1}) as store:
        store.write("patches", (), np.arange(12, dtype="f4").reshape(3, 2, 2))
    with xarray.open_zarr(tmp_path / "p.zarr", consolidated=consolidated) as data:
        assert data.patches.dims == ("point", "y", "x")
        assert data.patches.attrs["units"] == "counts"
        assert data.attrs["geometry"] == {"a": 1}
        assert float(data.patches.sum()) == 66


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "f2", "f8", "c8", "c16", ">i4"])
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 2)])
def test_zarr_describes_every_dtype_as_the_library_does(tmp_path, dtype, shape):
    spec = ArraySpec(shape, np.dtype(dtype), units="m")
    values = np.ones(shape, spec.dtype)
    with Store.create(tmp_path / "p.zarr", {"patches": spec}) as store:
        store.write("patches", (), values)
    zarr.create_group(tmp_path / "q.zarr").create_array(
        "patches", shape=spec.shape, dtype=spec.dtype, chunks=zarr_container.chunk_shape(spec),
        serializer=zarr.codecs.BytesCodec(endian=sys.byteorder),
        compressors=[zarr.codecs.Crc32cCodec()], attributes={"units": "m"},
    )  # fmt: skip
    ours, theirs = (
        json.loads((tmp_path / f"{n}.zarr/patches/zarr.json").read_text()) for n in "pq"
    )
    assert ours == theirs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = zarr.open_group(tmp_path / "p.zarr", mode="r")["patches"][...]
    np.testing.assert_array_equal(found, values, strict=True)


def test_zarr_refuses_what_it_does_not_know(tmp_path):
    spec = ArraySpec((2,), np.dtype("longdouble"))
    with pytest.raises(OutputError, match="which Zarr does not know"):
        Store.create(tmp_path / "p.zarr", {"patches": spec})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow_cases(".hdf5")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_output_is_written_while_the_interpreter_exits(tmp_path, suffix):
    """In `atexit`, and by a thread that outlives the main one: no pool takes work any more."""
    program = f"""
import atexit, threading
import numpy as np
from ptycho_engine.io.store import ArraySpec, Store
import h5py
def write(name):
    specs = {{"patches": ArraySpec((8, 4, 4), np.dtype("f4"), chunks=(2, 4, 4))}}
    with Store.create({str(tmp_path)!r} + "/" + name + {suffix!r}, specs) as store:
        for start in range(0, 8, 4):
            store.write("patches", slice(start, start + 4), np.ones((4, 4, 4), "f4"))
            store.finish(slice(start, start + 4))
def late():
    threading.main_thread().join()
    write("thread")
threading.Thread(target=late).start()
atexit.register(write, "atexit")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stderr == ""
    for name in ("atexit", "thread"):
        with read_output(tmp_path / f"{name}{suffix}") as output:
            assert (output.patches[...] == 1).all()
    assert len(list(tmp_path.iterdir())) == 2


def test_checksums_tell_damage(tmp_path):
    patches, header = make()
    header.chunks = (5, 4, 4)
    for suffix in (".npz", ".h5", ".zarr"):
        write(tmp_path / f"p{suffix}", patches, header, 10)
    for path in (tmp_path / "p.npz", tmp_path / "p.h5", tmp_path / "p.zarr/patches/c/1/0/0"):
        content = bytearray(path.read_bytes())
        content[content.index(patches[7].tobytes())] ^= 1
        path.write_bytes(content)
    with np.load(tmp_path / "p.npz") as arrays, pytest.raises(zipfile.BadZipFile):
        arrays["patches"]
    with h5py.File(tmp_path / "p.h5") as file, pytest.raises(OSError, match="read"):
        file["patches"][...]
    with pytest.raises(ValueError, match="checksum"):
        zarr.open_group(str(tmp_path / "p.zarr"), mode="r")["patches"][...]


@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_overlapping_regions_are_refused(tmp_path, suffix):
    patches, header = make()
    for second, words in ((slice(4, 10), "overlap"), (slice(0, 6), "already")):

        def job(second=second):
            with begin(tmp_path / f"p{suffix}", header) as store:
                store.write("patches", slice(0, 6), patches[:6])
                store.write("patches", second, patches[second])

        with pytest.raises(OutputError, match=words):
            job()
    assert not list(tmp_path.iterdir())


def test_late_provenance_and_a_closed_store(tmp_path):
    patches, header = make()
    store = begin(tmp_path / "p.h5", header)
    with pytest.raises(OutputError, match="nothing was written for it"):
        store.finish(slice(0, 3))
    with pytest.raises(OutputError, match="Expected one of patches, positions"):
        store.write("patch", (), patches)
    store.write("patches", (), patches)
    store.publish(provenance={"seconds": 1.5})
    with pytest.raises(OutputError, match="published or discarded"):
        store.write("patches", (), patches)
    with read_output(tmp_path / "p.h5") as output:
        assert output.provenance == PLAIN["provenance"] | {"seconds": 1.5}
