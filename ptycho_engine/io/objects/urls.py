"""Where a scan or an output lies: a path of this machine, or the URL of an object.

`location` is the one place that decides which. ``file://`` names a path like any other, so that
what holds of paths holds of it; a URL of another scheme stays an `ObjectUrl` from the command line
to the store, since a `Path` would take one of its two slashes.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from ...errors import ConfigurationError, one_line, one_of

#: Schemes of object stores; ``memory`` is a store within this process.
SCHEMES = ("s3", "gs", "memory")
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://(.*)", re.DOTALL)
#: A scheme, not long, so that an argument without end takes no time; then what may be a secret:
#: what is before an @ or behind a #, and in the place of a bucket also beside a colon.
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]{0,30})://", re.IGNORECASE)
_SECRET = re.compile(
    rf"({'|'.join(SCHEMES)})://[^/]*[@:?#]|{_SCHEME.pattern}[^/]*[@#]", re.IGNORECASE
)


@dataclass(frozen=True)
class ObjectUrl:
    """An object, or all objects below a name, in an object store.

    Attributes
    ----------
    scheme : {"s3", "gs", "memory"}
        What kind of store.
    bucket : str
        Its name.
    key : str
        The name within it, parts separated by slashes.
    """

    scheme: str
    bucket: str
    key: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}"

    def __rtruediv__(self, folder: Path) -> ObjectUrl:
        """Return itself: like an absolute path, it does not depend on the folder before it."""
        return self

    def __truediv__(self, name: str) -> ObjectUrl:
        """Return the object of a name below it."""
        return ObjectUrl(self.scheme, self.bucket, f"{self.key}/{name}")

    @property
    def name(self) -> str:
        """The last part of the key."""
        return PurePosixPath(self.key).name

    @property
    def suffix(self) -> str:
        """The suffix of that name, with the dot."""
        return PurePosixPath(self.key).suffix

    def with_name(self, name: str) -> ObjectUrl:
        """Return the object of another name beside it."""
        return ObjectUrl(self.scheme, self.bucket, str(PurePosixPath(self.key).with_name(name)))


Location = Path | ObjectUrl


def is_url(text: str) -> bool:
    """Whether a text is a URL, of whatever scheme, rather than a path."""
    return _URL.match(text) is not None


def location(place: str | os.PathLike[str] | ObjectUrl) -> Location:
    """Read a path or a URL.

    Parameters
    ----------
    place : str, path-like or ObjectUrl
        A URL only if it is a text: whoever makes a `Path` means a path.

    Returns
    -------
    Path or ObjectUrl
        A `Path` of ``file://``, too.

    Raises
    ------
    ConfigurationError
        If it is a URL that names no object, or of another scheme.
    """
    found = _URL.match(place) if isinstance(place, str) else None
    if found is None:
        return place if isinstance(place, ObjectUrl) else Path(place)
    scheme, rest = found[1].lower(), found[2]
    if scheme == "file":
        return _local(rest)
    if scheme not in SCHEMES:
        raise ConfigurationError(
            f"{scheme}://: {one_of('scheme', scheme, (*SCHEMES, 'file'))} Choose a URL of one of "
            "them, or a path."
        )
    refuse_secrets(found[0])
    bucket, _, key = rest.partition("/")
    parts = key.rstrip("/").split("/")
    odd = not key.isprintable() or "\\" in key or {"", ".", ".."} & set(parts)
    if not bucket or odd:
        raise ConfigurationError(
            f"{scheme}://: received the URL {one_line(place, 100)!r}, which names no object. "
            f"Expected {scheme}://BUCKET/KEY, without empty parts or backslashes."
        )
    return ObjectUrl(scheme, bucket, "/".join(parts))


def refuse_secrets(text: str) -> None:
    """Refuse a text with a URL that may hold a secret, which is not repeated.

    Raises
    ------
    ConfigurationError
        If there is one, for instance credentials before an ``@``, or a question.
    """
    # A question holds what was signed.
    found = _SECRET.search(text) or _SCHEME.search(text, 0, text.rfind("?"))
    if found is not None:
        scheme = found[0].partition(":")[0].lower()
        raise ConfigurationError(
            f"{scheme}://: received a URL with credentials or a question, which are not repeated "
            f"here. Expected none, as in {scheme}://BUCKET/KEY. Credentials come from the "
            "environment: see docs/how-to/object-stores.md."
        )


def _local(rest: str) -> Path:
    """Read what follows ``file://``."""
    host, slash, path = rest.partition("/")
    if host not in ("", "localhost") or not path:
        raise ConfigurationError(
            f"file://: received {one_line(rest, 100)!r} behind it. Expected an absolute path of "
            "this machine, as in file:///data/scan.h5."
        )
    return Path(slash + unquote(path))
