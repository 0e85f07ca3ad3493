"""Patches and patterns of scans as a data set: items by number, batches in any order."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..display import Shown
from ..engine import Engine
from ..errors import MemoryBudgetError, at_caller
from ..geometry.cut import Fill, Interpolation, Rounding
from ..io.patterns import Quantity
from ..logs import get_logger
from ..memory import format_bytes, parse_bytes
from ..workers import core_count
from .assembly import Assembly, Part
from .augmentation import Augmentation
from .batching import ahead
from .columns import OF_PATCHES, BatchBytes, Column
from .entries import Entry, choose_fields, make_columns
from .handover import Handover
from .membership import Membership
from .opening import Opening, Source, as_sources
from .ordering import Indices, epoch_order, read_numbers, shard_of, whole
from .shelf import Shelf
from .splitting import Region, divide

Array = NDArray[Any]
Batch = dict[str, Array]
#: The plugin that cuts: its code runs in forked processes too.
DEFAULT_PLUGIN = "numba"


class PatchDataset(Shown):
    """Items of one or several scans: patches, patterns and what belongs to them.

    An item is a scan point, or a group of them. Patches are cut when they are asked for, a whole
    batch in one call; patterns are read then. It is what torch's ``DataLoader`` and Grain take, and
    it travels to other processes, forked or started anew; work is shared among the threads that
    this package has in each process.

    Parameters
    ----------
    scans : Scan, path, ScanSource, or a sequence of them
        Scans in memory or in files of any format, and outputs of ours, whose patches are read.
    patch_size : int, optional
        Size N of the patches; by default that of the probe, or of the patterns.
    fields : sequence of str, optional
        What an item holds: ``patterns``; ``patches`` (complex, if the object is), their
        ``amplitude`` and ``phase`` (rad); ``probe``, its modes padded with zeros to the most that
        any scan has; ``positions`` (y, x), float64, in object pixels; ``index``, of the scan
        point; ``scan``, which one; ``scale``, what amplitudes were multiplied by. By default
        patterns, patches and positions, as far as every scan has them.
    groups : array of int or Groups, shape (B, C), optional
        Scan points of each item; channels then stand last. Of several scans a sequence, one for
        each.
    interpolation, fill, rounding
        As for :meth:`ptycho_engine.Engine.extract`.
    engine : Engine, optional
        Cuts patches; one with the plugin ``numba`` by default. Plugins that compute in TensorFlow
        refuse to work in forked processes.
    quantity : {"amplitude", "intensity"}, optional
        What patterns are to be; as they are by default.
    normalise : bool
        Whether each scan is scaled, so that the mean sum of the squared amplitudes of its patterns
        is ``(N / 2) ** 2``, as PtychoPINN scales them. Its patterns are read through for that.
    augmentation : Augmentation, optional
        What is changed of items in each epoch.
    max_open : int
        How many scans are open at a time, in each process.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that a batch may take; by default half of what is free.

    Raises
    ------
    InputFileError
        If a scan cannot be read, or lacks what a field is made of.
    RequestError
        If the arguments describe no dataset.
    MemoryBudgetError
        If not even one item fits the budget.

    Examples
    --------
    >>> from ptycho_engine.io.scan_files import ScanSource
    >>> scan = ScanSource("synthetic", options={"points": 9, "object_size": 64, "step": 8.0})
    >>> dataset = PatchDataset(scan, 8, fields=["amplitude", "positions"])
    >>> len(dataset), dataset[0]["amplitude"].shape
    (9, (8, 8))
    >>> [batch["amplitude"].shape for batch in dataset.batches(4, seed=0)]
    [(4, 8, 8), (4, 8, 8), (1, 8, 8)]
    """

    @at_caller
    def __init__(
        self,
        scans: Source | Sequence[Source],
        patch_size: int | None = None,
        *,
        fields: Sequence[str] | None = None,
        groups: Any = None,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
        engine: Engine | None = None,
        quantity: Quantity | None = None,
        normalise: bool = False,
        augmentation: Augmentation | None = None,
        max_open: int = 8,
        memory_budget: int | str | None = None,
    ) -> None:
        engine = engine or Engine(DEFAULT_PLUGIN, memory_budget=memory_budget)
        self._opening = Opening(
            as_sources(scans), engine, patch_size, interpolation, fill, rounding, quantity
        )
        self._max_open = whole("max_open", max_open, 1)
        self._budget = memory_budget
        self._shelf = Shelf(self._opening.open, self._max_open)
        self.entries: tuple[Entry, ...] = tuple(
            Entry.of(self._shelf.take(number), normalise, augmentation)
            for number in range(len(self._opening.sources))
        )
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
        self._check(1)
        get_logger().info("dataset", threads=core_count(), plugin=engine.plugin, **self._facts())

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
        workspace = size * self._assembly.beside(self.entries)
        if len(self.entries) > 1:  # parts are put together
            workspace += sum(arrays.values())
        if size and self.entries and not columns.keys().isdisjoint(OF_PATCHES):
            largest = int(np.argmax([entry.held_bytes for entry in self.entries]))
            points = size * (self._assembly.members or 1)
            workspace += self._shelf.take(largest).workspace(points)
        return BatchBytes(size, arrays, workspace)

    def _check(self, size: int) -> None:
        """Refuse a batch beyond the budget."""
        item = sum(column.nbytes for column in self._assembly.columns.values())
        needed = size * (item + self._assembly.beside(self.entries))
        budget = parse_bytes(self._budget)
        if needed > budget:
            raise MemoryBudgetError(
                f"a batch of {size} items takes {format_bytes(needed)}, and the memory budget is "
                f"{format_bytes(budget)}. Choose smaller batches or fewer fields, or raise "
                "memory_budget."
            )

    def _facts(self) -> dict[str, object]:
        one = self.estimate(1)
        return {
            "items": len(self),
            "scans": len(self.entries),
            "fields": list(self.columns),
            "item": format_bytes(one.delivered),
            "item_peak": format_bytes(one.peak),
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
        ItemError
            If there is no such item.
        """
        if isinstance(key, slice):
            return self.batch(np.arange(len(self))[key])
        if np.ndim(key):
            return self.batch(key)
        number = whole("item", int(key) + len(self) if key < 0 else key)
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
        epoch = self._epoch if epoch is None else epoch
        parts = list(self._parts(items, epoch))
        if len(parts) == 1:
            return self._assembly.make(parts[0][1])
        batch = {
            name: np.empty((len(items), *column.shape), column.dtype)
            for name, column in self._assembly.columns.items()
        }
        for places, part in parts:
            for name, array in self._assembly.make(part).items():
                batch[name][places] = array
        return batch

    def _items(self, numbers: Any) -> Indices:
        """Read numbers of items of this dataset as those of all items of its scans."""
        wanted = read_numbers(numbers, len(self))
        return wanted if self._selected is None else self._selected[wanted]

    def _parts(self, items: Indices, epoch: int) -> Iterator[tuple[Any, Part]]:
        """Yield the share of each scan, and its places in the batch."""
        for number, places, rows in self._membership.rows_by_scan(items):
            contents, entry = self._shelf.take(number), self.entries[number]
            yield places, Part(contents, entry, number, rows, items[places], epoch)

    # -- orders ----------------------------------------------------------------------------

    @at_caller
    def batches(
        self,
        batch_size: int,
        *,
        seed: int | None = None,
        epoch: int = 0,
        shard: tuple[int, int] = (0, 1),
        drop_last: bool = False,
        prefetch: int = 2,
    ) -> Iterator[Batch]:
        """Return the batches of one epoch, while the next ones are being made.

        Parameters
        ----------
        batch_size : int
            Items of a batch.
        seed : int, optional
            Of the shuffling; in order without.
        epoch : int
            Shuffling and augmentation depend on it.
        shard : (int, int)
            Index and count: of so many workers, each gets its own items.
        drop_last : bool
            Whether a last batch of fewer items is left out.
        prefetch : int
            Batches that are made ahead.

        Yields
        ------
        dict of str to ndarray
            As `batch`.
        """
        size, epoch = self._batch_size(batch_size, prefetch), whole("epoch", epoch)
        order = shard_of(epoch_order(len(self), seed, epoch), *shard)
        stop = len(order) - len(order) % size if drop_last else len(order)
        wanted = (order[start : start + size] for start in range(0, stop, size))
        return ahead(lambda numbers: self.batch(numbers, epoch=epoch), wanted, prefetch)

    @at_caller
    def to_keras(
        self,
        batch_size: int,
        *,
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        seed: int | None = None,
        **how: Any,
    ) -> Any:
        """Return the batches as a ``keras.utils.PyDataset``, which ``fit`` takes.

        Parameters
        ----------
        batch_size : int
            Items of a batch.
        inputs, targets : sequence of str, optional
            Fields that the network gets, and those that it is to predict: one as it is, several as
            a dictionary. Without them a batch is a dictionary of all fields.
        seed : int, optional
            Of the shuffling, anew in each epoch; in order without.
        **how
            As for ``PyDataset``: ``workers``, ``max_queue_size``.

        Raises
        ------
        MissingExtraError
            If Keras is not installed.
        RequestError, MemoryBudgetError
            If a field is none of the dataset's, or a batch exceeds the budget.
        """
        from .keras_feed import keras_batches

        handover = Handover.of(list(self.columns), inputs, targets)
        size = self._batch_size(batch_size, int(how.get("max_queue_size", 10)))
        return keras_batches(self, size, handover, seed, **how)

    @at_caller
    def to_tf(
        self,
        batch_size: int,
        *,
        inputs: Sequence[str] | None = None,
        targets: Sequence[str] | None = None,
        seed: int | None = None,
        drop_last: bool = False,
        prefetch: int = 2,
    ) -> Any:
        """Return the batches as a ``tf.data.Dataset``: each iteration of it is an epoch.

        Parameters
        ----------
        batch_size, inputs, targets, seed
            As for `to_keras`.
        drop_last, prefetch
            As for `batches`.

        Raises
        ------
        MissingExtraError
            If TensorFlow is not installed.
        RequestError, MemoryBudgetError
            If a field is none of the dataset's, or a batch exceeds the budget.
        """
        from .tensor_feed import tensor_batches

        handover = Handover.of(list(self.columns), inputs, targets)
        size = self._batch_size(batch_size, prefetch)
        return tensor_batches(self, size, handover, seed, drop_last, prefetch)

    def _batch_size(self, batch_size: int, ahead: int) -> int:
        """Check the size of batches of which so many wait, besides the one in use."""
        size = whole("batch_size", batch_size, 1)
        self._check(min(size, len(self)) * (1 + whole("prefetch", ahead)))
        return size

    @at_caller
    def select(self, numbers: Any) -> PatchDataset:
        """Return the dataset of some items alone, which shares the open scans with this one."""
        selected = copy.copy(self)
        selected._selected = self._items(numbers)
        return selected

    def shard(self, index: int, count: int) -> PatchDataset:
        """Return the items of one of several workers: every `count`-th."""
        return self.select(shard_of(np.arange(len(self), dtype=np.int64), index, count))

    @at_caller
    def split(self, test: Region | float, axis: str = "y") -> Split:
        """Split into train and test, whose patches share no pixel of the object.

        Parameters
        ----------
        test : Region or float
            The part of the object that test patches lie in, the same for all scans; or the share
            of the positions of each scan that lies beyond the edge of its own.
        axis : {"y", "x"}
            Along which a share is cut off.

        Returns
        -------
        Split
            Test patches lie wholly in the region, train patches wholly outside; those in between
            are dropped. Two scans of one object share none either with a `Region`; a share says
            nothing of them.
        """
        ours = np.arange(len(self), dtype=np.int64)
        parts = self._parts(self._items(ours), self._epoch)
        inside, outside, regions = divide(parts, len(self), test, axis)
        dropped = int(len(self) - inside.sum() - outside.sum())
        split = Split(self.select(ours[outside]), self.select(ours[inside]), dropped, regions)
        get_logger().info(
            "dataset_split", train=len(split.train), test=len(split.test), dropped=dropped
        )
        return split

    # -- its life --------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of open scans; what is asked for afterwards opens them again."""
        self._shelf.clear()

    def __enter__(self) -> PatchDataset:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files behind."""
        return {key: value for key, value in vars(self).items() if key != "_shelf"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._shelf = Shelf(self._opening.open, self._max_open)


@dataclass(frozen=True, eq=False, repr=False)
class Split(Shown):
    """Train and test items that share no pixel of the object.

    Attributes
    ----------
    train, test : PatchDataset
        The items.
    dropped : int
        How many items are in neither, since their patches reach across the edge.
    regions : list of Region
        The region of test patches, of each scan.
    """

    train: PatchDataset
    test: PatchDataset
    dropped: int
    regions: list[Region]
