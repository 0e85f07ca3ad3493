"""What writers ask of the operating system."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...errors import OutputError


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's error into an `OutputError` that names the output."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written: {error.strerror or error}. Nothing was left behind, and "
            "an earlier output was kept. Free space, check permissions, or choose another "
            "output.path."
        ) from error


def write_all(stream: IO[bytes], data: memoryview) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    while data:
        data = data[stream.write(data) :]


def sync(path: Path) -> None:
    """Wait until a file or folder is on the disk, as far as its system allows."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
