"""Legacy names in the magics of a notebook, which the rules see as plain names."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from .names import drop_in, drop_in_leaves
from .provenance import candidates_of
from .source import Source

_DOTTED = re.compile(r"(?<![\w.])[^\W\d]\w*(?:\.[^\W\d]\w*)*\.(\w+)")


def magics(source: Source) -> Iterator[tuple[ast.Name, str]]:
    """Yield the magics of a notebook, with their text."""
    for node in source.find(ast.Name) if source.magics else ():
        if node.id in source.magics:
            yield node, source.magics[node.id]


def dotted_in(text: str) -> list[str]:
    """Return the dotted names in a magic that end like a legacy function; none of a shell's."""
    if text.startswith("!"):
        return []
    return [m.group() for m in _DOTTED.finditer(text) if m.group(1) in drop_in_leaves()]


def names_in_magics(source: Source) -> Iterator[tuple[ast.Name, str, str]]:
    """Yield the magics that use a function of a legacy module, with their text and its name."""
    for node, text in magics(source):
        for spelt in dotted_in(text):
            root, _, rest = spelt.partition(".")
            names = (f"{name}.{rest}" for name in candidates_of(source, node, root))
            yield from ((node, text, name) for name in names if drop_in(name))
