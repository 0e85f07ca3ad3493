# ruff: noqa: D102 - the methods are documented in base.py
"""Zarr 3: a group with an array for each name, whose dimensions have names that xarray knows."""

from __future__ import annotations

import json
import math
import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ...metadata import import_despite_metadata
from ...workers import share
from ..disk import sync, write_all
from ..regions import Box, box_shape, box_size, box_slices, intersection
from ..specs import Array, ArraySpec
from .base import Container
from .shards import file_parts
from .zarr_metadata import array_metadata, group_metadata, write_metadata

#: A chunk is a file: few enough of them, and each small enough to read in one go.
CHUNK_BYTES = 8 * 1024**2


def container_for(path: Path, arrays: Mapping[str, ArraySpec]) -> Container:
    """Return the container for arrays."""
    return ZarrContainer(path, arrays)


@dataclass
class _Open:
    """A chunk of which a part has come."""

    values: Array
    missing: int


class ZarrContainer(Container):
    """Writes whole files, in any order; a chunk or shard waits in memory until all of it has come.

    Two threads write a file each, past the library: that copies every chunk once more to put the
    checksum behind it, which takes twice the time; and after an error or an interrupt its own
    threads go on writing, and would bring back folders that have just been removed.
    """

    resumes: ClassVar[bool] = True
    checks: ClassVar[bool] = True
    threads: int = 2

    def __init__(self, path: Path, arrays: Mapping[str, ArraySpec]) -> None:
        super().__init__(path, arrays)
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, Box], _Open] = {}
        self._finished: Mapping[str, Sequence[Box]] = {}
        self._stored: dict[str, Any] = {}

    def create(self) -> None:
        documents = self._documents()
        write_metadata(self.path, group_metadata({}, documents))
        for name, document in documents.items():
            write_metadata(self.path / name, document)

    def _documents(self) -> dict[str, dict[str, Any]]:
        return {
            name: array_metadata(name, spec, chunk_shape(spec))
            for name, spec in self.arrays.items()
        }

    def reopen(self) -> None:
        import_despite_metadata("zarr")
        import zarr  # slow to import, and not needed for anything else

        self.sweep()
        group = zarr.open_group(str(self.path), mode="r")
        stored = {name: group[name] for name in self.arrays}
        for name, spec in self.arrays.items():
            array = stored[name]
            found = array.shape, array.dtype, array.chunks, array.shards
            if found != (spec.shape, spec.dtype, chunk_shape(spec), spec.shards):
                raise ValueError(f"{name} has another shape, dtype or chunks")
        self._stored = stored

    def resume(self, finished: Mapping[str, Sequence[Box]]) -> None:
        self._finished = finished

    def read(self, name: str, box: Box) -> Array:
        for chunk in files_of(self.arrays[name], box):  # zarr takes zeros for one that is missing
            if not (path := self._place(name, chunk)).is_file():
                raise FileNotFoundError(path)
        return np.asarray(self._stored[name][box_slices(box)])

    def write(self, name: str, box: Box, values: Array) -> None:
        ready = []
        with self._lock:
            for chunk in files_of(self.arrays[name], box):
                shared = intersection(chunk, box)
                assert shared is not None
                part = values[_within(shared, box)]
                if shared == chunk:
                    ready.append((chunk, part))
                elif (whole := self._gather(name, chunk, shared, part)) is not None:
                    ready.append((chunk, whole))
        share(partial(self._put, name), ready, self.threads)

    def _put(self, name: str, item: tuple[Box, Array]) -> None:
        chunk, values = item
        spec = self.arrays[name]
        path = self._place(name, chunk)
        _make_folders(path.parent, self.path / name)
        # Whoever writes the same file at the same time, in another process, has another name.
        unfinished = path.with_name(f"{path.name}.{secrets.token_hex(4)}.partial")
        with unfinished.open("wb", buffering=0) as stream:
            for part in file_parts(values, spec, chunk_shape(spec)):
                write_all(stream, memoryview(part))
        os.replace(unfinished, path)

    def _place(self, name: str, chunk: Box) -> Path:
        return self.path.joinpath(*self._parts(name, chunk))

    def _parts(self, name: str, chunk: Box) -> tuple[str, ...]:
        """Return where a chunk lies in the store, part by part."""
        steps = file_shape(self.arrays[name])
        index = (str(start // step) for (start, _), step in zip(chunk, steps, strict=True))
        return name, "c", *index

    def _gather(self, name: str, chunk: Box, shared: Box, part: Array) -> Array | None:
        """Add a part to its chunk; return the chunk as soon as it is whole."""
        waiting = self._waiting.get((name, chunk))
        if waiting is None:
            waiting = self._waiting[name, chunk] = self._begin(name, chunk)
        waiting.values[_within(shared, chunk)] = part
        waiting.missing -= box_size(shared)
        if waiting.missing > 0:
            return None
        return self._waiting.pop((name, chunk)).values

    def _begin(self, name: str, chunk: Box) -> _Open:
        """Begin a chunk, with what earlier regions of a killed run left in it."""
        boxes = self._finished.get(name, ())
        present = [shared for box in boxes if (shared := intersection(box, chunk))]
        if present:
            return _Open(self.read(name, chunk), box_size(chunk) - sum(map(box_size, present)))
        return _Open(np.empty(box_shape(chunk), self.arrays[name].dtype), box_size(chunk))

    def holds(self, name: str, box: Box) -> bool:
        with self._lock:
            return not any(
                other == name and intersection(chunk, box) for other, chunk in self._waiting
            )

    def sync(self, name: str, box: Box) -> None:
        """Wait until the files of a box are on the disk, or with those who serve it."""
        for chunk in files_of(self.arrays[name], box):
            sync(self._place(name, chunk))

    def sweep(self) -> None:
        """Remove the files that somebody who was killed, or met an error, left half written."""
        for name in self.arrays:
            for litter in (self.path / name / "c").rglob("*.partial"):
                litter.unlink(missing_ok=True)

    def finish(self, records: Mapping[str, str]) -> None:
        attributes = {name: json.loads(text) for name, text in records.items()}
        write_metadata(self.path, group_metadata(attributes, self._documents()))

    def close(self) -> None:
        """Do nothing: no file is open between two calls."""


def _make_folders(folder: Path, root: Path) -> None:
    """Make a folder below that of an array, which exists unless the output was discarded.

    Raises
    ------
    FileNotFoundError
        If that of the array is gone, which this process or another has discarded: it must not come
        back.
    """
    if folder == root:
        return
    try:
        folder.mkdir(exist_ok=True)
    except FileNotFoundError:
        _make_folders(folder.parent, root)
        folder.mkdir(exist_ok=True)


def is_zarr_store(path: Path) -> bool:
    """Whether a folder holds the metadata of a Zarr group or array, version 2 or 3."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def chunk_shape(spec: ArraySpec) -> tuple[int, ...]:
    """Chunks as asked for, else of about `CHUNK_BYTES`: whole along as many last axes as fit."""
    if spec.chunks is not None:
        return spec.chunks
    room = max(1, CHUNK_BYTES // spec.dtype.itemsize)
    chunks: list[int] = []
    for size in reversed(spec.shape):
        chunks.append(max(1, min(size, room)))
        room = room // chunks[-1] if chunks[-1] >= size else 1
    return tuple(reversed(chunks))


def file_shape(spec: ArraySpec) -> tuple[int, ...]:
    """Return what one file holds: a shard if there are any, else a chunk."""
    return spec.shards or chunk_shape(spec)


def files_of(spec: ArraySpec, box: Box) -> Iterator[Box]:
    """Yield the chunks or shards, cut off at the end of the array, that a box touches."""
    steps = file_shape(spec)
    firsts = [start // step for (start, _), step in zip(box, steps, strict=True)]
    counts = [
        math.ceil(stop / step) - first
        for (_, stop), step, first in zip(box, steps, firsts, strict=True)
    ]
    for offset in np.ndindex(*counts):
        index = [first + more for first, more in zip(firsts, offset, strict=True)]
        yield tuple(
            (i * step, min((i + 1) * step, size))
            for i, step, size in zip(index, steps, spec.shape, strict=True)
        )


def _within(inner: Box, outer: Box) -> tuple[slice, ...]:
    """Index of one box in the values of another."""
    pairs = zip(inner, outer, strict=True)
    return tuple(slice(a - base, b - base) for (a, b), (base, _) in pairs)
