"""Reading regular files, and replacing them whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from .text import SourceError

#: Larger files are no sources: data that is called so, or notebooks that are mostly pictures.
LARGEST = 64 * 2**20


class TooLargeError(SourceError):
    """A file is too large to be a source."""


def read_file(path: Path) -> bytes:
    """Read a regular file; a pipe or a device is not even opened.

    Raises SourceError if it is none, and TooLargeError if it is larger than `LARGEST`.
    """
    data = read_start(path, LARGEST + 1)
    if len(data) > LARGEST:
        raise TooLargeError(f"larger than {LARGEST // 2**20} MiB")
    return data


def read_start(path: Path, size: int) -> bytes:
    """Read the first bytes of a regular file."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise SourceError("is no regular file")
    # Should it become a pipe in between, opening it shall not wait.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        return file.read(size)


def replace_file(path: Path, data: bytes) -> None:
    """Replace the content of a file, keeping mode and owner; a link keeps pointing to it.

    At once, but where the file has other names (hard links): they keep it, so that it is written
    in place, with a copy beside it meanwhile. Raises SourceError if it is read-only.
    """
    target = Path(os.path.realpath(path))
    status = target.stat()
    if not status.st_mode & 0o222 or not os.access(target, os.W_OK):
        raise SourceError("is read-only")
    if status.st_nlink > 1:
        _write_in_place(target, data)
    else:
        write_file(target, data, status)


def _write_in_place(target: Path, data: bytes) -> None:
    before = read_file(target)
    beside = _beside(target)
    _write_synced(beside, "xb", before)
    try:
        _write_synced(target, "r+b", data)
    except BaseException:
        _write_synced(target, "r+b", before)
        raise
    finally:
        beside.unlink(missing_ok=True)


def write_file(path: Path, data: bytes, like: os.stat_result | None = None) -> None:
    """Write a file whole or not at all, with mode and owner of a new file or of another's.

    Where that fails with an OSError, what stood there still does, and nothing lies beside it.
    """
    beside = _beside(path)
    try:
        _write_synced(beside, "xb", data)
        if like is not None:
            with contextlib.suppress(OSError, AttributeError):  # not ours to give, or Windows
                os.chown(beside, like.st_uid, like.st_gid)
            os.chmod(beside, stat.S_IMODE(like.st_mode))
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name[:200]}.{secrets.token_hex(4)}.part")


def _write_synced(path: Path, mode: str, data: bytes) -> None:
    with open(path, mode) as file:
        file.write(data)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
