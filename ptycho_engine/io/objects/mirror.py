"""Copies of objects on the local disk, where every format reads them as it reads any file.

A file is fetched whole when it is first read; of a Zarr store its metadata, and each chunk when it
is first read. What is beside a file in the bucket, such as the other half of a pair, is fetched
when a format looks for it. All of it is fetched while the file, or the root metadata of the store,
are those that were read first: another version never mixes with it, in whatever process.

Copies lie in a folder of this process, private to its user, which is removed when the process ends;
that of a process that was killed, by the next one that fetches.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...errors import InputFileError, PtychoEngineError
from ...logs import get_logger
from ...memory import format_bytes
from ...workers import share
from ..disk import write_at
from . import copies
from .buckets import Bucket, Facts
from .copies import Original, original
from .urls import Location, ObjectUrl

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
    path = copies.own().place(place, root.tag or str(root.size), _version(root))
    if facts is not None:
        _fetch(bucket, facts, path)
    else:
        bring_metadata(path)
    return path


def version_read(url: ObjectUrl) -> str | None:
    """Return what tells the version of an object that this process has last read; None if none."""
    tag, _ = copies.own().latest.get(url, (None, None))
    return tag


def copy_read(url: ObjectUrl) -> Path | None:
    """Return where the copy of that version lies; None if this process has read none."""
    _, path = copies.own().latest.get(url, (None, None))
    return path


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
    here = copies.own()
    was_read = here.has_below(folder)
    try:
        yield
    finally:
        if not was_read:
            here.forget_below(folder)


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
        If one cannot be fetched, or the file or store that was asked for is another by now.
    """
    missing = {p: of for p in paths if (of := original(p)) is not None and not p.exists()}
    belonging: list[Path] = []

    def fetch(path: Path) -> None:
        of = missing[path]
        bucket = Bucket(of.url)
        facts = bucket.facts(of.url.key)
        if facts is None:
            return
        if of.url == _witness(of):
            _check_version(of, bucket, facts)
        else:
            belonging.append(path)
        _fetch(bucket, facts, path)

    try:
        share(fetch, missing, THREADS)
        for of in {missing[path].root: missing[path] for path in belonging}.values():
            bucket = Bucket(of.root)
            _check_version(of, bucket, bucket.facts(_witness(of).key))
    except BaseException:  # nobody knows of which version they are
        for path in belonging:
            path.unlink(missing_ok=True)
        raise


def bring_metadata(store: Path) -> None:
    """Fetch what is missing of the metadata of a Zarr store that is, or would be, a copy.

    Raises
    ------
    InputFileError
        As `bring`.
    """
    of = original(store)
    if of is None or (store / METADATA).exists():
        return
    # An array's own document is small; a store has few of them.
    _, arrays = Bucket(of.url).right_below(of.url.key)
    bring([store / name / METADATA for name in arrays])
    bring([store / METADATA])  # the last: where it is, all are


def origin(path: Path) -> ObjectUrl | None:
    """Return which object a file is, or would be, a copy of; None of any other file."""
    of = original(path)
    return None if of is None else of.url


def _witness(of: Original) -> ObjectUrl:
    """Return the object that tells the version of the file or store that was asked for."""
    is_store = copies.is_below(of.url, of.root)
    return of.root / METADATA if is_store else of.root


def _version(facts: Facts) -> str:
    """Return what tells the version of a file, or of the store of some root metadata."""
    said = facts.tag or str(facts.size)
    if facts.key.endswith(f"/{METADATA}"):  # which may say the same of other chunks
        said += f" of {facts.modified}"
    return copies.version_of(said)


def _check_version(of: Original, bucket: Bucket, facts: Facts | None) -> None:
    if facts is None or _version(facts) != of.version:
        raise bucket.changed()


def _fetch(bucket: Bucket, facts: Facts, path: Path) -> None:
    """Fetch an object into a file, which appears whole; one that is there is kept."""
    if path.exists():
        return
    of = original(path)
    if of is None or not of.folder.is_dir():  # made anew, others could look into it
        raise InputFileError(
            f"{bucket.url}: the folder for its copy, that of {path}, is gone. Expected it to stay "
            "while the process runs that has read the scan. Read the scan again."
        )
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
            raise bucket.changed()
        write_at(descriptor, memoryview(data), start)
        with lock:
            before, done = done, done + len(data)
        if 10 * before // facts.size != 10 * done // facts.size and done < facts.size:
            log.info("fetching", source=str(bucket.url), done=f"{done / facts.size:.0%}")

    share(part, starts, THREADS)
