"""The arrays of an npz file: headers without data, data without pickle, errors that explain."""

from __future__ import annotations

import difflib
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from ..errors import InputFileError
from .containers.zarr import is_zarr_store

#: What a file is that begins with these bytes.
SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a single .npy array",
    b"\x80": "a Python pickle",
    b"MATLAB": "a MATLAB file",
    b"\x1f\x8b": "a gzip file",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
}


@dataclass(frozen=True)
class Header:
    """Shape and dtype of an array, read without its data."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


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
            _check_file(path)
            try:
                self._zip = zipfile.ZipFile(path)
            except zipfile.BadZipFile as error:
                raise InputFileError(_not_zip(path)) from error
        members = self._zip.namelist()
        self.names = tuple(sorted(name[:-4] for name in members if name.endswith(".npy")))

    def __enter__(self) -> NpzArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def header(self, key: str) -> Header:
        """Shape and dtype of an array.

        Raises
        ------
        InputFileError
            If the array's header is damaged, or its data is shorter or longer than it says.
        """
        with self._member(key) as stream:
            header = self._read_header(stream, key)
            held = self._zip.getinfo(f"{key}.npy").file_size - stream.tell()
        expected = math.prod(header.shape) * header.dtype.itemsize
        if not header.dtype.hasobject and held != expected:
            raise InputFileError(
                f"{self.path}: {key!r} holds {held} bytes. Expected {expected}, as its header says "
                f"shape {header.shape}, dtype {header.dtype}. The file is damaged: copy or write "
                "it again."
            )
        return header

    def load(self, key: str) -> NDArray[Any]:
        """Read an array, never one of pickled objects.

        Raises
        ------
        InputFileError
            If the array is damaged or holds objects.
        """
        with self._member(key) as stream:
            array: NDArray[Any] = npy.read_array(stream, allow_pickle=False)
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def raw(self, key: str, limit: int) -> bytes:
        """Read up to `limit` bytes of an array's data as they lie in the file."""
        with self._member(key) as stream:
            self._read_header(stream, key)
            return stream.read(limit)

    @contextmanager
    def _member(self, key: str) -> Iterator[IO[bytes]]:
        with _reading(self.path, repr(key)), self._zip.open(f"{key}.npy") as stream:
            yield stream

    def _read_header(self, stream: IO[bytes], key: str) -> Header:
        version = npy.read_magic(stream)
        # Version 3 differs only in the names of structured fields, which hold no coordinates.
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise InputFileError(
                f"{self.path}: {key!r} has .npy version {version}. Expected version "
                "(1, 0) or (2, 0): a plain numeric array. Save it without named fields."
            )
        shape, _, dtype = read(stream)
        return Header(shape, dtype)


@contextmanager
def _reading(path: Path, what: str) -> Iterator[None]:
    """Turn what zipfile, zlib and numpy raise for a bad file into one error."""
    try:
        yield
    except InputFileError:
        raise
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise InputFileError(
            f"{path}: cannot read {what}: {str(error) or type(error).__name__}. Expected an intact "
            "npz file that may be read. Check its permissions, or copy or write it again."
        ) from error


def _check_file(path: Path) -> None:
    """Refuse a path that leads to no regular file."""
    if path.is_dir():
        what = "a Zarr store" if is_zarr_store(path) else "a folder"
        raise InputFileError(f"{path}: is {what}. Expected an npz file. Name the file itself.")
    if path.is_file():
        return
    if path.exists():
        raise InputFileError(
            f"{path}: is a device, socket or pipe. Expected an npz file, which is read in several "
            "places. Write its content to a file first."
        )
    if not path.parent.is_dir():
        reason = f"The folder {path.parent} does not exist either."
    else:
        beside = [entry.name for entry in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, beside, n=1)
        reason = f"Did you mean {near[0]!r}?" if near else "Check its spelling."
    raise InputFileError(
        f"{path}: no such file. {reason} Expected the path of an npz file; a relative one counts "
        f"from {Path.cwd()}."
    )


def _not_zip(path: Path) -> str:
    """Say what a file is that zipfile does not take."""
    with path.open("rb") as stream:
        head = stream.read(64)
    what = next((name for magic, name in SIGNATURES.items() if head.startswith(magic)), None)
    if what == "a zip archive":
        return (
            f"{path}: the file is truncated: it begins as a zip archive, but the directory at its "
            "end is missing. Expected a whole npz file. Copy or write it again."
        )
    if not head:
        return f"{path}: is empty. Expected an npz file. Copy or write it again."
    if what is None and all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        what = f"text, beginning {head[:24].decode('ascii')!r}"
    return (
        f"{path}: is not an npz file: it looks like {what or f'unknown data, {head[:8]!r}'}. "
        "Expected a zip archive of .npy arrays. Choose the reader of its format, or convert it "
        "with numpy.savez."
    )
