"""What all writers share: the header of an output, and blocks checked before they are written."""

from __future__ import annotations

import json
import math
import os
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import OutputError
from .system import writing

Array = NDArray[Any]

#: The dictionaries of an output, stored as JSON under these names in every format.
RECORDS = ("geometry", "configuration", "provenance")


@dataclass(frozen=True, eq=False)
class OutputHeader:
    """What an output will hold, known before its first patch.

    Attributes
    ----------
    shape : tuple of int
        Shape of all patches together, leading axes included.
    axis : int
        The axis along which blocks come: the number of leading axes.
    dtype : dtype
        Dtype of the patches, numeric; stored in native byte order.
    positions : ndarray, shape (P, 2) or (B, C, 2)
        Scan positions (y, x) in object pixels.
    geometry, configuration, provenance : dict
        What the positions mean, how the run was set, and where everything came from. They may
        hold what JSON holds, NumPy numbers and arrays, paths and dtypes.
    """

    shape: tuple[int, ...]
    axis: int
    dtype: np.dtype[Any]
    positions: Array
    geometry: dict[str, Any]
    configuration: dict[str, Any]
    provenance: dict[str, Any]

    def __post_init__(self) -> None:
        dtype = np.dtype(self.dtype).newbyteorder("=")
        positions = np.asarray(self.positions)
        if not 0 <= self.axis < len(self.shape):
            raise OutputError(
                f"axis: received {self.axis}. Expected an axis of the patches, {self.shape}."
            )
        for what, kind in (("patches", dtype.kind), ("positions", positions.dtype.kind)):
            if kind not in "biufc":
                raise OutputError(f"{what}: no numbers. Expected a numeric dtype.")
        object.__setattr__(self, "shape", tuple(int(size) for size in self.shape))
        object.__setattr__(self, "dtype", dtype)
        native = positions.astype(positions.dtype.newbyteorder("="), copy=False)
        object.__setattr__(self, "positions", native)

    @property
    def length(self) -> int:
        """Length of the axis along which blocks come: patches, or groups."""
        return self.shape[self.axis]

    @property
    def leading(self) -> tuple[int, ...]:
        """The axes before it."""
        return self.shape[: self.axis]

    @property
    def item_shape(self) -> tuple[int, ...]:
        """The axes behind it: one patch, or one group."""
        return self.shape[self.axis + 1 :]

    @property
    def item_bytes(self) -> int:
        """Bytes of one patch or group."""
        return math.prod(self.item_shape) * self.dtype.itemsize

    @property
    def total_bytes(self) -> int:
        """Bytes of all patches."""
        return math.prod(self.shape) * self.dtype.itemsize

    def records(self) -> dict[str, str]:
        """Return geometry, configuration and provenance as JSON text, by name.

        Raises
        ------
        OutputError
            If a value has no JSON form.
        """
        return {name: _to_json(name, getattr(self, name)) for name in RECORDS}


def _to_json(name: str, record: dict[str, Any]) -> str:
    try:
        return json.dumps(record, default=_plain)
    except (TypeError, ValueError) as error:
        raise OutputError(
            f"{name}: cannot be stored as JSON: {error}. Expected texts, numbers, lists and "
            "dictionaries. Convert the value first."
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, os.PathLike | np.dtype):
        return str(value)
    raise TypeError(f"{value!r} of type {type(value).__name__}")


class Writer(ABC):
    """Takes the blocks of one output, in order.

    A format subclasses it, keeps everything under `temporary` and implements `_start`, `_put`,
    `_finish` and `_discard`.

    Parameters
    ----------
    path : Path
        Where the output will appear, for messages.
    temporary : Path
        Where to write.
    header : OutputHeader
        What will come.
    """

    def __init__(self, path: Path, temporary: Path, header: OutputHeader) -> None:
        self.path = path
        self.temporary = temporary
        self.header = header
        self.records = header.records()
        self._next = 0

    def start(self) -> None:
        """Create the temporary output.

        Raises
        ------
        OutputError
            If it cannot be created.
        """
        with writing(self.path):
            self._start()

    def write(self, start: int, stop: int, patches: Array) -> None:
        """Write the block `start` to `stop`, which follows the one before.

        Parameters
        ----------
        start, stop : int
            Its range along the header's `axis`.
        patches : ndarray, shape (*leading, stop - start, *item)
            The block, in the header's dtype. It is the caller's again on return.

        Raises
        ------
        OutputError
            If the block is not the next one or has the wrong shape or dtype, or if it cannot be
            written, for instance because the disk is full.
        """
        header = self.header
        if start != self._next or not start <= stop <= header.length:
            raise OutputError(
                f"{self.path}: received block {start} to {stop}. Expected blocks in order, the "
                f"next from {self._next}, none beyond {header.length}."
            )
        shape = (*header.leading, stop - start, *header.item_shape)
        if patches.shape != shape or patches.dtype != header.dtype:
            raise OutputError(
                f"{self.path}: block {start} to {stop} has shape {patches.shape}, dtype "
                f"{patches.dtype}. Expected shape {shape}, dtype {header.dtype}."
            )
        with writing(self.path):
            if patches.size:
                self._put(start, stop, patches)
        self._next = stop

    def finish(self) -> None:
        """Complete the temporary output, once every block has come.

        Raises
        ------
        OutputError
            If blocks are missing or the rest cannot be written.
        """
        if self._next != self.header.length:
            raise OutputError(
                f"{self.path}: received {self._next} of {self.header.length} patches or groups "
                "along the block axis, so nothing was written. Write the remaining blocks before "
                "leaving."
            )
        with writing(self.path):
            self._finish()

    def discard(self) -> None:
        """Let go of the temporary output, which is then removed; raises nothing."""
        # A close that fails, say on a full disk, must hide neither the first error nor the removal.
        with suppress(Exception):
            self._discard()

    @abstractmethod
    def _start(self) -> None:
        """Create the output and write all but the patches."""

    @abstractmethod
    def _put(self, start: int, stop: int, patches: Array) -> None:
        """Write a block that has been checked and is not empty."""

    @abstractmethod
    def _finish(self) -> None:
        """Write the rest, close, and hand files to the disk (`system.sync`)."""

    @abstractmethod
    def _discard(self) -> None:
        """Close what is open after any part of the above; return when nothing writes any more."""
