"""PE009: environment variables of the legacy code."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import variables
from ..codemod.source import Source, literal

ID = "PE009"


def check(source: Source) -> Iterator[Finding]:
    """Find the names of the variables, as strings: ``os.environ["USE_XLA_TRANSLATE"]``."""
    known = variables()
    for string in source.find(cst.SimpleString):
        name = literal(string)
        if name in known:
            text = f"{name} is now {known[name].replacement}"
            yield todo(source, ID, source.span(string)[0], source.statement(string), name, text)


RULE = Rule(ID, "environment variables of the legacy code", check)
