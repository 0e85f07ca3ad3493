"""JSON with the place of every value, so that one string can change and all else stays."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from .text import SourceError

_BLANK = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"[^,\]}\s]+")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Value:
    """A value and its range in the text.

    A str, a list of `Value`, a dict of `Value` by key, or the text of any other scalar.
    """

    value: Any
    start: int
    stop: int

    def get(self, key: str) -> Any:
        """Return the plain value or the list under a key of an object; None if it has none."""
        found = self.value.get(key) if isinstance(self.value, dict) else None
        return found.value if found is not None else None


def parse_spans(text: str) -> Value:
    """Parse JSON text, or raise SourceError."""
    try:
        json.loads(text)  # says where an error lies; below, the text is known to be right
        return _value(text, _skip(text, 0))
    except (json.JSONDecodeError, RecursionError) as error:
        raise SourceError(f"is not JSON: {error}") from error


def _skip(text: str, index: int) -> int:
    match = _BLANK.match(text, index)
    return match.end() if match else index


def _value(text: str, start: int) -> Value:
    if text[start] == '"':
        string, stop = _DECODER.raw_decode(text, start)
        return Value(string, start, stop)
    if text[start] in "[{":
        return _container(text, start)
    match = _SCALAR.match(text, start)
    assert match is not None
    return Value(match.group(), start, match.end())


def _container(text: str, start: int) -> Value:
    is_object = text[start] == "{"
    items: dict[str, Value] = {}
    values: list[Value] = []
    index = _skip(text, start + 1)
    while text[index] not in "]}":
        key = ""
        if is_object:
            key, index = _DECODER.raw_decode(text, index)
            index = _skip(text, _skip(text, index) + 1)
        value = _value(text, index)
        items[key] = value
        values.append(value)
        index = _skip(text, value.stop)
        if text[index] == ",":
            index = _skip(text, index + 1)
    return Value(items if is_object else values, start, index + 1)


def write_lines(text: str, old: Value, new: str) -> str:
    """Write `new` as JSON in the way the text `old` was written: as a string, or a list of lines.

    Lines that stay keep their spelling.
    """
    ascii_only = text.isascii()

    def dump(line: str) -> str:
        return json.dumps(line, ensure_ascii=ascii_only)

    if isinstance(old.value, str):
        return dump(new)
    elements: list[Value] = old.value
    spelled = {e.value: text[e.start : e.stop] for e in elements}
    lines = [spelled.get(line) or dump(line) for line in re.findall(r"[^\n]*\n|[^\n]+", new)]
    opening = text[old.start + 1 : elements[0].start]
    closing = text[elements[-1].stop : old.stop - 1]
    between = "," + opening
    if len(elements) > 1:
        between = text[elements[0].stop : elements[1].start]
    return f"[{opening}{between.join(lines)}{closing}]"
