"""What tells whether the files of a scan are as they were: of all of them, whoever names them.

A scan is more than the file that is named: the other half of a pair, files that options name,
detector files behind links, the chunks of a store. They are looked at, not read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from .containers.zarr import is_zarr_store
from .hdf5_links import files_behind
from .objects.buckets import Bucket
from .objects.mirror import copy_read, origin, version_read
from .objects.urls import ObjectUrl
from .pairs import find_partner
from .scan_files import ScanSource

Facts = dict[str, Any]
#: Files that are named one by one; a detector writes thousands.
NAMED = 16
#: Facts of an object that is not there.
GONE: Facts = {"version": None}


def scan_facts(source: ScanSource) -> dict[str, Facts]:
    """Return facts of each file of a scan, by its path from the folder of the first one.

    Parameters
    ----------
    source : ScanSource
        A scan that has been read: of objects, these are the facts of the copies.

    Returns
    -------
    dict of str to dict
        Bytes and time of change, of an object its version. Those beyond `NAMED` are one entry.
        Empty for a scan that is made.
    """
    if isinstance(source.path, ObjectUrl):
        path = copy_read(source.path)
        first = {source.path.name: _object_facts(source.path)}
    else:
        path, first = source.path, {}
    found = dict(first)
    for each in files_of(path, source.options):
        if first and each == path:
            continue
        facts = facts_of(each)
        if facts != GONE or each.exists():  # a dead link leads to no object
            found[_name(each, path)] = facts
    names = list(found)
    if len(names) <= NAMED:
        return found
    rest = {name: found[name] for name in names[NAMED:]}
    said = {"files": len(rest), "digest": _digest(sorted(rest.items()))}
    return {name: found[name] for name in names[:NAMED]} | {"others": said}


def files_of(path: Path | None, options: Mapping[str, Any], *, behind: bool = True) -> list[Path]:
    """Return the files and stores that a scan is made of, the named one first.

    Parameters
    ----------
    path : Path or None
        The file of a scan, or None for one that is made.
    options : mapping of str to object
        Options of its format: texts that are names of files, here or beside the scan, count.
    behind : bool
        Whether HDF5 files are opened for the names of others that they lead to.
    """
    found: dict[str, Path] = {}

    def add(each: Path) -> None:
        new = found.setdefault(os.path.realpath(each), each) is each
        if new and behind and each.is_file():
            for other in files_behind(each):
                found.setdefault(os.path.realpath(other), other)

    if path is not None:
        add(path)
        if (partner := find_partner(path)) is not None:
            add(partner)
    for text in filter(None, _texts(options)):
        for place in [Path(text)] if path is None else [path.parent / text, Path(text)]:
            # Not any folder: a text such as "/data" may mean a place within the file.
            if os.path.isfile(place) or (os.path.isdir(place) and is_zarr_store(place)):
                add(place)
    return list(found.values())


def facts_of(path: Path) -> Facts:
    """Return size and time of change of a file, or of all that is in a folder."""
    if (url := origin(path)) is not None:
        return _object_facts(url)
    if path.is_dir():
        return _folder_facts(path)
    found = path.stat()
    return {"bytes": found.st_size, "changed_ns": found.st_mtime_ns}


def _folder_facts(folder: Path) -> Facts:
    """Return facts of a folder, whose own time of change says nothing of files that are deeper."""
    listed = []
    for name in _below(folder):
        with suppress(OSError):  # gone, or a link to nothing
            found = os.stat(name)
            listed.append((os.path.relpath(name, folder), found.st_size, found.st_mtime_ns))
    return {
        "files": len(listed),
        "bytes": sum(size for _, size, _ in listed),
        "changed_ns": max((changed for *_, changed in listed), default=0),
        "digest": _digest(sorted(listed)),
    }


def _below(folder: Path) -> Iterator[str]:
    """Yield the files in a folder, however deep, also behind symbolic links."""
    seen: set[str] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        if (real := os.path.realpath(place)) in seen:
            folders.clear()
            continue
        seen.add(real)
        yield from (os.path.join(place, name) for name in names)


def _object_facts(url: ObjectUrl) -> Facts:
    """Return the version of an object that was read; of a store those of its chunks too."""
    version = version_read(url)
    if version is not None and url.suffix.lower() != ".zarr":
        return {"version": version}
    bucket = Bucket(url)
    if url.suffix.lower() == ".zarr":
        listed = sorted((found.key, found.size, found.tag) for found in bucket.facts_below(url.key))
        return {"version": version, "objects": len(listed), "digest": _digest(listed)}
    found = bucket.facts(url.key)
    return {"version": None if found is None else found.tag or str(found.size)}


def _name(path: Path, first: Path | None) -> str:
    return str(path) if first is None else os.path.relpath(path, first.parent)


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _texts(value: object) -> Iterator[str]:
    """Go through the texts in options."""
    if isinstance(value, str | os.PathLike):
        yield str(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
