"""Plain text tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Align columns.

    Parameters
    ----------
    header : sequence of str
        Titles.
    rows : sequence of sequences of str
        Cells, as many in each row as titles.
    left : int
        Columns at the front that hold text; the others hold numbers and end flush right. A last
        column without title holds remarks.

    Returns
    -------
    str
        The table, without trailing blanks.
    """
    for row in rows:
        if len(row) != len(header):
            raise ValueError(f"row of {len(row)} cells under {len(header)} titles: {row}")
    remarks = len(header) - 1 if header and not header[-1] else len(header)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    rule = ["-" * width for width in widths]
    lines = [
        "  ".join(
            cell.ljust(width) if i < left or i >= remarks else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (header, rule, *rows)
    ]
    return "\n".join(lines)


class Notes:
    """Remarks that do not fit into a table: numbered marks in it, and lines below it."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def marks(self, texts: Iterable[str]) -> str:
        """Return the marks of some remarks; the same remark has the same mark."""
        marks = []
        for text in texts:
            if text not in self._texts:
                self._texts.append(text)
            marks.append(f"[{self._texts.index(text) + 1}]")
        return " ".join(marks)

    def lines(self) -> list[str]:
        """Return the remarks."""
        return [f"[{i}] {text}" for i, text in enumerate(self._texts, start=1)]


def number(value: float | None) -> str:
    """Three digits at most: 1234.5 is 1,234, 12.34 is 12.3, 0.1234 is 0.12."""
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def size(count: float) -> str:
    """Bytes in MB."""
    return f"{count / 1e6:,.0f} MB"
