"""The comments of a YAML file, each with the key that it speaks of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Comment:
    """The lines above a key, without the ``#``, and the remark at the end of its line."""

    before: tuple[str, ...] = ()
    behind: str = ""


def read_comments(text: str) -> dict[str, Comment]:
    """Find the comments of a YAML file, by dotted key; those below the last one have ``""``.

    Raises ValueError if it is no YAML.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    reader = YAML()
    try:
        data = reader.load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(data, CommentedMap):
        return {}
    found: dict[str, Comment] = {}
    rest = _collect(data, "", _lines(data.ca.comment[1] if data.ca.comment else None), found)
    return {**found, "": Comment(tuple(rest))} if rest else found


def _collect(data: Any, section: str, above: list[str], found: dict[str, Comment]) -> list[str]:
    """Fill in `found`; return the lines below the last key, which ruamel.yaml keeps with it.

    Those of a section go to its first key.
    """
    for key, value in data.items():
        _, _, on_line, whole = data.ca.items.get(key) or [None] * 4
        behind, *below = _lines(on_line, keep=True) or [""]
        below += _lines(whole)
        if isinstance(value, Mapping):
            within = [*above, behind, *below]
            above = _collect(value, f"{section}{key}.", [x for x in within if x], found)
            continue
        for item in _list_comments(value):
            below += _lines(item)
        found[f"{section}{key}"] = Comment(tuple(above), behind)
        above = [line for line in below if line]
    return above


def _list_comments(value: Any) -> list[Any]:
    return [tokens[0] for tokens in value.ca.items.values()] if hasattr(value, "ca") else []


def _lines(tokens: Any, keep: bool = False) -> list[str]:
    """Return the lines of comments without ``#``; with empty ones only if those are to be kept."""
    if tokens is None:
        return []
    text = "".join(t.value for t in (tokens if isinstance(tokens, list) else [tokens]))
    lines = [line.strip().removeprefix("#").strip() for line in text.splitlines()]
    return [line for line in lines if keep or line]
