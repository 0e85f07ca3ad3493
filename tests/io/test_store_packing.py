"""Chunks that are packed, and shards of chunks: read by the library, resumed to the same bytes."""

import json
import multiprocessing
import os
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import zarr

from ptycho_engine import read_output
from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.store import ArraySpec, Store
from ptycho_engine.io.zarr_group import ZarrGroup

SHAPE = 11, 4, 6
VALUES = np.random.default_rng(5).poisson(0.3, SHAPE).astype(np.float32)
#: Chunks, shards and compression; the last shard of the first axis is not full.
ZARR = [
    ((2, 4, 6), None, "zstd"),
    ((2, 4, 6), (6, 4, 6), "none"),
    ((2, 4, 6), (6, 4, 6), "zstd"),
    ((1, 2, 3), (4, 4, 6), "zstd"),
]
#: What an earlier test of this process has started warns of a fork; the child uses none of it.
pytestmark = pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning", "ignore:.*fork:DeprecationWarning"
)
packings = pytest.mark.parametrize(("chunks", "shards", "compression"), ZARR)


def specs(chunks, shards, compression):
    return {"data": ArraySpec(SHAPE, VALUES.dtype, (), "", chunks, compression, shards)}


def files(path):
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted((path / "data" / "c").rglob("*"))
        if file.is_file()
    }


@packings
def test_regions_in_any_order_are_read_by_the_library(tmp_path, chunks, shards, compression):
    regions = [(slice(i, min(i + 3, 11)), slice(j, j + 2)) for i in range(0, 11, 3) for j in (0, 2)]
    np.random.default_rng(2).shuffle(regions)
    path = tmp_path / "p.zarr"
    with Store.create(path, specs(chunks, shards, compression)) as store:

        def job(region):
            store.write("data", tuple(region), VALUES[tuple(region)])
            store.finish(tuple(region))

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(job, regions))
    found = zarr.open_group(path, mode="r")["data"]
    np.testing.assert_array_equal(found[...], VALUES)
    assert (found.chunks, found.shards) == (chunks, shards)
    np.testing.assert_array_equal(ZarrGroup(path).load("data"), VALUES)
    patterns = ZarrGroup(path).patterns("data", "intensity")
    np.testing.assert_array_equal(patterns.take([9, 2, 9]), VALUES[[9, 2, 9]])
    with read_output(path) as output:
        assert output.specs["data"] == specs(chunks, shards, compression)["data"]


def test_files_are_those_of_the_library(tmp_path):
    """Of shards that are not compressed: packed data differ between versions of zstd."""
    with Store.create(tmp_path / "p.zarr", specs((2, 4, 6), (6, 4, 6), "none")) as store:
        store.write("data", (), VALUES)
    theirs = zarr.create_group(tmp_path / "q.zarr").create_array(
        "data", shape=SHAPE, dtype=VALUES.dtype, chunks=(2, 4, 6), shards=(6, 4, 6),
        compressors=[zarr.codecs.Crc32cCodec()], config={"write_empty_chunks": True},
    )  # fmt: skip
    theirs[...] = VALUES
    described = (json.loads((tmp_path / f"{n}.zarr/data/zarr.json").read_text()) for n in "pq")
    one, other = (found["codecs"] for found in described)
    assert one == other
    ours, found = files(tmp_path / "p.zarr"), files(tmp_path / "q.zarr")
    assert ours.keys() == found.keys()
    assert ours["data/c/0/0/0"] == found["data/c/0/0/0"]


def killed(path, arrays):
    store = Store.create(path, arrays, resume=True)
    for start, stop in ((0, 4), (4, 8)):
        store.write("data", slice(start, stop), VALUES[start:stop])
        store.finish(slice(start, stop))
    os._exit(9)


def leave(path, arrays):
    """Leave what a process leaves that is killed after two regions."""
    process = multiprocessing.get_context("fork").Process(target=killed, args=(path, arrays))
    process.start()
    process.join(30)
    assert process.exitcode == 9
    (folder,) = path.parent.glob(".*partial-*")
    return folder / path.name


