"""A progress bar on a terminal, and none in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

from ..request.blocks import Block


def progress_bar(when: str) -> Callable[[Iterator[Block], int], Iterator[Block]]:
    """Return a wrapper that shows the progress of an iterator over blocks.

    Parameters
    ----------
    when : {"auto", "always", "never"}
        ``auto`` shows a bar if standard error is a terminal.

    Returns
    -------
    callable
        Of the blocks and the number of patches, to the same blocks.
    """
    if when == "never" or (when == "auto" and not sys.stderr.isatty()):
        return lambda blocks, total: blocks
    return partial(_with_bar, terminal=True if when == "always" else None)


def shown(blocks: Iterator[Block], total: int) -> Iterator[Block]:
    """Show the progress because somebody asked for it: also in a notebook, and once in a pipe."""
    return _with_bar(blocks, total, None)


def _with_bar(blocks: Iterator[Block], total: int, terminal: bool | None) -> Iterator[Block]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("patches"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True, force_terminal=terminal)
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("patches", total=total)
        for block in blocks:
            yield block
            bar.update(task, completed=block.stop)
