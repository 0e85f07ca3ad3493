"""An output that appears whole or not at all."""

from __future__ import annotations

import importlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import ConfigurationError, OutputError, one_of
from ...logs import get_logger
from ...memory import format_bytes
from .base import OutputHeader, Writer
from .system import sync, writing

#: The writer of each suffix, imported when it is needed.
FORMATS = {
    ".npz": ("npz", "NpzWriter"),
    ".h5": ("hdf5", "Hdf5Writer"),
    ".hdf5": ("hdf5", "Hdf5Writer"),
    ".zarr": ("zarr", "ZarrWriter"),
}


def check_output(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse, before any work, an output that could not be written in the end.

    Parameters
    ----------
    path : path-like
        Where the output shall appear; the suffix names its format.
    overwrite : bool
        Whether an earlier output may be replaced.

    Raises
    ------
    ConfigurationError
        If the suffix names no format.
    OutputError
        If the folder is missing or not writeable; if something stands at `path` and may not be
        replaced, or is no output: a folder is replaced only if it is a Zarr store.
    """
    path = Path(path)
    name = _format(path)[0]
    target = _resolve(path)
    folder = target.parent
    with writing(path):
        if not folder.is_dir():
            what = "is not a folder" if folder.exists() else "does not exist"
            raise OutputError(
                f"{path}: the folder {folder} {what}. Expected a folder to write in. Create it "
                f"with mkdir -p, or choose another output.path."
            )
        if not os.access(folder, os.W_OK | os.X_OK):
            raise OutputError(
                f"{path}: the folder {folder} is not writeable. Expected the right to create files "
                "in it. Change its permissions, or choose another output.path."
            )
        if not os.path.lexists(target):
            return
        mode = target.stat().st_mode
        if name == "zarr" and not (stat.S_ISDIR(mode) and is_zarr_store(target)):
            kind = "a folder without Zarr metadata" if stat.S_ISDIR(mode) else "a file"
            raise OutputError(
                f"{path}: exists and is {kind}. Expected nothing there, or a Zarr store; anything "
                "else is never replaced. Move it away, or choose another output.path."
            )
        if name != "zarr" and not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a device, socket or pipe"
            raise OutputError(
                f"{path}: exists and is {kind}. Expected nothing there, or a file; anything else "
                "is never replaced. Move it away, or choose another output.path."
            )
    if not overwrite:
        raise OutputError(
            f"{path}: exists already. Expected nothing there. Set output.overwrite=true to replace "
            "it, or choose another output.path."
        )


@contextmanager
def open_writer(
    path: str | os.PathLike[str], header: OutputHeader, overwrite: bool
) -> Iterator[Writer]:
    """Write an output block by block; it appears when the context is left without an error.

    Until then everything lies in a hidden sibling, ``.{name}.{random}.part``. After any exception,
    ``KeyboardInterrupt`` included, the sibling is removed and an earlier output is as it was.

    Parameters
    ----------
    path, overwrite
        As for `check_output`; a symbolic link is followed.
    header : OutputHeader
        What will be written.

    Yields
    ------
    Writer
        Its `write` takes the blocks in order.

    Raises
    ------
    ConfigurationError
        If the suffix names no format.
    OutputError
        If the output cannot be written, or if blocks are missing in the end.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> header = OutputHeader((4, 2, 2), 0, np.dtype("f4"), np.zeros((4, 2)), {}, {}, {})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_writer(f"{folder}/patches.npz", header, overwrite=False) as writer:
    ...         for start in (0, 2):
    ...             writer.write(start, start + 2, np.ones((2, 2, 2), "f4"))
    ...     np.load(f"{folder}/patches.npz")["patches"].shape
    (4, 2, 2)
    """
    path = Path(path)
    check_output(path, overwrite)
    module, class_name = _format(path)
    target = _resolve(path)
    _check_space(path, target.parent, header)
    temporary = _sibling(target, "part")
    writer_class = getattr(importlib.import_module(f".{module}", __package__), class_name)
    writer: Writer = writer_class(path, temporary, header)
    try:
        writer.start()
        yield writer
        writer.finish()
        check_output(path, overwrite)  # something may have appeared meanwhile
        with writing(path):
            _publish(temporary, target)
    except BaseException:
        try:
            writer.discard()
        finally:
            _remove(temporary)
        raise


def is_zarr_store(path: Path) -> bool:
    """Whether a folder holds the metadata of a Zarr group or array, version 2 or 3."""
    return any((path / name).is_file() for name in ("zarr.json", ".zgroup", ".zarray"))


def _format(path: Path) -> tuple[str, str]:
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise ConfigurationError(
            f"output.path={str(path)!r}: {one_of('suffix', suffix, FORMATS)} Choose a path that "
            "ends in one of them."
        )
    return FORMATS[suffix]


def _resolve(path: Path) -> Path:
    """Follow symbolic links, so that the temporary lies in the file system of the output."""
    with writing(path):
        return Path(os.path.realpath(path))


def _check_space(path: Path, folder: Path, header: OutputHeader) -> None:
    with writing(path):
        free = shutil.disk_usage(folder).free
    if header.total_bytes > free:
        raise OutputError(
            f"{path}: the patches take {format_bytes(header.total_bytes)}, but {folder} has "
            f"{format_bytes(free)} free. Free space, or choose another output.path."
        )


def _sibling(target: Path, suffix: str) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(4)}.{suffix}")


def _publish(temporary: Path, target: Path) -> None:
    """Put the complete output in its place."""
    if not temporary.is_dir():
        os.replace(temporary, target)
        _sync_folder(target.parent)
        return
    # A folder replaces no folder that holds something: the earlier store steps aside.
    aside = _sibling(target, "old")
    try:
        with suppress(FileNotFoundError):
            os.rename(target, aside)
        os.rename(temporary, target)
    except BaseException:
        if aside.exists() and not target.exists():
            os.rename(aside, target)
        raise
    _sync_folder(target.parent)
    _remove(aside)


def _sync_folder(folder: Path) -> None:
    """Make a rename last, where the file system knows how; the output is there by now."""
    with suppress(OSError):
        sync(folder)


def _remove(path: Path) -> None:
    """Remove a file or a folder of ours; failing that, say where it is."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        get_logger().warning("temporary_output_left", path=str(path), reason=str(error))
