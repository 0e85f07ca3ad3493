"""HDF5 files of others: what is read of them, where links may lead, what is refused by name."""

import os
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from real_files import real_file

from ptycho_engine.errors import InputFileError, MemoryBudgetError
from ptycho_engine.io.hdf5_file import Hdf5File

STACK = np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(6, 4, 5)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "scan").mkdir()
    return tmp_path / "scan" / "scan.h5"


@pytest.fixture
def file(path):
    with h5py.File(path, "w") as file:
        yield file


def read(file, name="data"):
    """Close what was written, and load a dataset of it."""
    path = Path(file.filename)
    file.close()
    with Hdf5File(path) as opened:
        return opened.load(name)


def refused(file, *words, name="data"):
    with pytest.raises(InputFileError) as caught:
        read(file, name)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("dtype", ["u1", ">i4", "f2", ">f8", "c8", ">c16", "?"])
def test_numbers_come_in_native_order(file, dtype):
    values = np.array([[0, 1], [1, 0]], dtype)
    file["data"] = values
    found = read(file)
    assert found.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(("part", "expected"), [("f4", "c8"), ("f8", "c16"), (">f8", "c16")])
def test_complex_numbers_under_the_names_of_matlab(file, part, expected):
    pairs = np.zeros((2, 3), [("real", part), ("imag", part)])
    pairs["real"], pairs["imag"] = 3, -4
    file["data"] = pairs
    found = read(file)
    assert found.dtype == expected
    assert (found == 3 - 4j).all()


def test_names_attributes_texts(file, path):
    file["entry/name"] = "a text"
    file["entry/number"] = np.array([2.5])
    file.attrs["text"], file.attrs["bytes"] = "ü", np.bytes_("b")
    file.attrs["one"], file.attrs["two"] = np.array([3]), np.array([1.5, 2.5])
    file.attrs["wide"] = np.array(["x"], h5py.string_dtype())
    file.close()
    with Hdf5File(path) as opened:
        assert opened.names() == ("entry",)
        assert opened.names("entry") == ("name", "number")
        assert opened.names("entry/name") == opened.names("nothing") == ()
        assert "entry/name" in opened
        assert "entry/other" not in opened
        assert opened.is_dataset("entry/name")
        assert not opened.is_dataset("entry")
        assert opened.text("entry/name") == "a text"
        assert opened.text("entry/number") == "2.5"
        found = opened.attributes()
        assert opened.listing() == "entry/name (), entry/number (1,)"
    np.testing.assert_array_equal(found.pop("two"), [1.5, 2.5])
    assert found == {"text": "ü", "bytes": "b", "one": 3, "wide": "x"}


def test_what_is_missing_and_what_is_there(file):
    file["other/data"] = np.ones(3)
    refused(file, "'data' is missing. Found: other/data (3,).")


@pytest.mark.parametrize("values", ["text", np.zeros(2, [("a", "f4"), ("b", "f4")])])
def test_what_are_no_numbers(file, values):
    file["data"] = values
    refused(file, "'data' holds", "Expected numbers")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "an empty file"), (b"PK\x03\x04", "a zip archive"), (b"y,x\n1,2", "text, beginning")],
)
def test_what_is_no_hdf5_file(path, content, words):
    path.write_bytes(content)
    with pytest.raises(InputFileError, match=words):
        Hdf5File(path)


def test_paths_that_lead_to_no_file(path):
    for place, word in ((path, "no such file"), (path.parent, "is a folder")):
        with pytest.raises(InputFileError, match=word):
            Hdf5File(place)
    os.mkfifo(path)
    with pytest.raises(InputFileError, match="pipe"):
        Hdf5File(path)


def test_what_is_loaded_counts(file, path, monkeypatch):
    file.create_dataset("data", (4096, 4096, 4096), "u2", chunks=(1, 64, 64), compression="gzip")
    file.close()
    monkeypatch.setattr("ptycho_engine.memory.parse_bytes", lambda budget: 2**30)
    with Hdf5File(path) as opened:
        assert opened.header("data").nbytes == 2**37
        with pytest.raises(MemoryBudgetError, match=r"reading 'data' takes 128\.00 GiB"):
            opened.load("data")


def test_values_that_were_never_written(file):
    file.create_dataset("data", (3, 4), "f4", chunks=(1, 4))
    refused(file, "declared with shape (3, 4) and never written")


