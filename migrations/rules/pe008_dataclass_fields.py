"""PE008: fields of the legacy dataclasses that choose how patches are cut."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from ..codemod.advice import advice
from ..codemod.aliases import candidates
from ..codemod.findings import Finding, Rule, todo
from ..codemod.names import CONFIG_CLASSES, CONFIG_MODULE, parameters
from ..codemod.receivers import Origin, origin
from ..codemod.source import Source, dotted, literal
from ..codemod.values import arguments, is_builtin

ID = "PE008"
#: What copies an object with other fields, and may return one of its class.
REPLACERS = ("dataclasses.replace", "copy.replace")
#: The field in which the other classes hold a ModelConfig.
MODEL = "model"
CONFIG_PACKAGE = CONFIG_MODULE.rpartition(".")[0]


def check(source: Source) -> Iterator[Finding]:
    """Find ``ModelConfig(use_batched_patch_extraction=True)``, its ``**`` and ``replace``."""
    for call in source.find(cst.Call):
        if _gives_fields(source, call):
            for entry in arguments(source, call):
                yield from _left(source, entry.node, entry.name, entry.value)
        elif is_builtin(source, call.func, "setattr") and len(call.args) > 2:
            owner, name, value = (argument.value for argument in call.args[:3])
            if _is_legacy(source, owner):
                yield from _left(source, call, literal(name), value)
    for attribute in source.find(cst.Attribute):
        key = attribute.attr.value
        if key in parameters() and _is_legacy(source, attribute.value):
            yield from _left(source, attribute, key, _assigned(source, attribute))


def _gives_fields(source: Source, call: cst.Call) -> bool:
    if not any(a.keyword is not None or a.star == "**" for a in call.args):
        return False
    names = candidates(source, call.func)
    if names & set(CONFIG_CLASSES):
        return True
    if not names & set(REPLACERS) or not call.args:
        return False
    found = origin(source, call.args[0].value, CONFIG_CLASSES, REPLACERS)
    return found is Origin.LEGACY or (found is Origin.UNKNOWN and _imports_config(source))


def _imports_config(source: Source) -> bool:
    """Tell whether the file imports a legacy configuration, so that an object may be one."""
    modules = [dotted(n.module) for n in source.find(cst.ImportFrom) if not n.relative]
    modules += [dotted(a.name) for n in source.find(cst.Import) for a in n.names]
    return any(f"{module}.".startswith(f"{CONFIG_PACKAGE}.") for module in modules)


def _is_legacy(source: Source, node: cst.BaseExpression) -> bool:
    """Tell whether an expression is surely an object of a legacy class, or its model."""
    if isinstance(node, cst.Attribute) and node.attr.value == MODEL:
        node = node.value
    return origin(source, node, CONFIG_CLASSES, ()) is Origin.LEGACY


def _assigned(source: Source, node: cst.Attribute) -> cst.BaseExpression | None:
    target = source.parent(node)
    statement = source.parent(target) if target is not None else None
    stored = isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign)
    return statement.value if stored and isinstance(statement, cst.Assign) else None


def _left(
    source: Source, node: cst.CSTNode, key: str | None, value: cst.BaseExpression | None
) -> Iterator[Finding]:
    if key is not None and key in parameters():
        text = advice(key, None if value is None else literal(value))
        yield todo(source, ID, source.span(node)[0], source.statement(node), key, text)


RULE = Rule(ID, "dataclass fields that choose how patches are cut", check)
