"""Makes the part of a batch that comes from one source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .augmentation import Augmentation, Codes, check_countable, turned, turned_positions
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
        """Return the arrays of a part, by field; its patches are cut in one call."""
        made: dict[str, Array] = {}
        codes = None
        if self.augmentation is not None:
            codes = self.augmentation.codes(part.items, part.epoch)
        if "patterns" in self.columns:
            made["patterns"] = self._final("patterns", self._patterns(part, codes))
        if self._cuts:
            made |= self._of_patches(part, codes)
        for field in self.columns:
            if field not in made:
                made[field] = self._final(field, self._small(field, part, codes))
        return {field: made[field] for field in self.columns}

    def peak(self, entries: Sequence[Entry]) -> int:
        """Bytes an item takes at most while it is made, beside what the plugin needs.

        First patterns are read: in the order of their file, then in that of the batch, or as
        channels, then changed. Then patches are cut, or read as patterns, and turned. Probes and
        what is small come last, and take what they are.
        """
        columns, members = self.columns, self.members or 1
        delivered = sum(column.nbytes for column in columns.values())
        augmented = self.augmentation or Augmentation()
        pattern, patch = (
            members * max((c.nbytes for c in (getattr(e, name) for e in entries) if c), default=0)
            for name in ("pattern", "patch")
        )
        reading = cutting = final = 0
        if "patterns" in columns:
            final = columns["patterns"].nbytes
            changed = augmented.noise or any(e.scale != 1 for e in entries)
            reading = max(2 * pattern, pattern + final, 2 * final * (changed and augmented.moves))
        if self._cuts:
            layered = any(e.patch is not None and len(e.patch.shape) > 2 for e in entries)
            dtypes = {e.patch.dtype for e in entries if e.patch is not None}
            copied = augmented.moves or layered or len(dtypes) > 1
            copied = copied or any(e.is_stored for e in entries)
            hidden = patch * ("patches" not in columns)
            made = sum(columns[name].nbytes for name in OF_PATCHES if name in columns)
            cutting = final + max(hidden + made, 2 * patch * copied)
        return max(delivered, reading, cutting)

    @property
    def _cuts(self) -> bool:
        """Whether any field is made of patches."""
        return not self.columns.keys().isdisjoint(OF_PATCHES)

    @property
    def _axes(self) -> tuple[int, int]:
        """Rows and columns of patches and patterns."""
        return (-2, -1) if self.members is None else (-3, -2)

    def _final(self, field: str, array: Array) -> Array:
        """Return an array as its column says."""
        column = self.columns[field]
        return np.ascontiguousarray(array, column.dtype).reshape(len(array), *column.shape)

    def _of_patches(self, part: Part, codes: Codes | None) -> dict[str, Array]:
        patches = part.contents.patches(part.rows)  # (B, [layers,] N, N[, C])
        if codes is not None:
            patches = turned(patches, codes, self._axes)
        if "patches" in self.columns:
            patches = self._final("patches", patches)
        makers: dict[str, Callable[[], Array]] = {
            "patches": lambda: patches,
            "amplitude": lambda: np.abs(patches),
            "phase": lambda: np.arctan2(patches.imag, patches.real),
        }
        return {f: self._final(f, makers[f]()) for f in OF_PATCHES if f in self.columns}

    def _patterns(self, part: Part, codes: Codes | None) -> Array:
        patterns = part.contents.patterns(part.rows)  # (B, H, W[, C])
        noisy = self.augmentation is not None and self.augmentation.noise
        entry, dtype = part.entry, self.columns["patterns"].dtype
        if noisy:
            patterns = self._noisy(part, patterns)
        if entry.scale != 1.0:
            factor = dtype.type(entry.scale ** (2 if entry.quantity == "intensity" else 1))
            patterns = np.multiply(patterns, factor, out=patterns if noisy else None)
        return patterns if codes is None else turned(patterns, codes, self._axes, periodic=True)

    def _noisy(self, part: Part, patterns: Array) -> Array:
        """Return patterns with noise at good pixels; bad ones are as they were, numbers or not."""
        assert self.augmentation is not None
        entry, photons, good = part.entry, self.augmentation.photons, part.contents.mask
        counts = photons / entry.power if photons is not None and entry.power else 1.0
        noisy = patterns.astype(self.columns["patterns"].dtype, order="C")
        shown: Any = True if good is None else good[..., None] if noisy.ndim == 4 else good
        np.maximum(noisy, 0, out=noisy, where=shown)
        if entry.quantity != "intensity":
            np.square(noisy, out=noisy, where=shown)
        check_countable(noisy, counts, part.contents.source, good)
        self.augmentation.add_noise(noisy, part.items, part.epoch, counts, good)
        if entry.quantity != "intensity":
            np.sqrt(noisy, out=noisy, where=shown)
        return noisy

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
        for code in (0,) if codes is None else np.unique(codes).tolist():
            rows = np.s_[:] if codes is None else codes == code
            one = turned(modes[None], np.array([code], np.uint8), (-2, -1))
            probes[rows, : len(modes)] = one
        return probes
