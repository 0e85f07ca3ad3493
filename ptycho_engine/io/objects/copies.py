"""The folder of a process for copies of objects, and what the place of a copy says.

Where a copy lies says which object it is of, and of which version:
``FOLDER/VERSION/DEPTH/NAME/SCHEME/BUCKET/KEY``. NAME, below the first DEPTH parts of the key, is
the file or store that was asked for, and VERSION is its; other objects, such as the other half of a
pair, lie beside it. So whoever is handed the path can fetch what is missing there, and tell whether
the object still is the one that was read.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PosixPath
from typing import Any

from ..lease import Lease, LeaseHeldError
from .urls import SCHEMES, ObjectUrl

#: What the names of folders begin with, and what is in the way until their lease is taken.
PREFIX, UNREADY = "ptycho-engine-objects-", "ptycho-engine-unready-"
_DIGITS = 16
_VERSION = re.compile(rf"[0-9a-f]{{{_DIGITS}}}")


@dataclass(frozen=True)
class Original:
    """What a copy is of.

    Attributes
    ----------
    url : ObjectUrl
        The object.
    root : ObjectUrl
        The file or store that was asked for: the object itself, or what it belongs to.
    version : str
        Of the root, as `version_of` says it.
    folder : Path
        The folder of the process that asked.
    """

    url: ObjectUrl
    root: ObjectUrl
    version: str
    folder: Path


class CopyPath(PosixPath):
    """Where a copy lies, or will; to a process on another machine, the place of a copy of its own.

    Paths derived from it are such paths, too.
    """

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrived, (str(self),)


def _arrived(text: str) -> CopyPath:
    path = CopyPath(text)
    found = original(path)
    if found is None or found.folder.is_dir():
        return path
    return CopyPath(own().folder / path.relative_to(found.folder))


def version_of(said: str) -> str:
    """Return what tells versions of an object apart, in few characters, of what a store says."""
    return hashlib.sha256(said.encode()).hexdigest()[:_DIGITS]


def original(path: Path) -> Original | None:
    """Return what a file is, or would be, a copy of; None of any other file."""
    if PREFIX not in str(path):
        return None
    parts = path.parts
    for at, part in enumerate(parts):
        version, depth, name, scheme, bucket, *key = [*parts[at + 1 :], *[""] * 6]
        key = [*filter(None, key)]
        if (
            part.startswith(PREFIX)
            and _VERSION.fullmatch(version)
            and depth.isdecimal()
            and scheme in SCHEMES
            and key
        ):
            root = ObjectUrl(scheme, bucket, "/".join([*key[: int(depth)], name]))
            url = ObjectUrl(scheme, bucket, "/".join(key))
            return Original(url, root, version, Path(*parts[: at + 1]))
    return None


class Copies:
    """The folder of this process, private to its user, and what was read last of each object.

    Attributes
    ----------
    folder : Path
        Removed when the process ends.
    latest : dict of ObjectUrl to (str, Path)
        The tag and the copy of each object that was asked for.
    """

    def __init__(self) -> None:
        _sweep()
        unready = Path(tempfile.mkdtemp(prefix=UNREADY))
        self._lease = Lease.take(unready)
        self.folder = unready.rename(unready.with_name(unready.name.replace(UNREADY, PREFIX)))
        self._process = os.getpid()
        self.latest: dict[ObjectUrl, tuple[str, Path]] = {}
        self._lock = threading.Lock()
        atexit.register(self.remove)

    def place(self, url: ObjectUrl, tag: str, version: str) -> CopyPath:
        """Return the path of a version of an object, which is now the latest."""
        depth = str(url.key.count("/"))
        there = (version, depth, url.name, url.scheme, url.bucket, url.key)
        path = CopyPath(self.folder.joinpath(*there))
        with self._lock:
            self.latest[url] = (tag, path)
        return path

    def has_below(self, folder: ObjectUrl) -> bool:
        """Whether an object below a name was read."""
        with self._lock:
            return any(is_below(url, folder) for url in self.latest)

    def forget_below(self, folder: ObjectUrl) -> None:
        """Remove the copies of all objects below a name."""
        with self._lock:
            for url in [url for url in self.latest if is_below(url, folder)]:
                del self.latest[url]
        for root in self.folder.glob("*/*/*"):
            copied = root.joinpath(folder.scheme, folder.bucket, folder.key)
            shutil.rmtree(copied, ignore_errors=True)

    def remove(self) -> None:
        """Remove all copies; not in a fork, which ends before its parent."""
        if os.getpid() == self._process:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._lease.release()


def is_below(url: ObjectUrl, folder: ObjectUrl) -> bool:
    """Whether an object lies below a name."""
    return str(url).startswith(f"{folder}/")


def own() -> Copies:
    """Return those of this process; anew, where its folder was removed."""
    found = _own(os.getpid())
    if not found.folder.is_dir():
        _own.cache_clear()
        found = _own(os.getpid())
    return found


@cache
def _own(process: int) -> Copies:
    return Copies()


def _sweep() -> None:
    """Remove what processes of this machine left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, LeaseHeldError):
            if folder.lstat().st_uid != os.getuid():  # of a link, whoever put it there
                continue
            lease = Lease.take(folder)
            shutil.rmtree(folder, ignore_errors=True)
            lease.release()
