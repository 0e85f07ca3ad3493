"""Makes the part of a batch that comes from one source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..workers import share
from .augmentation import Augmentation, Codes, turned, turned_positions
from .columns import OF_PATCHES, Column
from .contents import Contents
from .entries import Entry
from .ordering import Indices

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """The items of a batch that come from one source.

    Attributes
    ----------
    contents, entry : Contents, Entry
        The source, open, and what is known of it.
    number : int
        Which source of the dataset.
    rows : ndarray of int64, shape (B,) or (B, C)
        Rows of the source.
    items : ndarray of int64, shape (B,)
        Numbers of the items among all of the dataset.
    epoch : int
        The epoch.
    """

    contents: Contents
    entry: Entry
    number: int
    rows: Indices
    items: Indices
    epoch: int


@dataclass(frozen=True, eq=False)
class Assembly:
    """How parts are made.

    Attributes
    ----------
    columns : dict of str to Column
        What is made.
    members : int or None
        Members of a group.
    augmentation : Augmentation or None
        What is changed.
    """

    columns: Mapping[str, Column]
    members: int | None
    augmentation: Augmentation | None

    def make(self, part: Part) -> dict[str, Array]:
        """Return the arrays of a part, by field: patches cut in one call, patterns read beside."""
        made: dict[str, Array] = {}
        codes = None
        if self.augmentation is not None:
            codes = self.augmentation.codes(part.items, part.epoch)
        tasks: list[Callable[[], None]] = []
        if not self.columns.keys().isdisjoint(OF_PATCHES):
            tasks.append(lambda: made.update(self._of_patches(part, codes)))
        if "patterns" in self.columns:
            tasks.append(lambda: made.update(patterns=self._patterns(part, codes)))
        share(_call, tasks, len(tasks) if len(part.items) > 1 else 1)
        for field in self.columns.keys() - made.keys():
            made[field] = self._small(field, part, codes)
        return {
            field: np.ascontiguousarray(made[field], column.dtype).reshape(
                len(part.items), *column.shape
            )
            for field, column in self.columns.items()
        }

    def beside(self, entries: Sequence[Entry]) -> int:
        """Bytes an item takes, beside its arrays and what the plugin needs, while it is made."""
        columns, members = self.columns, self.members or 1
        total = 0
        turns = self.augmentation is not None and self.augmentation.moves
        if not columns.keys().isdisjoint(OF_PATCHES):
            patch = max((e.patch.nbytes for e in entries if e.patch is not None), default=0)
            layered = any(e.patch is not None and len(e.patch.shape) > 2 for e in entries)
            copies = ("patches" not in columns) + turns + layered
            total += copies * patch * members
        if "patterns" in columns:
            raw = max((e.pattern.nbytes for e in entries if e.pattern is not None), default=0)
            noise = self.augmentation is not None and self.augmentation.noise
            real = columns["patterns"].nbytes
            # As they are read: in the order of the file, and as channels; then in each step.
            total += raw * members * (2 if self.members else 1) + real * (turns + 2 * noise)
        return total

    @property
    def _axes(self) -> tuple[int, int]:
        """Rows and columns of patches and patterns."""
        return (-2, -1) if self.members is None else (-3, -2)

    def _of_patches(self, part: Part, codes: Codes | None) -> dict[str, Array]:
        patches = part.contents.patches(part.rows)  # (B, [layers,] N, N[, C])
        if codes is not None:
            patches = turned(patches, codes, self._axes)
        makers: dict[str, Callable[[], Array]] = {
            "patches": lambda: patches,
            "amplitude": lambda: np.abs(patches),
            "phase": lambda: np.arctan2(patches.imag, patches.real),
        }
        return {field: makers[field]() for field in OF_PATCHES if field in self.columns}

    def _patterns(self, part: Part, codes: Codes | None) -> Array:
        patterns = part.contents.patterns(part.rows)  # (B, H, W[, C])
        entry, dtype = part.entry, self.columns["patterns"].dtype
        squared = entry.quantity == "intensity"
        if self.augmentation is not None and self.augmentation.noise:
            counts, photons = 1.0, self.augmentation.photons
            if photons is not None and entry.power:
                counts = photons / entry.power
            patterns = np.maximum(patterns, 0, dtype=dtype)
            patterns = patterns if squared else np.square(patterns)
            patterns = self.augmentation.noisy(patterns, part.items, part.epoch, counts)
            patterns = patterns if squared else np.sqrt(patterns, out=patterns)
        if entry.scale != 1.0:
            patterns = patterns * dtype.type(entry.scale ** (2 if squared else 1))
        return patterns if codes is None else turned(patterns, codes, self._axes, periodic=True)

    def _small(self, field: str, part: Part, codes: Codes | None) -> Array:
        count, column = len(part.items), self.columns[field]
        if field == "positions":
            positions = part.contents.positions(part.rows)
            size = part.entry.object_size
            if codes is None or size is None:
                return positions
            return turned_positions(positions, codes, size, part.contents.cut.patch_size)
        if field == "index":
            return part.contents.indices(part.rows)
        if field == "scan":
            return np.full(count, part.number, np.int64)
        if field == "scale":
            return np.full(count, part.entry.scale, np.float32)
        modes = part.contents.probe
        assert modes is not None
        probes = np.zeros((count, *column.shape), column.dtype)
        probes[:, : len(modes)] = modes
        return probes if codes is None else turned(probes, codes, (-2, -1))


def _call(task: Callable[[], None]) -> None:
    task()
