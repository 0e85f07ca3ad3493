"""Which calls seeded NumPy's global stream in PtychoPINN, and what in a file goes on with it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from .bindings import resolve
from .source import Source, literal

STREAM = "numpy.random"
#: What has a stream of its own, or sets the global one.
APART = (
    *("default_rng", "Generator", "RandomState", "SeedSequence", "BitGenerator", "bit_generator"),
    *("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64", "seed", "get_state", "set_state"),
)
#: Places of the arguments of ``generate_grouped_data`` that seeded the stream, behind the object.
SEED, SEQUENTIAL = 4, 5


def seeds(call: ast.Call) -> bool:
    """Tell whether a call of the grouping method may have seeded the global stream."""
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    plain = dict(enumerate(call.args))
    seed = given.get("seed", plain.get(SEED))
    sequential = given.get("sequential_sampling", plain.get(SEQUENTIAL))
    return not _is(seed, None) or not _is(sequential, None, False)


def _is(node: ast.expr | None, *values: object) -> bool:
    """Tell whether an argument is left out, or one of some literals."""
    return node is None or (isinstance(node, ast.Constant) and literal(node) in values)


def goes_on(source: Source, calls: Iterable[ast.Call]) -> bool:
    """Tell whether a file draws from the global stream: by itself, or by grouping without seed."""
    names = [*source.find(ast.Attribute), *source.find(ast.Name)]
    drawn = (name for node in names for name in resolve(source, node).names)
    return any(not seeds(call) for call in calls) or any(map(_draws, drawn))


def _draws(name: str) -> bool:
    module, _, leaf = name.rpartition(".")
    return module == STREAM and leaf not in APART
