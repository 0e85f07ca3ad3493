"""PE010: names that may stand for a legacy function, or for something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.bindings import resolve
from ..codemod.findings import Finding, Rule, todo, todo_or_note
from ..codemod.magic_names import names_in_magics
from ..codemod.names import drop_in, drop_in_leaves, same_numbers
from ..codemod.provenance import candidates
from ..codemod.references import is_stored
from ..codemod.source import Source, literal

ID = "PE010"


def check(source: Source) -> Iterator[Finding]:
    """Find ``rd.get_image_patches`` where ``rd`` is bound to a legacy module and also otherwise.

    Or got it through another name, or by ``import_module``, or stands in a magic. Names imported
    as such need no rule: their import is swapped, whatever else they are bound to.
    """
    leaves = drop_in_leaves()
    for node in source.find(ast.Attribute):
        found = _attribute(source, node) if node.attr in leaves else None
        if found is not None:
            yield todo(source, ID, node, *found)
    for call in source.find(ast.Call):
        leaf = literal(call.args[1]) if len(call.args) > 1 else None
        if isinstance(leaf, str) and leaf in leaves and not resolve(source, call.args[0]).name:
            found = _renamed(source, call)
            if found is not None:
                yield todo(source, ID, call, *found)
    for magic, text, name in names_in_magics(source):
        reason = f"{name} is called in this magic; swap it by hand"
        yield todo_or_note(source, ID, magic, name, reason, text)


def _attribute(source: Source, node: ast.Attribute) -> tuple[str, str] | None:
    """Return the function that an attribute may be, and why it is not swapped."""
    resolution = resolve(source, node)
    names = sorted(n for n in resolution.names if drop_in(n))
    if not names:
        return _renamed(source, node)
    (name, *_) = names
    if resolution.name is None:
        return name, f"may be {name}, which is bound in several ways here; swap it by hand"
    if not same_numbers(name):
        return name, f"{name} gave other numbers in some PtychoPINN versions; compare first"
    if not is_stored(node) and not source.is_placed(node):
        return name, f"{name} stands in an f-string over several lines; swap it by hand"
    return None


def _renamed(source: Source, node: ast.AST) -> tuple[str, str] | None:
    """Return a function of a legacy module that is reached in a roundabout way."""
    names = sorted(n for n in candidates(source, node) if drop_in(n))
    if not names:
        return None
    reason = f"may be {names[0]}, whose module is not named here by its import; swap it by hand"
    return names[0], reason


RULE = Rule(ID, "names that may stand for a legacy function or for something else", check)
