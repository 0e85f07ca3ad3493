# ruff: noqa: D102 - the methods are documented in base.py
"""NumPy's npz: a member for each array, and JSON texts; loads without pickle."""

from __future__ import annotations

import math
import tempfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.lib import format as npy

from ...errors import OutputError
from ..disk import as_bytes, write_all
from ..regions import Box, partial_axis, runs
from ..specs import Array, ArraySpec, to_json
from .base import Container

COPY_BYTES = 16 * 1024**2
#: The member that holds axes and units, for which the format has no place.
SPECS = "array_specs"


def container_for(path: Path, arrays: Mapping[str, ArraySpec]) -> Container:
    """Return the container for arrays."""
    return NpzContainer(path, arrays)


class NpzContainer(Container):
    """Streams arrays into the archive, one region in memory at a time.

    An archive takes one array after another, each from its first byte to its last. Where regions
    do not come so (beside an array that is still open, or across leading axes), they go to their
    places in a nameless scratch file beside the archive, which is copied in at the end and
    vanishes however the process ends. The order of the regions is the same for both.
    """

    resumes: ClassVar[bool] = False

    _file: IO[bytes] | None = None
    _zip: zipfile.ZipFile | None = None
    _member: IO[bytes] | None = None
    _streamed = ""

    def create(self) -> None:
        self._next: dict[str, int] = {}
        self._scratch: dict[str, IO[bytes]] = {}
        self._done: set[str] = set()
        self._file = self.path.open("xb")
        # Stored, not compressed: patches hardly shrink, and can be mapped into memory.
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def write(self, name: str, box: Box, values: Array) -> None:
        spec = self.arrays[name]
        axis = partial_axis(box, spec.shape)
        self._check_order(name, box, axis)
        if self._member is None and name not in self._scratch and _is_one_run(spec, axis):
            self._member, self._streamed = self._open(name, spec.shape, spec.dtype), name
        if self._streamed == name:
            assert self._member is not None
            self._member.write(as_bytes(values))
        else:
            self._scatter(name, box, values)
        self._next[name] = box[axis][1] if box else 1
        if self._streamed == name and (not box or box[axis][1] == spec.shape[axis]):
            self._end_member()

    def _check_order(self, name: str, box: Box, axis: int) -> None:
        spec, expected = self.arrays[name], self._next.get(name, 0)
        whole = all(box[a] == (0, size) for a, size in enumerate(spec.shape[:axis]))
        if (box and box[axis][0] != expected) or not whole:
            raise OutputError(
                f"{name}: received {box}. Expected regions in order, the next from {expected}, "
                "since an .npz takes them in no other. Choose .h5 or .zarr, which take any order."
            )

    def _scatter(self, name: str, box: Box, values: Array) -> None:
        spec = self.arrays[name]
        if name not in self._scratch:
            folder = self.path.parent
            self._scratch[name] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        stream = self._scratch[name]
        for offset, index in runs(box, spec.shape):
            stream.seek(offset * spec.dtype.itemsize)
            write_all(stream, as_bytes(values[index]))

    def finish(self, records: Mapping[str, str]) -> None:
        assert self._file is not None
        assert self._zip is not None
        for name, stream in self._scratch.items():
            spec = self.arrays[name]
            self._member = self._open(name, spec.shape, spec.dtype)
            stream.seek(0)
            while chunk := stream.read(COPY_BYTES):
                self._member.write(chunk)
            self._end_member()
        for name, spec in self.arrays.items():
            if name not in self._done:  # it has no values
                self._add(name, np.empty(spec.shape, spec.dtype))
        for name, text in records.items():
            self._add(name, np.array(text))
        specs = {name: {"axes": s.axes, "units": s.units} for name, s in self.arrays.items()}
        self._add(SPECS, np.array(to_json(SPECS, specs)))
        self._zip.close()
        self._file.close()
        self.close()

    def close(self) -> None:
        streams = (*getattr(self, "_scratch", {}).values(), self._member, self._zip, self._file)
        for stream in streams:
            if stream is not None:
                with suppress(Exception):
                    stream.close()
        if self._zip is not None:
            self._zip.fp = None  # else it tries once more when it is collected, and complains

    def _end_member(self) -> None:
        assert self._member is not None
        self._member.close()
        self._member, self._streamed = None, ""

    def _add(self, name: str, array: Array) -> None:
        with self._open(name, array.shape, array.dtype) as member:
            if array.size:
                member.write(as_bytes(array.reshape(-1)))

    def _open(self, name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> IO[bytes]:
        assert self._zip is not None
        self._done.add(name)
        member = self._zip.open(f"{name}.npy", "w", force_zip64=True)
        header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(member, header)
        return member


def _is_one_run(spec: ArraySpec, axis: int) -> bool:
    """Whether regions along an axis follow each other in the memory of an array."""
    return math.prod(spec.shape[:axis]) == 1
