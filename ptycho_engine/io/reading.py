"""What readers of any container share: the path is a file, and every failure is one error."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path

from ..errors import InputFileError, MemoryBudgetError, PtychoEngineError, one_line
from .containers.zarr import is_zarr_store
from .objects.mirror import bring

#: What a file is that begins with these bytes.
SIGNATURES = {
    b"PK\x03\x04": "a zip archive",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file",
    b"\x93NUMPY": "a single .npy array",
    b"\x80": "a Python pickle",
    b"MATLAB": "a MATLAB file",
    b"\x1f\x8b": "a gzip file",
    b"II*\x00": "a TIFF picture",
    b"MM\x00*": "a TIFF picture",
}


@contextmanager
def reading(path: Path, what: str, kind: str) -> Iterator[None]:
    """Turn whatever libraries raise for a bad file into one error on one line.

    Nobody lists what that may be: of damaged files came errors of tokenize, struct and codecs too.

    Parameters
    ----------
    path : Path
        The file.
    what : str
        What is being read of it.
    kind : str
        What it should be: ``"npz file"``.

    Raises
    ------
    InputFileError, MemoryBudgetError
        In place of any exception.
    """
    try:
        yield
    except PtychoEngineError:
        raise
    except MemoryError as error:
        raise MemoryBudgetError(
            f"{path}: there is no memory for {what}: {one_line(error)}. Expected an array that "
            "fits. Choose a smaller scan."
        ) from error
    except Exception as error:
        raise InputFileError(
            f"{path}: cannot read {what}: {one_line(error) or type(error).__name__}. Expected an "
            f"intact {kind} that may be read. Check its permissions, or copy or write it again."
        ) from error


def claiming(look: Callable[[Path], bool]) -> Callable[[Path], bool]:
    """Let a format's `recognise` answer False of what it cannot read."""

    @wraps(look)
    def recognise(path: Path) -> bool:
        try:
            return look(path)
        except (InputFileError, OSError):
            return False

    return recognise


def check_file(path: Path, kind: str) -> None:
    """Refuse a path that leads to no regular file, which should be of some kind.

    Raises
    ------
    InputFileError
        With what there is, or what is spelled alike.
    """
    bring([path])  # what stands beside a scan in an object store
    kind = f"a {kind}" if kind.startswith("M") else f"an {kind}"
    if path.is_dir():
        what = "a Zarr store" if is_zarr_store(path) else "a folder"
        raise InputFileError(f"{path}: is {what}. Expected {kind}. Name the file itself.")
    if path.is_file():
        return
    if path.exists():
        raise InputFileError(
            f"{path}: is a device, socket or pipe. Expected {kind}, which is read in several "
            "places. Write its content to a file first."
        )
    if not path.parent.is_dir():
        reason = f"The folder {path.parent} does not exist either."
    else:
        beside = [entry.name for entry in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, beside, n=1)
        reason = f"Did you mean {near[0]!r}?" if near else "Check its spelling."
    raise InputFileError(
        f"{path}: no such file. {reason} Expected the path of {kind}; a relative one counts "
        f"from {Path.cwd()}."
    )


def looks_like(path: Path) -> str:
    """Say what a file is by its first bytes; empty if it has none, or is no regular file."""
    if not os.path.isfile(path):  # opening a pipe would wait
        return ""
    with path.open("rb") as stream:
        head = stream.read(64)
    what = next((name for magic, name in SIGNATURES.items() if head.startswith(magic)), None)
    if what is not None or not head:
        return what or ""
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return f"text, beginning {head[:24].decode('ascii')!r}"
    return f"unknown data, {head[:8]!r}"
