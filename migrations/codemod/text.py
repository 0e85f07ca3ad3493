"""Source files as text and back, byte for byte, and the edits in between."""

from __future__ import annotations

import codecs
import io
import itertools
import re
import tokenize
from collections.abc import Iterable
from dataclasses import dataclass

NEWLINE = re.compile(r"\r\n|\r|\n")


class SourceError(Exception):
    """A file cannot be read or rewritten; the message says why."""


@dataclass(frozen=True)
class Decoded:
    """A file's text, newlines as they stand there, with what is needed to write it back.

    `mark` is its byte order mark, which is no part of the text.
    """

    text: str
    encoding: str
    mark: bytes

    def encode(self, text: str) -> bytes:
        """Return `text` as the bytes of such a file."""
        try:
            return self.mark + text.encode(self.encoding)
        except UnicodeError as error:
            raise SourceError(f"cannot be written as {self.encoding}: {error}") from error


def decode_python(data: bytes) -> Decoded:
    """Decode a Python file by its own declaration.

    Raises SourceError if it cannot be decoded, or not written back as the same bytes.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except (SyntaxError, UnicodeError) as error:
        raise SourceError(f"cannot be decoded: {error}") from error
    return decode_text(data, "utf-8" if encoding == "utf-8-sig" else encoding)


def decode_text(data: bytes, encoding: str = "utf-8") -> Decoded:
    """Decode bytes whose encoding is known, with or without a byte order mark."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        decoded = Decoded(data[len(mark) :].decode(encoding), encoding, mark)
    except (LookupError, ValueError) as error:
        raise SourceError(f"cannot be decoded as {encoding}: {error}") from error
    if decoded.encode(decoded.text) != data:
        raise SourceError(f"does not survive decoding and encoding as {encoding}")
    return decoded


@dataclass(frozen=True)
class Edit:
    """Replace ``text[start:stop]``; an insertion has ``start == stop``.

    Of several insertions at one place, those of a lower `rank` come first.
    """

    start: int
    stop: int
    replacement: str
    rank: int = 0

    def key(self) -> tuple[int, int, int, str]:
        """Return what edits are ordered by."""
        return self.start, self.stop, self.rank, self.replacement


def overlap(edits: Iterable[Edit]) -> bool:
    """Tell whether edits get in each other's way; the same edit twice does not."""
    ordered = sorted(set(edits), key=Edit.key)
    return any(b.start < a.stop for a, b in itertools.pairwise(ordered))


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits that do not overlap; the same edit asked for twice is made once."""
    done = 0
    parts = []
    for edit in sorted(set(edits), key=Edit.key):
        parts += [text[done : edit.start], edit.replacement]
        done = edit.stop
    return "".join([*parts, text[done:]])


def line_starts(text: str) -> list[int]:
    """Return the offset at which each line begins."""
    return [0, *(match.end() for match in NEWLINE.finditer(text))]


def newline_of(text: str) -> str:
    """Return the newline of the first line, or a line feed."""
    match = NEWLINE.search(text)
    return match.group() if match else "\n"


def line_end(text: str, offset: int) -> int:
    """Return the offset of the newline that ends the line of `offset`, or the end of the text."""
    match = NEWLINE.search(text, offset)
    return match.start() if match else len(text)
