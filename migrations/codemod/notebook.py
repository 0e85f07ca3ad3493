"""Notebooks: the rules see one module, and only the source of changed cells is written."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .findings import Rule
from .json_spans import Value, parse_spans, write_lines
from .magics import is_other_language, mask_magics
from .names import may_concern
from .rewrite import Place, Rewritten, rewrite
from .text import Edit, SourceError, apply_edits

#: Number, text and value of the source of a cell.
Cell = tuple[int, str, Value]


def rewrite_notebook(
    text: str, rules: Sequence[Rule], differing: frozenset[str] = frozenset()
) -> Rewritten:
    """Apply rules to the code of a notebook, given as JSON text.

    The cells are one module to the rules, because a name imported in one is used in another. All
    but the source of changed cells stays as it was; the lines of places count within their cell.
    A cell that cannot be parsed stays, and is named. Raises SourceError if it is not a notebook, or
    no cell can be parsed.
    """
    notebook = parse_spans(text)
    sources = [source for source in _sources(notebook) if source[1].strip()]
    if not may_concern("\n".join(code for _, code, _ in sources)):
        return Rewritten(text)
    masks = _Masks(text)
    sources, cells, unread = masks.mask(sources)
    rewritten = rewrite(masks.join(cells), rules, differing=differing)
    new_cells = [masks.unmask(cell) for cell in masks.split(rewritten.text)]
    if len(new_cells) != len(cells):
        raise SourceError("the cells could not be told apart after rewriting")
    edits = [
        Edit(value.start, value.stop, write_lines(text, value, new))
        for (_, old, value), new in zip(sources, new_cells, strict=True)
        if new != old
    ]
    result = apply_edits(text, edits)
    numbers = [number for number, _, _ in sources]
    _check_rest(text, result, numbers)
    starts = masks.starts(cells)
    places = tuple(_in_cell(p, starts, numbers) for p in rewritten.places)
    return Rewritten(result, places, tuple(unread))


def _sources(notebook: Value) -> list[Cell]:
    """Return number, text and value of the source of every Python cell."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise SourceError("is not a notebook of format 4: it has no list of cells")
    found = []
    if _language(notebook) == "python":
        for number, cell in enumerate(cells, 1):
            source = cell.value.get("source") if isinstance(cell.value, dict) else None
            if source is None or cell.get("cell_type") != "code":
                continue
            lines = source.value if isinstance(source.value, list) else [source]
            if all(isinstance(line.value, str) for line in lines):
                code = "".join(line.value for line in lines)
                if not is_other_language(code):
                    found.append((number, code, source))
    return found


def _language(notebook: Value) -> str:
    metadata = notebook.value.get("metadata")
    for part in ("kernelspec", "language_info"):
        block = metadata.value.get(part) if metadata and isinstance(metadata.value, dict) else None
        name = block and (block.get("language") or (part == "language_info" and block.get("name")))
        if name:
            return str(name).lower()
    return "python"


class _Masks:
    """Names that stand for what is not Python, and between cells."""

    def __init__(self, text: str) -> None:
        self._prefix = "_ptycho_migrate_"
        while self._prefix in text:
            self._prefix += "_"
        self._taken: list[str] = []

    def mask(self, sources: list[Cell]) -> tuple[list[Cell], list[str], list[str]]:
        """Mask cells; return those that are Python, their text, and why others are not."""
        read, cells, unread = [], [], []
        for cell in sources:
            try:
                cells.append(mask_magics(cell[1], self._placeholder))
                read.append(cell)
            except SourceError as error:
                unread.append(f"cell {cell[0]}, {error}")
        if not cells:
            raise SourceError("; ".join(unread))
        return read, cells, unread

    def _placeholder(self, text: str) -> str:
        self._taken.append(text)
        return f"{self._prefix}{len(self._taken) - 1}_"

    def unmask(self, code: str) -> str:
        pattern = re.escape(self._prefix) + r"(\d+)_"
        return re.sub(pattern, lambda match: self._taken[int(match.group(1))], code)

    @property
    def _border(self) -> str:
        return f"\n{self._prefix}cell\n"

    def join(self, cells: list[str]) -> str:
        return self._border.join(cells)

    def split(self, text: str) -> list[str]:
        return text.split(self._border)

    def starts(self, cells: list[str]) -> list[int]:
        """Return the line at which each cell begins in the joined text."""
        starts = [1]
        for cell in cells:
            starts.append(starts[-1] + cell.count("\n") + self._border.count("\n"))
        return starts


def _in_cell(place: Place, starts: list[int], numbers: list[int]) -> Place:
    index = max(i for i, start in enumerate(starts[:-1]) if start <= place.line)
    return replace(place, line=place.line - starts[index] + 1, cell=numbers[index])


def _check_rest(before: str, after: str, numbers: list[int]) -> None:
    """Refuse a result in which anything but the source of code cells differs."""
    old, new = json.loads(before), json.loads(after)
    if _without_sources(old, numbers) != _without_sources(new, numbers):
        raise SourceError("more than the source of cells would have changed")


def _without_sources(notebook: Any, numbers: list[int]) -> Any:
    rest = copy.copy(notebook)
    rest["cells"] = [
        {k: v for k, v in cell.items() if not (k == "source" and number in numbers)}
        for number, cell in enumerate(notebook["cells"], 1)
    ]
    return rest
