"""The arrays of an npz file: headers without data, data without pickle, errors that explain."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from .npy_header import Header, read_header
from .reading import check_file, looks_like, reading
from .regular_file import RegularFile
from .zip_directory import check_directory, check_sizes, local_header_bytes

KIND = "npz file"
#: Bytes that are read at a time.
PIECE = 2**18


class NpzArchive:
    """An open npz file.

    Parameters
    ----------
    path : Path
        The file.

    Attributes
    ----------
    names : tuple of str
        Keys of the arrays inside, sorted.

    Raises
    ------
    InputFileError
        If the file is missing, cannot be read or is no npz file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _reading(path, "the file"):
            check_file(path, KIND)
            self._file: Any = RegularFile(path)
        try:
            with _reading(path, "the file"):
                self._zip = self._open()
        except InputFileError:
            self._file.close()
            raise
        members = self._zip.namelist()
        self.names = tuple(sorted(name[:-4] for name in members if name.endswith(".npy")))

    def _open(self) -> zipfile.ZipFile:
        try:
            archive = zipfile.ZipFile(self._file)
        except zipfile.BadZipFile as error:
            raise InputFileError(_not_zip(self.path)) from error
        check_directory(archive, self._file)
        return archive

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def header(self, key: str) -> Header:
        """Shape and dtype of an array.

        Raises
        ------
        InputFileError
            If the array's header is damaged, or its data is shorter or longer than it says.
        """
        with self._member(key) as stream:
            header = read_header(stream)
            held = self._zip.getinfo(f"{key}.npy").file_size - stream.tell()
        if not header.dtype.hasobject and held != header.nbytes:
            raise InputFileError(
                f"{self.path}: {key!r} holds {held} bytes. Expected {header.nbytes}, as its header "
                f"says shape {one_line(header.shape, 60)}, dtype {one_line(header.dtype, 60)}. The "
                "file is damaged: copy or write it again."
            )
        return header

    def load(self, key: str) -> NDArray[Any]:
        """Read an array, never one of pickled objects.

        Returns
        -------
        ndarray
            In the byte order of this machine; in the memory order of the file.

        Raises
        ------
        InputFileError
            If the array is damaged or holds objects.
        MemoryBudgetError
            If the system has no memory for it.
        """
        with self._member(key) as stream:
            header = _plain_header(stream)
            array = np.empty(header.size, header.dtype)
            _fill(array.view(np.uint8) if array.nbytes else np.empty(0, np.uint8), stream)
            _expect_end(stream, array.nbytes)
        if not header.dtype.isnative:
            array = array.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
        if header.fortran_order:
            return array.reshape(header.shape[::-1]).transpose()
        return array.reshape(header.shape)

    def is_stored(self, key: str) -> bool:
        """Whether an array lies in the file as it is, not compressed."""
        return self._zip.getinfo(f"{key}.npy").compress_type == zipfile.ZIP_STORED

    def map(self, key: str) -> NDArray[Any]:
        """Map an array that is stored, and not empty, into memory; nothing checks its values.

        Returns
        -------
        ndarray
            Read-only, in the byte and memory order of the file.

        Raises
        ------
        InputFileError
            If the array is damaged or holds objects.
        """
        with self._member(key) as stream:
            header = _plain_header(stream)
            info = self._zip.getinfo(f"{key}.npy")
            self._file.seek(info.header_offset)
            offset = info.header_offset + local_header_bytes(self._file) + stream.tell()
            order: Any = "F" if header.fortran_order else "C"
            return np.memmap(self.path, header.dtype, "r", offset, header.shape, order)

    def load_ranges(self, key: str, ranges: Sequence[tuple[int, int]], into: NDArray[Any]) -> None:
        """Read ranges along the first axis of an array in C order, in one pass through it.

        What is read to its end is held against its checksum.

        Parameters
        ----------
        key : str
            The array.
        ranges : sequence of (int, int)
            Ascending, apart from each other.
        into : ndarray
            Where they go, one after the other; contiguous, in native byte order.

        Raises
        ------
        InputFileError
            If the array is damaged or holds objects.
        """
        with self._member(key) as stream:
            header = _plain_header(stream)
            row = math.prod(header.shape[1:]) * header.dtype.itemsize
            samples, at, done = into.reshape(-1).view(np.uint8), 0, 0
            for start, stop in ranges:
                _skip(stream, start * row - at)
                end = done + (stop - start) * row
                _fill(samples[done:end], stream)
                at, done = stop * row, end
            if at == header.nbytes:
                _expect_end(stream, at)
        if not header.dtype.isnative:
            into.byteswap(inplace=True)

    def stream(self, key: str, step: int) -> Iterator[NDArray[Any]]:
        """Read an array in C order in one pass, some entries along its first axis at a time.

        Parameters
        ----------
        key : str
            The array.
        step : int
            Entries at a time.

        Yields
        ------
        ndarray
            Up to `step` entries, in native byte order.

        Raises
        ------
        InputFileError
            If the array is damaged or holds objects.
        """
        with self._member(key) as stream:
            header = _plain_header(stream)
            for start in range(0, header.shape[0], step):
                count = min(step, header.shape[0] - start)
                block = np.empty((count, *header.shape[1:]), header.dtype)
                _fill(block.reshape(-1).view(np.uint8), stream)
                native = header.dtype.isnative
                yield block if native else block.astype(header.dtype.newbyteorder("="))
            _expect_end(stream, header.nbytes)

    def raw(self, key: str, limit: int) -> bytes:
        """Read up to `limit` bytes of an array's data as they lie in the file."""
        with self._member(key) as stream:
            read_header(stream)
            return stream.read(limit)

    @contextmanager
    def _member(self, key: str) -> Iterator[IO[bytes]]:
        with _reading(self.path, repr(key)):
            info = self._zip.getinfo(f"{key}.npy")
            check_sizes(info)
            with self._zip.open(info) as stream:
                yield stream