def resume(path, arrays):
    with Store.create(path, arrays, resume=True) as store:
        missing = store.missing("data")
        for start, stop in missing:
            store.write("data", slice(start, stop), VALUES[start:stop])
            store.finish(slice(start, stop))
    return missing


@packings
def test_a_killed_run_ends_with_the_same_bytes(tmp_path, chunks, shards, compression):
    arrays = specs(chunks, shards, compression)
    with Store.create(tmp_path / "whole.zarr", arrays) as store:
        store.write("data", (), VALUES)
    leave(tmp_path / "p.zarr", arrays)
    missing = resume(tmp_path / "p.zarr", arrays)
    assert missing[0][0] >= 4  # what was finished in whole files stays
    assert files(tmp_path / "p.zarr") == files(tmp_path / "whole.zarr")


def test_what_a_kill_left_damaged_is_written_again(tmp_path):
    arrays = specs((2, 4, 6), None, "zstd")
    content = leave(tmp_path / "p.zarr", arrays)
    first = content / "data" / "c" / "0" / "0" / "0"
    first.write_bytes(first.read_bytes()[:-1])
    assert resume(tmp_path / "p.zarr", arrays) == [(0, 4), (8, 11)]
    np.testing.assert_array_equal(ZarrGroup(tmp_path / "p.zarr").load("data"), VALUES)


def test_a_shard_that_is_missing_or_damaged_is_refused(tmp_path):
    path = tmp_path / "p.zarr"
    with Store.create(path, specs((2, 4, 6), (6, 4, 6), "zstd")) as store:
        store.write("data", (), VALUES)
    last = path / "data" / "c" / "1" / "0" / "0"
    data = last.read_bytes()
    last.write_bytes(data[:3] + bytes([data[3] ^ 1]) + data[4:])
    with pytest.raises(InputFileError, match="checksum"):
        ZarrGroup(path).load("data")
    last.unlink()
    with pytest.raises(InputFileError, match="chunk 1/0/0 of 'data' is missing"):
        ZarrGroup(path).load("data")


def test_compressed_hdf5_is_read_by_the_library_and_starts_anew(tmp_path, caplog):
    arrays = specs((2, 4, 6), None, "gzip")
    leave(tmp_path / "p.h5", arrays)
    with caplog.at_level("WARNING", logger="ptycho_engine"):
        assert resume(tmp_path / "p.h5", arrays) == [(0, 11)]
    assert ".h5 cannot be continued" in caplog.text
    with h5py.File(tmp_path / "p.h5") as file:
        assert (file["data"].compression, file["data"].chunks) == ("gzip", (2, 4, 6))
        np.testing.assert_array_equal(file["data"][...], VALUES)
    with read_output(tmp_path / "p.h5") as output:
        assert output.specs["data"].compression == "gzip"


@pytest.mark.parametrize(
    ("name", "packing", "error", "words"),
    [
        ("p.zarr", ((2, 4, 6), None, "gzip"), ConfigurationError, "compression 'gzip' is not"),
        ("p.h5", ((2, 4, 6), None, "zstd"), ConfigurationError, "compression 'zstd' is not"),
        ("p.npz", ((2, 4, 6), None, "zstd"), ConfigurationError, "compression 'zstd' is not"),
        ("p.h5", ((2, 4, 6), (4, 4, 6), "none"), ConfigurationError, "received shards"),
        ("p.zarr", ((2, 4, 6), (5, 4, 6), "none"), OutputError, "Expected whole chunks"),
        ("p.zarr", (None, (4, 4, 6), "none"), OutputError, "Expected whole chunks"),
        ("p.zarr", ((2, 4, 6), (4, 4), "none"), OutputError, "Expected 3 sizes"),
    ],
)
def test_what_a_format_does_not_know_is_refused(tmp_path, name, packing, error, words):
    with pytest.raises(error, match=words):
        Store.create(tmp_path / name, specs(*packing))
    assert not list(tmp_path.iterdir())
