"""NumPy's npz: arrays `patches` and `positions`, and three JSON texts; loads without pickle."""

from __future__ import annotations

import math
import tempfile
import zipfile
from contextlib import suppress
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy

from .base import Array, Writer
from .system import sync, write_all

COPY_BYTES = 16 * 1024**2


class NpzWriter(Writer):
    """Streams blocks into the archive, one in memory at a time.

    An archive takes an array from its first byte to its last. Blocks of an object with leading
    axes do not come so: they go to their places in a nameless scratch file beside the archive,
    which is copied in at the end and vanishes however the process ends.
    """

    _file: IO[bytes] | None = None
    _zip: zipfile.ZipFile | None = None
    _member: IO[bytes] | None = None
    _scratch: IO[bytes] | None = None

    def _start(self) -> None:
        header = self.header
        self._file = self.temporary.open("xb")
        # Stored, not compressed: patches hardly shrink, and can be mapped into memory.
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)
        for name, text in self.records.items():
            self._add(name, np.array(text))
        self._add("positions", header.positions)
        if math.prod(header.leading) == 1:
            self._member = self._open("patches", header.shape, header.dtype)
        else:
            folder = self.temporary.parent
            self._scratch = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115

    def _put(self, start: int, stop: int, patches: Array) -> None:
        if self._member is not None:
            self._member.write(_as_bytes(patches))
            return
        assert self._scratch is not None
        header = self.header
        for index, block in enumerate(patches.reshape(-1, *patches.shape[header.axis :])):
            self._scratch.seek((index * header.length + start) * header.item_bytes)
            write_all(self._scratch, _as_bytes(block))

    def _finish(self) -> None:
        if self._scratch is not None:
            self._member = self._open("patches", self.header.shape, self.header.dtype)
            self._scratch.seek(0)
            while chunk := self._scratch.read(COPY_BYTES):
                self._member.write(chunk)
        for stream in self._opened():
            stream.close()
        sync(self.temporary)

    def _discard(self) -> None:
        for stream in self._opened():
            with suppress(Exception):
                stream.close()

    def _opened(self) -> list[IO[bytes] | zipfile.ZipFile]:
        """Whatever is open, in the order of closing."""
        streams = (self._scratch, self._member, self._zip, self._file)
        return [stream for stream in streams if stream is not None]

    def _add(self, name: str, array: Array) -> None:
        with self._open(name, array.shape, array.dtype) as member:
            if array.size:
                member.write(_as_bytes(array))

    def _open(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> IO[bytes]:
        assert self._zip is not None
        member = self._zip.open(f"{name}.npy", "w", force_zip64=True)
        npy.write_array_header_1_0(
            member, {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        )
        return member


def _as_bytes(array: Array) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
