"""Which files a source is made of, and what tells whether they have changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from ...io import scan_facts
from ...io.scan import Scan
from ...io.scan_files import ScanSource
from .dataset_sources import Named

#: Documents of a group or an array, in Zarr 3 and in Zarr 2.
ZARR_DOCUMENTS = ("zarr.json", ".zarray", ".zgroup", ".zattrs", ".zmetadata")
#: Path, size and time of change of each file.
Stamp = tuple[tuple[str, int, int], ...]


def files_of(source: Named, *, behind: bool = True) -> list[Path]:
    """Return the files and folders that a source is made of; none of one that is no file.

    Such are scans in memory, drawn ones, and objects.

    Parameters
    ----------
    source : Scan, ScanSource or Path
        The source, as `as_sources` reads it.
    behind : bool
        Whether HDF5 files are opened for the names of others that they lead to.
    """
    if isinstance(source, Scan):
        return []
    path, options = (
        (source.path, source.options) if isinstance(source, ScanSource) else (source, {})
    )
    if not isinstance(path, Path) or not path.exists():
        return []
    return scan_facts.files_of(path, options, behind=behind)


def stamp_of(source: Named) -> Stamp:
    """Return what tells whether the files of a source are those that they were.

    It is asked for whenever a source is opened, so no file is opened for it, and of a store in
    many files these are the documents of its arrays, which whoever writes it anew writes, too. What
    happens to lie in the folder that the process is in, under the name of an option, is not asked.
    """
    found: list[tuple[str, int, int]] = []
    for path in filter(Path.is_absolute, files_of(source, behind=False)):
        for file in _documents(path) if path.is_dir() else (path,):
            try:
                facts = file.stat()
            except OSError:  # it is gone, or was none
                continue
            found.append((str(file), facts.st_size, facts.st_mtime_ns))
    return tuple(found)


def _documents(folder: Path) -> Iterator[Path]:
    """Go through the documents of a store: of its root, and of what lies in it."""
    try:
        inner = sorted(entry.path for entry in os.scandir(folder) if entry.is_dir())
    except OSError:
        inner = []
    for place in (folder, *map(Path, inner)):
        yield from (place / name for name in ZARR_DOCUMENTS)
