"""PE010: names that may stand for a legacy function, or for something else."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves, same_numbers
from ..codemod.source import Source, dotted

ID = "PE010"


def check(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is bound to a legacy module and also otherwise.

    Names imported as such need no rule: their import is swapped, whatever else they are bound to.
    """
    leaves = drop_in_leaves()
    for node in source.find(cst.Attribute):
        if node.attr.value not in leaves or not dotted(node):
            continue
        resolution = source.resolve(node)
        names = sorted(name for name in resolution.names if drop_in(name))
        if not names:
            continue
        if resolution.name is None:
            reason = f"may be {names[0]}, which is bound in several ways here; swap it by hand"
        elif not same_numbers(names[0]):
            reason = f"{names[0]} gave other numbers in some PtychoPINN versions; compare first"
        else:
            continue
        offset = source.span(node)[0]
        yield todo(source, ID, offset, source.statement(node), names[0], reason)


RULE = Rule(ID, "names that may stand for a legacy function or for something else", check)
