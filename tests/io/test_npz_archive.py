"""Archives that lie: about their directory, their sizes, or the arrays in them."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutations import DIRECTORY, DTYPES, END, LOCAL, RAW, SHAPES, WHOLE

from ptycho_engine.errors import InputFileError, MemoryBudgetError
from ptycho_engine.io.npy_header import LONGEST, parse_header, read_header
from ptycho_engine.io.npz_archive import NpzArchive
from ptycho_engine.io.regular_file import READ_LIMIT

FORMS = {"f4", "<f8", ">f8", ">c8", "<c16", "f2", "u1", ">i2", "?", "<U5", ">U5", "S3", "<M8[s]"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.npz"


def read(path, key):
    with NpzArchive(path) as archive:
        archive.header(key)
        return archive.load(key)


def refused(path, key="xcoords"):
    """The reason of a refusal: of the file, or of an array in it."""
    with pytest.raises(InputFileError) as caught:
        read(path, key)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    return message


def packed(path, *members, method=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


ONE = ("one.npy", npy(np.arange(5.0)))
TWO = ("two.npy", npy(np.arange(3)))


# -- the directory ---------------------------------------------------------------------------


def without_entry(data, which):
    """The same file, whose directory does not name one of its members."""
    start, end = data.find(DIRECTORY), data.rfind(END)
    starts = [at for at in range(start, end) if data[at : at + 4] == DIRECTORY] + [end]
    entry = data[starts[which] : starts[which + 1]]
    record = bytearray(data[end:])
    counts = struct.unpack_from("<HHI", record, 8)
    struct.pack_into("<HHI", record, 8, counts[0] - 1, counts[1] - 1, counts[2] - len(entry))
    return data[: starts[which]] + data[starts[which + 1] : end] + bytes(record)


@pytest.mark.parametrize("whole", WHOLE, ids=["stored", "deflated"])
@pytest.mark.parametrize("which", range(9))
def test_no_array_vanishes_from_a_directory(path, whole, which):
    path.write_bytes(without_entry(whole, which))
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 8  # Python does not notice
    assert "directory" in refused(path)


@pytest.mark.parametrize("where", [DIRECTORY, LOCAL])
def test_no_array_vanishes_under_another_name(path, where):
    data = bytearray(WHOLE[0])
    at = data.find(b"probeGuess.npy", data.find(DIRECTORY) if where == DIRECTORY else 0)
    data[at : at + 5] = b"prove"
    path.write_bytes(data)
    assert "what the member calls" in refused(path)


def test_an_array_twice_is_refused(path):
    with pytest.warns(UserWarning, match="Duplicate"):
        packed(path, ONE, TWO, ONE)
    assert "names 'one' twice" in refused(path)
    packed(path, ONE, ("one", TWO[1]))  # NumPy reads the second under this name
    assert "names 'one' twice" in refused(path)


def test_members_that_share_bytes_are_refused(path):
    """What unfolds to petabytes shares its bytes among thousands of members."""
    packed(path, ONE, TWO)
    data = bytearray(path.read_bytes())
    second = data.find(DIRECTORY, data.find(DIRECTORY) + 4)
    data[second + 42 : second + 46] = bytes(4)  # it begins where the first does
    path.write_bytes(data)
    assert "directory" in refused(path)


def test_a_directory_beyond_any_scan_is_not_read(path):
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"{number}.npy", b"")
    assert f"more than {READ_LIMIT}" in refused(path)


@pytest.mark.parametrize("around", [(b"#!/bin/sh\n", b""), (b"PK\x03\x04", b"")])
def test_what_stands_before_the_first_member_is_refused(path, around):
    before, after = around
    path.write_bytes(before + packed(path, ONE).read_bytes() + after)
    assert f"first {len(before)} bytes" in refused(path)


def test_archives_that_were_written_to_a_pipe_are_read(path):
    """Their sizes stand behind the data."""

    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = b""

        def writable(self):
            return True

        def write(self, data):
            self.data += bytes(data)
            return len(data)

    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for big in (False, True):
            pipe = Pipe()
            with zipfile.ZipFile(pipe, "w", method) as archive:
                for name, content in (ONE, TWO):
                    with archive.open(name, "w", force_zip64=big) as member:
                        member.write(content)
            path.write_bytes(pipe.data)
            with NpzArchive(path) as archive:
                np.testing.assert_array_equal(archive.load("one"), np.arange(5.0))
                np.testing.assert_array_equal(archive.load("two"), np.arange(3))


def test_other_members_and_comments_do_no_harm(path):
    packed(path, ONE, ("folder/", b""), ("readme.txt", b"PK\x01\x02PK\x05\x06"), TWO)
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"more " * 1000
    with NpzArchive(path) as archive:
        assert archive.names == ("one", "two")
        np.testing.assert_array_equal(archive.load("two"), np.arange(3))


# -- members ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_compression_that_numpy_does_not_write_is_refused(path, method):
    assert "compressed by method" in refused(packed(path, ONE, method=method), "one")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("claimed", [2**20, 2**31, 2**32 - 2])
def test_sizes_that_no_member_can_have_are_refused(path, method, claimed):
    packed(path, ("one.npy", npy(np.zeros(100))), method=method)
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(DIRECTORY) + 24, claimed)
    path.write_bytes(data)
    assert f"claims {claimed} bytes" in refused(path, "one")


def test_an_encrypted_member_is_refused(path):
    data = bytearray(packed(path, ONE).read_bytes())
    data[data.find(DIRECTORY) + 8] |= 1
    path.write_bytes(data)
    assert "it is encrypted" in refused(path, "one")


@pytest.mark.parametrize("more", [b"\0" * 8, b"\0"])
def test_data_beyond_the_array_is_refused(path, more):
    packed(path, ("one.npy", ONE[1] + more), ("two.npy", TWO[1][: -len(more)]))
    assert f"holds {40 + len(more)} bytes. Expected 40" in refused(path, "one")
    assert f"holds {24 - len(more)} bytes. Expected 24" in refused(path, "two")
    with NpzArchive(path) as archive:
        with pytest.raises(InputFileError, match="goes on beyond the 40 bytes"):
            archive.load("one")
        with pytest.raises(InputFileError, match=r"ends \d+ bytes before its header claims"):
            archive.load("two")


def test_every_byte_of_an_array_is_summed(path):
    whole = packed(path, ONE, method=zipfile.ZIP_STORED).read_bytes()
    at = whole.find(np.arange(5.0).tobytes())
    for offset in (0, 20, 39):
        data = bytearray(whole)
        data[at + offset] ^= 1
        path.write_bytes(data)
        assert "CRC" in refused(path, "one")


def test_a_lack_of_memory_is_one_error(path, monkeypatch):
    packed(path, ONE)

    def none_left(*_, **__):
        raise MemoryError("Unable to allocate 1. PiB")

    monkeypatch.setattr("ptycho_engine.io.npz_archive.np.empty", none_left)
    with (
        NpzArchive(path) as archive,
        pytest.raises(MemoryBudgetError, match=r"no memory for 'one': Unable to allocate 1\. PiB"),
    ):
        archive.load("one")


# -- headers ---------------------------------------------------------------------------------


@given(
    form=st.sampled_from(sorted(FORMS)),
    shape=st.lists(st.integers(0, 4), max_size=4).map(tuple),
    fortran=st.booleans(),
)
def test_every_plain_array_comes_back(tmp_path_factory, form, shape, fortran):
    array = np.zeros(shape, form)
    array[...] = np.arange(array.size).reshape(shape)
    if fortran:
        array = np.asfortranarray(array)
    path = packed(tmp_path_factory.getbasetemp() / "array.npz", ("one.npy", npy(array)))
    with NpzArchive(path) as archive:
        header, loaded = archive.header("one"), archive.load("one")
    assert (header.shape, header.dtype, header.nbytes) == (array.shape, array.dtype, array.nbytes)
    assert loaded.dtype.isnative
    np.testing.assert_array_equal(loaded, array)


@given(text=st.text(max_size=60) | st.from_regex(r"\{'descr': '[<>|]?[a-zA-Z][0-9]{0,3}', .*\}"))
def test_any_text_is_a_header_or_refused(text):
    try:
        header = parse_header(text)
    except ValueError:
        return
    assert np.zeros(header.shape, header.dtype).nbytes == header.nbytes


@pytest.mark.parametrize("shape", [s for s in SHAPES if s not in ("()", "(0,)", "(40L,)")])
def test_shapes_that_no_array_has_are_refused(shape):
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    if "1, 1, 1" in shape and len(shape) < LONGEST:
        assert set(parse_header(text).shape) == {1}  # odd, but whole numbers; readers refuse it
        return
    if shape == f"({2**50},)":
        assert parse_header(text).nbytes == 2**53  # refused by the file's size
        return
    with pytest.raises(ValueError, match="its header"):
        parse_header(text)


@pytest.mark.parametrize("descr", [*map(repr, DTYPES), *RAW])
def test_dtypes_are_numpys_or_refused(descr):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (3,)}}"
    try:
        header = parse_header(text)
    except ValueError as error:
        message = str(error)
    else:
        message = "its header"
        assert header.dtype == np.lib.format.descr_to_dtype(eval(descr))
    assert "its header" in message


def test_long_integers_of_python_2_are_read():
    header = parse_header("{'descr': '<f8', 'fortran_order': False, 'shape': (40L, 3L), }\n")
    assert header.shape == (40, 3)


@pytest.mark.parametrize("version", [1, 2])
def test_a_header_is_not_read_beyond_its_limit(version):
    class Endless(io.RawIOBase):
        def __init__(self):
            self.left = b"\x93NUMPY" + bytes([version, 0]) + b"\xff\xff\xff\x7f"[: 2 * version]

        def read(self, size=-1):
            assert 0 <= size <= 8, "more was read than tells the length"
            piece, self.left = self.left[:size], self.left[size:]
            return piece

    with pytest.raises(ValueError, match=f"claims .* more than {LONGEST}"):
        read_header(Endless())
