"""Lines of notebook cells that IPython understands and Python does not."""

from __future__ import annotations

import re
from collections.abc import Callable

from .source import check_syntax
from .text import SourceError

#: Cell magics whose body is Python.
PYTHON_CELLS = ("capture", "prun", "time", "timeit")

_CELL = re.compile(r"\s*%%(\S*)")
_LINE = re.compile(r"([ \t]*)((?:[%!?,;/].*|[\w.\[\]'\"]+\s*\?{1,2}\s*))", re.DOTALL)
_ASSIGNED = re.compile(r"([ \t]*[\w., ]+=[ \t]*)([%!].*)", re.DOTALL)


def is_other_language(cell: str) -> bool:
    """Tell whether a cell magic hands the whole cell to something other than Python."""
    match = _CELL.match(cell)
    return match is not None and match.group(1) not in PYTHON_CELLS


def mask_magics(cell: str, placeholder: Callable[[str], str]) -> str:
    """Put a name in place of each magic, so that Python can parse the cell.

    `placeholder` gives a name for a text that is taken out. Raises SourceError if the cell cannot
    be parsed, magics or none.
    """
    lines = _logical_lines(cell)
    if _CELL.match(cell):
        lines[0] = _masked(lines[0], placeholder) or lines[0]
    while True:
        text = "".join(lines)
        try:
            check_syntax(text)
            return text
        except SourceError as error:
            index = _candidate(lines, _line_of(error))
            if index is None:
                raise
            lines[index] = _masked(lines[index], placeholder) or lines[index]


def _logical_lines(cell: str) -> list[str]:
    """Split into lines; a magic takes those along that its backslashes continue."""
    lines: list[str] = []
    for line in re.findall(r"[^\n]*\n|[^\n]+", cell):
        magic = lines and (_LINE.match(lines[-1]) or _ASSIGNED.match(lines[-1]))
        if magic and lines[-1].rstrip("\r\n").endswith("\\"):
            lines[-1] += line
        else:
            lines.append(line)
    return lines or [""]


def _masked(line: str, placeholder: Callable[[str], str]) -> str | None:
    body = line.rstrip("\r\n")
    match = _LINE.fullmatch(body) or _ASSIGNED.fullmatch(body)
    if match is None:
        return None
    return match.group(1) + placeholder(match.group(2)) + line[len(body) :]


def _line_of(error: SourceError) -> int:
    match = re.match(r"line (\d+)", str(error))
    return int(match.group(1)) if match else 1


def _candidate(lines: list[str], number: int) -> int | None:
    """Return the magic at, or else nearest to, the line of a syntax error."""
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + line.count("\n"))
    found = [
        (abs(starts[i] + 1 - number), i)
        for i, line in enumerate(lines)
        if _masked(line, lambda text: "masked") is not None
        and not line.lstrip().startswith(("'", '"'))
    ]
    return min(found)[1] if found else None
