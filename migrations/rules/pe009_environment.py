"""PE009: environment variables of the legacy code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import VARIABLES
from ..codemod.source import Source

ID = "PE009"


def check(source: Source) -> Iterator[Finding]:
    """Find the names of the variables, as strings: ``os.environ["USE_XLA_TRANSLATE"]``."""
    for string in source.find(ast.Constant):
        entry = VARIABLES.get(string.value) if isinstance(string.value, str) else None
        if entry is not None and not isinstance(source.parent(string), ast.Expr):
            yield todo(source, ID, string, entry.old, f"{entry.old} is now {entry.replacement}")


RULE = Rule(ID, "environment variables of the legacy code", check)
