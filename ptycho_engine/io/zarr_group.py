"""Zarr stores that this package wrote, read with care: no chunk may be missing, no link may leave.

The library takes zeros for a chunk that is missing, and follows every link.
"""

from __future__ import annotations

import math
import sys
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..memory import check_reading
from ..metadata import import_despite_metadata
from .containers.zarr import is_zarr_store
from .disk import checksum_of
from .npy_header import Header
from .objects.mirror import bring, bring_metadata
from .patterns import Loader, Patterns, Quantity, Ranges
from .reading import reading

Array = NDArray[Any]
KIND = "Zarr store"


class ZarrGroup:
    """The arrays in the root group of a store.

    Parameters
    ----------
    path : Path
        The folder.

    Attributes
    ----------
    names : tuple of str
        Keys of the arrays, sorted.

    Raises
    ------
    InputFileError
        If it is missing, or no Zarr store.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        bring_metadata(path)  # in a process that was handed the path alone
        if not is_zarr_store(path):
            raise InputFileError(
                f"{path}: is no Zarr store. Expected a folder that holds zarr.json. Check the path."
            )
        with reading(path, "the store", KIND):
            import_despite_metadata("zarr")
            import zarr  # slow to import, and not needed for other formats

            self._group: Any = zarr.open_group(str(path), mode="r")
            self.names = tuple(sorted(self._group.array_keys()))

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the group."""
        with reading(self.path, "its attributes", KIND):
            return dict(self._group.attrs)

    def header(self, name: str) -> Header:
        """Shape and dtype of an array, of which nothing is read.

        Raises
        ------
        InputFileError
            If there is none, if it does not hold numbers, or a link leads out of the store.
        """
        with reading(self.path, repr(name), KIND):
            array = self._array(name)
            return Header(array.shape, array.dtype.newbyteorder("="))

    def load(self, name: str) -> Array:
        """Read an array.

        Raises
        ------
        InputFileError
            As `header`; also if a chunk is missing or damaged.
        MemoryBudgetError
            If it takes more than half of the memory that is free.
        """
        header = self.header(name)
        check_reading(f"{self.path}: reading {name!r}", header.nbytes)
        with reading(self.path, repr(name), KIND):
            array = self._array(name)
            if header.shape and header.size:
                self._check_chunks(name, array, 0, header.shape[0])
            return np.ascontiguousarray(array[...]).reshape(header.shape)

    def patterns(self, name: str, quantity: Quantity | None = None) -> Patterns:
        """Describe patterns (P, H, W).

        Raises
        ------
        InputFileError
            As `header`; also if they have another rank.
        """
        header = self.header(name)
        if len(header.shape) != 3 or header.dtype.kind not in "iuf":
            raise InputFileError(
                f"{self.path}: {name!r} has shape {header.shape}, dtype {header.dtype}. Expected "
                "real patterns of shape (P, H, W). Write the store again."
            )
        count, height, width = header.shape
        load = self.loader(name)
        return Patterns((count, height, width), header.dtype, load, quantity, str(self.path))

    def loader(self, name: str) -> Loader:
        """Return what fills arrays with ranges along the first axis of an array, of any rank."""
        return partial(_load_patterns, self.path, name, self.header(name))

    def _array(self, name: str) -> Any:
        if name not in self.names:
            raise InputFileError(
                f"{self.path}: {name!r} is missing. Found: {one_line(', '.join(self.names))}. "
                "Expected an array of this name. Write the store again."
            )
        if not (self.path / name).resolve().is_relative_to(self.path.resolve()):
            raise InputFileError(
                f"{self.path}: {name!r} is a link that leaves the store. Expected all of it in one "
                "folder. Copy the array there."
            )
        array = self._group[name]
        if array.dtype.kind not in "biufc":
            raise InputFileError(
                f"{self.path}: {name!r} holds {one_line(array.dtype, 60)}. Expected numbers. Write "
                "the store again."
            )
        return array

    def _check_chunks(self, name: str, array: Any, start: int, stop: int) -> None:
        """Refuse a range along the first axis of which a chunk is missing."""
        first, *others = array.shards or array.chunks
        counts = [range(math.ceil(n / c)) for n, c in zip(array.shape[1:], others, strict=True)]
        folder = self.path / name / "c"
        indices = product(range(start // first, math.ceil(stop / first)), *counts)
        chunks = [folder.joinpath(*map(str, index)) for index in indices]
        bring(chunks)
        for chunk in chunks:
            if not chunk.is_file():
                raise InputFileError(
                    f"{self.path}: chunk {chunk.relative_to(folder)} of {name!r} is missing. "
                    "Expected a whole store. Copy or write it again."
                )


def _load_patterns(path: Path, name: str, header: Header, ranges: Ranges, into: Array) -> None:
    group = ZarrGroup(path)
    if group.header(name) != header:
        raise InputFileError(
            f"{path}: {name!r} is another than when the scan was read. Expected the same store. "
            "Read the scan again."
        )
    with reading(path, repr(name), KIND):
        array, at = group._array(name), 0
        plain = _is_plain(array)
        for start, stop in ranges:
            group._check_chunks(name, array, start, stop)
            part = into[at : at + stop - start]
            if plain:
                _fill_plain(path / name / "c", array, start, part)
            else:
                part[...] = array[start:stop]
            at += len(part)


def _is_plain(array: Any) -> bool:
    """Whether a chunk is whole entries of the array as they are in memory, and their checksum."""
    codecs = [codec.to_dict() for codec in array.metadata.codecs]
    endian = codecs[0].get("configuration", {}).get("endian", sys.byteorder)
    names = [codec["name"] for codec in codecs]
    whole = array.chunks[1:] == array.shape[1:]
    return whole and names == ["bytes", "crc32c"] and endian == sys.byteorder


def _fill_plain(folder: Path, array: Any, start: int, into: Array) -> None:
    """Fill with entries of plain chunks, past the library, which takes several times as long.

    Raises
    ------
    ValueError
        If a chunk is not what its checksum says.
    """
    length, at = array.chunks[0], 0
    while at < len(into):
        number, first = divmod(start + at, length)
        place = folder.joinpath(str(number), *("0",) * (array.ndim - 1))
        data = memoryview(place.read_bytes())
        chunk = np.frombuffer(data[:-4], array.dtype).reshape(array.chunks)
        if checksum_of(data[:-4]) != int.from_bytes(data[-4:], "little"):
            raise ValueError(f"the checksum of chunk {number} is another")
        count = min(length - first, len(into) - at)
        into[at : at + count] = chunk[first : first + count]
        at += count
