"""Copies of objects on the local disk, where every format reads them as it reads any file.

A file is fetched whole when it is first read; of a Zarr store its metadata, and each chunk when it
is first read. What is beside a file in the bucket, such as the other half of a pair, is fetched
when a format looks for it. Copies lie in a folder of this process, private to its user, which is
removed when the process ends; that of a process that was killed, by the next one that fetches.

Where a copy lies says which object it is of: ``FOLDER/NUMBER/SCHEME/BUCKET/KEY``. So a process that
is handed the path can fetch what is missing there, too. The number counts the changes of an object
that were noticed: another version never mixes with one that was read before.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from ...errors import InputFileError, PtychoEngineError
from ...logs import get_logger
from ...memory import format_bytes
from ...workers import share
from ..disk import write_at
from ..lease import Lease, LeaseHeldError
from .buckets import Bucket, Facts
from .urls import SCHEMES, Location, ObjectUrl

#: What the names of folders begin with, and what is in the way until their lease is taken.
PREFIX, UNREADY = "ptycho-engine-objects-", "ptycho-engine-unready-"
#: Bytes that one request asks for, and requests at a time.
PART, THREADS = 16 * 1024**2, 4
#: Metadata of a Zarr store.
METADATA = "zarr.json"


def local_copy(place: Location) -> Path:
    """Return where something can be read: a path as it is, an object as a copy.

    Parameters
    ----------
    place : Path or ObjectUrl
        A file, or the root of a Zarr store, of which metadata alone are fetched.

    Raises
    ------
    InputFileError
        If there is no such object, it cannot be fetched, or the disk has no room for it.
    MissingExtraError
        If obstore is not installed.
    """
    if isinstance(place, Path):
        return place
    bucket = Bucket(place)
    facts = bucket.facts(place.key)
    root = facts or bucket.facts(f"{place.key}/{METADATA}")
    if root is None:
        raise InputFileError(_absent(bucket, place))
    path = _copies().place(place, root.tag or str(root.size))
    if facts is not None:
        _fetch(bucket, facts, path)
        return path
    # An array's own document is small; a store has few of them.
    _, arrays = bucket.right_below(place.key)
    names = [METADATA, *(f"{name}/{METADATA}" for name in arrays)]
    bring([path / name for name in names])
    return path


def version_read(url: ObjectUrl) -> str | None:
    """Return what tells the version of an object that this process has last read; None if none."""
    return _copies().latest.get(url)


def exists(url: ObjectUrl) -> bool:
    """Whether an object, or a Zarr store, is there; nothing is fetched."""
    bucket = Bucket(url)
    return any(bucket.facts(key) for key in (url.key, f"{url.key}/{METADATA}"))


def check_exists(url: ObjectUrl) -> None:
    """Refuse an object that is not there.

    Raises
    ------
    InputFileError
        If it is not.
    """
    if not exists(url):
        raise InputFileError(_absent(Bucket(url), url))


def _absent(bucket: Bucket, url: ObjectUrl) -> str:
    if not bucket.holds_any(url.key):
        return (
            f"{url}: no such object. Expected a scan file, or a Zarr store, in the bucket. Check "
            "its spelling."
        )
    if url.suffix.lower() == ".zarr":
        return (
            f"{url}: objects lie below this name, and none is its {METADATA}. Expected a whole "
            "Zarr store: this is a store whose run has not ended. Wait for the run."
        )
    return (
        f"{url}: is a folder: objects lie below this name. Expected one scan; several are never "
        "merged. Name an object below it: ptycho-engine inspect URL lists them."
    )


@contextmanager
def passing(folder: ObjectUrl) -> Iterator[None]:
    """Remove on leaving what was copied from below a name, unless something was before."""
    copies = _copies()
    was_read = copies.has_below(folder)
    try:
        yield
    finally:
        if not was_read:
            copies.forget_below(folder)


@contextmanager
def named(place: Location | None, path: Path | None) -> Iterator[None]:
    """Let errors that name a copy name its object."""
    try:
        yield
    except PtychoEngineError as error:
        if place is None or path is None:
            raise
        error.args = tuple(
            said.replace(str(path), str(place)) if isinstance(said, str) else said
            for said in error.args
        )
        raise


def bring(paths: Sequence[Path]) -> None:
    """Fetch those of some files that are missing among the copies, if there are such objects.

    Raises
    ------
    InputFileError
        If one cannot be fetched.
    """
    missing = [p for p in paths if _origin(p) is not None and not p.exists()]

    def fetch(path: Path) -> None:
        url = _origin(path)
        assert url is not None
        bucket = Bucket(url)
        facts = bucket.facts(url.key)
        if facts is not None:
            _fetch(bucket, facts, path)

    share(fetch, missing, THREADS)


def _origin(path: Path) -> ObjectUrl | None:
    """Return which object a file is, or would be, a copy of."""
    if PREFIX not in str(path):
        return None
    parts = path.parts
    for at, part in enumerate(parts):
        number, scheme, bucket, *key = [*parts[at + 1 :], "", "", ""]
        if part.startswith(PREFIX) and number.isdigit() and scheme in SCHEMES and key[0]:
            return ObjectUrl(scheme, bucket, "/".join(filter(None, key)))
    return None


def _fetch(bucket: Bucket, facts: Facts, path: Path) -> None:
    """Fetch an object into a file, which appears whole; one that is there is kept."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(path.parent).free
    if facts.size > free:
        raise InputFileError(
            f"{bucket.url}: a copy takes {format_bytes(facts.size)}, and {tempfile.gettempdir()} "
            f"has {format_bytes(free)} free. Expected room for it. Free space, or name another "
            "folder in TMPDIR."
        )
    unfinished = path.with_name(f".{secrets.token_hex(4)}.partial")
    try:
        with unfinished.open("wb") as stream:
            stream.truncate(facts.size)
            _fill(bucket, facts, stream.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise InputFileError(
            f"{bucket.url}: a copy cannot be written to {path.parent}: {error.strerror or error}. "
            "Expected room for it. Free space, or name another folder in TMPDIR."
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _fill(bucket: Bucket, facts: Facts, descriptor: int) -> None:
    """Write all bytes of an object, some at a time, and say how far it is where it takes long."""
    starts = range(0, facts.size, PART)
    log, lock, done = get_logger(), threading.Lock(), 0
    if len(starts) > 1:
        log.info("fetching", source=str(bucket.url), size=format_bytes(facts.size))

    def part(start: int) -> None:
        nonlocal done
        stop = min(start + PART, facts.size)
        data = bucket.get(facts.key, start, stop, facts.tag)
        if data is None or len(data) != stop - start:
            raise InputFileError(
                f"{bucket.url}: changed while it was read. Expected one object throughout. Run "
                "again."
            )
        write_at(descriptor, memoryview(data), start)
        with lock:
            before, done = done, done + len(data)
        if 10 * before // facts.size != 10 * done // facts.size and done < facts.size:
            log.info("fetching", source=str(bucket.url), done=f"{done / facts.size:.0%}")

    share(part, starts, THREADS)


class _Copies:
    """The folder of this process, and which version of each object lies where."""

    def __init__(self) -> None:
        _sweep()
        unready = Path(tempfile.mkdtemp(prefix=UNREADY))
        self._lease = Lease.take(unready)
        self.folder = unready.rename(unready.with_name(unready.name.replace(UNREADY, PREFIX)))
        self._process = os.getpid()
        self.latest: dict[ObjectUrl, str] = {}
        self._tags: dict[ObjectUrl, list[str]] = {}
        self._lock = threading.Lock()
        atexit.register(self.remove)

    def place(self, url: ObjectUrl, tag: str) -> Path:
        """Return the path of a version of an object."""
        with self._lock:
            tags = self._tags.setdefault(url, [])
            if tag not in tags:
                tags.append(tag)
            self.latest[url] = tag
            return self.folder.joinpath(str(tags.index(tag)), url.scheme, url.bucket, url.key)

    def has_below(self, folder: ObjectUrl) -> bool:
        """Whether an object below a name was read."""
        with self._lock:
            return any(_is_below(url, folder) for url in self._tags)

    def forget_below(self, folder: ObjectUrl) -> None:
        """Remove the copies of all objects below a name."""
        with self._lock:
            for url in [url for url in self._tags if _is_below(url, folder)]:
                del self._tags[url], self.latest[url]
        for version in self.folder.iterdir():
            copied = version.joinpath(folder.scheme, folder.bucket, folder.key)
            shutil.rmtree(copied, ignore_errors=True)

    def remove(self) -> None:
        """Remove all copies; not in a fork, which ends before its parent."""
        if os.getpid() == self._process:
            shutil.rmtree(self.folder, ignore_errors=True)
            self._lease.release()


def _is_below(url: ObjectUrl, folder: ObjectUrl) -> bool:
    return str(url).startswith(f"{folder}/")


def _copies() -> _Copies:
    return _copies_of(os.getpid())


@cache
def _copies_of(process: int) -> _Copies:
    return _Copies()


def _sweep() -> None:
    """Remove what processes of this machine left that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError, LeaseHeldError):
            if folder.lstat().st_uid != os.getuid():  # of a link, whoever put it there
                continue
            lease = Lease.take(folder)
            shutil.rmtree(folder, ignore_errors=True)
            lease.release()
