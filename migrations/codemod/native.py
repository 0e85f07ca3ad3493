"""Spelling out a call of ``get_image_patches`` in terms of ``extract_patches``."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from .numbers import is_number
from .source import Source
from .text import Edit

PARAMETERS = ("gt_image", "global_offsets", "local_offsets", "N", "gridsize", "config")
#: Those whose order the new call keeps.
KEPT = PARAMETERS[:4]
#: Those that legacy code looks up in ``ptycho.params`` where they are left out or None.
LOOKED_UP = PARAMETERS[3:5]

#: Reading these twice, or not at all, changes nothing.
_PURE = (
    cst.Name,
    cst.Attribute,
    cst.Integer,
    cst.Subscript,
    cst.SubscriptElement,
    cst.Index,
    cst.SimpleString,
    cst.BinaryOperation,
)


class Unsafe(Exception):
    """A call cannot be spelt out with certainty; the message says why."""


@dataclass(frozen=True)
class Names:
    """The names of modules in the source: ``ptycho_engine`` and ``tensorflow``."""

    engine: str
    tensorflow: str


def bind_arguments(source: Source, call: cst.Call) -> dict[str, cst.Arg]:
    """Return the arguments of a legacy call by parameter, `N` and `gridsize` surely numbers.

    Raises
    ------
    Unsafe
        If what is dropped or reordered could matter.
    """
    bound: dict[str, cst.Arg] = {}
    for index, argument in enumerate(call.args):
        if argument.star:
            raise Unsafe("its arguments are unpacked")
        name = argument.keyword.value if argument.keyword else PARAMETERS[min(index, 5)]
        if name not in PARAMETERS or name in bound or index > 5:
            raise Unsafe(f"it has an argument {name!r} too many")
        bound[name] = argument
    if "config" in bound:
        raise Unsafe("its settings come from config=")
    missing = [name for name in KEPT[:3] if name not in bound]
    if missing:
        raise Unsafe(f"it lacks {', '.join(missing)}")
    looked_up = [name for name in LOOKED_UP if name not in bound or _is_none(bound[name])]
    if looked_up:
        come = "comes" if len(looked_up) == 1 else "come"
        raise Unsafe(f"{' and '.join(looked_up)} {come} from ptycho.params; pass the number")
    for name in LOOKED_UP:
        if not is_number(source, bound[name].value):
            raise Unsafe(f"{name} may be None, which means ptycho.params; pass a number")
    order = list(bound)
    kept = [name for name in order if name in KEPT] == list(KEPT)
    later = order[order.index("local_offsets") + 1 :]
    free = isinstance(bound["gridsize"].value, cst.Integer) or all(
        is_pure(bound[name].value) for name in later
    )
    if not kept or "gridsize" not in later or not free:
        raise Unsafe("its arguments would be evaluated in another order")
    return bound


def _is_none(argument: cst.Arg) -> bool:
    return isinstance(argument.value, cst.Name) and argument.value.value == "None"


def is_pure(node: cst.CSTNode) -> bool:
    """Tell whether an expression is made of names, attributes, items and numbers alone."""
    expressions = [n for n in node.children if isinstance(n, cst.BaseExpression | cst.BaseSlice)]
    elements = [n for n in node.children if isinstance(n, cst.SubscriptElement)]
    return isinstance(node, _PURE) and all(map(is_pure, [*expressions, *elements]))


def spell_out(source: Source, call: cst.Call, names: Names) -> list[Edit]:
    """Return the edits that turn a legacy call into one of ``extract_patches``.

    They leave the text of the arguments, line breaks and comments where they are.

    Parameters
    ----------
    source : Source
        The module.
    call : Call
        A call of ``get_image_patches``.
    names : Names
        How the module calls what is needed.

    Returns
    -------
    list of Edit
        The changes.

    Raises
    ------
    Unsafe
        If the call is not one that can be spelt out.
    """
    if any(isinstance(node, cst.FormattedString) for node in source.ancestors(call)):
        raise Unsafe("it stands in an f-string")
    bound = bind_arguments(source, call)
    last = ', layout="channel", rounding="legacy"'
    after_keywords = list(bound)[-2:] == ["gridsize", "N"]
    prefixes = {
        "global_offsets": f"{names.engine}.geometry.from_legacy(",
        "N": "patch_size=" if after_keywords else "",
    }
    members = _square(source, bound["gridsize"].value)
    suffixes = {"local_offsets": f", members={members})"}
    edits = []
    for name, argument in bound.items():
        start, value, stop = _spans(source, argument)
        if name == "gridsize":
            edits.append(Edit(start, stop, last.removeprefix(", ")))
            continue
        if start != value or prefixes.get(name):
            edits.append(Edit(start, value, prefixes.get(name, "")))
        if suffixes.get(name):
            edits.append(Edit(stop, stop, suffixes[name]))
    start, stop = source.span(call)
    arguments = source.text.index("(", _end_of_function(source, call))
    function = f"{names.tensorflow}.cast({names.engine}.extract_patches"
    return [
        *edits,
        Edit(start, arguments, function),
        Edit(stop, stop, f", {names.tensorflow}.complex64)"),
    ]


def _square(source: Source, side: cst.BaseExpression) -> str:
    """Write the square of a pure expression."""
    if isinstance(side, cst.Integer):
        return str(side.evaluated_value**2)
    code = source.module.code_for_node(side)
    if "\n" in code or "\r" in code or "#" in code:
        raise Unsafe("its arguments are written in an unusual way")
    return f"{code}**2" if isinstance(side, cst.Name | cst.Attribute) else f"({code})**2"


def _end_of_function(source: Source, call: cst.Call) -> int:
    code = source.module.code_for_node(call.func)
    return source.span(call)[0] + len(code)


def _spans(source: Source, argument: cst.Arg) -> tuple[int, int, int]:
    """Return where an argument, its value with parentheses, and both end."""
    start, stop = source.span(argument)
    value = source.module.code_for_node(argument.value)
    if source.text[stop - len(value) : stop] != value:
        raise Unsafe("its arguments are written in an unusual way")
    return start, stop - len(value), stop
