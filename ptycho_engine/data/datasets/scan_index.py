"""What a dataset knows of many scans, kept in a file: scans that are as they were stay closed.

The file is JSON. Of each source it has the files that it is made of, with their sizes and times of
change, and the entry that follows from them; what has changed is looked at again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError
from ...io.disk import sync, writing
from ...io.documents import read_json
from ...io.objects.urls import Location
from ...io.scan import Scan
from ...io.scan_files import ScanSource
from ...logs import get_logger
from .columns import Column
from .entries import Entry

#: What the file says that it is.
KIND = "index of scans of ptycho_engine"
#: Endings of files that are one scan together with the one of another ending.
PAIRED = ("_dp", "_para")
COLUMNS = ("patch", "pattern", "probe")


@dataclass
class ScanIndex:
    """Entries by source and settings.

    Attributes
    ----------
    path : Path
        The file.
    known : dict of str to dict
        Of each source ``files`` and ``entry``, by its key.
    used : dict of str to dict
        Likewise, of the sources that were asked for: what `save` keeps.
    """

    path: Path
    known: dict[str, Any]
    used: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> ScanIndex:
        """Read an index; an empty one if there is no file, or another version wrote it.

        Entries that someone has damaged are left out: they are made anew.

        Raises
        ------
        InputFileError
            If the file is no index, or cannot be read.
        """
        if not path.exists():
            return cls(path, {})
        found = read_json(path)
        if not isinstance(found, dict) or found.get("kind") != KIND:
            raise InputFileError(
                f"{path}: is no index of scans. Expected one that a dataset wrote, or no file. "
                "Choose another name, or remove it."
            )
        entries = found.get("entries")
        if found.get("version") != _version() or not isinstance(entries, dict):
            return cls(path, {})
        return cls(path, {key: kept for key, kept in entries.items() if _is_kept(kept)})

    def entry(
        self,
        source: Scan | ScanSource | Location,
        settings: Mapping[str, Any],
        make: Callable[[], Entry],
    ) -> Entry:
        """Return the entry of a source: as it is known, or made anew if anything has changed.

        Parameters
        ----------
        source : Scan, ScanSource or Path
            The source; those in memory are always made anew.
        settings : mapping
            What else an entry follows from, as JSON.
        make : callable
            Opens the source, and describes it.
        """
        files = files_of(source)
        if not files:
            return make()
        key = json.dumps([_named(source), settings], sort_keys=True, default=str)
        facts = [_facts(path) for path in files]
        kept = self.known.get(key)
        if kept is not None and kept["files"] == facts:
            try:
                entry = _from_plain(kept["entry"])
            except (KeyError, TypeError, ValueError):  # someone has edited it
                kept = None
            else:
                self.used[key] = kept
                return entry
        if kept is not None:
            get_logger().info("scan_changed", source=str(files[0]), index=str(self.path))
        entry = make()
        if [_facts(path) for path in files] == facts:  # else it changed while it was looked at
            self.used[key] = {"files": facts, "entry": _plain(entry)}
        return entry

    def save(self) -> None:
        """Write what was used, whole, if the file says anything else.

        Entries of sources that were not asked for stay as long as their files do.

        Raises
        ------
        OutputError
            If it cannot be written; what stood there stands.
        """
        others = {
            key: kept
            for key, kept in self.known.items()
            if key not in self.used and Path(kept["files"][0][0]).exists()
        }
        entries = others | self.used
        if entries == self.known and self.path.exists():
            return
        text = json.dumps({"kind": KIND, "version": _version(), "entries": entries}, indent=1)
        partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        with writing(self.path):
            try:
                partial.write_text(text, encoding="utf-8")
                sync(partial)
                os.replace(partial, self.path)
            finally:
                partial.unlink(missing_ok=True)


def files_of(source: Scan | ScanSource | Location) -> list[Path]:
    """Return the files and folders that a source is made of; none of one that is no file.

    Such are scans in memory, drawn ones, and objects. Beside the file itself these are the other
    half of a pair, and the files that options name.
    """
    if isinstance(source, Scan):
        return []
    path = source.path if isinstance(source, ScanSource) else source
    if not isinstance(path, Path) or not path.exists():
        return []
    found = [path, *_partners(path)]
    if isinstance(source, ScanSource):
        found += [Path(text) for text in _texts(source.options) if os.path.exists(text)]
    return [Path(os.path.abspath(each)) for each in found]


def _partners(path: Path) -> Iterator[Path]:
    for one, other in (PAIRED, PAIRED[::-1]):
        partner = path.with_name(f"{path.stem.removesuffix(one)}{other}{path.suffix}")
        if path.stem.endswith(one) and partner.exists():
            yield partner


def _texts(value: object) -> Iterator[str]:
    """Go through the texts in options."""
    if isinstance(value, str | Path):
        yield str(value)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)


def _facts(path: Path) -> list[Any]:
    """Return what tells whether a file has changed, or anything in a folder, however deep."""
    try:
        found = [path.stat()]
        for folder, _, names in os.walk(path):  # a file holds none
            found += [os.lstat(os.path.join(folder, name)) for name in names]
    except OSError:
        return [str(path), None, None, None, None]
    size, times = sum(f.st_size for f in found), sum(f.st_mtime_ns for f in found)
    return [str(path), size, times, found[0].st_ino, len(found)]


def _is_kept(kept: object) -> bool:
    """Tell whether an entry of the file has the parts of one."""
    if not isinstance(kept, dict) or not isinstance(kept.get("entry"), dict):
        return False
    files = kept.get("files")
    return isinstance(files, list) and bool(files) and all(isinstance(f, list) and f for f in files)


def _named(source: Scan | ScanSource | Location) -> Any:
    if isinstance(source, ScanSource):
        return {**source.settings(), "path": os.path.abspath(str(source.path or ""))}
    return os.path.abspath(str(source))


def _version() -> str:
    from ... import __version__

    return str(__version__)


def _plain(entry: Entry) -> dict[str, Any]:
    found = asdict(entry)
    for name in COLUMNS:
        column = getattr(entry, name)
        found[name] = None if column is None else [list(column.shape), column.dtype.str]
    return found


def _from_plain(plain: Mapping[str, Any]) -> Entry:
    found = dict(plain)
    for name in COLUMNS:
        if found[name] is not None:
            shape, dtype = found[name]
            found[name] = Column(tuple(shape), np.dtype(dtype))
    size = found["object_size"]
    return Entry(**found | {"object_size": None if size is None else (size[0], size[1])})
