"""A JSON object in an npz file, as text or in a pickle that is never loaded."""

from __future__ import annotations

from typing import Any

from .npz_archive import NpzArchive
from .pickled_json import find_object, parse_object

#: Bytes that are read of it.
LIMIT = 1024**2


def declared_object(archive: NpzArchive, key: str) -> tuple[dict[str, Any] | None, str]:
    """Return the object that an array spells, or None and why there is none.

    Raises
    ------
    InputFileError
        If the array is damaged.
    """
    header = archive.header(key)
    none = "no JSON object was found in it, and it is never unpickled"
    if header.dtype.hasobject:
        return find_object(archive.raw(key, LIMIT)), none
    if header.dtype.kind not in "US" or header.shape not in ((), (1,)):
        return None, none
    if header.nbytes > LIMIT:
        return None, f"it takes {header.nbytes} bytes, and up to {LIMIT} are read"
    # NumPy would not take a text that is no Unicode.
    encoding = "utf-8"
    if header.dtype.kind == "U":
        encoding = "utf-32-be" if header.dtype.byteorder == ">" else "utf-32-le"
    text = archive.raw(key, LIMIT).decode(encoding, "replace")
    return parse_object(text.rstrip("\0")), none
