"""The formats that a store writes, by suffix: each a `Container`, imported when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from ...errors import ConfigurationError, one_of
from ..objects.urls import Location
from ..specs import ArraySpec
from .base import Container

#: Module of each suffix.
FORMATS = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".zarr": "zarr"}
#: What chunks may be packed with, by format. A gzip of Zarr would hold the time of its making.
COMPRESSIONS = {"npz": ("none",), "hdf5": ("none", "gzip"), "zarr": ("none", "zstd")}


def format_of(path: Location) -> str:
    """Return the format that a suffix names.

    Raises
    ------
    ConfigurationError
        If it names none.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigurationError(
            f"output.path={str(path)!r}: {one_of('suffix', suffix, FORMATS)} Choose a path that "
            "ends in one of them."
        )
    return FORMATS[suffix]


def check_packing(path: Location, compression: str, sharded: bool) -> None:
    """Refuse a compression or shards that the format of an output does not have.

    Raises
    ------
    ConfigurationError
        With those that it has.
    """
    known = COMPRESSIONS[format_of(path)]
    if compression not in known:
        raise ConfigurationError(
            f"{path}: {one_of('compression', compression, known)} Choose another, or another "
            "suffix: .zarr knows zstd, .h5 knows gzip."
        )
    if sharded and format_of(path) != "zarr":
        raise ConfigurationError(
            f"{path}: received shards. Expected none, since only .zarr has them. Leave them out."
        )


def make_container(path: Path, content: Path, arrays: Mapping[str, ArraySpec]) -> Container:
    """Return the container for an output, not yet created.

    Raises
    ------
    ConfigurationError
        If the format has no such compression, or no shards.
    """
    for spec in arrays.values():
        check_packing(path, spec.compression, spec.shards is not None)
    module = importlib.import_module(f".{format_of(path)}", __package__)
    container: Container = module.container_for(content, arrays)
    return container
