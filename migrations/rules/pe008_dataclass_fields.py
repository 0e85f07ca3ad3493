"""PE008: fields of the legacy dataclasses that choose how patches are cut."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.bindings import arguments, imports_package, is_builtin
from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import CONFIG_CLASSES, CONFIG_MODULE, parameters
from ..codemod.parameters import advice
from ..codemod.provenance import Origin, candidates, origin
from ..codemod.source import Source, literal

ID = "PE008"
#: What copies an object with other fields, and may return one of its class.
REPLACERS = ("dataclasses.replace", "copy.replace")
#: The field in which the other classes hold a ModelConfig.
MODEL = "model"

Given = tuple[ast.AST, str | None, ast.expr | None]


def check(source: Source) -> Iterator[Finding]:
    """Find ``ModelConfig(use_batched_patch_extraction=True)``, its ``**`` and ``replace``."""
    for node, key, value in _given(source):
        if key in parameters():
            yield todo(source, ID, node, key, advice(key, literal(value)))


def _given(source: Source) -> Iterator[Given]:
    """Yield the fields that calls and assignments give, and those that are read."""
    for call in source.find(ast.Call):
        if call.keywords and _gives_fields(source, call):
            yield from ((e.node, e.name, e.value) for e in arguments(source, call))
        elif is_builtin(source, call.func, "setattr") and len(call.args) > 2:
            owner, name, value = call.args[:3]
            if _is_legacy(source, owner):
                yield call, str(literal(name)), value
    for attribute in source.find(ast.Attribute):
        if attribute.attr in parameters() and _is_legacy(source, attribute.value):
            statement = source.parent(attribute)
            stored = isinstance(statement, ast.Assign) and attribute in statement.targets
            given = statement.value if stored and isinstance(statement, ast.Assign) else None
            yield attribute, attribute.attr, given


def _gives_fields(source: Source, call: ast.Call) -> bool:
    names = candidates(source, call.func)
    if names & set(CONFIG_CLASSES):
        return True
    if not names & set(REPLACERS) or not call.args:
        return False
    found = origin(source, call.args[0], CONFIG_CLASSES, REPLACERS)
    package = CONFIG_MODULE.rpartition(".")[0]
    return found is Origin.LEGACY or (found is Origin.UNKNOWN and imports_package(source, package))


def _is_legacy(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression is surely an object of a legacy class, or its model."""
    if isinstance(node, ast.Attribute) and node.attr == MODEL:
        node = node.value
    return origin(source, node, CONFIG_CLASSES, ()) is Origin.LEGACY


RULE = Rule(ID, "dataclass fields that choose how patches are cut", check)
