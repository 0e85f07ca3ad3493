"""What the formats share: arrays created first, boxes of them written, records at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from ..regions import Box
from ..specs import Array, ArraySpec


class Container(ABC):
    """One file or folder that takes the arrays of an output.

    Parameters
    ----------
    path : Path
        Where to write.
    arrays : mapping of str to ArraySpec
        What will come; the first is what a viewer shows.

    Attributes
    ----------
    resumes : bool
        Whether what a killed process left can be continued.
    checks : bool
        Whether `read` tells damage by checksums of the format, so that the journal needs none.
    """

    resumes: ClassVar[bool]
    checks: ClassVar[bool] = False

    def __init__(self, path: Path, arrays: Mapping[str, ArraySpec]) -> None:
        self.path = path
        self.arrays = arrays

    @abstractmethod
    def create(self) -> None:
        """Create it with arrays that have no values yet."""

    def reopen(self) -> None:
        """Open what a killed process left; any exception says that it cannot be continued."""
        raise NotImplementedError

    def resume(self, finished: Mapping[str, Sequence[Box]]) -> None:  # noqa: B027
        """Learn which boxes hold their values already."""

    def read(self, name: str, box: Box) -> Array:
        """Read a box back, after `reopen`; any exception says that its values are lost."""
        raise NotImplementedError

    @abstractmethod
    def write(self, name: str, box: Box, values: Array) -> None:
        """Write a box that has been checked and is not empty; `values` are contiguous."""

    def holds(self, name: str, box: Box) -> bool:
        """Whether the system has all values of a box, so that they outlive this process."""
        return True

    @abstractmethod
    def finish(self, records: Mapping[str, str]) -> None:
        """Write the records, JSON texts by name, and close; every box has come."""

    @abstractmethod
    def close(self) -> None:
        """Close what is open after any part of the above; return when nothing writes any more."""
