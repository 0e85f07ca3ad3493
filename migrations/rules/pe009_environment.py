"""PE009: environment variables of the legacy code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from ..codemod.findings import Finding, Rule, todo_or_note
from ..codemod.magic_names import magics
from ..codemod.names import variables
from ..codemod.source import Source

ID = "PE009"


def check(source: Source) -> Iterator[Finding]:
    """Find the names of the variables: ``os.environ["USE_XLA_TRANSLATE"]``.

    As strings, as keywords of a call, and as ``USE_XLA_TRANSLATE=0`` in commands and magics.
    """
    known = variables()
    found: list[tuple[ast.AST, str]] = []
    for string in source.find(ast.Constant):  # one that stands for itself is documentation
        text = string.value
        if isinstance(text, str) and not isinstance(source.parent(string), ast.Expr):
            found += [(string, name) for name in ([text] if text in known else _set_in(text))]
    found += [(k, k.arg) for k in source.find(ast.keyword) if k.arg in known]
    for node, name in found:
        yield todo_or_note(source, ID, node, name, _text(name))
    for magic, text in magics(source):
        for name in _set_in(text):
            yield todo_or_note(source, ID, magic, name, _text(name), text)


def _set_in(text: str) -> list[str]:
    """Return the variables that a command sets, ``NAME=value`` or ``%env NAME value``."""
    names = "|".join(map(re.escape, variables()))
    pattern = rf"(?<![\w.])({names})=|^%(?:set_)?env\s+({names})\b"
    return list(dict.fromkeys(m.group(1) or m.group(2) for m in re.finditer(pattern, text)))


def _text(name: str) -> str:
    return f"{name} is now {variables()[name].replacement}"


RULE = Rule(ID, "environment variables of the legacy code", check)
