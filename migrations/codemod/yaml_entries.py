"""The entries of a YAML file with their lines; it is composed, and nothing in it constructed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ptycho_engine.io.documents import LARGEST

#: The entries of a text that is not YAML, line by line.
_LINE = re.compile(r"""(?:- +)?["']?([\w.+][\w.+ -]*?)["']? ?[:=] *([^\s#]*)""")


@dataclass(frozen=True)
class YamlEntry:
    """A key, below its sections, with the text of its value, empty for a section.

    Items of a list are entries of the list's key. `text_line` is where a text of several lines
    begins; `spelt` is the whole line where the text is not YAML.
    """

    sections: tuple[str, ...]
    line: int
    value: str
    text_line: int
    spelt: str = ""

    @property
    def key(self) -> str:
        """Its own name."""
        return self.sections[-1]


def yaml_entries(text: str) -> Iterator[YamlEntry]:
    """Yield the entries of a YAML or JSON file, or of its lines if it is too large or no YAML."""
    import yaml

    try:
        if len(text) > LARGEST:  # data, which would take minutes to parse
            raise ValueError
        documents = list(yaml.compose_all(text, yaml.SafeLoader))
        found = [e for document in documents for e in _entries(document, (), frozenset())]
    except (yaml.YAMLError, RecursionError, ValueError):
        for number, line in enumerate(text.splitlines(), 1):
            if match := _LINE.match(line.lstrip()):
                key, value = match.groups()
                yield YamlEntry((key,), number, value, number, match.group().strip())
    else:
        yield from found


def _entries(node: Any, sections: tuple[str, ...], above: frozenset[int]) -> Iterator[YamlEntry]:
    if node is None or id(node) in above:  # an alias of what it stands in
        return
    within = above | {id(node)}
    if node.id == "mapping":
        for key, value in node.value:
            path = (*sections, str(key.value))
            line = key.start_mark.line + 1
            yield YamlEntry(path, line, _text(value), _text_line(value))
            if value.id != "scalar":
                yield from _entries(value, path, within)
    elif node.id == "sequence":
        for item in node.value:
            if item.id == "scalar" and sections:
                line = item.start_mark.line + 1
                yield YamlEntry(sections, line, _text(item), _text_line(item))
            else:
                yield from _entries(item, sections, within)


def _text(node: Any) -> str:
    return str(node.value) if node.id == "scalar" else ""


def _text_line(node: Any) -> int:
    """Return the line of the text: that of a block begins below its mark."""
    block = node.id == "scalar" and node.style in ("|", ">")
    return int(node.start_mark.line) + (2 if block else 1)
