"""Legacy parameters that a Python file sets to literals. It is parsed, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from ptycho_engine.compat.params.keys import find_key

from ..codemod.bindings import resolve
from ..codemod.names import CONFIG_CLASSES
from ..codemod.parameters import accesses
from ..codemod.source import Source, targets

#: A parameter, the value that stands there, and the line.
Written = tuple[str, ast.expr, int]


def read_python(text: str) -> tuple[dict[str, Any], list[str]]:
    """Collect the parameters that a module sets, with remarks on what could not be taken over.

    They are written to ``ptycho.params``, given to a legacy dataclass, or assigned at the top
    level: to a known parameter's name, or as a dictionary with such keys. What is no literal, and
    what is set more than once, is remarked on.
    """
    values: dict[str, Any] = {}
    remarks = []
    source = Source(text)
    written = [*_assigned(source.tree), *_through_ptycho(source)]
    for key, node, line in sorted(written, key=lambda item: item[2]):
        try:
            value = _value(node)
        except ValueError:
            remarks.append(f"line {line}: {key} is set to an expression; write its value yourself")
            continue
        if key in values and values[key] != value:
            remarks.append(f"line {line}: {key} was {values[key]!r} above; {value!r} counts")
        values[key] = value
    return values, remarks


def _value(node: ast.expr) -> Any:
    """Return a literal, also one in ``Path(...)``."""
    if isinstance(node, ast.Call) and len(node.args) == 1 and not node.keywords:
        name = ast.unparse(node.func)
        if name in ("Path", "pathlib.Path"):
            node = node.args[0]
    return ast.literal_eval(node)


def _assigned(tree: ast.Module) -> Iterator[Written]:
    for statement in tree.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign) or statement.value is None:
            continue
        for name in (node.id for node in targets(statement) if isinstance(node, ast.Name)):
            if isinstance(statement.value, ast.Dict):
                yield from _dictionary(statement.value)
            elif find_key(name) is not None:
                yield name, statement.value, statement.lineno


def _dictionary(node: ast.Dict) -> Iterator[Written]:
    """Yield the entries of a dictionary in which some key is a legacy parameter."""
    pairs = [
        (key.value, value, key.lineno)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]
    if any(find_key(key) is not None for key, _, _ in pairs):
        yield from pairs


def _through_ptycho(source: Source) -> Iterator[Written]:
    for access in accesses(source):
        if access.writes and access.key is not None and access.value is not None:
            yield access.key, access.value, source.line(source.start(access.node))
    for call in source.find(ast.Call):
        if resolve(source, call.func).name in CONFIG_CLASSES:
            for keyword in call.keywords:
                if keyword.arg not in (None, "model"):
                    yield str(keyword.arg), keyword.value, keyword.lineno
