"""A sweep as a table on a terminal: the runs that failed first."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..io.objects.urls import is_url
from ..memory import format_bytes
from .swept_runs import Sweep, SweptRun

#: Rows of a table that somebody reads; those beyond are in the page.
MOST = 40
#: Columns of characters where no terminal says how many it has.
WIDTH = 140

#: What is said of a run beside its number and what varies: a heading, and the words; numbers go to
#: the right. A column that tells nothing new is left out.
COLUMNS: tuple[tuple[str, bool, Callable[[SweptRun], str]], ...] = (
    ("outcome", False, lambda run: run.outcome),
    ("patches", True, lambda run: "" if run.patches is None else f"{run.patches:,}"),
    ("seconds", True, lambda run: "" if run.seconds is None else f"{run.seconds:.2f}"),
    ("patches/s", True, lambda run: "" if run.rate is None else f"{run.rate:,.0f}"),
    ("memory", True, lambda run: format_bytes(run.peak_bytes) if run.peak_bytes else ""),
    ("computed by", False, lambda run: run.plugin or ""),
    ("warnings", True, lambda run: str(len(run.warnings) or "")),
)


def print_table(sweep: Sweep, stream: TextIO, width: int | None = None) -> None:
    """Print the table of a sweep.

    Parameters
    ----------
    sweep : Sweep
        The sweep.
    stream : text file
        Where to; colours and links if it is a terminal.
    width : int, optional
        Columns of characters; those of the terminal by default.
    """
    if width is None and not stream.isatty():
        width = WIDTH
    console = Console(file=stream, width=width, highlight=False)
    console.print(table_of(sweep, sweep.worst_first[:MOST]))
    if len(sweep.runs) > MOST:
        console.print(f"... and {len(sweep.runs) - MOST:,} more.")


def table_of(sweep: Sweep, runs: list[SweptRun]) -> Table:
    """Make the table of some runs of a sweep."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title_of(sweep), title_justify="left")
    varying = sweep.varying or tuple(sweep.common)
    shown = [
        column
        for column in COLUMNS
        if any(column[2](run) not in ("", run.settings.get("plugin")) for run in runs)
    ]
    written = any(run.output for run in runs)
    table.add_column("run", justify="right")
    for key in varying:
        table.add_column(Text(key), overflow="fold")
    for heading, number, _ in shown:
        table.add_column(heading, justify="right" if number else "left", no_wrap=number)
    if written:
        table.add_column("output", overflow="fold")
    for run in runs:
        cells = [str(run.number), *(run.settings.get(key, "") for key in varying)]
        cells += [words(run) for _, _, words in shown]
        row = [Text(cell) for cell in cells]
        if written:
            row.append(output_of(run, sweep.folder))
        table.add_row(*row, style="bold red" if run.failed else None)
    return table


def title_of(sweep: Sweep) -> str:
    """Say how many runs there were, and of how many less came than was asked."""
    count = len(sweep.runs)
    said = "1 run" if count == 1 else f"{count:,} runs"
    return f"{said}, {sweep.failed:,} failed" if sweep.failed else f"{said}, all done"


def output_of(run: SweptRun, folder: Path) -> Text:
    """Write the path of an output as seen from the sweep's folder, linked."""
    if run.output is None:
        return Text("")
    if is_url(run.output):
        return Text(run.output)
    link = Path(os.path.abspath(run.output)).as_uri()
    return Text(os.path.relpath(run.output, folder), style=f"link {link}")
