"""Whether the PtychoPINN of a tree is of another generation than the drop-ins."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Final

from .files import read_file
from .names import GROUPING, GROUPING_METHOD
from .native import PARAMETERS
from .source import check_syntax
from .text import SourceError, decode_python

#: The parameters, in `raw_data.py`, of what has the same name and another meaning elsewhere.
EXPECTED: Final = MappingProxyType(
    {
        "ptycho.raw_data.get_image_patches": PARAMETERS,
        GROUPING: (
            "self", "N", "K", "nsamples", "dataset_path", "seed", "sequential_sampling", "gridsize",
            "enable_oversampling", "neighbor_pool_size",
        ),
    }
)  # fmt: skip


def differing_names(packages: Iterable[Path]) -> frozenset[str]:
    """Return the functions that a tree's own PtychoPINN defines with other parameters.

    `packages` are the folders of that package.
    """
    found = (pair for package in packages for pair in _parameters(package / "raw_data.py"))
    return frozenset(name for name, parameters in found if parameters != EXPECTED[name])


def _parameters(module: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    try:
        tree = check_syntax(decode_python(read_file(module)).text)
    except (SourceError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            name = GROUPING if node.name == GROUPING_METHOD else f"ptycho.raw_data.{node.name}"
            if name in EXPECTED:
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                yield name, tuple(argument.arg for argument in given)
