"""One bucket of an object store: what is asked of it, tried a few times, with errors of ours.

Credentials, region and endpoint come from the environment, as obstore reads them; none is ever part
of a message. obstore is an extra, imported by the first object that is asked for.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeVar

from ...errors import (
    ForkedProcessError,
    InputFileError,
    MissingExtraError,
    OutputError,
    PtychoEngineError,
    one_line,
)
from ...extras import install_command, is_installed
from .urls import ObjectUrl

R = TypeVar("R")
#: Tries of one request by the library, and the seconds within which it begins another.
TRIES, PATIENCE = 8, 15
#: Pauses before what the library does not repeat is tried again, and the seconds for all of it.
PAUSES, LONGEST = (0.1, 0.2, 0.4, 0.8, 1.6), 40
#: Objects that one request deletes.
DELETED = 1000
#: In a URL: who asks, and what follows its path.
_USER, _QUESTION = re.compile(r"://[^\s/?#]*@"), re.compile(r"(://[^\s?#]*)[?#]\S*")


@dataclass(frozen=True)
class Facts:
    """What is known of an object before it is read.

    Attributes
    ----------
    key : str
        Its name in the bucket.
    size : int
        Bytes.
    tag : str
        Changes with the content.
    version : str or None
        Likewise, where the store counts versions.
    modified : datetime
        When it was put there.
    """

    key: str
    size: int
    tag: str
    version: str | None
    modified: datetime


class Bucket:
    """The bucket of a URL.

    Parameters
    ----------
    url : ObjectUrl
        What is read or written; messages name it.
    writes : bool
        Whether failures are `OutputError`; otherwise `InputFileError`.

    Raises
    ------
    MissingExtraError
        If obstore is not installed.
    ForkedProcessError
        In a fork of a process that has used an object store: its threads are not there.
    InputFileError, OutputError
        If the environment does not say how to reach the store.
    """

    def __init__(self, url: ObjectUrl, *, writes: bool = False) -> None:
        if not is_installed("obstore"):
            raise MissingExtraError(
                f"{url}: needs obstore, which is not installed. Run: {install_command('cloud')}"
            )
        self.url = url
        self._error = OutputError if writes else InputFileError
        with_threads_of(url)
        self.store = self._told(lambda: _opened(url.scheme, url.bucket))

    def facts(self, key: str) -> Facts | None:
        """Return what is known of an object; None if there is none."""
        import obstore

        found = self._repeated(lambda: _or_none(obstore.head, self.store, key))
        return None if found is None else _facts(found)

    def get(self, key: str, start: int = 0, stop: int | None = None, tag: str = "") -> bytes | None:
        """Return an object, or some of its bytes; of the one of a tag alone. None if not there."""
        import obstore

        options: dict[str, Any] = {} if stop is None else {"range": (start, stop)}
        if tag:
            options["if_match"] = tag

        def read() -> bytes | None:
            found = _or_none(obstore.get, self.store, key, options=options)
            return None if found is None else bytes(found.bytes())

        return self._repeated(read)

    def create(self, key: str, data: bytes | memoryview) -> bool:
        """Put an object where none is; whether the one that is there now has these bytes.

        A request whose answer is lost may have been carried out: the bytes tell.
        """
        import obstore
        from obstore.exceptions import AlreadyExistsError

        content = bytes(data)

        def put() -> bool:
            try:
                obstore.put(self.store, key, content, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return self.get(key) == content
            return True

        return self._repeated(put)

    def replace(self, facts: Facts, data: bytes) -> bool:
        """Put an object in the place of one that is known; False if that one is gone."""
        import obstore
        from obstore.exceptions import PreconditionError

        mode: Any = {"e_tag": facts.tag}
        if facts.version is not None:
            mode["version"] = facts.version

        def put() -> bool:
            try:
                obstore.put(self.store, facts.key, data, mode=mode, use_multipart=False)
            except (PreconditionError, FileNotFoundError):
                return self.get(facts.key) == data
            return True

        return self._repeated(put)

    def put(self, key: str, data: bytes) -> None:
        """Put an object, whatever is there."""
        import obstore

        self._repeated(lambda: obstore.put(self.store, key, data))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; those that are not there are no failure."""
        import obstore

        def some(names: list[str]) -> None:
            try:
                obstore.delete(self.store, names)
            except FileNotFoundError:  # only a store in memory minds
                for name in names:
                    _or_none(obstore.delete, self.store, name)

        for first in range(0, len(keys), DELETED):
            names = list(keys[first : first + DELETED])
            self._repeated(lambda names=names: some(names))  # type: ignore[misc]

    def below(self, key: str) -> Iterator[str]:
        """Yield the keys of all objects below a name."""
        import obstore

        def listed() -> list[str]:
            return [found["path"] for page in obstore.list(self.store, key) for found in page]

        yield from self._repeated(listed)

    def facts_below(self, key: str) -> list[Facts]:
        """Return what is known of all objects below a name."""
        import obstore

        def listed() -> list[Facts]:
            return [_facts(found) for page in obstore.list(self.store, key) for found in page]

        return self._repeated(listed)

    def holds_any(self, key: str) -> bool:
        """Whether there are objects below a name."""
        import obstore

        def first() -> bool:
            return any(obstore.list(self.store, key, chunk_size=1))

        return self._repeated(first)

    def right_below(self, key: str) -> tuple[list[str], list[str]]:
        """Return the names right below a name: of objects, and those that have objects below."""
        import obstore

        found = self._repeated(lambda: obstore.list_with_delimiter(self.store, key))
        objects = [about["path"].rpartition("/")[2] for about in found["objects"]]
        deeper = [name.rstrip("/").rpartition("/")[2] for name in found["common_prefixes"]]
        return objects, deeper

    def _repeated(self, ask: Callable[[], R]) -> R:
        """Ask again after a failure of the network or the server, which the library did not."""
        from obstore.exceptions import GenericError

        begun = time.monotonic()
        for pause in PAUSES:
            try:
                return ask()
            except GenericError as error:
                if time.monotonic() - begun + pause > LONGEST - PATIENCE:
                    raise self.failure(error) from None
                time.sleep(pause)
            except Exception as error:
                raise self.failure(error) from None
        return self._told(ask)

    def _told(self, ask: Callable[[], R]) -> R:
        try:
            return ask()
        except Exception as error:
            raise self.failure(error) from None

    def failure(self, error: Exception) -> Exception:
        """Return an error of ours for one of the library, without what the server repeated."""
        if isinstance(error, PtychoEngineError):
            return error
        kind = type(error).__name__
        if kind in ("PermissionDeniedError", "UnauthenticatedError"):
            return self._error(
                f"{self.url}: the object store refuses ({kind}). Expected credentials that may do "
                "this. Set them in the environment, for instance AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY; AWS_SKIP_SIGNATURE=true reads what is public."
            )
        if kind == "PreconditionError":
            return self.changed()
        said = one_line(_without_secrets(str(error).split("\n")[0].split("<")[0]), 200)
        if "builder error" in said:
            said += "; an endpoint without TLS needs AWS_ALLOW_HTTP=true"
        return self._error(
            f"{self.url}: the object store failed: {said}. Expected an answer. Check bucket, "
            "region, endpoint (AWS_ENDPOINT) and network, then run again."
        )

    def changed(self) -> Exception:
        """Return the error of an object of which there are several versions by now."""
        return self._error(
            f"{self.url}: changed while it was read. Expected one object throughout. Run again."
        )


