"""What writing asks of the operating system: errors in words, whole writes, and lasting ones."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..errors import OutputError
from ..workers import share
from .objects.urls import Location

SYNC_THREADS = 4


@contextmanager
def writing(path: Location) -> Iterator[None]:
    """Turn an operating system's error into an `OutputError` that names the output."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}. Nothing was published, and "
            "whatever stood there stands as it was. Free space, check permissions, or choose "
            "another output.path."
        ) from error


def is_full_disk(error: object) -> bool:
    """Whether an error, or what it came from, is that a disk or a share of it is full."""
    while isinstance(error, BaseException):
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False


def write_all(stream: IO[bytes], data: memoryview) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    while data:
        data = data[stream.write(data) :]


def write_at(descriptor: int, data: memoryview, offset: int) -> None:
    """Write at a place of a file, whatever other threads write elsewhere."""
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count


def as_bytes(array: Any) -> memoryview:
    """Bytes of a contiguous array, without a copy."""
    return memoryview(array.reshape(-1).view("u1"))


def checksum_of(data: memoryview) -> int:
    """Return the CRC-32C of bytes, three times as fast as that of zlib."""
    import google_crc32c  # not needed for npz

    return int(google_crc32c.value(np.frombuffer(data, np.uint8))) if data.nbytes else 0


def sync(path: Path) -> None:
    """Wait until a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Wait until a file, or a folder with all that it holds, is on the disk."""
    folders, files = ([], [path]) if path.is_file() else ([path], [])
    for folder in folders:
        for entry in os.scandir(folder):
            (folders if entry.is_dir(follow_symlinks=False) else files).append(Path(entry.path))
    share(sync, files, SYNC_THREADS)  # a disk takes several at once
    for folder in reversed(folders):
        sync(folder)
