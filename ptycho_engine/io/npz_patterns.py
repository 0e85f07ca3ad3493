"""Diffraction patterns in an npz file, read by ranges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError
from ..memory import check_reading
from .mapped_stack import MappedStack
from .npy_header import Header
from .npz_archive import NpzArchive
from .patterns import Patterns, Quantity, Ranges, fill_ranges

#: How an array holds M patterns of N x N.
FIRST, FIRST_OF_FOUR, LAST = "(M, N, N)", "(M, N, N, 1)", "(N, N, M)"


def npz_patterns(
    archive: NpzArchive, key: str, order: str, quantity: Quantity | None = None
) -> Patterns:
    """Describe the patterns in an archive.

    An array that is stored is mapped into memory, so that a range costs that range; one that is
    compressed is read through up to the end of the last range, and as blocks in one pass: if the
    samples of a pattern do not lie together, all are unpacked for that. What is read as a whole is
    held against its checksum.

    Parameters
    ----------
    archive : NpzArchive
        The file.
    key : str
        The array: real, not of objects.
    order : str
        How its axes lie: `FIRST`, `FIRST_OF_FOUR` or `LAST`.
    quantity : {"amplitude", "intensity"}, optional
        What a sample is.
    """
    header = archive.header(key)
    shape = header.shape
    count, height, width = (shape[-1], *shape[:2]) if order == LAST else shape[:3]
    load = NpzStack(archive.path, key, header, order)
    dtype = header.dtype.newbyteorder("=")
    stream = None
    if not archive.is_stored(key):
        in_rows = _in_rows(header, order)
        stream = partial(_stream, archive.path, key, header) if in_rows else load.blocks
    return Patterns((count, height, width), dtype, load, quantity, str(archive.path), stream)


def _in_rows(header: Header, order: str) -> bool:
    """Whether the samples of each pattern lie together."""
    return order != LAST and not header.fortran_order


def _check_same(archive: NpzArchive, key: str, header: Header) -> None:
    if key not in archive.names or archive.header(key) != header:
        raise InputFileError(
            f"{archive.path}: {key!r} is another than when the scan was read. Expected the same "
            "file. Read the scan again."
        )


def _stream(path: Path, key: str, header: Header, step: int) -> Iterator[NDArray[Any]]:
    with NpzArchive(path) as archive:
        _check_same(archive, key, header)
        for block in archive.stream(key, step):
            yield block.reshape(block.shape[:3])


@dataclass(frozen=True)
class NpzStack:
    """The loader of patterns in an archive.

    Attributes
    ----------
    path : Path
        The file.
    key : str
        The array.
    header : Header
        What it was when the scan was read.
    order : str
        How its axes lie.
    """

    path: Path
    key: str
    header: Header
    order: str

    def __call__(self, ranges: Ranges, into: NDArray[Any]) -> None:
        """Fill an array with ranges of the patterns."""
        header = self.header
        with NpzArchive(self.path) as archive:
            _check_same(archive, self.key, self.header)
            whole = len(into) == header.shape[0]
            if _in_rows(header, self.order) and (whole or not archive.is_stored(self.key)):
                archive.load_ranges(self.key, ranges, into)
                return
            stored = archive.is_stored(self.key)
            source = archive.map(self.key) if stored else self._unpacked(archive)
        fill_ranges(self._points_first(source), ranges, into)

    def blocks(self, step: int) -> Iterator[NDArray[Any]]:
        """Yield patterns, `step` at a time, of an array that is unpacked once."""
        with NpzArchive(self.path) as archive:
            _check_same(archive, self.key, self.header)
            source = self._points_first(self._unpacked(archive))
        for start in range(0, len(source), step):
            yield np.ascontiguousarray(source[start : start + step])

    def _unpacked(self, archive: NpzArchive) -> NDArray[Any]:
        """Return the whole array, if the memory holds it."""
        check_reading(f"{self.path}: reading the compressed patterns", self.header.nbytes)
        return archive.load(self.key)

    def mapped(self) -> MappedStack | None:
        """Map the array, if it is stored and not empty."""
        with NpzArchive(self.path) as archive:
            _check_same(archive, self.key, self.header)
            if not archive.is_stored(self.key) or 0 in self.header.shape:
                return None
            return MappedStack.of(self.path, self._points_first(archive.map(self.key)))

    def _points_first(self, source: NDArray[Any]) -> NDArray[Any]:
        """Return the array as (P, H, W)."""
        return (
            np.moveaxis(source, -1, 0) if self.order == LAST else source.reshape(source.shape[:3])
        )
