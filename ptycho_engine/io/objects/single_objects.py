"""Single objects, such as a picture beside an output: put where nothing is, or refused."""

from __future__ import annotations

from ...errors import OutputError
from .buckets import Bucket
from .urls import ObjectUrl


def check_absent(url: ObjectUrl) -> None:
    """Refuse a name at which an object is.

    Raises
    ------
    OutputError
        If one is, or the object store fails.
    """
    if Bucket(url, writes=True).facts(url.key) is not None:
        raise taken(url)


def create_object(url: ObjectUrl, content: bytes) -> None:
    """Put an object where none is.

    Raises
    ------
    OutputError
        If one is, or the object store fails.
    """
    if not Bucket(url, writes=True).create(url.key, content):
        raise taken(url)


def taken(url: ObjectUrl) -> OutputError:
    """Return the error for a name at which something is."""
    return OutputError(
        f"{url}: exists already. Expected nothing there, since nothing at a URL is ever replaced. "
        "Choose another name, or remove it first."
    )
