"""Compression of HDF5 datasets that the library has not built in, explained by name."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from ..errors import InputFileError
from ..extras import install_command, is_installed

#: Filters that `hdf5plugin` brings, by their registered number.
PLUGIN_FILTERS = {
    307: "bzip2",
    32001: "Blosc",
    32004: "LZ4",
    32008: "bitshuffle",
    32013: "ZFP",
    32015: "Zstandard",
    32017: "SZ",
    32019: "FCIDECOMP",
    32024: "SZ3",
    32026: "Blosc2",
    32028: "SPERR",
}


def check_filters(path: Path, name: str, dataset: Any) -> None:
    """Refuse a dataset that cannot be decompressed here, after loading `hdf5plugin` if it helps.

    Raises
    ------
    InputFileError
        With the name of the compression, and the command that installs it.
    """
    import h5py

    properties = dataset.id.get_create_plist()
    numbers = [properties.get_filter(i)[0] for i in range(properties.get_nfilters())]
    for number in numbers:
        if h5py.h5z.filter_avail(number):
            continue
        if number in PLUGIN_FILTERS and is_installed("hdf5plugin"):
            importlib.import_module("hdf5plugin")  # registers its filters
            if h5py.h5z.filter_avail(number):
                continue
        known = PLUGIN_FILTERS.get(number)
        if known is None:
            raise InputFileError(
                f"{path}: {name!r} is compressed by the HDF5 filter {number}, which is not "
                "installed here. Expected a filter of HDF5 or of hdf5plugin. Write it again with "
                "h5repack -f GZIP=4, where its filter is installed."
            )
        raise InputFileError(
            f"{path}: {name!r} is compressed with {known} (HDF5 filter {number}), which needs "
            f"hdf5plugin. Run: {install_command('hdf5plugin')}"
        )
