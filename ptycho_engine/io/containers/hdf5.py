# ruff: noqa: D102 - the methods are documented in base.py
"""HDF5: a dataset for each array, named axes and units, and NeXus's way to the default plot."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...deferral import deferred_signals
from ..disk import as_bytes, write_all, write_at
from ..regions import Box, box_shape, box_slices, runs
from ..specs import Array, ArraySpec
from .base import Container

CACHE_BYTES = 16 * 1024**2
#: Higher levels take several times as long, for a few per cent of noisy numbers.
GZIP_LEVEL = 1
#: The NeXus groups that lead a viewer from the root to the plot.
PLOT = "entry/data"


def container_for(path: Path, arrays: Mapping[str, ArraySpec]) -> Container:
    """Return the container for arrays: chunked as soon as one asks for chunks."""
    chunked = any(spec.chunks and spec.size for spec in arrays.values())
    return (ChunkedHdf5 if chunked else ContiguousHdf5)(path, arrays)


class SafeStream:
    """A file that tells HDF5 of no failure, and us of the first one.

    HDF5 keeps what it could not write and tries again when the file is closed: on a full disk it
    fails there as well, and a file that failed to close crashes the process later. So a failure
    is kept here, the rest is dropped, and HDF5 closes in peace.
    """

    def __init__(self, raw: FileIO) -> None:
        self.raw = raw
        self.failure: BaseException | None = None
        self.seek, self.tell = raw.seek, raw.tell
        self.read, self.readinto = raw.read, raw.readinto

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Surround calls of HDF5: signals wait, which it would drop or turn into other errors.

        Raises
        ------
        BaseException
            The first failure, also in place of what HDF5 made of it.
        """
        with deferred_signals():
            try:
                yield
            finally:
                if self.failure is not None:
                    raise self.failure

    def write(self, data: memoryview) -> int:
        self._try(write_all, self.raw, memoryview(data))
        return len(data)

    def truncate(self, size: int) -> int:
        self._try(self.raw.truncate, size)
        return size

    def flush(self) -> None:
        """Do nothing: the file has no buffer."""

    def _try(self, action: Callable[..., object], *arguments: object) -> None:
        if self.failure is not None:
            return
        try:
            action(*arguments)
        except BaseException as failure:
            self.failure = failure


