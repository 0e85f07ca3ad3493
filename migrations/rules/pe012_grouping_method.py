"""PE012: the method ``generate_grouped_data`` becomes a function of `ptycho_engine.compat`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ..codemod.bindings import imports_package, resolve
from ..codemod.findings import Finding, Kind, Rule, todo
from ..codemod.generations import same_numbers
from ..codemod.imports import bind_module
from ..codemod.names import COMPAT, GROUPING, GROUPING_METHOD
from ..codemod.provenance import Origin, origin
from ..codemod.random_stream import goes_on, seeds
from ..codemod.replaced import GROUPING_NAMES, covered, named, replaced_names, words_for
from ..codemod.source import Source
from ..codemod.text import Edit

ID = "PE012"
SEEDED = (
    "PtychoPINN seeded NumPy's global stream here, the drop-in does not: random numbers that this "
    "file draws from it afterwards differ"
)


def check(source: Source) -> Iterator[Finding]:
    """Find ``raw.generate_grouped_data(64)`` where ``raw`` is made from a legacy ``RawData``."""
    found: dict[Origin, list[tuple[ast.Call, ast.Attribute]]] = {kind: [] for kind in Origin}
    for call in source.find(ast.Call):
        method = call.func
        if not isinstance(method, ast.Attribute) or method.attr != GROUPING_METHOD:
            continue
        if not resolve(source, method).names:  # else of the class or of a module
            found[_origin(source, call, method)].append((call, method))
    known = found[Origin.LEGACY]
    if not same_numbers(source, GROUPING):
        text = f"{GROUPING_METHOD} means something else in this tree; compare before swapping"
        yield from _staying(source, text, [call for call, _ in known])
    elif replaced_names(source) & GROUPING_NAMES:
        names = sorted({n for _, n in named(source) if set(covered(n)) & GROUPING_NAMES})
        what = words_for(names[0]) if names else GROUPING
        text = f"{what} is replaced here, so that calls of {GROUPING_METHOD} stay"
        yield from _staying(source, text, [call for call, _ in known])
    elif known:
        alias, imports = bind_module(source, COMPAT, "compat", [c for c, _ in known], [])
        for call, method in known:
            edits = (*_as_function(source, call, method, alias), *imports)
            message = f"is now {alias}.{GROUPING_METHOD}"
            yield Finding(ID, source.start(call), GROUPING, message, Kind.REWRITE, edits)
        yield from _seeding(source, [call for call, _ in known])
    if imports_package(source, "ptycho"):
        text = f"where this is a RawData of ptycho, use {COMPAT}.{GROUPING_METHOD}(data, ...)"
        for call, _ in found[Origin.UNKNOWN]:
            yield todo(source, ID, call, GROUPING_METHOD, text)
        yield from _passed_on(source)


def _staying(source: Source, text: str, calls: list[ast.Call]) -> Iterator[Finding]:
    """Leave some calls as they are, with one comment for all of them."""
    for index, call in enumerate(calls):
        if index == 0:
            yield todo(source, ID, call, GROUPING_METHOD, text)
        else:
            yield Finding(ID, source.start(call), GROUPING_METHOD, text, Kind.NOTE)


def _seeding(source: Source, calls: list[ast.Call]) -> Iterator[Finding]:
    """Leave to the reader the calls whose seed other random numbers of the file went on from."""
    seeding = [call for call in calls if seeds(call)]
    if seeding and goes_on(source, calls):
        for call in seeding:
            yield todo(source, ID, call, GROUPING_METHOD, SEEDED)


def _passed_on(source: Source) -> Iterator[Finding]:
    """Find ``partial(raw.generate_grouped_data, 64)``, for the status alone."""
    for method in source.find(ast.Attribute):
        call = source.parent(method)
        called = isinstance(call, ast.Call) and call.func is method
        if method.attr != GROUPING_METHOD or called or resolve(source, method).names:
            continue
        if origin(source, method.value) is not Origin.OTHER:
            text = "passed on rather than called"
            yield Finding(ID, source.start(method), GROUPING_METHOD, text, Kind.NOTE)


def _origin(source: Source, call: ast.Call, method: ast.Attribute) -> Origin:
    receiver = method.value
    begins_alike = source.start(call) == source.start(method) == source.start(receiver)
    nested = GROUPING_METHOD in source.code(receiver)
    found = origin(source, receiver)
    plain = begins_alike and not nested and source.is_placed(call)
    return found if found is not Origin.LEGACY or plain else Origin.UNKNOWN


def _as_function(
    source: Source, call: ast.Call, method: ast.Attribute, alias: str
) -> tuple[Edit, Edit]:
    """Put the function before the receiver, and a comma behind it, which others may edit."""
    start, stop = source.span(method)
    inside = source.text.index("(", stop) + 1
    separator = ""
    if call.args or call.keywords:
        separator = "," if source.text[inside] in "\r\n" else ", "
    behind = source.span(method.value)[1]
    opening = Edit(start, start, f"{alias}.{GROUPING_METHOD}(", rank=2)  # behind any comment
    return opening, Edit(behind, inside, separator)


RULE = Rule(ID, "the method generate_grouped_data becomes a function", check)
