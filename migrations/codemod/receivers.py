"""What an object that a method is called on was made from, as far as a file tells."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto

import libcst as cst
from libcst.metadata import Assignment

from .names import GROUPING_CLASSES, GROUPING_FACTORIES
from .source import Source, dotted


class Origin(Enum):
    """Whose class an object belongs to."""

    LEGACY = auto()
    OTHER = auto()
    UNKNOWN = auto()


def origin(source: Source, node: cst.BaseExpression) -> Origin:
    """Say what an expression was made from.

    Parameters
    ----------
    source : Source
        The module.
    node : BaseExpression
        A name, or what makes an object.

    Returns
    -------
    Origin
        LEGACY for ``RawData(...)`` and its like, and for names that are bound to nothing else;
        OTHER for what another module made.
    """
    if isinstance(node, cst.Call):
        return _made_by(source, node)
    scope = source.scope(node)
    if not isinstance(node, cst.Name) or scope is None:
        return Origin.UNKNOWN
    return _common(
        _of_binding(source, assignment.node)
        if isinstance(assignment, Assignment)
        else Origin.UNKNOWN
        for assignment in scope[node.value]
    )


def _common(found: Iterable[Origin]) -> Origin:
    kinds = set(found)
    return kinds.pop() if len(kinds) == 1 else Origin.UNKNOWN


def _of_binding(source: Source, node: cst.CSTNode) -> Origin:
    """Look at one place that binds a name: an assignment of a call, an annotated parameter."""
    if isinstance(node, cst.Param):
        named = node.annotation is not None and node.default is None
        return _annotated(source, node.annotation.annotation) if named else Origin.UNKNOWN  # type: ignore[union-attr]
    target = source.parent(node)
    statement = source.parent(target) if target is not None else None
    if isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign):
        value = statement.value
        return _made_by(source, value) if isinstance(value, cst.Call) else Origin.UNKNOWN
    return Origin.UNKNOWN


def _annotated(source: Source, annotation: cst.BaseExpression) -> Origin:
    legacy = source.resolve(annotation).is_one_of(GROUPING_CLASSES)
    return Origin.LEGACY if legacy else Origin.UNKNOWN


def _made_by(source: Source, call: cst.Call) -> Origin:
    resolution = source.resolve(call.func)
    if not dotted(call.func) or resolution.name is None:
        return Origin.UNKNOWN
    if resolution.name in (*GROUPING_CLASSES, *GROUPING_FACTORIES):
        return Origin.LEGACY
    # Other functions of the package may return one: load_data does.
    return Origin.UNKNOWN if resolution.name.startswith("ptycho.") else Origin.OTHER
