"""PE010: names that may stand for a legacy function, or for something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.bindings import is_stored, resolve
from ..codemod.findings import Finding, Rule, todo
from ..codemod.generations import same_numbers
from ..codemod.names import DROP_INS, LEAVES
from ..codemod.source import Source

ID = "PE010"


def check(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is bound to a legacy module and also otherwise.

    Names imported as such need no rule: their import is swapped, whatever else binds them.
    """
    for node in source.find(ast.Attribute):
        if node.attr in LEAVES:
            names = sorted(resolve(source, node).names & DROP_INS.keys())
            reason = _reason(source, node, names[0]) if names else ""
            if reason:
                yield todo(source, ID, node, names[0], reason)


def _reason(source: Source, node: ast.Attribute, name: str) -> str:
    """Say why an attribute is not swapped; empty if it is."""
    if resolve(source, node).name is None:
        return f"may be {name}, which is bound in several ways here; swap it by hand"
    if not same_numbers(source, name):
        return f"{name} gave other numbers in some PtychoPINN versions; compare first"
    if not is_stored(node) and not source.is_placed(node):
        return f"{name} stands in an f-string over several lines; swap it by hand"
    return ""


RULE = Rule(ID, "names that may stand for a legacy function or for something else", check)
