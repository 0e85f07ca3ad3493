"""Keeping ``ptycho.params`` imported where drop-ins look up `N` and `gridsize` in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import libcst as cst

from .imports import add_after, imported_names
from .names import PARAMETERS_MODULE, drop_in, same_numbers
from .new_imports import at_top
from .numbers import is_number
from .references import references
from .source import Import, Source, dotted
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


def keep_parameters(source: Source, node: cst.ImportFrom, names: Iterable[str]) -> list[Edit]:
    """Import ``ptycho.params`` behind an import that moves away, if something may need it.

    The drop-ins read it only if the program has imported it, which the legacy modules do.

    Parameters
    ----------
    source : Source
        The module.
    node : ImportFrom
        The import of some legacy functions.
    names : iterable of str
        Qualified names of those that move.

    Returns
    -------
    list of Edit
        One, or none: where every use in the file is a call that gives `N` and `gridsize` as
        surely numbers, and where another import at the top level brings ``ptycho.params``.
    """
    if not _needs(source, names):
        return []
    imports: list[Import] = [*source.find(cst.Import), *source.find(cst.ImportFrom)]
    start, _ = source.span(node)
    for other in imports:
        kept = _loads(other)
        if isinstance(other, cst.ImportFrom) and source.span(other)[0] < start:
            kept |= _needs(source, _moving(other))  # and is followed by what this would be
        if kept and (other is node or at_top(source, other)):
            return []
    aliases = itertools.chain(["ptycho_params"], (f"ptycho_params_{n}" for n in itertools.count(2)))
    alias = next(name for name in aliases if not source.survey.knows(name))
    return [add_after(source, node, f"import {PARAMETERS_MODULE} as {alias}", _COMMENT)]


def _needs(source: Source, names: Iterable[str]) -> bool:
    looking = {name for name in names if name.rpartition(".")[2] in LOOKED_UP}
    return any(
        not _is_given(source, reference.node, LOOKED_UP[reference.name.rpartition(".")[2]])
        for reference in references(source, looking)
    )


def _moving(node: cst.ImportFrom) -> list[str]:
    names = [f"{dotted(node.module)}.{dotted(alias.name)}" for alias in imported_names(node)]
    return [n for n in names if not node.relative and drop_in(n) and same_numbers(n)]


def _is_given(source: Source, node: cst.CSTNode, places: Mapping[str, int]) -> bool:
    call = source.parent(node)
    if not isinstance(call, cst.Call) or call.func is not node:
        return False
    given: dict[str | int, cst.BaseExpression] = {}
    unpacked = False
    for index, argument in enumerate(call.args):
        unpacked |= argument.star == "*"
        if argument.keyword is not None:
            given[argument.keyword.value] = argument.value
        elif not unpacked and not argument.star:
            given[index] = argument.value
    found = [given.get(name, given.get(place)) for name, place in places.items()]
    return all(value is not None and is_number(source, value) for value in found)


def _loads(node: Import) -> bool:
    """Tell whether a statement brings ``ptycho.params``, also when its drop-ins are gone."""
    if isinstance(node, cst.Import):
        return any(dotted(alias.name) in _LOADING for alias in node.names)
    module = dotted(node.module)
    if node.relative or isinstance(node.names, cst.ImportStar):
        return not node.relative and module in _LOADING
    staying = [f"{module}.{dotted(alias.name)}" for alias in imported_names(node)]
    staying = [name for name in staying if drop_in(name) is None]
    return any(name in _LOADING or module in _LOADING for name in staying)
