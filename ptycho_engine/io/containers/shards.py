"""What a file of a Zarr array holds: one chunk, or the chunks of a shard and an index of them.

A chunk is its samples, packed if that is asked for, and a checksum. A shard is its chunks in C
order, then for each its offset and length, two uint64, little endian, and a checksum of these; a
chunk that lies beyond the end of the array has 2**64 - 1 for both (Zarr 3, codec
``sharding_indexed``, version 1.0).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ...metadata import import_despite_metadata
from ..disk import as_bytes, checksum_of
from ..specs import Array, ArraySpec
from .zarr_metadata import ZSTD_LEVEL

Buffer = bytes | memoryview
#: Offset and length of a chunk that is not there.
ABSENT = 2**64 - 1


def file_parts(values: Array, spec: ArraySpec, chunks: tuple[int, ...]) -> Iterator[Buffer]:
    """Yield the bytes of a file, part by part.

    Parameters
    ----------
    values : ndarray
        What the array holds there; cut off at the end of the array.
    spec : ArraySpec
        The array.
    chunks : tuple of int
        Shape of its chunks.
    """
    if spec.shards is None:
        yield from _chunk(values, spec, chunks)
        return
    counts = [shard // chunk for shard, chunk in zip(spec.shards, chunks, strict=True)]
    places: list[tuple[int, int]] = []
    end = 0
    for index in product(*map(range, counts)):
        corner = [i * chunk for i, chunk in zip(index, chunks, strict=True)]
        if any(at >= size for at, size in zip(corner, values.shape, strict=True)):
            places.append((ABSENT, ABSENT))
            continue
        begin = end
        inner = tuple(slice(at, at + chunk) for at, chunk in zip(corner, chunks, strict=True))
        for part in _chunk(values[inner], spec, chunks):
            end += len(part)
            yield part
        places.append((begin, end - begin))
    yield from _checked(np.array(places, "<u8").tobytes())


def _chunk(values: Array, spec: ArraySpec, chunks: tuple[int, ...]) -> Iterator[Buffer]:
    if values.shape != chunks:  # a chunk at the end of the array is stored whole
        padded = np.zeros(chunks, spec.dtype)
        padded[tuple(map(slice, values.shape))] = values
        values = padded
    data: Buffer = as_bytes(np.ascontiguousarray(values))
    if spec.compression == "zstd":
        import_despite_metadata("numcodecs.zstd")
        from numcodecs import zstd  # slow to import, and not needed for anything else

        data = zstd.compress(data, ZSTD_LEVEL)
    return _checked(data)


def _checked(data: Buffer) -> Iterator[Buffer]:
    yield data
    yield checksum_of(memoryview(data)).to_bytes(4, "little")