# -- ranges ----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(
    layout=st.sampled_from(["flat", "raster", "cube", "chunks", "big endian", "block", "narrow"]),
    wanted=st.tuples(st.integers(0, 6), st.integers(0, 6)).map(sorted),
    indices=st.lists(st.integers(0, 5), max_size=9),
)
def test_patterns_by_range(tmp_path_factory, layout, wanted, indices):
    path = tmp_path_factory.getbasetemp() / f"{layout}.h5"
    if not path.exists():
        block = {"userblock_size": 512} if layout == "block" else {}  # as MATLAB writes
        with h5py.File(path, "w", **block) as file:
            held = {"raster": STACK.reshape(2, 3, 4, 5), "cube": STACK.reshape(1, 3, 2, 4, 5)}
            held = held.get(layout, STACK.astype(">u2") if layout == "big endian" else STACK)
            chunks = {"chunks": (4, 2, 2), "compression": "gzip"} if layout == "chunks" else {}
            if layout == "narrow":  # numbers of ten bits, as NumPy has none
                kind = h5py.h5t.NATIVE_UINT16.copy()
                kind.set_precision(10)
                space = h5py.h5s.create_simple(held.shape)
                made = h5py.h5d.create(file.create_group("a").id, b"data", kind, space)
                h5py.Dataset(made)[...] = held
            else:
                file.create_dataset("a/data", data=held, **chunks)
    with Hdf5File(path) as opened:
        patterns = opened.patterns("a/data", "intensity")
    assert (patterns.shape, patterns.dtype, patterns.quantity) == ((6, 4, 5), "u2", "intensity")
    np.testing.assert_array_equal(patterns.read(*wanted), STACK[slice(*wanted)])
    np.testing.assert_array_equal(patterns.take(indices), STACK[np.array(indices, int)])


@pytest.mark.parametrize(
    "values", [np.ones((2, 3)), np.ones((2, 3, 4), "c8"), np.ones((1, 2, 3), bool)]
)
def test_what_are_no_patterns(file, path, values):
    file["data"] = values
    file.close()
    with Hdf5File(path) as opened, pytest.raises(InputFileError, match=r"\(P, H, W\)"):
        opened.patterns("data")


# -- links -----------------------------------------------------------------------------------


def test_links_within_the_file(file):
    file["real/data"] = np.arange(3)
    file["real/here"] = h5py.SoftLink("data")
    file["there"] = h5py.SoftLink("/real")
    file["data"] = h5py.SoftLink("/there/here")
    np.testing.assert_array_equal(read(file), np.arange(3))


def test_links_to_files_of_the_folder(file, path):
    (path.parent / "below").mkdir()
    with h5py.File(path.parent / "below" / "one.h5", "w") as one:
        one["data"] = h5py.ExternalLink("two.h5", "/deep")
    with h5py.File(path.parent / "below" / "two.h5", "w") as two:
        two["deep/values"] = np.arange(3)
    file["data"] = h5py.ExternalLink("below/one.h5", "/data")
    np.testing.assert_array_equal(read(file, "data/values"), np.arange(3))


@pytest.mark.parametrize("kind", ["relative", "absolute", "symbolic", "behind a soft link"])
def test_links_that_leave_the_folder(file, path, kind):
    outside = path.parent.parent / "secret.h5"
    with h5py.File(outside, "w") as secret:
        secret["data"] = np.arange(3)
    (path.parent / "inside.h5").symlink_to(outside)
    target = {"relative": "../secret.h5", "absolute": str(outside)}.get(kind, "inside.h5")
    file["far" if "soft" in kind else "data"] = h5py.ExternalLink(target, "/data")
    if "soft" in kind:
        file["data"] = h5py.SoftLink("/far")
    refused(file, "leads to", "outside of the folder")


def test_files_that_were_moved_together(file, path):
    """Links name where they were, absolutely or in a folder above; those of the folder count."""
    with h5py.File(path.parent / "part.h5", "w") as part:
        part["data"] = np.arange(3)
    file["data"] = h5py.ExternalLink("/where/it/was/part.h5", "/data")
    file["above"] = h5py.ExternalLink("../was/part.h5", "/data")
    file["gone"] = h5py.ExternalLink("/where/it/was/other.h5", "/data")
    file.close()
    with Hdf5File(path) as opened:
        for name in ("data", "above"):
            np.testing.assert_array_equal(opened.load(name), np.arange(3))
        assert "gone" not in opened


def test_virtual_datasets_that_were_moved(file, path):
    """The library would follow their names by itself, to where they were."""
    with h5py.File(path.parent / "part.h5", "w") as part:
        part["values"] = np.arange(3)
    outside = path.parent.parent / "part.h5"
    with h5py.File(outside, "w") as part:
        part["values"] = np.arange(3, 6)
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource(str(outside), "values", (3,))
    file.create_virtual_dataset("data", layout)
    refused(file, "outside of the folder")


