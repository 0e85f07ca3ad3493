"""Zarr 3: a group with arrays `patches` and `positions`, and three dictionaries as attributes."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from .base import Array, OutputHeader, Writer

#: A chunk is a file: few enough of them, and each small enough to read in one go.
CHUNK_BYTES = 8 * 1024**2
WORKERS = 2


class ZarrWriter(Writer):
    """Writes whole chunks; the head of an unfinished one waits for the next block.

    Two threads write a chunk each. Zarr's own concurrency is left aside: after an error or an
    interrupt it goes on writing, and would bring back folders that have just been removed.
    """

    _pool: ThreadPoolExecutor | None = None
    _patches: Any = None
    _unfinished: Array | None = None

    def _start(self) -> None:
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="ptycho-engine-zarr")
        self._patches = self._pool.submit(self._create).result()

    def _create(self) -> Any:
        import zarr  # slow to import, and not needed for other formats

        header = self.header
        attributes = {name: json.loads(text) for name, text in self.records.items()}
        group = zarr.create_group(str(self.temporary), zarr_format=3, attributes=attributes)
        positions = group.create_array(
            "positions",
            shape=header.positions.shape,
            dtype=header.positions.dtype,
            chunks=tuple(max(1, size) for size in header.positions.shape),
        )
        positions[...] = header.positions
        return group.create_array(
            "patches",
            shape=header.shape,
            dtype=header.dtype,
            chunks=(
                *(1 for _ in header.leading),
                chunk_length(header),
                *(max(1, size) for size in header.item_shape),
            ),
            compressors=None,
            # Otherwise every chunk is first compared with the fill value.
            config={"write_empty_chunks": True},
        )

    def _put(self, start: int, stop: int, patches: Array) -> None:
        header, step = self.header, chunk_length(self.header)
        lead = (slice(None),) * len(header.leading)
        ready = []
        for first in range(start - start % step, stop, step):
            last = min(first + step, header.length)
            low, high = max(first, start), min(last, stop)
            chunk = patches[(*lead, slice(low - start, high - start))]
            if (low, high) != (first, last):
                if self._unfinished is None:
                    shape = (*header.leading, last - first, *header.item_shape)
                    self._unfinished = np.empty(shape, header.dtype)
                self._unfinished[(*lead, slice(low - first, high - first))] = chunk
                chunk = self._unfinished
            if high == last:
                self._unfinished = None
                ready += [
                    (index, first, last, chunk[index]) for index in np.ndindex(*header.leading)
                ]
        self._write_chunks(ready)

    def _write_chunks(self, chunks: list[tuple[tuple[int, ...], int, int, Array]]) -> None:
        def write(index: tuple[int, ...], first: int, last: int, chunk: Array) -> None:
            self._patches[(*index, slice(first, last))] = chunk

        assert self._pool is not None
        futures = [self._pool.submit(write, *chunk) for chunk in chunks]
        for future in futures:
            future.result()

    def _finish(self) -> None:
        assert self._pool is not None
        self._pool.shutdown()

    def _discard(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def chunk_length(header: OutputHeader) -> int:
    """Patches or groups of a chunk of about `CHUNK_BYTES`."""
    return max(1, min(header.length, CHUNK_BYTES // max(1, header.item_bytes)))
