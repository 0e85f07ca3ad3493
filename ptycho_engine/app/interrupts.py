"""Ctrl-C and SIGTERM: an interrupt that cleans up, also where a library loses its exception."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

#: Seconds in which signals that follow one mean the same: an impatient hand, or a scheduler that
#: sends several. An interrupt amid the cleaning up of another would leave what is cleaned up.
PATIENCE = 5.0
#: Code that takes the lock of all imports: an exception amid it would keep the lock, and threads
#: that import would wait for ever. A signal there comes again after so many seconds.
IMPORTS, PAUSE = "<frozen importlib", 0.01


class Interrupts:
    """Remembers that a signal came: a callback of compiled code may drop or change its exception.

    Attributes
    ----------
    came : bool
        Whether one came.
    """

    came = False

    def __init__(self) -> None:
        self._last = -PATIENCE

    def __call__(self, number: int, frame: Any) -> None:
        """Handle a signal."""
        self.came = True
        if frame is not None and frame.f_code.co_filename.startswith(IMPORTS):
            again = threading.Timer(PAUSE, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        now = time.monotonic()
        if now - self._last >= PATIENCE:
            self._last = now
            raise KeyboardInterrupt

    def between(self, blocks: Iterable[T]) -> Iterator[T]:
        """Pass blocks on until a signal has come.

        Raises
        ------
        KeyboardInterrupt
            Before the next block, if one has.
        """
        for block in blocks:
            self.check()
            yield block
        self.check()

    def check(self) -> None:
        """Raise the interrupt again if a signal has come.

        Raises
        ------
        KeyboardInterrupt
            If one has.
        """
        if self.came:
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Turn Ctrl-C and SIGTERM into the interrupt that cleans up, for as long as the block runs.

    Handlers are left alone where there is none to take: outside the main thread, where a signal is
    ignored, where its handler was not set from Python, and where another program that embeds this
    one handles Ctrl-C itself.

    Yields
    ------
    Interrupts
        What tells of a signal whose exception was lost.

    Raises
    ------
    KeyboardInterrupt
        Also in place of an error that the block raises after a signal, since libraries raise errors
        of their own when they are interrupted; and at the end, if a signal came and was lost.
    """
    interrupts = Interrupts()
    previous: dict[int, Any] = {}
    report = sys.unraisablehook

    def report_others(dropped: sys.UnraisableHookArgs) -> None:
        if dropped.exc_type is not KeyboardInterrupt:  # which is not lost: it is raised again
            report(dropped)

    try:
        sys.unraisablehook = report_others
        for number, handler in _own_handlers().items():
            previous[number] = handler
            signal.signal(number, interrupts)
        yield interrupts
        interrupts.check()
    except Exception as error:
        if interrupts.came:
            raise KeyboardInterrupt from error
        raise
    finally:
        sys.unraisablehook = report
        for number, handler in previous.items():
            signal.signal(number, handler)


def hides_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt was on its way when an error took its place, as in a `finally`."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _own_handlers() -> dict[int, Any]:
    """Return the handlers that may be replaced, by signal."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    terminate = signal.getsignal(signal.SIGTERM)
    handlers: dict[int, Any] = {}
    if terminate not in (None, signal.SIG_IGN):
        handlers[signal.SIGTERM] = terminate
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        handlers[signal.SIGINT] = signal.default_int_handler
    return handlers
