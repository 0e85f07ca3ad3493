"""Arrays and numbers by key, whether an HDF5 or an npz file holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..geometry import Positions
from .hdf5_file import Hdf5File
from .hdf5_values import TEXT_BYTES
from .npy_header import Header
from .npz_archive import NpzArchive
from .objects.mirror import bring
from .reading import looks_like, reading
from .regular_file import is_zip

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class KeyedArrays:
    """What a flat file holds, by key.

    Attributes
    ----------
    path : Path
        The file.
    names : tuple of str
        Keys of the arrays.
    header : callable
        Shape and dtype of an array, by its key, unread.
    load : callable
        An array by its key, in native byte order.
    said : callable
        A number, a text or a small array by its key; None if there is none. Attributes of an HDF5
        dataset count under its name, an underscore and theirs: ``object_pixel_width_m``.
    """

    path: Path
    names: tuple[str, ...]
    header: Callable[[str], Header]
    load: Callable[[str], Array]
    said: Callable[[str], Any]

    def number(self, *keys: str) -> float | None:
        """Return the first of these keys that is a finite number; None if none is."""
        for key in keys:
            value = self.said(key)
            if isinstance(value, bool | int | float) and np.isfinite(value):
                return float(value)
        return None

    def positive(self, *keys: str) -> float | None:
        """Return the first of these keys that is a number above zero; None if none is."""
        found = [self.number(key) for key in keys]
        return next((value for value in found if value is not None and value > 0), None)

    def array(self, key: str, ranks: tuple[int, ...], kinds: str, expected: str) -> Array:
        """Load an array once its rank and dtype are right.

        Raises
        ------
        InputFileError
            If they are not, or there is no such array.
        """
        if key not in self.names:
            raise InputFileError(
                f"{self.path}: {key!r} is missing. Found: {one_line(', '.join(self.names))}. "
                f"Expected {expected}. Add it, or choose the reader of this layout."
            )
        header = self.header(key)
        if len(header.shape) not in ranks or header.dtype.kind not in kinds:
            raise InputFileError(
                f"{self.path}: {key!r} has shape {one_line(header.shape, 60)}, dtype "
                f"{one_line(header.dtype, 60)}. Expected {expected}. Write the file again, or "
                "choose the reader of this layout."
            )
        return self.load(key)

    def columns(self, x_key: str, y_key: str) -> Positions:
        """Load two arrays of coordinates as columns (y, x).

        Raises
        ------
        InputFileError
            If they are missing, no real vectors, of different lengths, or not finite.
        """
        expected = "real coordinates of shape (P,)"
        y, x = (self.array(key, (1,), "iuf", expected) for key in (y_key, x_key))
        if len(y) != len(x):
            raise InputFileError(
                f"{self.path}: {x_key!r} holds {len(x)} entries, and {y_key!r} {len(y)}. Expected "
                "one of each for a position. Write the file again."
            )
        with np.errstate(over="ignore"):
            yx = np.stack([y, x], axis=-1, dtype=np.float64)
        bad = np.flatnonzero(~np.isfinite(yx).all(axis=1))
        if bad.size:
            raise InputFileError(
                f"{self.path}: {bad.size} of {len(yx)} positions are NaN or infinite, the first "
                f"at index {bad[0]}. Expected finite coordinates. Remove them with their patterns."
            )
        return yx


@contextmanager
def open_arrays(path: Path) -> Iterator[KeyedArrays]:
    """Open an npz file, or an HDF5 file by its root.

    Raises
    ------
    InputFileError
        If it is neither, or cannot be read.
    """
    bring([path])  # what stands beside a scan in an object store
    if is_zip(path):
        with NpzArchive(path) as archive:
            yield KeyedArrays(
                path, archive.names, archive.header, archive.load, lambda k: _member(archive, k)
            )
    else:
        with Hdf5File(path) as file:
            names = tuple(name for name in file.names() if file.is_dataset(name))
            yield KeyedArrays(path, names, file.header, file.load, lambda k: _value(file, k, names))


def list_contents(path: Path) -> str:
    """Name what an npz or HDF5 file holds, for messages; of others, say what they look like."""
    try:
        if is_zip(path):
            with NpzArchive(path) as archive:
                return one_line(", ".join(archive.names)) or "no arrays"
        with Hdf5File(path) as file:
            return file.listing()
    except InputFileError:
        if not path.is_file():
            return "a folder" if path.is_dir() else "a device, socket or pipe"
    with reading(path, "it", "file"):
        return looks_like(path) or "nothing"


def _member(archive: NpzArchive, key: str) -> Any:
    """Return an array of one element as a number or a text."""
    if key not in archive.names:
        return None
    header = archive.header(key)
    if header.size != 1 or header.dtype.kind not in "biufUS" or header.nbytes > TEXT_BYTES:
        return None
    value = archive.load(key).reshape(-1)[0].item()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _value(file: Hdf5File, key: str, names: tuple[str, ...]) -> Any:
    """Return an attribute of the root or of a dataset, or a dataset of one element."""
    owner, _, name = key.partition("_")
    for place, attribute in (("/", key), (owner, name)):
        if place == "/" or place in names:
            value = file.attribute(place, attribute)
            if value is not None:
                return value
    if key in names and file.header(key).size == 1:
        return file.load(key).reshape(-1)[0].item()
    return None
