"""PE009: environment variables of the legacy code."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import variables
from ..codemod.source import Source, literal
from ..codemod.spelt_magics import magics

ID = "PE009"


def check(source: Source) -> Iterator[Finding]:
    """Find the names of the variables: ``os.environ["USE_XLA_TRANSLATE"]``.

    As strings, as keywords of a call, and as ``USE_XLA_TRANSLATE=0`` in commands and magics.
    """
    known = variables()
    for string in source.find(cst.SimpleString):
        text = literal(string)
        if isinstance(text, str) and not _is_prose(source, string):
            for name in [text] if text in known else _set_in(text):
                yield _left(source, string, name)
    for part in source.find(cst.FormattedStringText):
        for name in _set_in(part.value):
            yield _left(source, part, name)
    for argument in source.find(cst.Arg):
        if argument.keyword is not None and argument.keyword.value in known:
            yield _left(source, argument, argument.keyword.value)
    for magic, text in magics(source):
        for name in _set_in(text):
            whole = text.startswith("%%")  # no comment may stand above it
            yield _note(source, magic, name) if whole else _left(source, magic, name)


def _set_in(text: str) -> list[str]:
    """Return the variables that a command sets, ``NAME=value`` or ``%env NAME value``."""
    names = "|".join(map(re.escape, variables()))
    pattern = rf"(?<![\w.])({names})=|^%(?:set_)?env\s+({names})\b"
    return list(dict.fromkeys(m.group(1) or m.group(2) for m in re.finditer(pattern, text)))


def _is_prose(source: Source, string: cst.SimpleString) -> bool:
    """Tell whether a string stands for itself, as documentation does."""
    return isinstance(source.parent(string), cst.Expr)


def _text(name: str) -> str:
    return f"{name} is now {variables()[name].replacement}"


def _left(source: Source, node: cst.CSTNode, name: str) -> Finding:
    return todo(source, ID, source.span(node)[0], source.statement(node), name, _text(name))


def _note(source: Source, node: cst.CSTNode, name: str) -> Finding:
    return Finding(ID, source.span(node)[0], name, _text(name), Kind.NOTE)


RULE = Rule(ID, "environment variables of the legacy code", check)
