"""PE010: names that may stand for a legacy function, or for something else."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.aliases import candidates
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.names import drop_in, drop_in_leaves, same_numbers
from ..codemod.source import Source, dotted, literal
from ..codemod.spelt_magics import names_in_magics

ID = "PE010"


def check(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is bound to a legacy module and also otherwise.

    Or got it through another name, or by ``import_module``, or stands in a magic. Names imported
    as such need no rule: their import is swapped, whatever else they are bound to.
    """
    for node in source.find(cst.Attribute):
        if node.attr.value in drop_in_leaves():
            yield from _attribute(source, node)
    for call in source.find(cst.Call):
        if len(call.args) > 1 and literal(call.args[1].value) in drop_in_leaves():
            certain = dotted(call.args[0].value) and source.resolve(call.args[0].value).name
            yield from () if certain else _renamed(source, call)
    for magic, text, name in names_in_magics(source):
        reason = f"{name} is called in this magic; swap it by hand"
        place = source.span(magic)[0]
        if text.startswith("%%"):  # no comment may stand above it
            yield Finding(ID, place, name, reason, Kind.NOTE)
        else:
            yield todo(source, ID, place, source.statement(magic), name, reason)


def _attribute(source: Source, node: cst.Attribute) -> Iterator[Finding]:
    resolution = source.resolve(node) if dotted(node) else None
    names = sorted(n for n in resolution.names if drop_in(n)) if resolution is not None else []
    if not names or resolution is None:
        yield from _renamed(source, node)
    elif resolution.name is None:
        reason = f"may be {names[0]}, which is bound in several ways here; swap it by hand"
        yield _left(source, node, names[0], reason)
    elif not same_numbers(names[0]):
        reason = f"{names[0]} gave other numbers in some PtychoPINN versions; compare first"
        yield _left(source, node, names[0], reason)


def _renamed(source: Source, node: cst.CSTNode) -> Iterator[Finding]:
    """Find a function of a legacy module that is reached in a roundabout way."""
    names = sorted(n for n in candidates(source, node) if drop_in(n))
    if names:
        reason = f"may be {names[0]}, whose module is not named here by its import; swap it by hand"
        yield _left(source, node, names[0], reason)


def _left(source: Source, node: cst.CSTNode, name: str, reason: str) -> Finding:
    return todo(source, ID, source.span(node)[0], source.statement(node), name, reason)


RULE = Rule(ID, "names that may stand for a legacy function or for something else", check)
