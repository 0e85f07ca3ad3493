"""Settings in YAML and JSON files of anyone: bounded in bytes, depth and expansion, before parsing.

A few hundred bytes of YAML can stand for more values than any memory holds, since what an anchor
names may be repeated at will; depths beyond Python's recursion, dates that do not exist and numbers
of thousands of digits make the libraries raise what nobody expects.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import InputFileError, one_line, printable
from .regular_file import READ_LIMIT, RegularFile

#: Bytes of a file, levels of nesting, and values, repeated ones counted as often as they stand for.
LARGEST, DEEPEST, MOST_VALUES = 64 * 1024, 50, 1000
#: Bits of a whole number.
WIDEST = 64


def read_text(path: Path, what: str, largest: int = LARGEST) -> str:
    """Read a file of settings.

    Parameters
    ----------
    path : Path
        The file; a pipe or a device is not waited for.
    what : str
        What it should be, for messages: ``"YAML"``.
    largest : int
        Bytes that it may take.

    Returns
    -------
    str
        Its text, UTF-8.

    Raises
    ------
    InputFileError
        If it is missing, no regular file, too large, or no text.
    """
    try:
        file = RegularFile(path)
        try:
            data = b"".join(_pieces(file, largest + 1))
        finally:
            file.close()
        if len(data) > largest:
            raise ValueError(f"it takes more than {largest // 1024} KiB")
        return data.decode("utf-8-sig")
    except FileNotFoundError:
        raise InputFileError(
            f"{path}: no such file. Expected settings in {what}; a relative path counts from "
            f"{Path.cwd()}."
        ) from None
    except (OSError, ValueError) as error:
        raise _unreadable(path, what, error) from error


def _pieces(file: RegularFile, most: int) -> Iterator[bytes]:
    """Yield what a file begins with, in pieces that it reads at once."""
    while piece := file.read(min(most, READ_LIMIT)):
        most -= len(piece)
        yield piece


def read_yaml(path: Path, what: str = "YAML", text: str | None = None) -> Any:
    """Read a document of YAML, as PyYAML's safe loader does.

    Parameters
    ----------
    path, what
        As for :func:`read_text`.
    text : str, optional
        What stands in the file, if it has been read.

    Returns
    -------
    object
        Mappings, lists and values.

    Raises
    ------
    InputFileError
        As :func:`read_text`; if it is no YAML, nests or expands too far, holds a number of more
        than 64 bits, or a key twice, of which the library would take the last.
    """
    import yaml

    def load(text: str) -> Any:
        check_yaml(text)
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                return None
            _check_keys(root)
            return loader.construct_document(root)
        finally:
            loader.dispose()

    return _read(path, what, load, text)


def read_json(path: Path, what: str = "JSON") -> Any:
    """Read a document of JSON; as :func:`read_yaml`."""
    return _read(path, what, _load_json, None)


def read_long_json(path: Path, largest: int) -> Any:
    """Read JSON that may hold as many values as its bytes can; else as :func:`read_json`."""
    return _read(path, "JSON", _load_json, read_text(path, "JSON", largest), largest)


def _load_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_once_each)


def _said_twice(key: str) -> str:
    """Say what is wrong with a key that stands twice in one mapping."""
    return f"the key {printable(key)!r} stands twice: keep the last, which would count"


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of JSON of its pairs; a key that stands twice is refused."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(_said_twice(key))
        found[key] = value
    return found


def _read(
    path: Path,
    what: str,
    load: Callable[[str], Any],
    text: str | None,
    most_values: int = MOST_VALUES,
) -> Any:
    text = read_text(path, what) if text is None else text
    try:
        value = load(text)
        check_values(value, most_values)
    # Libraries raise anything of what they take for a date, a number or a tag, and deep JSON more.
    except Exception as error:
        raise _unreadable(path, what, error) from error
    return value


def _unreadable(path: Path, what: str, error: Exception) -> InputFileError:
    reason = one_line(error)
    if isinstance(error, RecursionError):
        reason = "it nests too deep"
    elif isinstance(error, AttributeError | LookupError | TypeError):
        reason = f"a value does not fit its tag ({reason})"
    return InputFileError(
        f"{path}: cannot be read as {what}: {reason}. Expected 'key: value' lines, or an object of "
        "JSON. Correct it there, or leave it out."
    )


def check_yaml(text: str) -> None:
    """Refuse YAML that nests or expands too far, from its events; no value is made.

    Raises
    ------
    ValueError
        With the line.
    yaml.YAMLError
        If it is no YAML.
    """
    import yaml

    open_: list[tuple[str | None, int]] = []  # anchor, and values counted before it
    sizes: dict[str, int] = {}
    count = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        line = f"line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            if any(anchor == event.anchor for anchor, _ in open_):
                raise ValueError(f"{line}: *{event.anchor} stands in what it names")
            count += sizes.get(event.anchor, 1)
        elif isinstance(event, yaml.NodeEvent):
            count += 1
            if isinstance(event, yaml.ScalarEvent):
                sizes |= {event.anchor: 1} if event.anchor else {}
            else:
                open_.append((event.anchor, count))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_.pop()
            sizes |= {anchor: count - before + 1} if anchor else {}
        if len(open_) > DEEPEST:
            raise ValueError(f"{line}: it nests deeper than {DEEPEST} levels")
        if count > MOST_VALUES:
            raise ValueError(f"{line}: it holds, or repeats, more than {MOST_VALUES} values")


def _check_keys(root: Any) -> None:
    """Refuse mappings of YAML, given as nodes, in which a key stands twice."""
    left = [root]
    while left:
        node = left.pop()
        if node.id == "sequence":
            left += node.value
        elif node.id == "mapping":
            named = [key for key, _ in node.value if key.id == "scalar" and key.value != "<<"]
            seen: set[str] = set()
            for key in named:
                if key.value in seen:
                    raise ValueError(f"line {key.start_mark.line + 1}: {_said_twice(key.value)}")
                seen.add(key.value)
            left += [part for pair in node.value for part in pair]


def check_values(value: Any, most: int = MOST_VALUES) -> None:
    """Refuse values that nest too deep, are too many, or hold a whole number that is too large.

    Parameters
    ----------
    value : object
        Mappings and lists of anything.
    most : int
        Values that it may hold.

    Raises
    ------
    ValueError
        Saying which.
    """
    left = [(value, 0)]
    seen = 0
    while left:
        item, depth = left.pop()
        seen += 1
        if isinstance(item, int) and item.bit_length() > WIDEST:
            raise ValueError(
                f"it holds a whole number of {item.bit_length()} bits, which is more than {WIDEST}"
            )
        if depth > DEEPEST:
            raise ValueError(f"it nests deeper than {DEEPEST} levels")
        if seen > most:
            raise ValueError(f"it holds more than {most} values")
        if isinstance(item, dict):
            left += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list | tuple | set):
            left += [(part, depth + 1) for part in item]
