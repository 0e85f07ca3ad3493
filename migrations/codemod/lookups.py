"""Keeping ``ptycho.params`` imported where drop-ins look up `N` and `gridsize` in it."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from .bindings import is_number, resolve
from .generations import same_numbers
from .imports import add_after, at_top, free_name, imported_names
from .names import DROP_INS, PARAMETERS_MODULE
from .source import Import, Source, module_of
from .text import Edit

#: The drop-ins that look something up if it is not given, and where they are given it.
LOOKED_UP: Final[Mapping[str, Mapping[str, int]]] = MappingProxyType(
    {
        "get_image_patches": {"N": 3, "gridsize": 4},
        "_flat_to_channel": {"N": 1, "gridsize": 2},
        "_togrid": {"gridsize": 1, "N": 2},
        "_fromgrid": {"N": 1},
        "_grid_to_channel": {"gridsize": 1},
        "_channel_to_patches": {"N": 1, "gridsize": 2},
        "extract_patches_position": {"N": 3, "gridsize": 4},
        "reassemble_position": {"N": 4},
        "shift_and_sum": {"N": 4},
    }
)

#: Legacy modules that import ``ptycho.params`` themselves.
_LOADING = (PARAMETERS_MODULE, "ptycho.raw_data", "ptycho.tf_helper", "ptycho.loader")

_COMMENT = "  # noqa: F401  # holds N and gridsize"


def keep_parameters(source: Source, node: ast.ImportFrom, names: Iterable[str]) -> list[Edit]:
    """Import ``ptycho.params`` behind an import that moves away, if something may need it.

    The drop-ins read it only if the program has imported it, which the legacy modules do. It is
    not needed where every use in the file is a call that gives `N` and `gridsize` as surely
    numbers, nor where another import at the top level brings it.
    """
    if not _needs(source, names):
        return []
    start = source.start(node)
    for other in source.imports():
        kept = _loads(other)
        if isinstance(other, ast.ImportFrom) and source.start(other) < start:
            kept |= _needs(source, _moving(source, other))  # and is followed by what this would be
        if kept and (other is node or at_top(source, other)):
            return []
    alias = free_name(source, "ptycho_params")
    return [add_after(source, node, f"import {PARAMETERS_MODULE} as {alias}", _COMMENT)]


def _needs(source: Source, names: Iterable[str]) -> bool:
    looking = {name for name in names if name.rpartition(".")[2] in LOOKED_UP}
    return any(
        not _is_given(source, node, LOOKED_UP[name.rpartition(".")[2]])
        for node, name in read_names(source, looking)
    )


def read_names(source: Source, names: Collection[str]) -> Iterator[tuple[ast.Name, str]]:
    """Yield the names imported from elsewhere that are read, with what they may stand for."""
    leaves = {name.rpartition(".")[2] for name in names}
    bound = {
        alias.asname or alias.name
        for node in source.find(ast.ImportFrom)
        for alias in imported_names(node)
        if alias.name in leaves
    }
    for node in source.find(ast.Name):
        if node.id in bound and isinstance(node.ctx, ast.Load):
            found = sorted(resolve(source, node).names & set(names))
            if found:
                yield node, found[0]


def _moving(source: Source, node: ast.ImportFrom) -> list[str]:
    names = [f"{module_of(node)}.{alias.name}" for alias in imported_names(node)]
    return [n for n in names if n in DROP_INS and same_numbers(source, n)]


def _is_given(source: Source, node: ast.AST, places: Mapping[str, int]) -> bool:
    call = source.parent(node)
    if not isinstance(call, ast.Call) or call.func is not node:
        return False
    plain = itertools.takewhile(lambda value: not isinstance(value, ast.Starred), call.args)
    given: dict[str | int | None, ast.expr] = dict(enumerate(plain))
    given |= {keyword.arg: keyword.value for keyword in call.keywords}
    found = [given.get(name, given.get(place)) for name, place in places.items()]
    return all(value is not None and is_number(source, value) for value in found)


def _loads(node: Import) -> bool:
    """Tell whether a statement brings ``ptycho.params``, also when its drop-ins are gone."""
    if isinstance(node, ast.Import):
        return any(alias.name in _LOADING for alias in node.names)
    module = module_of(node)
    staying = {f"{module}.{alias.name}" for alias in node.names} - DROP_INS.keys()
    return any(name in _LOADING or module in _LOADING for name in staying)