def _facts(found: Any) -> Facts:
    return Facts(
        found["path"],
        found["size"],
        found["e_tag"] or "",
        found["version"],
        found["last_modified"],
    )


def _without_secrets(said: str) -> str:
    """Leave out of URLs, such as that of the endpoint, what may be credentials."""
    return _QUESTION.sub(r"\1", _USER.sub("://", said))


def _or_none(ask: Callable[..., R], *arguments: Any, **named: Any) -> R | None:
    try:
        return ask(*arguments, **named)
    except FileNotFoundError:
        return None


def with_threads_of(url: ObjectUrl) -> None:
    """Refuse to wait for threads that a fork has left behind."""
    if _first_process() != os.getpid():
        raise ForkedProcessError(
            f"{url}: an object store is asked in a fork of the process that has used one, where "
            "its threads are missing. Expected a process of its own. Start workers with spawn."
        )


@cache
def _first_process() -> int:
    return os.getpid()


def _opened(scheme: str, bucket: str) -> Any:
    """Open a bucket, anew only where the environment is another: connections are kept."""
    if scheme == "memory":
        return _in_memory(bucket)
    said = tuple(sorted(i for i in os.environ.items() if i[0].startswith(("AWS_", "GOOGLE_"))))
    return _connected(scheme, bucket, said)


@cache
def _in_memory(bucket: str) -> Any:
    """Return a store of this process, which is its content."""
    from obstore.store import MemoryStore

    return MemoryStore()


@lru_cache(maxsize=16)
def _connected(scheme: str, bucket: str, environment: object) -> Any:
    """Open a bucket of a server with what the environment says."""
    from obstore.store import GCSStore, S3Store

    retry: Any = {
        "max_retries": TRIES,
        "retry_timeout": timedelta(seconds=PATIENCE),
        "backoff": {
            "base": 2,
            "init_backoff": timedelta(milliseconds=50),
            "max_backoff": timedelta(seconds=2),
        },
    }
    kind: Any = {"s3": S3Store, "gs": GCSStore}[scheme]
    return kind.from_url(f"{scheme}://{bucket}", retry_config=retry)
