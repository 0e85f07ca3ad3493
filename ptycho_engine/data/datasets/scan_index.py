"""What a dataset knows of many scans, kept in a file: scans that are as they were stay closed.

The file is JSON. Of each source it has the files that it is made of, also behind links, with their
sizes and times of change, and the entry that follows from them; what has changed is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import InputFileError
from ...io.disk import sync, writing
from ...io.documents import read_long_json
from ...io.scan_facts import facts_of
from ...io.scan_files import ScanSource
from ...logs import get_logger
from .columns import Column
from .dataset_sources import Named, absolute
from .entries import Entry
from .source_files import files_of

#: What the file says that it is.
KIND = "index of scans of ptycho_engine"
COLUMNS = ("patch", "pattern", "probe")
#: Bytes of an index, at most: a scan takes about 500.
LARGEST = 2**28


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
        found = read_long_json(path, LARGEST)
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
        source: Named,
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
        near = files_of(source, behind=False)
        if not near:
            return make()
        key = json.dumps([_named(source), settings], sort_keys=True, default=str)
        kept = self.known.get(key)
        if kept is not None and _is_as_it_was(kept["files"], near):
            try:
                entry = _from_plain(kept["entry"])
            except (KeyError, TypeError, ValueError):  # someone has edited it
                kept = None
            else:
                self.used[key] = kept
                return entry
        if kept is not None:
            get_logger().info("scan_changed", source=str(near[0]), index=str(self.path))
        files = [path.absolute() for path in files_of(source)]
        facts = [_facts(path) for path in files]
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


def _facts(path: Path) -> list[Any]:
    """Return what tells whether a file has changed, or anything in a folder, however deep."""
    try:
        return [str(path), facts_of(path)]
    except OSError:  # it is gone
        return [str(path), None]


def _is_as_it_was(known: list[list[Any]], near: list[Path]) -> bool:
    """Tell whether files are as they are known, and those that are found unopened are among them.

    Which files are behind these follows from what is in them, and so from what is known.
    """
    places = {os.path.realpath(name) for name, *_ in known}
    return places.issuperset(map(os.path.realpath, near)) and all(
        _facts(Path(name)) == [name, *rest] for name, *rest in known
    )


def _is_kept(kept: object) -> bool:
    """Tell whether an entry of the file has the parts of one."""
    if not isinstance(kept, dict) or not isinstance(kept.get("entry"), dict):
        return False
    files = kept.get("files")
    if not isinstance(files, list) or not files:
        return False
    return all(isinstance(f, list) and f and isinstance(f[0], str) for f in files)


def _named(source: Named) -> Any:
    source = absolute(source)
    return source.settings() if isinstance(source, ScanSource) else str(source)


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
