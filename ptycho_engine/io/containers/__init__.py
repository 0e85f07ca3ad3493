"""The formats that a store writes, by suffix: each a `Container`, imported when it is needed."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from ...errors import ConfigurationError, one_of
from ..specs import ArraySpec
from .base import Container

#: Module of each suffix.
FORMATS = {".npz": "npz", ".h5": "hdf5", ".hdf5": "hdf5", ".zarr": "zarr"}


def format_of(path: Path) -> str:
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


def make_container(path: Path, content: Path, arrays: Mapping[str, ArraySpec]) -> Container:
    """Return the container for an output, not yet created."""
    module = importlib.import_module(f".{format_of(path)}", __package__)
    container: Container = module.container_for(content, arrays)
    return container