def test_links_in_a_circle(file, path):
    file["data"] = h5py.SoftLink("/data")
    refused(file, "behind more than 20 links")
    with h5py.File(path, "w") as again:
        again["data"] = h5py.ExternalLink("scan.h5", "/data")
        refused(again, "behind more than 20 links")


def test_sequences_are_passed_over(file, path):
    """A damaged bit turns a text into one of unknown kind, on which the library crashes."""
    kind = h5py.vlen_dtype(np.uint8)
    values = np.empty(1, object)
    values[0] = np.array([1, 2], "u1")
    file.attrs.create("sequence", values, (1,), kind)
    file.create_dataset("data", (1,), kind)
    file.close()
    with Hdf5File(path) as opened:
        assert opened.attributes() == {}
        with pytest.raises(InputFileError, match="Expected a single text"):
            opened.text("data")


def test_dead_links(file, path):
    file["data"] = h5py.SoftLink("/nothing")
    file["gone"] = h5py.ExternalLink("gone.h5", "/data")
    file.close()
    with Hdf5File(path) as opened:
        assert "data" not in opened
        assert "gone" not in opened
        with pytest.raises(InputFileError, match=r"gone\.h5: no such file"):
            opened.load("gone")


@pytest.mark.parametrize("inside", [True, False])
def test_virtual_datasets(file, path, inside):
    folder = path.parent if inside else path.parent.parent
    with h5py.File(folder / "part.h5", "w") as part:
        part["values"] = np.arange(3)
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource(str(folder / "part.h5"), "values", (3,))
    file.create_virtual_dataset("data", layout)
    if inside:
        np.testing.assert_array_equal(read(file), np.arange(3))
    else:
        refused(file, "outside of the folder")


def test_values_in_a_raw_file_of_anyone(file, path):
    (path.parent / "raw").write_bytes(bytes(24))
    file.create_dataset("data", (3,), "f8", external=[("raw", 0, 24)])
    refused(file, "in another, raw file")


# -- compression -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (32008, ["bitshuffle", 'pip install "ptycho_engine[hdf5plugin]"']),
        (32001, ["Blosc", "hdf5plugin"]),
        (32004, ["LZ4", "hdf5plugin"]),
        (30000, ["the HDF5 filter 30000", "h5repack"]),
    ],
)
def test_compression_that_is_not_installed_is_named(file, path, monkeypatch, number, words):
    monkeypatch.setattr("ptycho_engine.io.hdf5_filters.is_installed", lambda module: False)
    # An optional filter that is not there leaves the values as they are, and is noted all the same.
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((3,))
    properties.set_filter(number, h5py.h5z.FLAG_OPTIONAL, ())
    space, kind = h5py.h5s.create_simple((3,)), h5py.h5t.NATIVE_DOUBLE
    h5py.Dataset(h5py.h5d.create(file.id, b"data", kind, space, properties))[...] = 1.0
    refused(file, f"{number}", *words)


def test_a_real_master_file_names_its_compression(monkeypatch):
    monkeypatch.setattr("ptycho_engine.io.hdf5_filters.is_installed", lambda module: False)
    with Hdf5File(real_file("rsciio_arina/test_00_master.h5")) as opened:
        assert opened.header("entry/data/data_000001").shape == (16, 192, 192)
        with pytest.raises(InputFileError, match=r"bitshuffle.*ptycho_engine\[hdf5plugin\]"):
            opened.load("entry/data/data_000001")


def test_groups_that_hold_each_other_are_listed_to_an_end(file):
    for name in "abc":  # 3 ** 20 paths, and no dataset at any
        file[name] = file["/"]
    refused(file, "no datasets")


@pytest.mark.parametrize("sources", ["data", "other"])
def test_virtual_datasets_that_hold_themselves(file, sources):
    """The library would end the process."""
    for name, source in (("data", sources), ("other", "data")):
        layout = h5py.VirtualLayout((3, 2), "f8")
        layout[:] = h5py.VirtualSource(".", source, shape=(3, 2))
        file.create_virtual_dataset(name, layout)
    refused(file, "more than 20 links", "in a circle")


def test_a_virtual_dataset_of_what_is_not_there(file):
    layout = h5py.VirtualLayout((3, 2), "f8")
    layout[:] = h5py.VirtualSource(".", "gone", shape=(3, 2))
    file.create_virtual_dataset("data", layout)
    refused(file, "'gone' is missing")


