"""Where an output shall appear: refused before any work if it could not in the end."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import OutputError
from ..memory import format_bytes
from .containers import format_of
from .containers.zarr import is_zarr_store
from .disk import writing
from .objects.claim import check_url_output
from .objects.urls import Location, ObjectUrl, location
from .outputs import is_output, is_replaceable
from .publishing import foreign
from .specs import ArraySpec


def check_output(
    path: str | os.PathLike[str] | ObjectUrl,
    overwrite: bool,
    inputs: Sequence[Location] = (),
    *,
    same: bool = False,
) -> None:
    """Refuse, before any work, an output that could not be written in the end.

    Parameters
    ----------
    path : path-like or URL
        Where the output shall appear; the suffix names its format.
    overwrite : bool
        Whether an earlier output may be replaced.
    inputs : sequence of Path or ObjectUrl
        Files and folders that the run reads, which it never replaces.
    same : bool
        Whether an output of a job may stand there: the run then tells whether it is its own.

    Raises
    ------
    ConfigurationError
        If the suffix names no format.
    OutputError
        If the folder is missing or not writeable; if something stands at `path` and may not be
        replaced, or is an input, a scan, or no output of ours.
    """
    path = location(path)
    name = format_of(path)
    if isinstance(path, ObjectUrl):
        check_url_output(path, overwrite)
        return
    target = resolve(path)
    with writing(path):
        refuse_inputs(path, inputs)
        check_folder(path, target.parent)
        if not os.path.lexists(target):
            return
        mode = target.stat().st_mode
        if name == "zarr" and not (stat.S_ISDIR(mode) and is_zarr_store(target)):
            kind = "a folder without Zarr metadata" if stat.S_ISDIR(mode) else "a file"
            raise OutputError(
                f"{path}: exists and is {kind}. Expected nothing there, or a Zarr store of ours; "
                "anything else is never replaced. Move it away, or choose another output.path."
            )
        if name != "zarr" and not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a device, socket or pipe"
            raise OutputError(
                f"{path}: exists and is {kind}. Expected nothing there, or a file of ours; anything"
                " else is never replaced. Move it away, or choose another output.path."
            )
    if not overwrite and not same:
        raise OutputError(
            f"{path}: exists already. Expected nothing there. Set output.overwrite=true to replace "
            "it, or choose another output.path."
        )
    if not is_replaceable(target):
        raise _kept_scan(path) if is_output(target) else foreign(path)


def _kept_scan(path: Path) -> OutputError:
    return OutputError(
        f"{path}: exists and is a scan, and scans are never replaced. Expected nothing there, or "
        "an output of a job. Move it away, or choose another output.path."
    )


def refuse_inputs(path: Path, inputs: Sequence[Location]) -> None:
    """Refuse a place where something stands that the run reads, by whatever name.

    Raises
    ------
    OutputError
        If the place is one of the inputs, by another path, a symbolic or a hard link, or a folder
        that holds one.
    """
    target = resolve(path)
    for source in (place for place in inputs if isinstance(place, Path)):
        # By what the system says is one file: names may differ in case alone, or be mounted twice.
        places = [source, *resolve(source).parents] if target.is_dir() else [source]
        if target.exists() and any(p.exists() and target.samefile(p) for p in places):
            raise OutputError(
                f"{path}: is the input itself, {source}, which is never replaced. Expected another "
                "place for the output. Choose another output.path."
            )


def check_folder(path: Path, folder: Path) -> None:
    """Refuse a folder that is missing, or in which nothing can be made; OutputError says which."""
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


def check_space(path: Path, folder: Path, arrays: Mapping[str, ArraySpec], content: Path) -> None:
    """Refuse more bytes than the disk has free.

    Parameters
    ----------
    path : Path
        The output, for messages.
    folder : Path
        Where it will stand.
    arrays : mapping of str to ArraySpec
        What it will hold. Nobody knows how many bytes those take that are compressed.
    content : Path
        What has come of it already.

    Raises
    ------
    OutputError
        With both numbers.
    """
    with writing(path):
        begun = content.stat().st_blocks * 512 if content.is_file() else 0
        begun += sum(p.stat().st_size for p in content.rglob("*")) if content.is_dir() else 0
        free = shutil.disk_usage(folder).free
    plain = sum(spec.nbytes for spec in arrays.values() if spec.compression == "none")
    if (needed := plain - begun) > free:
        raise OutputError(
            f"{path}: the arrays take {format_bytes(needed)}, but {folder} has "
            f"{format_bytes(free)} free. Free space, or choose another output.path."
        )


def resolve(path: Path) -> Path:
    """Follow symbolic links, so that work lies in the file system of the output."""
    with writing(path):
        return Path(os.path.realpath(path))
