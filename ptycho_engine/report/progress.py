"""What a run shows of itself on a terminal: a bar, a spinner while it waits; nothing in a pipe."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from ..extras import is_installed
from ..request.blocks import Block

if TYPE_CHECKING:
    from rich.console import Console

#: Seconds after which a reader wants to know what is being waited for.
PATIENCE = 1.0


class Display:
    """Shows how far a run is.

    Parameters
    ----------
    when : {"auto", "always", "asked", "never"}
        ``auto`` shows something if standard error is a terminal, and takes it away; ``always``
        writes as to a terminal, ``asked`` as fits what standard error is.
    """

    def __init__(self, when: str) -> None:
        asked = when in ("always", "asked")
        stream = sys.stderr  # None where it is closed
        self._shown = stream is not None and (asked or (when == "auto" and stream.isatty()))
        self._forced = True if when == "always" else None
        self._stays = when != "auto"

    def bar(self, blocks: Iterator[Block], total: int, noun: str = "patches") -> Iterator[Block]:
        """Pass blocks on, with a bar of the patches that are done.

        Parameters
        ----------
        blocks : iterator of Block
            What is being made.
        total : int
            Number of patches.
        noun : str
            What they are, where a block is one of others.
        """
        return self._with_bar(blocks, total, noun) if self._shown else blocks

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show a spinner if the block takes longer than a second.

        Parameters
        ----------
        what : str
            What is waited for.
        """
        if not self._shown:
            yield
            return
        spinner = _Spinner(what, self._forced)
        try:
            yield
        finally:
            spinner.stop()

    @contextmanager
    def counting(self, noun: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a bar of what is done.

        Parameters
        ----------
        noun : str
            What is counted.
        total : int
            How many there are.

        Yields
        ------
        callable
            To be told how many are done.
        """
        if not self._shown or not total:
            yield lambda done: None
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn(noun, markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        console = _console(None, self._forced)
        with Progress(*columns, console=console, transient=not self._stays) as bar:
            task = bar.add_task(noun, total=total)
            yield lambda done: bar.update(task, completed=done)

    def _with_bar(self, blocks: Iterator[Block], total: int, noun: str) -> Iterator[Block]:
        # The first block waits for compilers.
        with self.waiting("compiling"):
            first = next(blocks, None)
        if first is None:
            return
        with self.counting(noun, total) as done:
            yield first
            done(first.stop)
            for block in blocks:
                yield block
                done(block.stop)


def shown(blocks: Iterator[Block], total: int) -> Iterator[Block]:
    """Show the progress because somebody asked for it: also in a notebook, and once in a pipe."""
    return Display("asked").bar(blocks, total)


class _Spinner:
    """Turns from one second on, on a standard error of its own: others may redirect theirs."""

    def __init__(self, what: str, forced: bool | None) -> None:
        self._what, self._forced = what, forced
        self._status: Any = None
        self._own = _own_stream()  # None in a notebook; standard error may be another by the end
        self._stream = self._own or sys.stderr
        self._lock = threading.Lock()
        self._over = False
        self._timer = threading.Timer(PATIENCE, self._start)
        self._timer.daemon = True
        self._timer.start()

    def _start(self) -> None:
        with self._lock:
            if self._over:
                return
            from rich.text import Text

            console = _console(self._stream, self._forced)
            self._status = console.status(Text(f"{self._what} ..."))  # names are no markup
            self._status.start()

    def stop(self) -> None:
        """Take it away."""
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._status is not None:
                self._status.stop()
            if self._own is not None:
                self._own.close()


def _console(stream: TextIO | None, forced: bool | None) -> Console:
    """Make what is drawn on: standard error, or another stream."""
    from rich.console import Console

    # In a notebook, bars that move are widgets; without them there is a line at the end.
    notebook = None if is_installed("ipywidgets") else False
    return Console(file=stream, stderr=True, force_terminal=forced, force_jupyter=notebook)


def _own_stream() -> TextIO | None:
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8")
    except (OSError, ValueError, AttributeError):
        return None
