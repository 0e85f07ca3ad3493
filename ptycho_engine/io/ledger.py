"""What has come of an output: its boxes, which regions are finished, and whether it is whole."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from ..errors import OutputError
from .journal import Finished, Journal
from .objects.urls import Location
from .regions import Box, Key, box_size, find_overlap, missing_ranges
from .specs import ArraySpec


class Ledger:
    """Counts what is written, from any thread, and keeps the journal.

    Parameters
    ----------
    path : Path or ObjectUrl
        The output, for messages.
    arrays : mapping of str to ArraySpec
        What it will hold.
    """

    def __init__(self, path: Location, arrays: Mapping[str, ArraySpec]) -> None:
        self._path = path
        self._arrays = arrays
        self._lock = threading.Lock()
        self._boxes: dict[str, set[Box]] = {name: set() for name in arrays}
        self._written: dict[Key, dict[str, int | None]] = {}
        self._waiting: list[Finished] = []
        self._journal: Journal

    def begin(self, journal: Journal) -> None:
        """Keep this journal from now on; its lines have come already."""
        self._journal = journal
        for line in journal.lines:
            for name, box in line.boxes(self._arrays).items():
                self._boxes[name].add(box)

    def has(self, name: str, box: Box) -> bool:
        """Whether a box of an array has come."""
        return box in self._boxes[name]

    def missing(self, name: str) -> list[tuple[int, int]]:
        """Return the ranges along the first axis of an array of which values are to come."""
        shape = self._arrays[name].shape
        return missing_ranges(list(self._boxes[name]), shape) if shape else []

    def refuse_second(self, name: str, box: Box) -> None:
        """Refuse a box that has come.

        Raises
        ------
        OutputError
            If it has.
        """
        with self._lock:
            if box in self._boxes[name]:
                raise OutputError(
                    f"{self._path}: region {box} of {name!r} was written already. Expected each "
                    "once. Ask is_finished before writing."
                )

    def add(self, key: Key, name: str, box: Box, checksum: int | None) -> None:
        """Note that a box has come, and what its values are known by."""
        with self._lock:
            self._boxes[name].add(box)
            self._written.setdefault(key, {})[name] = checksum

    def finish(self, key: Key, holds: Callable[[str, Box], bool]) -> None:
        """Note in the journal that a region is finished, as soon as it outlives this process.

        Parameters
        ----------
        key : Key
            The region.
        holds : callable
            Tells whether the system has all values of a box.

        Raises
        ------
        OutputError
            If nothing was written for it since it was last finished.
        """
        with self._lock:
            if key not in self._written:
                raise OutputError(
                    f"{self._path}: received region {key} to finish, but nothing was written for "
                    "it. Write it first, under the same slices."
                )
            self._waiting.append(Finished(key, self._written.pop(key)))
            waiting, self._waiting = self._waiting, []
            for line in waiting:
                if all(holds(name, box) for name, box in line.boxes(self._arrays).items()):
                    self._journal.append(line)
                else:
                    self._waiting.append(line)

    def check_whole(self) -> None:
        """Refuse arrays of which values are missing or came twice.

        Raises
        ------
        OutputError
            With the array, and what of it.
        """
        for name, spec in self._arrays.items():
            boxes = list(self._boxes[name])
            if overlap := find_overlap(boxes):
                raise OutputError(
                    f"{self._path}: regions {overlap[0]} and {overlap[1]} of {name!r} overlap, so "
                    "nothing was published. Expected each value once."
                )
            received = sum(map(box_size, boxes))
            if received != spec.size:
                raise OutputError(
                    f"{self._path}: received {received} of {spec.size} values of {name!r}, so "
                    "nothing was published. Write the remaining regions before publishing."
                )
