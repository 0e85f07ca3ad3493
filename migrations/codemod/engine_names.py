"""What the engine itself deprecates, as a source uses it: found for the status, never changed."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .bindings import bindings, resolve
from .findings import Finding, Kind, Rule
from .imports import imported_names
from .names import COMPAT, LEAVES, PLUGINS
from .source import Source, literal, module_of

ENGINE = COMPAT.partition(".")[0]
#: What takes the name of a plugin, and at which position, if at any.
TAKES_PLUGIN = {
    f"{ENGINE}.Engine": 0,
    f"{ENGINE}.engine.Engine": 0,
    f"{ENGINE}.extract_patches": None,
    f"{ENGINE}.shortcuts.extract_patches": None,
}


def check(source: Source) -> Iterator[Finding]:
    """Find ``from ptycho_engine.compat import translate``, ``compat.translate`` and plugins."""
    for node in source.find(ast.ImportFrom):
        if module_of(node) == COMPAT:
            for alias in imported_names(node):
                if alias.name in LEAVES:
                    yield _use(source, node, f"{COMPAT}.{alias.name}", "a drop-in")
    for attribute in source.find(ast.Attribute):
        name = f"{COMPAT}.{attribute.attr}"
        if attribute.attr in LEAVES and resolve(source, attribute).name == name:
            yield _use(source, attribute, name, "a drop-in")
    for call in source.find(ast.Call):
        for plugin in _plugins(source, call):
            yield _use(source, call, plugin, "a plugin")


def _plugins(source: Source, call: ast.Call) -> Iterator[str]:
    """Yield the deprecated plugins that a call chooses: ``Engine("iterative")``."""
    name = resolve(source, call.func).name
    if name not in TAKES_PLUGIN:
        return
    given = [keyword.value for keyword in call.keywords if keyword.arg == "plugin"]
    position = TAKES_PLUGIN[name]
    given += [] if position is None else call.args[position:][:1]
    for node in given:
        bound = bindings(source, node, node.id) if isinstance(node, ast.Name) else []
        values = [literal(getattr(source.parent(b), "value", None)) for b in bound]
        yield from (plugin for plugin in PLUGINS if plugin in (literal(node), *values))


def _use(source: Source, node: ast.AST, name: str, message: str) -> Finding:
    return Finding("", source.start(node), name, message, Kind.NOTE)


ENGINE_NAMES = Rule("", "uses of the drop-ins and of deprecated plugins", check, ("status",))
