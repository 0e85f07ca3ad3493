"""What a source gives to the legacy dataclasses: their arguments, and fields that are set later."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from types import MappingProxyType
from typing import Final

from .bindings import bindings, is_builtin, of_bindings, resolve
from .entries import Entry, named_entries, value_given
from .names import CONFIG_CLASSES, CONFIG_MODULE
from .source import Source, literal

#: The fields that stand first in every generation; what follows differs.
FIRST_FIELDS: Final = MappingProxyType(
    {
        f"{CONFIG_MODULE}.ModelConfig": ("N", "gridsize"),
        f"{CONFIG_MODULE}.TrainingConfig": ("model", "train_data_file"),
        f"{CONFIG_MODULE}.InferenceConfig": ("model", "model_path"),
    }
)


def fields(source: Source) -> Iterator[Entry]:
    """Yield the fields given to legacy dataclasses, or set on objects of them.

    A model that is one of them itself is left out, as its own fields are found.
    """
    for entry in _fields(source):
        if entry.key != "model" or entry.value is None or not is_config(source, entry.value):
            yield entry


def is_config(source: Source, node: ast.expr) -> bool:
    """Tell whether an expression is an object of a legacy dataclass that the source makes."""
    match node:
        case ast.Call(func=function):
            return resolve(source, function).is_one_of(CONFIG_CLASSES)
        case ast.Attribute(value=owner, attr="model"):
            return is_config(source, owner)
        case ast.Name(id=name):
            return of_bindings(source, node, name, "config", lambda bound: _bind(source, bound))
    return False


def _bind(source: Source, bound: list[ast.AST]) -> bool:
    """Tell whether all that binds a name makes it such an object.

    ``c = replace(c, ...)`` says nothing of itself: what else binds the name does.
    """
    made = [place for place in bound if _replaced_by(source, place) != getattr(place, "id", "")]
    return bool(made) and all(_binds_config(source, place) for place in made)


def _replaced_by(source: Source, place: ast.AST) -> str | None:
    """Return the name of what ``dataclasses.replace`` makes the value of a name from."""
    match value_given(source, place) if isinstance(place, ast.Name) else None:
        case ast.Call(func=function, args=[ast.Name(id=name), *_]) if _replaces(source, function):
            return name
    return None


def _binds_config(source: Source, place: ast.AST) -> bool:
    if isinstance(place, ast.arg):
        kind = place.annotation
        return kind is not None and resolve(source, kind).is_one_of(CONFIG_CLASSES)
    value = value_given(source, place) if isinstance(place, ast.Name) else None
    if not isinstance(value, ast.Call):
        return False
    other = _replaced_by(source, place)
    if other is None:
        return is_config(source, value)
    made = (value_given(source, where) for where in bindings(source, place, other))
    return any(isinstance(v, ast.Call) and is_config(source, v) for v in made)


def _replaces(source: Source, function: ast.expr) -> bool:
    return resolve(source, function).name == "dataclasses.replace"


def _fields(source: Source) -> Iterator[Entry]:
    for call in source.find(ast.Call):
        called = resolve(source, call.func)
        of_config = bool(call.args) and is_config(source, call.args[0])
        if called.is_one_of(CONFIG_CLASSES):
            yield from _positional(call, called.name or "")
            yield from named_entries(source, call.keywords)
        elif of_config and _replaces(source, call.func):
            yield from named_entries(source, call.keywords)
        elif of_config and is_builtin(source, call.func, "setattr") and len(call.args) == 3:
            name = literal(call.args[1])
            yield Entry(call, name if isinstance(name, str) else None, call.args[2])
    for node in source.find(ast.Attribute):
        if isinstance(node.ctx, ast.Store) and is_config(source, node.value):
            yield Entry(node, node.attr, value_given(source, node))


def _positional(call: ast.Call, made: str) -> Iterator[Entry]:
    names = FIRST_FIELDS.get(made, ())
    for place, value in enumerate(call.args):
        known = place < len(names) and not any(
            isinstance(a, ast.Starred) for a in call.args[: place + 1]
        )
        yield Entry(value, names[place], value) if known else Entry(value)
