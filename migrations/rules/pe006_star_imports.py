"""PE006: star imports, whose names cannot be told."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves, drop_in_modules
from ..codemod.source import Source, dotted

ID = "PE006"


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.tf_helper import *``."""
    for node in source.find(cst.ImportFrom):
        module = dotted(node.module)
        if not isinstance(node.names, cst.ImportStar) or node.relative:
            continue
        if module not in drop_in_modules():
            continue
        brought = [n for n in sorted(drop_in_leaves()) if drop_in(f"{module}.{n}")]
        used = [n for n in brought if source.survey.knows(n) and not source.survey.bound[n]]
        offset = source.span(node)[0]
        if used:
            text = f"import by name what is used; {', '.join(used)} may come from it"
            yield todo(source, ID, offset, source.statement(node), f"{module}.*", text)
        else:
            text = "none of its deprecated functions seems to be used"
            yield Finding(ID, offset, f"{module}.*", text, Kind.NOTE)


RULE = Rule(ID, "star imports of modules with deprecated functions", check)
