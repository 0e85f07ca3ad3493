"""Heaps of texts in an HDF5 file, checked before the library reads them.

Texts of any length lie in collections, one object behind the other. Where damage makes an object
longer or shorter than it is, the library reads beyond, or goes round in a circle for ever. The
layout is that of the HDF5 file format specification 3.0, section III.E.
"""

from __future__ import annotations

import mmap
import struct
from pathlib import Path

#: Beginning of a collection: signature, version 1, three zeros; its size follows.
HEAD, SIZE, OBJECT = b"GCOL\x01\x00\x00\x00", struct.Struct("<Q"), struct.Struct("<HH4xQ")
#: Larger files are not searched: that would take longer than reading them.
MOST = 64 * 1024**2


def check_heaps(path: Path) -> None:
    """Refuse a file of which a collection of texts is damaged.

    Raises
    ------
    ValueError
        If objects do not fill a collection from its beginning to its end.
    """
    size = path.stat().st_size
    if not 0 < size <= MOST:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as file:
        at = file.find(HEAD)
        while at >= 0:
            if at % 8 == 0:
                _check_collection(file, at)
            at = file.find(HEAD, at + 1)


def _check_collection(file: mmap.mmap, start: int) -> None:
    """Walk through the objects of a collection."""
    begin = start + len(HEAD) + SIZE.size
    (length,) = SIZE.unpack_from(file, start + len(HEAD)) if begin <= len(file) else (0,)
    end, at = start + length, begin
    if not begin <= end <= len(file):
        raise ValueError(f"the heap of texts at byte {start} claims {length} bytes")
    seen: set[int] = set()
    while end - at >= OBJECT.size:
        index, _, size = OBJECT.unpack_from(file, at)
        # Free space, which ends a collection, counts its own head.
        taken = size if index == 0 else OBJECT.size + -(-size // 8) * 8
        fits = taken == end - at if index == 0 else OBJECT.size <= taken <= end - at
        if index in seen or not fits:
            raise ValueError(f"the heap of texts at byte {start} holds an object of {size} bytes")
        seen.add(index)
        at += taken
