"""What an object that a method is called on was made from, as far as a file tells."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
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


def origin(
    source: Source,
    node: cst.BaseExpression,
    classes: Collection[str] = GROUPING_CLASSES,
    factories: Collection[str] = GROUPING_FACTORIES,
) -> Origin:
    """Say what an expression was made from.

    Parameters
    ----------
    source : Source
        The module.
    node : BaseExpression
        A name, or what makes an object.
    classes, factories : collection of str
        Legacy classes, and other functions that make their objects.

    Returns
    -------
    Origin
        LEGACY for ``RawData(...)`` and its like, and for names that are bound to nothing else;
        OTHER for what another module made.
    """
    made = _Made(source, classes, factories)
    if isinstance(node, cst.Call):
        return made.by(node)
    scope = source.scope(node)
    if not isinstance(node, cst.Name) or scope is None:
        return Origin.UNKNOWN
    return _common(
        made.of_binding(assignment.node) if isinstance(assignment, Assignment) else Origin.UNKNOWN
        for assignment in scope[node.value]
    )


def _common(found: Iterable[Origin]) -> Origin:
    kinds = set(found)
    return kinds.pop() if len(kinds) == 1 else Origin.UNKNOWN


@dataclass(frozen=True)
class _Made:
    """Objects of some legacy classes."""

    source: Source
    classes: Collection[str]
    factories: Collection[str]

    def of_binding(self, node: cst.CSTNode) -> Origin:
        """Look at one place that binds a name: an assignment of a call, an annotation."""
        if isinstance(node, cst.Param):
            named = node.annotation is not None and node.default is None
            return self.annotated(node.annotation.annotation) if named else Origin.UNKNOWN  # type: ignore[union-attr]
        target = self.source.parent(node)
        statement = self.source.parent(target) if target is not None else None
        if isinstance(target, cst.AnnAssign) and target.target is node:
            return self.annotated(target.annotation.annotation)
        if isinstance(target, cst.AssignTarget) and isinstance(statement, cst.Assign):
            value = statement.value
            return self.by(value) if isinstance(value, cst.Call) else Origin.UNKNOWN
        return Origin.UNKNOWN

    def annotated(self, annotation: cst.BaseExpression) -> Origin:
        """Look at a type."""
        legacy = self.source.resolve(annotation).is_one_of(self.classes)
        return Origin.LEGACY if legacy else Origin.UNKNOWN

    def by(self, call: cst.Call) -> Origin:
        """Look at a call."""
        resolution = self.source.resolve(call.func)
        if not dotted(call.func) or resolution.name is None:
            return Origin.UNKNOWN
        if resolution.name in (*self.classes, *self.factories):
            return Origin.LEGACY
        # Other functions of the package may return one: load_data does.
        return Origin.UNKNOWN if resolution.name.startswith("ptycho.") else Origin.OTHER
