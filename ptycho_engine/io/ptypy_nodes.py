"""Files of ptypy: HDF5 in which every node says by the attribute ``type`` what it was in Python.

Arrays, numbers, texts, and groups of them are read. A node that was pickled is refused by its
name, and never loaded.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError
from .hdf5_file import Hdf5File
from .hdf5_quantities import array
from .hdf5_writing import Dataset

Array = NDArray[Any]

#: Types whose values are pickles, in whole or in part.
PICKLED = ("pickle", "record_array")


def holds(file: Hdf5File, name: str) -> bool:
    """Tell whether a group is there, or an array or a number with any values.

    Raises
    ------
    InputFileError
        If it was pickled, or is a text.
    """
    if not _is_there(file, name):
        return False
    return not file.is_dataset(name) or file.header(name).size > 0


def _is_there(file: Hdf5File, name: str) -> bool:
    """Tell whether a node is there, and is not None.

    Raises
    ------
    InputFileError
        If it was pickled.
    """
    if name not in file:
        return False
    kind = file.attribute(name, "type")
    if kind in PICKLED:
        raise InputFileError(
            f"{file.path}: {name!r} is of type {kind!r}, a pickle, which can run any program when "
            "it is loaded and is never read. Expected an array or a number. Store it as one, or "
            "write the file again without it."
        )
    return bool(kind != "None")


def load(file: Hdf5File, name: str, ranks: tuple[int, ...], kinds: str, expected: str) -> Array:
    """Load an array that `holds` says is there; as `ptycho_engine.io.hdf5_quantities.array`."""
    return array(file, name, ranks, kinds, expected)


def text(file: Hdf5File, name: str) -> str | None:
    """Return a text, or None if there is none."""
    return file.text(name) if _is_there(file, name) and file.is_dataset(name) else None


def numbers(file: Hdf5File, name: str) -> list[float]:
    """Return the numbers of an array, a number, or a tuple that is stored as a group.

    Raises
    ------
    InputFileError
        If they are none.
    """
    if not holds(file, name):
        return []
    if file.is_dataset(name):
        values = array(file, name, (0, 1), "iuf", "numbers")
        return [float(value) for value in values.reshape(-1)[:16]]
    return [n for key in file.names(name)[:16] for n in numbers(file, f"{name}/{key}")]


def positive(file: Hdf5File, name: str) -> float | None:
    """Return a number above zero, or None if there is none."""
    found = [n for n in numbers(file, name)[:1] if np.isfinite(n) and n > 0]
    return found[0] if found else None


def pair(file: Hdf5File, name: str) -> tuple[float, float] | None:
    """Return one or two numbers above zero as (y, x), or None if there are none."""
    found = numbers(file, name)
    if len(found) not in (1, 2) or not all(np.isfinite(n) and n > 0 for n in found):
        return None
    return found[0], found[-1]


def node(values: Any) -> Dataset:
    """Return a dataset with the type that ptypy expects of it."""
    if isinstance(values, str):
        return Dataset(values, {"type": "string"})
    return Dataset(values, {"type": "scalar" if np.ndim(values) == 0 else "array"})


def groups_of(datasets: Mapping[str, Dataset]) -> dict[str, dict[str, Any]]:
    """Return the attributes of the root and of all groups around some datasets."""
    now = time.asctime()
    found: dict[str, dict[str, Any]] = {"/": {"h5rw_version": "0.1", "ctime": now, "mtime": now}}
    for name in datasets:
        parts = name.split("/")[:-1]
        for length in range(1, len(parts) + 1):
            found["/".join(parts[:length])] = {"type": "dict"}
    return found
