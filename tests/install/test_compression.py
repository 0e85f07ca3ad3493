"""Detector data that are compressed, with and without the extra that reads them."""

import pytest

pytestmark = pytest.mark.slow

WRITE = """
import sys, h5py, hdf5plugin, numpy as np
stack = np.arange(6 * 8 * 8, dtype="u2").reshape(6, 8, 8)
with h5py.File(sys.argv[1], "w") as file:
    for name, how in {"bitshuffle": hdf5plugin.Bitshuffle(cname="lz4"), "lz4": hdf5plugin.LZ4(),
                      "blosc": hdf5plugin.Blosc(), "blosc2": hdf5plugin.Blosc2(),
                      "zstd": hdf5plugin.Zstd()}.items():
        file.create_dataset(name, data=stack, chunks=(1, 8, 8), compression=how)
"""
READ = """
import sys
from pathlib import Path
from ptycho_engine.errors import InputFileError
from ptycho_engine.io.hdf5_file import Hdf5File
with Hdf5File(Path(sys.argv[1])) as file:
    for name in file.names():
        try:
            print(name, file.patterns(name).read(2, 4).sum(), file.load(name).sum())
        except InputFileError as error:
            print(name, error)
"""
NAMES = ["bitshuffle", "blosc", "blosc2", "lz4", "zstd"]


def test_with_the_extra_all_is_read_and_without_it_all_is_explained(bare, tmp_path):
    path = tmp_path / "data.h5"
    bare.pip("install", "--quiet", "hdf5plugin>=5.0")
    try:
        done = bare.run("python", "-c", WRITE, path, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        read = bare.run("python", "-c", READ, path, cwd=tmp_path)
    finally:
        bare.pip("uninstall", "--quiet", "--yes", "hdf5plugin")
    some, every = sum(range(2 * 64, 4 * 64)), sum(range(6 * 64))
    assert read.stdout.splitlines() == [f"{name} {some} {every}" for name in NAMES], read.stderr
    explained = bare.run("python", "-c", READ, path, cwd=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in explained] == NAMES
    for line in explained:
        assert 'pip install "ptycho_engine[hdf5plugin]"' in line
