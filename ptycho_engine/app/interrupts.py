"""Ctrl-C and SIGTERM: an interrupt that cleans up, also where a library loses its exception."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class Interrupts:
    """Remembers that a signal came: a callback of compiled code may drop or change its exception.

    Attributes
    ----------
    came : bool
        Whether one came.
    """

    came = False

    def __call__(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        self.came = True
        raise KeyboardInterrupt

    def between(self, blocks: Iterable[T]) -> Iterator[T]:
        """Pass blocks on until a signal has come.

        Raises
        ------
        KeyboardInterrupt
            Before the next block, if one has.
        """
        for block in blocks:
            if self.came:
                raise KeyboardInterrupt
            yield block


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Turn Ctrl-C and SIGTERM into the interrupt that cleans up, for as long as the block runs.

    Yields
    ------
    Interrupts
        What tells of a signal whose exception was lost.

    Raises
    ------
    KeyboardInterrupt
        Also in place of an error that the block raises after a signal: libraries raise errors of
        their own when they are interrupted.
    """
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield interrupts
        return
    previous = {signal.SIGTERM: signal.signal(signal.SIGTERM, interrupts)}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        previous[signal.SIGINT] = signal.signal(signal.SIGINT, interrupts)
    try:
        yield interrupts
    except Exception as error:
        if interrupts.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
