"""Folders of scans, on the local disk or in an object store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputFileError
from .catalogue import formats_of
from .objects.buckets import Bucket
from .objects.mirror import exists
from .objects.urls import Location
from .pairs import ROLES, partner_path, role_of

#: Suffixes of files that stand in pairs.
PAIRED = (".h5", ".hdf5")


def is_folder_of_scans(place: Location) -> bool:
    """Whether a place is a folder, and not one that a format has the suffix of.

    Parameters
    ----------
    place : Path or ObjectUrl
        In an object store a folder is a name below which objects lie, and which is none itself.

    Raises
    ------
    InputFileError
        If the object store fails.
    """
    if formats_of(place):
        return False
    if isinstance(place, Path):
        return place.is_dir()
    return not exists(place) and Bucket(place).holds_any(place.key)


def scans_in(folder: Location) -> list[Location]:
    """Return what a folder holds, right below it, that a format has the suffix of, by name.

    Of a pair of HDF5 files that are one scan, that of the patterns stands for both.

    Parameters
    ----------
    folder : Path or ObjectUrl
        The folder. Nothing is read of what it holds.

    Raises
    ------
    InputFileError
        If there is none, or the object store fails.
    """
    if isinstance(folder, Path):
        entries: Sequence[Location] = sorted(folder.iterdir())
    else:
        objects, deeper = Bucket(folder).right_below(folder.key)
        entries = [folder / name for name in sorted({*objects, *deeper})]
    names = {entry.name for entry in entries}
    found = [e for e in entries if formats_of(e) and not _is_second(Path(e.name), names)]
    if not found:
        raise InputFileError(
            f"{folder}: holds no file with the suffix of a format of scans. Expected a scan, or a "
            "folder of scans. Check its spelling; ptycho-engine plugins lists the suffixes."
        )
    return found


def _is_second(name: Path, names: set[str]) -> bool:
    """Whether a name is that of the second file of a pair whose first is there."""
    if name.suffix.lower() not in PAIRED or role_of(name) != ROLES[1]:
        return False
    first = partner_path(name)
    return first is not None and first.name in names
