"""Items of scans by number, and a batch of any of them at once."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...display import Shown
from ...engine import Engine
from ...errors import MemoryBudgetError, RequestError, at_caller, one_line
from ...geometry.cut import Fill, Interpolation, Rounding
from ...io.patterns import Quantity
from ...logs import get_logger
from ...memory import format_bytes, parse_bytes
from ...workers import core_count
from .assembly import Assembly, Part
from .augmentation import Augmentation
from .columns import OF_PATCHES, BatchBytes, Column
from .dataset_sources import Source, as_sources
from .entries import Entry, choose_fields, make_columns
from .membership import Membership, Share
from .opening import Opening
from .ordering import Indices, item_number, read_numbers, whole
from .scan_index import ScanIndex
from .shelf import Shelf

Array = NDArray[Any]
Batch = dict[str, Array]
#: The plugin that cuts: its code runs in forked processes too.
DEFAULT_PLUGIN = "numba"


class PatchItems(Shown):
    """What a dataset is made of, and its items; the parameters are those of `PatchDataset`."""

    @at_caller
    def __init__(
        self,
        scans: Source | Sequence[Source],
        patch_size: int | None = None,
        *,
        fields: Sequence[str] | None = None,
        groups: Any = None,
        interpolation: Interpolation | None = None,
        fill: Fill | None = None,
        rounding: Rounding | None = None,
        engine: Engine | None = None,
        quantity: Quantity | None = None,
        normalise: bool = False,
        augmentation: Augmentation | None = None,
        max_open: int = 8,
        memory_budget: int | str | None = None,
        index: str | os.PathLike[str] | None = None,
    ) -> None:
        if not isinstance(augmentation, Augmentation | None):
            raise RequestError(
                f"augmentation: received a {type(augmentation).__name__}. Expected an Augmentation."
            )
        if not isinstance(engine, Engine | None):
            raise RequestError(
                f"engine: received {one_line(engine, 60)!r}. Expected an Engine: "
                "Engine('numba'), for instance."
            )
        if not isinstance(normalise, bool | np.bool_):
            raise RequestError(f"normalise: received {normalise!r}. Expected True or False.")
        engine = engine or Engine(DEFAULT_PLUGIN, memory_budget=memory_budget)
        self._opening = Opening(
            as_sources(scans), engine, patch_size, interpolation, fill, rounding, quantity
        )
        self._max_open = whole("max_open", max_open, 1)
        self._budget = memory_budget
        self._shelf = Shelf(self._opening.open, self._max_open)
        self.entries = self._described(normalise, augmentation, index)
        self._membership = Membership.of(self.entries, groups)
        self._selected: Indices | None = None
        self._epoch = 0
        fields = choose_fields(self.entries, fields)
        as_real = normalise or (augmentation is not None and augmentation.noise)
        members = self._membership.members
        columns = make_columns(self.entries, fields, members, as_real)
        if augmentation is not None:
            augmentation.check(columns, self.entries)
        self._assembly = Assembly(columns, members, augmentation)
        self._item_bytes = self._peak_bytes()
        self._check(1)
        get_logger().info("dataset", threads=core_count(), plugin=engine.plugin, **self._facts())

    def _described(
        self, normalise: bool, augmentation: Augmentation | None, index: Any
    ) -> tuple[Entry, ...]:
        """Describe each source, as the index knows it or by opening it."""

        def describe(number: int) -> Entry:
            return Entry.of(self._shelf.take(number), normalise, augmentation)

        sources = self._opening.sources
        if index is None:
            return tuple(map(describe, range(len(sources))))
        noise = None if augmentation is None else (augmentation.noise, augmentation.photons)
        settings = self._opening.settings() | {"normalise": normalise, "noise": noise}
        kept = ScanIndex.load(Path(index))
        entries = tuple(
            kept.entry(source, settings, partial(describe, number))
            for number, source in enumerate(sources)
        )
        kept.save()
        return entries

    # -- what it is ------------------------------------------------------------------------

    @property
    def columns(self) -> dict[str, Column]:
        """Shape and dtype of each field of an item."""
        return dict(self._assembly.columns)

    @property
    def epoch(self) -> int:
        """The epoch, on which augmentation depends."""
        return self._epoch

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch, for those who fetch items themselves; `batches` is told its own.

        Processes that have a copy of the dataset keep theirs: torch's ``DataLoader`` makes them
        anew for every epoch unless ``persistent_workers`` is set.
        """
        self._epoch = whole("epoch", epoch)

    def __len__(self) -> int:
        """Count the items."""
        return self._membership.total if self._selected is None else len(self._selected)

    def estimate(self, batch_size: int) -> BatchBytes:
        """Predict what a batch takes of memory, without making it.

        Parameters
        ----------
        batch_size : int
            Its items.

        Returns
        -------
        BatchBytes
            Of the arrays, each once, and of what is in use while they are made; what scans keep
            while they are open is in `entries`.
        """
        size, columns = whole("batch_size", batch_size), self.columns
        arrays = {field: size * column.nbytes for field, column in columns.items()}
        workspace = self._needed(size) - sum(arrays.values())
        if size and self.entries and not columns.keys().isdisjoint(OF_PATCHES):
            largest = int(np.argmax([entry.held_bytes for entry in self.entries]))
            points = size * (self._assembly.members or 1)
            workspace += self._shelf.take(largest).workspace(points)
        return BatchBytes(size, arrays, workspace)

    def _check(self, size: int, making: int = 1) -> None:
        """Refuse a batch beyond the budget, or several of so many items together."""
        needed = self._needed(size, making)
        budget = parse_bytes(self._budget)
        if needed > budget:
            raise MemoryBudgetError(
                f"a batch of {size} items takes {format_bytes(needed)}, and the memory budget is "
                f"{format_bytes(budget)}. Choose smaller batches or fewer fields, or raise "
                "memory_budget."
            )

    def _needed(self, size: int, making: int = 1) -> int:
        """Bytes of items, in batches of which so many are made at a time, beside the plugin's."""
        beside = max((entry.beside_rows for entry in self.entries), default=0)
        return size * self._item_bytes + (beside * making if size else 0)

    def _peak_bytes(self) -> int:
        """Bytes an item takes at most while a batch is made, beside what the plugin needs."""
        peak = self._assembly.peak(self.entries)
        if len(self.entries) < 2:
            return peak
        # Those of one scan are put among the others, half a batch at most at a time.
        delivered = sum(column.nbytes for column in self._assembly.columns.values())
        return max(peak, delivered + -(-peak // 2))

    def _facts(self) -> dict[str, object]:
        one = sum(column.nbytes for column in self.columns.values())
        return {
            "items": len(self),
            "scans": len(self.entries),
            "fields": list(self.columns),
            "item": format_bytes(one),
            "item_peak": format_bytes(self._needed(1)),  # the plugin's aside: no scan is opened
            "open_scans": format_bytes(self._open_bytes),
        }

    @property
    def _open_bytes(self) -> int:
        held = sorted((entry.held_bytes for entry in self.entries), reverse=True)
        return sum(held[: self._max_open])

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        return {key: value for key, value in self._facts().items() if key != "item_peak"}

    # -- items -----------------------------------------------------------------------------

    @at_caller
    def __getitem__(self, key: Any) -> Batch:
        """Return an item, or with a slice, a list or an array of numbers a batch of them.

        Raises
        ------
        RequestError
            If it is no number.
        ItemError
            If there is no such item.
        """
        if isinstance(key, slice):
            return self.batch(np.arange(len(self))[key])
        if np.ndim(key):
            return self.batch(key)
        number = item_number(key, len(self))
        return {name: array[0] for name, array in self.batch([number]).items()}

    @at_caller
    def __getitems__(self, keys: Sequence[int]) -> list[Batch]:
        """Return items, made as one batch, as torch's ``DataLoader`` asks for them."""
        batch = self.batch(keys)
        return [{name: a[row] for name, a in batch.items()} for row in range(len(keys))]

    def __iter__(self) -> Iterator[Batch]:
        """Yield the items in order."""
        return (self[number] for number in range(len(self)))

    @at_caller
    def batch(self, numbers: Any, *, epoch: int | None = None) -> Batch:
        """Return a batch: of each field one array, with the items along its first axis.

        Parameters
        ----------
        numbers : array_like of int, shape (B,)
            Which items, in any order and as often as asked for.
        epoch : int, optional
            For augmentation; by default that of `set_epoch`.

        Raises
        ------
        ItemError
            If there is no item of a number.
        MemoryBudgetError
            If the batch exceeds the budget.
        """
        items = self._items(numbers)
        self._check(len(items))
        epoch = self._epoch if epoch is None else whole("epoch", epoch)
        shares = list(self._membership.rows_by_scan(items))
        if len(shares) == 1:
            return self._make(shares[0], items, epoch)
        batch = {
            name: np.empty((len(items), *column.shape), column.dtype)
            for name, column in self._assembly.columns.items()
        }
        most = len(items) // 2
        for share in shares:  # one scan at a time, so that few are open
            for start in range(0, len(share.places), most):
                places, rows = (a[start : start + most] for a in (share.places, share.rows))
                part = self._make(Share(share.scan, places, rows), items, epoch)
                for name, array in batch.items():
                    array[places] = part.pop(name)  # or it would stand beside the next one
        return batch

    def _make(self, share: Share, items: Indices, epoch: int) -> Batch:
        """Make what a batch has of one scan."""
        number = share.scan
        contents, entry = self._shelf.take(number), self.entries[number]
        entry.check(contents)
        part = Part(contents, entry, number, share.rows, items[share.places], epoch)
        return self._assembly.make(part)

    def _items(self, numbers: Any) -> Indices:
        """Read numbers of items of this dataset as those of all items of its scans."""
        wanted = read_numbers(numbers, len(self))
        return wanted if self._selected is None else self._selected[wanted]

    def _batch_size(self, batch_size: int, ahead: int, name: str = "prefetch") -> int:
        """Check the size of batches of which so many are made or wait, besides the one in use."""
        size, ahead = whole("batch_size", batch_size, 1), whole(name, ahead)
        self._check(min(size, len(self)) * (1 + ahead), max(1, ahead))
        return size

    # -- its life --------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of open scans; what is asked for afterwards opens them again."""
        self._shelf.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files behind."""
        return {key: value for key, value in vars(self).items() if key != "_shelf"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._shelf = Shelf(self._opening.open, self._max_open)
