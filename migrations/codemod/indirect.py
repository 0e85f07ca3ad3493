"""Parameters whose key is not told where they are read or written."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from .names import parameters
from .parameters import Access, accesses
from .source import Source, literal
from .whole import is_whole


def indirect(source: Source) -> Iterator[tuple[Access, str]]:
    """Yield the first such access of each function, with each parameter it may be about.

    Those are the ones that the file spells as a string elsewhere than in an access.
    """
    told = {access.spelt for access in accesses(source)}
    known = parameters()
    strings = [n for n in source.find(cst.SimpleString) if n not in told]
    keys = list(dict.fromkeys(k for n in strings if (k := literal(n)) in known))
    done: set[cst.CSTNode] = set()
    for access in accesses(source) if keys else ():
        around = (n for n in source.ancestors(access.node) if isinstance(n, cst.FunctionDef))
        function = next(around, source.module)
        if access.key is None and function not in done and not is_whole(source, access):
            done.add(function)
            yield from ((access, key) for key in keys)