# -- values that nobody wrote ----------------------------------------------------------------


def test_a_scan_that_was_stopped(file):
    """The library reads the fill value of a chunk that is not there."""
    stack = file.create_dataset("data", (6, 4, 5), "u2", chunks=(2, 4, 3), fillvalue=7)
    stack[:4] = STACK[:4]
    refused(file, "4 of the 6 chunks", "the first that is missing at index 4", "stopped")


def test_frames_of_a_stopped_scan_are_refused_too(file, path):
    file.create_dataset("data", (6, 4, 5), "u2", chunks=(1, 4, 5))[:3] = STACK[:3]
    file.close()
    with Hdf5File(path) as opened:
        patterns = opened.patterns("data")
    with pytest.raises(InputFileError, match=r"3 of the 6 chunks .*missing at index 3"):
        patterns.read(0, 2)


@pytest.mark.parametrize("shape", [(6, 4, 5), (5, 3, 4)])
def test_chunks_at_the_edge_and_datasets_made_smaller(file, shape):
    stack = file.create_dataset("data", data=STACK, chunks=(4, 3, 3), maxshape=(None,) * 3)
    stack.resize(shape)
    expected = STACK[tuple(map(slice, shape))]
    np.testing.assert_array_equal(read(file), expected)


def parts_of(path, *lengths):
    """Write files of data; return the sources that a virtual dataset names."""
    sources, start = [], 0
    for number, length in enumerate(lengths):
        name = f"part{number}.h5"
        with h5py.File(path.parent / name, "w") as part:
            part["d"] = STACK[start : start + length]
        sources.append(h5py.VirtualSource(name, "d", shape=(length, 4, 5)))
        start += length
    return sources


@pytest.mark.parametrize("rows", [[0, 1, 2], [0, 1, 3], [0, 2, 4]])
def test_frames_that_a_virtual_dataset_does_not_map(file, path, rows):
    (source,) = parts_of(path, 3)
    layout = h5py.VirtualLayout((6, 4, 5), "u2")
    layout[rows] = source
    file.create_virtual_dataset("data", layout)
    lost = min(set(range(6)) - set(rows))
    refused(file, "for 3 of its 6 entries", f"the first at index {lost}", "Copy or write")


def test_a_virtual_dataset_of_nothing(file):
    file.create_virtual_dataset("data", h5py.VirtualLayout((6, 4, 5), "u2"))
    refused(file, "never written")


@pytest.mark.parametrize("whole", [True, False])
def test_a_part_of_a_virtual_dataset_that_ends_early(file, path, whole):
    first, second = parts_of(path, 3, 3)
    layout = h5py.VirtualLayout((6, 4, 5), "u2")
    layout[:3], layout[3:] = first, second if whole else second[:3]
    file.create_virtual_dataset("data", layout)
    with h5py.File(path.parent / "part1.h5", "w") as part:
        part["d"] = STACK[3:5]
    refused(file, "takes more of 'd' in 'part1.h5' than that has, of shape (2, 4, 5)")


def test_gaps_between_modules_and_datasets_without_an_end(file, path):
    """Gaps that each frame has are the detector's; what has no end is as long as its source."""
    (source,) = parts_of(path, 6)
    layout = h5py.VirtualLayout((6, 9, 5), "u2")
    layout[:, :4] = source
    layout[:, 5:] = source
    file.create_virtual_dataset("data", layout)
    (source,) = parts_of(path, 6)
    endless = h5py.VirtualSource("part0.h5", "d", shape=(6, 4, 5), maxshape=(None, 4, 5))
    layout = h5py.VirtualLayout((6, 4, 5), "u2", maxshape=(None, 4, 5))
    layout[0 : h5py.h5s.UNLIMITED] = endless[0 : h5py.h5s.UNLIMITED]
    file.create_virtual_dataset("live", layout)
    file.close()
    with Hdf5File(path) as opened:
        np.testing.assert_array_equal(opened.load("data")[:, 5:], STACK)
        np.testing.assert_array_equal(opened.load("live"), STACK)


def test_a_symbolic_link_is_called_one(file, path):
    """The name that the message would advise is the one that the link has."""
    outside = path.parent.parent / "raw.h5"
    with h5py.File(outside, "w") as raw:
        raw["data"] = np.arange(3)
    (path.parent / "part.h5").symlink_to(outside)
    file["data"] = h5py.ExternalLink("part.h5", "/data")
    refused(file, "'part.h5', which is a symbolic link to", str(outside), "in place of the symbol")
