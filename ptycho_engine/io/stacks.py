"""Arrays of any rank in a file or store, gone through block by block, never read as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..memory import check_reading
from .hdf5_file import Hdf5File, Hdf5Stack
from .npy_header import Header
from .npz_archive import NpzArchive
from .objects.mirror import local_copy, named
from .objects.urls import Location
from .patterns import Loader
from .reading import check_file, reading
from .regular_file import is_zip
from .zarr_group import ZarrGroup

Array = NDArray[Any]
#: What the one array of a ``.npy`` file is called.
ALONE = "array"


@dataclass(frozen=True, eq=False)
class Stacks:
    """The arrays of an open file.

    Attributes
    ----------
    path : Path
        The file or store.
    names : tuple of str
        Of its arrays; in HDF5 those in the root, though any path within the file is a name too.
    header : callable
        Shape and dtype of an array, by its name, unread.
    load : callable
        An array by its name, in native byte order.
    in_steps : callable
        Of a name and a number: blocks of so many entries along the first axis, in native byte
        order, in one pass from first to last.
    """

    path: Path
    names: tuple[str, ...]
    header: Callable[[str], Header]
    load: Callable[[str], Array]
    in_steps: Callable[[str, int], Iterator[Array]]


@contextmanager
def open_stacks(place: Location) -> Iterator[Stacks]:
    """Open an npz, npy or HDF5 file, or a Zarr store; of an object, a copy.

    Raises
    ------
    InputFileError
        If it is none of them, or cannot be read; so do the functions of what is yielded.
    """
    path = local_copy(place)
    with named(place, path), _opened(path) as stacks:
        yield stacks


@contextmanager
def _opened(path: Path) -> Iterator[Stacks]:
    if path.is_dir():
        group = ZarrGroup(path)
        steps = partial(_loaded_steps, group.header, group.loader)
        yield Stacks(path, group.names, group.header, group.load, steps)
    elif path.suffix.lower() == ".npy":
        check_file(path, "npy file")
        with reading(path, "the file", "npy file"):
            mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        header = Header(mapped.shape, mapped.dtype.newbyteorder("="))
        yield Stacks(
            path,
            (ALONE,),
            lambda name: header,
            lambda name: _native(mapped),
            lambda name, step: _sliced(mapped, step),
        )
    elif is_zip(path):
        with NpzArchive(path) as archive:
            steps = partial(_archive_steps, archive)
            yield Stacks(path, archive.names, archive.header, archive.load, steps)
    else:
        with Hdf5File(path) as file:
            names = tuple(name for name in file.names() if file.is_dataset(name))
            steps = partial(_loaded_steps, file.header, partial(_hdf5_loader, file))
            yield Stacks(path, names, file.header, file.load, steps)


def _native(array: Array) -> Array:
    return np.ascontiguousarray(array, array.dtype.newbyteorder("="))


def _sliced(array: Array, step: int) -> Iterator[Array]:
    for start in range(0, len(array), step):
        yield _native(array[start : start + step])


def _archive_steps(archive: NpzArchive, name: str, step: int) -> Iterator[Array]:
    header = archive.header(name)
    if not header.fortran_order:  # read to its end, it is held against its checksum
        yield from archive.stream(name, step)
        return
    if not archive.is_stored(name):
        check_reading(f"{archive.path}: reading {name!r}, compressed columns first", header.nbytes)
        yield from _sliced(archive.load(name), step)
    elif header.size:
        yield from _sliced(archive.map(name), step)


def _hdf5_loader(file: Hdf5File, name: str) -> Loader:
    """Return what fills arrays with ranges along the first axis of a dataset."""
    header = file.header(name)
    stack = Hdf5Stack(file.path, name, header)
    rows = int(np.prod(header.shape[1:-2]))  # of (..., H, W) in one entry

    def load(ranges: Any, into: Array) -> None:
        flat = into.reshape(-1, *header.shape[-2:])
        stack([(start * rows, stop * rows) for start, stop in ranges], flat)

    return load


def _loaded_steps(
    header: Callable[[str], Header], loader: Callable[[str], Loader], name: str, step: int
) -> Iterator[Array]:
    shape, dtype = header(name).shape, header(name).dtype
    load = loader(name)
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        block = np.empty((stop - start, *shape[1:]), dtype)
        load([(start, stop)], block)
        yield block
