"""MATLAB files of the versions 5 and 7.3: numeric arrays by name, in MATLAB's order of axes.

An array that MATLAB shows as H x W x M comes as (H, W, M). Cells, objects and function handles are
never loaded: what they become in Python is anyone's guess.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..memory import check_reading
from .hdf5_file import Hdf5File
from .npy_header import Header
from .patterns import Patterns, Quantity, Ranges, fill_ranges
from .reading import check_file, looks_like, reading

Array = NDArray[Any]

KIND = "MATLAB file"
#: Classes of arrays that hold numbers, and the dtype of each.
CLASSES = {
    "double": "f8", "single": "f4", "logical": "?", "int8": "i1", "uint8": "u1", "int16": "i2",
    "uint16": "u2", "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8",
}  # fmt: skip
#: Names of HDF5 that are no variables.
HIDDEN = ("#refs#", "#subsystem#")
#: Variables that are taken, the members of structures included.
MOST_VARIABLES, DEEPEST = 1000, 4


@dataclass(frozen=True, eq=False)
class MatlabFile:
    """What a MATLAB file holds.

    Attributes
    ----------
    path : Path
        The file.
    is_hdf5 : bool
        Whether it is of version 7.3, which is HDF5.
    headers : dict of str to Header
        Shape, in MATLAB's order, and dtype of each numeric array; of version 5, whose headers do
        not tell, numbers may turn out to be complex. In version 7.3 the members of structures go
        by their path, ``outputs/object``.
    others : tuple of str
        Names of what else there is.
    """

    path: Path
    is_hdf5: bool
    headers: dict[str, Header]
    others: tuple[str, ...]

    @classmethod
    def open(cls, path: Path) -> MatlabFile:
        """Read the headers of a file.

        Raises
        ------
        InputFileError
            If it is missing, damaged or no MATLAB file.
        """
        with reading(path, "the file", KIND):
            check_file(path, KIND)
            if looks_like(path) == "an HDF5 file" or _is_hdf5(path):
                return _open_hdf5(path)
            if looks_like(path) != "a MATLAB file":
                raise InputFileError(
                    f"{path}: is not a MATLAB file: it looks like {looks_like(path) or 'nothing'}. "
                    "Expected version 5 or 7.3. Save it from MATLAB with -v7 or -v7.3."
                )
            import scipy.io

            found = scipy.io.whosmat(path)
            headers = {
                name: Header(tuple(shape), np.dtype(CLASSES[kind]))
                for name, shape, kind in found
                if kind in CLASSES
            }
            others = tuple(name for name, _, kind in found if kind not in CLASSES)
            return cls(path, False, headers, others)

    def load(self, name: str) -> Array:
        """Read an array in MATLAB's order of axes.

        Raises
        ------
        InputFileError
            If it is damaged, or compressed in a way that is not installed.
        MemoryBudgetError
            If it takes more than half of the memory that is free.
        """
        header = self.headers[name]
        if self.is_hdf5:
            with Hdf5File(self.path) as file:
                return file.load(name).T
        check_reading(f"{self.path}: reading {name!r}", 2 * header.nbytes)
        with reading(self.path, repr(name), KIND):
            import scipy.io

            array = np.asarray(scipy.io.loadmat(self.path, variable_names=[name])[name])
            if array.shape != header.shape or array.dtype.kind not in "biufc":
                raise InputFileError(
                    f"{self.path}: {name!r} has shape {array.shape}, dtype {array.dtype}. Expected "
                    f"{header.shape}, as its header says. Save the file again."
                )
            return array.astype(array.dtype.newbyteorder("="), copy=False)

    def patterns(self, name: str, points_last: bool, quantity: Quantity | None) -> Patterns:
        """Describe the patterns in a real array of rank 3.

        They stay in a file of version 7.3. One of version 5 can only be read as a whole, so that
        they are read here.

        Parameters
        ----------
        name : str
            The array.
        points_last : bool
            Whether it is (H, W, P), as programs for MATLAB have it, or (P, H, W).
        quantity : {"amplitude", "intensity"}, optional
            What a sample is.

        Raises
        ------
        InputFileError
            If it turns out to be complex; or as `load`.
        """
        header = self.headers[name]
        if not self.is_hdf5:
            whole = self.load(name)
            if whole.dtype.kind not in "iuf":
                raise InputFileError(
                    f"{self.path}: {name!r} is {whole.dtype}. Expected real patterns. Choose "
                    "another array with scan.patterns."
                )
            by_point = np.moveaxis(whole, -1, 0) if points_last else whole
            return Patterns.of(by_point, quantity, str(self.path))
        *sides, count = header.shape if points_last else (*header.shape[1:], header.shape[0])
        load = partial(_load_last if points_last else _load_first, self.path, name)
        shape = (count, sides[0], sides[1])
        return Patterns(shape, header.dtype, load, quantity, str(self.path))

    def listing(self) -> str:
        """Name the arrays with their shapes, for messages."""
        found = [f"{name} {header.shape}" for name, header in self.headers.items()]
        return one_line(", ".join([*found, *self.others]), 600) or "nothing"


def _is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5 behind the text that MATLAB puts before it."""
    import h5py

    return bool(h5py.is_hdf5(path))


def _open_hdf5(path: Path) -> MatlabFile:
    headers: dict[str, Header] = {}
    others: list[str] = []
    with Hdf5File(path) as file:

        def add(group: str, depth: int) -> None:
            for name in file.names(group or "/"):
                full = f"{group}/{name}".strip("/")
                if name in HIDDEN or len(headers) + len(others) >= MOST_VARIABLES:
                    continue
                if not file.is_dataset(full):
                    if depth < DEEPEST:
                        add(full, depth + 1)
                    continue
                kind = file.attribute(full, "MATLAB_class") or "double"
                if kind not in CLASSES or file.attribute(full, "MATLAB_empty"):
                    others.append(full)
                    continue
                header = file.header(full)
                headers[full] = Header(header.shape[::-1], header.dtype)

        add("", 0)
    return MatlabFile(path, True, headers, tuple(others))


def _load_last(path: Path, name: str, ranges: Ranges, into: Array) -> None:
    """Fill from an array (H, W, P), which HDF5 holds as (P, W, H)."""
    with Hdf5File(path) as file:
        stack = file.patterns(name)
    at = 0
    for start, stop in ranges:
        into[at : at + stop - start] = stack.read(start, stop).transpose(0, 2, 1)
        at += stop - start


def _load_first(path: Path, name: str, ranges: Ranges, into: Array) -> None:
    """Fill from an array (P, H, W), which HDF5 holds as (W, H, P): no range lies together there."""
    with Hdf5File(path) as file:
        fill_ranges(file.load(name).T, ranges, into)
