"""Spelling out a call of ``get_image_patches`` in terms of ``extract_patches``."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from .bindings import is_number
from .source import Source
from .text import Edit

ARGUMENTS = ("gt_image", "global_offsets", "local_offsets", "N", "gridsize")
#: Those whose order the new call keeps.
KEPT = ARGUMENTS[:4]
#: Those that legacy code looks up in ``ptycho.params`` where they are left out or None.
LOOKED_UP = ARGUMENTS[3:]

#: Reading these twice, or not at all, changes nothing.
_PURE = (ast.Name, ast.Attribute, ast.Constant, ast.Subscript, ast.BinOp, ast.operator, ast.Load)
#: What may stand between arguments: all else would have to be moved with them.
_GAP = re.compile(r"(?:[\s,]|\\\r?\n|#[^\r\n]*)*")


@dataclass(frozen=True)
class Argument:
    """An argument: where it begins, and the range of its value."""

    start: int
    value: int
    stop: int
    node: ast.expr


def spell_out(source: Source, call: ast.Call, engine: str, tensorflow: str) -> list[Edit] | None:
    """Return the edits that turn a legacy call into one of ``extract_patches``.

    They leave the text of the arguments, line breaks and comments where they are. `engine` and
    `tensorflow` are what the module calls these. None if the call does not show all of its
    arguments, or not surely: then the drop-in stays.
    """
    if any(isinstance(node, ast.JoinedStr) for node in source.ancestors(call)):
        return None
    bound = _arguments(source, call)
    if bound is None or not _in_order(bound) or not _plain(source, call, list(bound.values())):
        return None
    last = 'layout="channel", rounding="legacy"'
    side = bound["gridsize"]
    if re.search(r"[\r\n#]", source.code(side.node)):
        return None
    square = _square(source, side.node)
    by_keyword = list(bound)[-2:] == ["gridsize", "N"]
    prefixes = {
        "global_offsets": f"{engine}.geometry.from_legacy(",
        "N": "patch_size=" if by_keyword else "",
    }
    edits = [Edit(side.start, side.stop, last)]
    for name in KEPT:
        argument, prefix = bound[name], prefixes.get(name, "")
        if argument.start != argument.value or prefix:
            edits.append(Edit(argument.start, argument.value, prefix))
    stop = bound["local_offsets"].stop
    edits.append(Edit(stop, stop, f", members={square})"))
    start, stop = source.span(call)
    opening = source.text.index("(", source.span(call.func)[1])
    edits.append(Edit(start, opening, f"{tensorflow}.cast({engine}.extract_patches"))
    return [*edits, Edit(stop, stop, f", {tensorflow}.complex64)")]


def _arguments(source: Source, call: ast.Call) -> dict[str, Argument] | None:
    """Return the arguments by parameter, in their order, if `N` and `gridsize` are numbers."""
    given: list[tuple[str, ast.expr | ast.keyword]] = []
    given += zip(ARGUMENTS, call.args, strict=False)
    given += ((keyword.arg or "", keyword) for keyword in call.keywords)
    number = len(call.args) + len(call.keywords)
    if number != len(ARGUMENTS) or {name for name, _ in given} != set(ARGUMENTS):
        return None
    bound: dict[str, Argument] = {}
    for name, node in sorted(given, key=lambda pair: source.start(pair[1])):
        value = node.value if isinstance(node, ast.keyword) else node
        bound[name] = Argument(source.start(node), *source.span(value), value)
    if any(isinstance(argument.node, ast.Starred) for argument in bound.values()):
        return None
    return bound if all(is_number(source, bound[name].node) for name in LOOKED_UP) else None


def _in_order(bound: dict[str, Argument]) -> bool:
    """Tell whether the new call evaluates the arguments in the order of the old one."""
    order = list(bound)
    later = order[order.index("local_offsets") + 1 :]
    free = isinstance(bound["gridsize"].node, ast.Constant) or all(
        is_pure(bound[name].node) for name in later
    )
    return tuple(n for n in order if n in KEPT) == KEPT and "gridsize" in later and free


def is_pure(node: ast.expr) -> bool:
    """Tell whether an expression is made of names, attributes, items and numbers alone."""
    return all(isinstance(part, _PURE) for part in ast.walk(node))


def _plain(source: Source, call: ast.Call, found: list[Argument]) -> bool:
    """Tell whether nothing but commas, blanks and comments stands around the arguments."""
    start, stop = source.span(call.func)[1], source.span(call)[1] - 1
    opening = source.text.find("(", start)
    gaps = zip(
        [opening + 1, *(a.stop for a in found)], [*(a.start for a in found), stop], strict=True
    )
    heads = [source.text[a.start : a.value] for a in found]
    return (
        source.text[start:opening].strip(" \t") == ""
        and source.start(call) == source.start(call.func)
        and all(_GAP.fullmatch(source.text[a:b]) for a, b in gaps)
        and all(re.fullmatch(r"(?:\w+\s*=\s*)?", head) for head in heads)
    )


def _square(source: Source, side: ast.expr) -> str:
    """Write the square of a pure expression."""
    if isinstance(side, ast.Constant):
        return str(side.value**2)  # type: ignore[operator]
    code = source.code(side)
    return f"{code}**2" if isinstance(side, ast.Name | ast.Attribute) else f"({code})**2"
