"""Legacy names on what nothing in a file binds, so that only a star import can bring it."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from .bindings import arguments, entries
from .magic_names import dotted_in, magics
from .names import drop_in_leaves, parameters
from .parameters import METHODS
from .source import Source, dotted, first_name, literal

#: What takes the key of a parameter first.
METHOD_NAMES = {name for names in METHODS.values() for name in names}


def reached_by_star(source: Source) -> list[str]:
    """Return the names that use a legacy function or parameter and may come from a star.

    Parameters
    ----------
    source : Source
        The module.

    Returns
    -------
    list of str
        ``translate``, ``hh.translate``, or ``params`` of ``params.set("use_xla_translate", 0)``;
        each once.
    """
    leaves = drop_in_leaves()
    found: list[ast.AST] = [name for name in source.find(ast.Name) if name.id in leaves]
    found += [node for node in source.find(ast.Attribute) if node.attr in leaves]
    found += _parameters(source)
    roots = [(root.id, dotted(node)) for node in found if (root := first_name(node)) is not None]
    roots += [(n.partition(".")[0], n) for _, text in magics(source) for n in dotted_in(text)]
    return list(dict.fromkeys(name for root, name in roots if _is_unbound(source, root)))


def _is_unbound(source: Source, name: str) -> bool:
    return not source.bound[name] and not hasattr(builtins, name)


def _parameters(source: Source) -> Iterator[ast.expr]:
    """Yield what looks like `ptycho.params` or its dictionary by its use and its usual name."""
    known = parameters().keys()
    for call in source.find(ast.Call):
        keys = [literal(argument) for argument in call.args[:1]]
        match call.func:
            case ast.Attribute(value=owner, attr="update"):
                given = [e for argument in call.args for e in entries(source, argument)]
                keys = [entry.name for entry in (*given, *arguments(source, call))]
            case ast.Attribute(value=owner, attr=name) if name in METHOD_NAMES:
                pass
            case ast.Name(id=name) as owner if name in METHOD_NAMES:
                pass
            case _:
                continue
        if known & set(keys):
            yield owner
    yield from (i.value for i in source.find(ast.Subscript) if literal(i.slice) in known)
