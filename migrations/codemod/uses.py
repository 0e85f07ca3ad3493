"""Uses of what the engine itself deprecates: found for the status, never changed."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .aliases import candidates
from .findings import Finding, Kind, Rule
from .imports import imported_names
from .names import COMPAT, drop_in_leaves, plugins
from .source import Source, dotted, literal
from .values import arguments, values

ENGINE = COMPAT.partition(".")[0]
#: What takes the name of a plugin, and at which position, if at any.
TAKES_PLUGIN = {
    f"{ENGINE}.Engine": 0,
    f"{ENGINE}.engine.Engine": 0,
    f"{ENGINE}.extract_patches": None,
    f"{ENGINE}.engine.extract_patches": None,
}


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho_engine.compat import translate``, ``compat.translate`` and plugins."""
    leaves = drop_in_leaves()
    for node in source.find(cst.ImportFrom):
        if dotted(node.module) == COMPAT and not node.relative:
            for alias in imported_names(node):
                if dotted(alias.name) in leaves:
                    yield _use(source, node, f"{COMPAT}.{dotted(alias.name)}", "a drop-in")
    for attribute in source.find(cst.Attribute):
        name = source.resolve(attribute).name
        if attribute.attr.value in leaves and name == f"{COMPAT}.{attribute.attr.value}":
            yield _use(source, attribute, name, "a drop-in")
    for call in source.find(cst.Call):
        for plugin in _plugins(source, call):
            yield _use(source, call, plugin, "a plugin")


def _plugins(source: Source, call: cst.Call) -> Iterator[str]:
    """Yield the deprecated plugins that a call chooses: ``Engine("iterative")``."""
    names = candidates(source, call.func) & TAKES_PLUGIN.keys()
    given = [e.value for e in arguments(source, call) if e.name == "plugin"] if names else []
    for position in {TAKES_PLUGIN[name] for name in names} - {None}:
        given += [a.value for a in call.args[position:][:1] if not (a.keyword or a.star)]
    for node in given:
        found = values(source, node) if isinstance(node, cst.Name) else [node]
        yield from (p for p in plugins() if any(n and literal(n) == p for n in found))


def _use(source: Source, node: cst.CSTNode, name: str, message: str) -> Finding:
    return Finding("", source.span(node)[0], name, message, Kind.NOTE)


USES = Rule("", "uses of the drop-ins and of deprecated plugins", check, ("status",))
