"""A file that somebody named, opened with care."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

#: Bytes that are read at once, and of a file's end.
READ_LIMIT, END_LIMIT = 2**20, 22 + 2**16


def first_bytes(path: Path, length: int) -> bytes:
    """Return what a file begins with; nothing of what is no regular file, or cannot be read."""
    if not os.path.isfile(path):  # opening a pipe would wait; a name that is too long is no file
        return b""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError:
        return b""


def is_zip(path: Path) -> bool:
    """Tell whether a path leads to a zip archive; no pipe is waited for."""
    return os.path.isfile(path) and zipfile.is_zipfile(path)


class RegularFile:
    """A regular file, opened so that no pipe or device is waited for, and read in bounded pieces.

    Python's `zipfile` reads a directory in one piece, of whatever length it claims, and with no
    length the record at the end with its comment.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    OSError
        If it is missing, may not be read or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("is no regular file")
            self._file = open(descriptor, "rb")  # noqa: SIM115
        except BaseException:
            os.close(descriptor)
            raise
        self.seek, self.tell, self.close = self._file.seek, self._file.tell, self._file.close
        self.seekable = self._file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or up to `END_LIMIT` if no size is given.

        Raises
        ------
        ValueError
            If they are more than `READ_LIMIT`.
        """
        if size > READ_LIMIT:
            raise ValueError(
                f"{size} bytes are to be read at once, which is more than {READ_LIMIT}"
            )
        return self._file.read(size if size >= 0 else END_LIMIT) or b""
