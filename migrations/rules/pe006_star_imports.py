"""PE006: star imports, whose names cannot be told."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves, drop_in_modules
from ..codemod.source import Source, dotted
from ..codemod.unbound import reached_by_star

ID = "PE006"


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho.tf_helper import *``, and what it may bring of other modules' names."""
    stars = [node for node in source.find(cst.ImportFrom) if _is_legacy_star(node)]
    own: set[str] = set()
    used = {}
    for node in stars:
        brought = [n for n in sorted(drop_in_leaves()) if drop_in(f"{dotted(node.module)}.{n}")]
        used[node] = [n for n in brought if source.survey.knows(n) and not source.survey.bound[n]]
        own.update(used[node])
    passed_on = [name for name in reached_by_star(source) if name not in own] if stars else []
    for node in stars:
        module = dotted(node.module)
        offset = source.span(node)[0]
        if names := [*used[node], *passed_on]:
            passed_on = []
            text = f"import by name what is used; {', '.join(names)} may come from it"
            yield todo(source, ID, offset, source.statement(node), f"{module}.*", text)
        elif module in drop_in_modules():
            text = "none of its deprecated functions seems to be used"
            yield Finding(ID, offset, f"{module}.*", text, Kind.NOTE)


def _is_legacy_star(node: cst.ImportFrom) -> bool:
    star = isinstance(node.names, cst.ImportStar) and not node.relative
    return star and dotted(node.module).partition(".")[0] == "ptycho"


RULE = Rule(ID, "star imports of modules with deprecated functions", check)