class _Hdf5(Container):
    """What both kinds of HDF5 file share: a stream, a file on it, names for everything."""

    _stream: SafeStream | None = None
    _file: Any = None

    def _open(self, mode: str) -> None:
        import h5py  # slow to import, and not needed for other formats

        raw = "x+b" if mode == "w" else "r+b"
        with deferred_signals():
            self._stream = SafeStream(self.path.open(raw, buffering=0))  # type: ignore[arg-type]
        with self._stream.in_use():
            self._file = h5py.File(self._stream, mode, rdcc_nbytes=CACHE_BYTES)

    def _create_arrays(self) -> None:
        """Create the datasets, with what a viewer asks of them."""
        file = self._file
        for name, spec in self.arrays.items():
            dataset = self._create_dataset(name, spec)
            if spec.units:
                dataset.attrs["units"] = spec.units
            for number, axis in enumerate(spec.axes):
                dataset.dims[number].label = axis
        signal, spec = next(iter(self.arrays.items()))
        file.attrs["NX_class"], file.attrs["default"] = "NXroot", "entry"
        plot = file.create_group(PLOT)
        file["entry"].attrs["NX_class"], file["entry"].attrs["default"] = "NXentry", "data"
        plot.attrs["NX_class"], plot.attrs["signal"] = "NXdata", signal
        if spec.shape:
            # A dot stands for an axis that has no array of its own.
            known = [axis for axis in spec.axes if axis in self.arrays and axis != signal]
            axes = [axis if axis in known else "." for axis in spec.axes or spec.shape]
            plot.attrs["axes"] = axes
        for name in self.arrays:
            plot[name] = file[name]  # the same dataset under a second name

    @abstractmethod
    def _create_dataset(self, name: str, spec: ArraySpec) -> Any:
        """Create one array, laid out as the format asks."""

    def _seal(self, records: Mapping[str, str]) -> None:
        assert self._stream is not None
        with self._stream.in_use():
            for name, text in records.items():
                self._file.attrs[name] = text
        self._close_file()

    def _close_file(self) -> None:
        """Close, and raise what could not be written."""
        assert self._stream is not None
        try:
            with self._stream.in_use():
                if self._file is not None:
                    self._file.close()
        finally:
            self._file = None
            self._stream.raw.close()

    def close(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._stream is not None:
                self._stream.raw.close()


class ChunkedHdf5(_Hdf5):
    """Chunks with checksums, through h5py; a killed process leaves a file that nobody can read."""

    resumes: ClassVar[bool] = False

    def create(self) -> None:
        self._open("w")
        assert self._stream is not None
        with self._stream.in_use():
            self._create_arrays()

    def _create_dataset(self, name: str, spec: ArraySpec) -> Any:
        chunks = spec.chunks if spec.size else None
        if chunks is not None:
            chunks = tuple(min(size, chunk) for size, chunk in zip(spec.shape, chunks, strict=True))
        # Every sample is written: filling chunks with zeros first would double the work.
        how: dict[str, Any] = {"chunks": chunks, "fletcher32": True} if chunks else {}
        if chunks and spec.compression != "none":
            how |= {"compression": spec.compression, "compression_opts": GZIP_LEVEL}
        return self._file.create_dataset(name, spec.shape, spec.dtype, fill_time="never", **how)

    def write(self, name: str, box: Box, values: Array) -> None:
        assert self._stream is not None
        with self._stream.in_use():
            self._file[name][box_slices(box)] = values

    def finish(self, records: Mapping[str, str]) -> None:
        self._seal(records)


class ContiguousHdf5(_Hdf5):
    """Arrays in one piece, written past h5py to their places in the file, in any order.

    The file is whole from the beginning: the places are allocated and h5py has closed it before
    the first value comes. So a killed process leaves a file that can be read, and continued.
    """

    resumes: ClassVar[bool] = True

    _descriptor: int | None = None

    def create(self) -> None:
        self._open("w")
        assert self._stream is not None
        with self._stream.in_use():
            self._create_arrays()
            self._offsets = {name: self._file[name].id.get_offset() for name in self.arrays}
        self._close_file()
        self._descriptor = os.open(self.path, os.O_RDWR)

    def _create_dataset(self, name: str, spec: ArraySpec) -> Any:
        import h5py

        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if spec.shape:
            properties.set_layout(h5py.h5d.CONTIGUOUS)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        space = (
            h5py.h5s.create_simple(spec.shape) if spec.shape else h5py.h5s.create(h5py.h5s.SCALAR)
        )
        kind = h5py.h5t.py_create(spec.dtype, logical=True)
        return h5py.Dataset(h5py.h5d.create(self._file.id, name.encode(), kind, space, properties))

    def reopen(self) -> None:
        import h5py

        with h5py.File(self.path, "r") as file:
            for name, spec in self.arrays.items():
                if (file[name].shape, file[name].dtype) != (spec.shape, spec.dtype):
                    raise ValueError(f"{name} has another shape or dtype")
            self._offsets = {name: file[name].id.get_offset() for name in self.arrays}
        self._descriptor = os.open(self.path, os.O_RDWR)

    def read(self, name: str, box: Box) -> Array:
        assert self._descriptor is not None
        spec = self.arrays[name]
        values = np.empty(box_shape(box), spec.dtype)
        for start, index in runs(box, spec.shape):
            view = as_bytes(values[index])
            if os.preadv(self._descriptor, [view], self._place(name, start)) != len(view):
                raise ValueError(f"{name} ends early")
        return values

    def write(self, name: str, box: Box, values: Array) -> None:
        assert self._descriptor is not None
        for start, index in runs(box, self.arrays[name].shape):
            write_at(self._descriptor, as_bytes(values[index]), self._place(name, start))

    def _place(self, name: str, start: int) -> int:
        return int(self._offsets[name]) + start * self.arrays[name].dtype.itemsize

    def finish(self, records: Mapping[str, str]) -> None:
        self._close_descriptor()
        self._open("r+")
        self._seal(records)

    def close(self) -> None:
        self._close_descriptor()
        super().close()

    def _close_descriptor(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
