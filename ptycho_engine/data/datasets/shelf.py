"""The few sources that are open at a time; the others are opened again when they are needed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from .contents import Contents


class Shelf:
    """Opens sources by number, and lets go of the one not used for longest.

    What is let go of stays open for whoever still reads it, and its files close after that. A
    forked process begins with an empty shelf: files, locks and prepared objects are its parent's.

    Parameters
    ----------
    open_source : callable
        Opens the source of a number.
    most : int
        How many stay open.
    """

    def __init__(self, open_source: Callable[[int], Contents], most: int) -> None:
        self._open, self._most = open_source, most
        self._begin()

    def _begin(self) -> None:
        self._lock = Lock()
        self._kept: OrderedDict[int, Contents] = OrderedDict()
        self._process = os.getpid()

    def take(self, number: int) -> Contents:
        """Return an open source."""
        if self._process != os.getpid():
            self._begin()
        with self._lock:
            contents = self._kept.get(number)
            if contents is None:
                contents = self._kept[number] = self._open(number)
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
            else:
                self._kept.move_to_end(number)
            return contents

    def __len__(self) -> int:
        """Count the open sources."""
        return len(self._kept)

    def clear(self) -> None:
        """Let go of all."""
        self._begin()