def _plain_header(stream: IO[bytes]) -> Header:
    """Read the header of an array that is none of objects.

    Raises
    ------
    ValueError
        If it is none, or one of objects.
    """
    header = read_header(stream)
    if header.dtype.hasobject:
        raise ValueError("it holds Python objects, which only unpickling could read")
    return header


def _fill(samples: NDArray[np.uint8], stream: IO[bytes]) -> None:
    """Read as many bytes as there is room for.

    Raises
    ------
    ValueError
        If there are fewer.
    """
    at = 0
    while at < samples.size:
        piece = stream.read(min(PIECE, samples.size - at))
        if not piece:
            raise ValueError(f"it ends {samples.size - at} bytes before its header claims")
        samples[at : at + len(piece)] = np.frombuffer(piece, np.uint8)
        at += len(piece)


def _skip(stream: IO[bytes], count: int) -> None:
    """Read on without keeping anything."""
    while count > 0:
        piece = stream.read(min(PIECE, count))
        if not piece:
            raise ValueError(f"it ends {count} bytes before the part that was asked for")
        count -= len(piece)


def _expect_end(stream: IO[bytes], size: int) -> None:
    """Read to the end of the member, where its checksum is compared.

    Raises
    ------
    ValueError
        If anything follows.
    """
    if stream.read(1):
        raise ValueError(f"it goes on beyond the {size} bytes that its header claims")


def _reading(path: Path, what: str) -> AbstractContextManager[None]:
    return reading(path, what, KIND)


def _not_zip(path: Path) -> str:
    """Say what a file is that zipfile does not take."""
    what = looks_like(path)
    if what == "a zip archive":
        return (
            f"{path}: the file is truncated: it begins as a zip archive, but the directory at its "
            "end is missing. Expected a whole npz file. Copy or write it again."
        )
    if not what:
        return f"{path}: is empty. Expected an npz file. Copy or write it again."
    return (
        f"{path}: is not an npz file: it looks like {what}. Expected a zip archive of .npy arrays. "
        "Choose the reader of its format, or convert it with numpy.savez."
    )


def check_array(
    archive: NpzArchive, key: str, ranks: tuple[int, ...], kinds: str, expected: str
) -> tuple[int, ...]:
    """Return the shape of an array once its rank and dtype are right, without reading its data.

    Raises
    ------
    InputFileError
        With what was expected, if they are not.
    """
    header = archive.header(key)
    if header.dtype.hasobject:
        raise InputFileError(
            f"{archive.path}: {key!r} is an array of Python objects, which only unpickling could "
            f"read; legacy files hold None in this way. Expected {expected}. Save the file again "
            "with a numeric array under this key, or without an optional one."
        )
    if header.dtype.kind not in kinds:
        raise InputFileError(
            f"{archive.path}: {key!r} has dtype {one_line(header.dtype, 60)}. Expected {expected}. "
            "Convert it with numpy.asarray(values, dtype=...) and save the file again."
        )
    if len(header.shape) not in ranks:
        raise InputFileError(
            f"{archive.path}: {key!r} has shape {one_line(header.shape, 60)}. Expected {expected}. "
            "Reshape it and save the file again."
        )
    return header.shape
