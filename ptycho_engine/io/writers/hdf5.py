"""HDF5: datasets `patches` and `positions`, and three JSON texts as attributes of the root."""

from __future__ import annotations

from collections.abc import Callable
from io import FileIO
from types import TracebackType
from typing import Any

from .base import Array, OutputHeader, Writer
from .system import sync, write_all

#: A chunk is what HDF5 reads at least: a few patches.
CHUNK_BYTES = 1024**2
CACHE_BYTES = 16 * 1024**2


class Hdf5Writer(Writer):
    """Writes blocks into a chunked, uncompressed dataset."""

    _stream: _SafeStream | None = None
    _file: Any = None
    _patches: Any = None

    def _start(self) -> None:
        import h5py  # slow to import, and not needed for other formats

        header = self.header
        self._stream = _SafeStream(self.temporary.open("x+b", buffering=0))
        with self._stream:
            self._file = h5py.File(self._stream, "w", rdcc_nbytes=CACHE_BYTES)
            for name, text in self.records.items():
                self._file.attrs[name] = text
            self._file["positions"] = header.positions
            # Every sample is written: filling chunks with zeros first would double the work.
            self._patches = self._file.create_dataset(
                "patches",
                shape=header.shape,
                dtype=header.dtype,
                chunks=chunk_shape(header, CHUNK_BYTES),
                fill_time="never",
            )

    def _put(self, start: int, stop: int, patches: Array) -> None:
        assert self._stream is not None
        where = (*(slice(None) for _ in self.header.leading), slice(start, stop))
        with self._stream:
            self._patches[where] = patches

    def _finish(self) -> None:
        assert self._stream is not None
        with self._stream:
            self._file.close()
        self._stream.raw.close()
        sync(self.temporary)

    def _discard(self) -> None:
        try:
            if self._file is not None:
                self._file.close()
        finally:
            if self._stream is not None:
                self._stream.raw.close()


class _SafeStream:
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

    def __enter__(self) -> None:
        """Begin a call of HDF5."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raise the first failure, also in place of what HDF5 made of it."""
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
        except BaseException as failure:  # an interrupt may come here too
            self.failure = failure


def chunk_shape(header: OutputHeader, target: int) -> tuple[int, ...] | None:
    """Shape of chunks of about `target` bytes, or None where an array is better left whole."""
    if not header.total_bytes or header.item_bytes >= 2**31:  # HDF5 chunks end at 4 GiB
        return None
    count = max(1, min(header.length, target // header.item_bytes))
    return (*(1 for _ in header.leading), count, *header.item_shape)
