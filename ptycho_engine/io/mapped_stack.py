"""Patterns that lie in their file in one piece, mapped into memory for as long as they are read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..errors import InputFileError
from .patterns import Ranges, fill_ranges


@dataclass(frozen=True, eq=False)
class MappedStack:
    """A loader whose file stays mapped; it stays in its process.

    Attributes
    ----------
    path : Path
        The file.
    stack : ndarray, shape (P, H, W)
        The patterns, in whatever byte and memory order.
    state : tuple of int
        What tells this file from another one under its name, and from one that was written to.
    """

    path: Path
    stack: NDArray[Any]
    state: tuple[int, ...]

    @classmethod
    def of(cls, path: Path, stack: NDArray[Any]) -> MappedStack:
        """Take a mapping that was just made."""
        return cls(path, stack, _state(path))

    def __call__(self, ranges: Ranges, into: NDArray[Any]) -> None:
        """Fill an array with ranges; a file that shrank must not be touched."""
        if _state(self.path) != self.state:
            raise InputFileError(
                f"{self.path}: is another than when it was opened. Expected the same file. Open "
                "the scan again."
            )
        fill_ranges(self.stack, ranges, into)


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = os.stat(path)
    except OSError:  # it is gone
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
