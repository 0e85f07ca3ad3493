"""Steps that an interrupt may not cut in two: signals wait until they are done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Hold back Ctrl-C and SIGTERM for as long as the block runs; they come at its end.

    Python handles signals in its main thread alone, so elsewhere this does nothing. Keep the block
    short: what waits for a slow disk must be free to be interrupted.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = True
    came: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if held:
            came.append(number)
        else:  # between the end of the block and the return of the handlers
            hand_on(number)

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hand_on(number: int) -> None:
        signal.signal(number, before[number])
        signal.raise_signal(number)

    # A handler that was not set from Python cannot be given back, so it stays.
    found = {int(number): signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in found.items() if handler is not None}
    try:
        for number in before:
            signal.signal(number, handle)
        yield
    finally:
        try:
            held = False
            give_back()
        except BaseException:  # one came between two of them
            give_back()
            raise
        for late in came:
            hand_on(late)
