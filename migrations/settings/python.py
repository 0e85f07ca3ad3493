"""Legacy parameters that a Python file sets to literals. It is parsed, never run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import libcst as cst

from ptycho_engine.compat.params.keys import find_key

from ..codemod.names import CONFIG_CLASSES
from ..codemod.parameters import accesses
from ..codemod.source import Source, check_syntax

#: A parameter, the value that stands there, and the line.
Written = tuple[str, ast.expr, int]


def read_python(text: str) -> tuple[dict[str, Any], list[str]]:
    """Collect the parameters that a module sets.

    Parameters
    ----------
    text : str
        Its source.

    Returns
    -------
    values : dict of str to object
        What is written to ``ptycho.params``, given to a legacy dataclass, or assigned at the top
        level: to a known parameter's name, or as a dictionary with such keys.
    remarks : list of str
        What is set to anything but a literal, or more than once.

    Raises
    ------
    SourceError
        If it cannot be parsed.
    """
    values: dict[str, Any] = {}
    remarks = []
    written = [*_assigned(check_syntax(text)), *_through_ptycho(text)]
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
        if isinstance(statement, ast.Assign):
            targets, value = statement.targets, statement.value
        elif isinstance(statement, ast.AnnAssign) and statement.value is not None:
            targets, value = [statement.target], statement.value
        else:
            continue
        for target in targets:
            if not isinstance(target, ast.Name):
                continue
            if isinstance(value, ast.Dict):
                yield from _dictionary(value)
            elif find_key(target.id) is not None:
                yield target.id, value, statement.lineno


def _dictionary(node: ast.Dict) -> Iterator[Written]:
    """Yield the entries of a dictionary in which some key is a legacy parameter."""
    pairs = [
        (key.value, value, key.lineno)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    ]
    if any(find_key(key) is not None for key, _, _ in pairs):
        yield from pairs


def _through_ptycho(text: str) -> Iterator[Written]:
    source = Source(text)

    def written(node: cst.CSTNode, key: str, value: cst.BaseExpression) -> Written:
        expression = ast.parse(f"({source.code(value)})", mode="eval").body
        return key, expression, source.line(source.span(node)[0])

    for access in accesses(source):
        if access.writes and access.key is not None and access.value is not None:
            yield written(access.node, access.key, access.value)
    for call in source.find(cst.Call):
        if source.resolve(call.func).name in CONFIG_CLASSES:
            for argument in call.args:
                name = argument.keyword.value if argument.keyword else "model"
                if name != "model":
                    yield written(argument, name, argument.value)
