"""Patches and patterns of scans as a data set: items by number, batches in any order."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...display import Shown
from ...errors import at_caller
from ...extras import require
from ...logs import get_logger
from ...memory import format_bytes, parse_bytes
from .batching import ahead
from .handover import Handover
from .items import Batch, PatchItems
from .ordering import Indices, by_scan, epoch_order, read_shard, shard_of, whole
from .splitting import Region, divide


class PatchDataset(PatchItems):
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
    interpolation, fill, rounding : str, optional
        As for :meth:`ptycho_engine.Engine.extract`, with zeros outside of the object by default;
        of outputs as they were cut, and nothing else.
    engine : Engine, optional
        Cuts patches; one with the plugin ``numba`` by default. Plugins that compute in TensorFlow
        refuse to work in forked processes.
    quantity : {"amplitude", "intensity"}, optional
        What patterns are to be; as they are by default.
    normalise : bool
        Whether each scan is scaled, so that the mean sum of the squared amplitudes of its patterns
        is ``(N / 2) ** 2``, as PtychoPINN scales them. Its patterns are read through for that; bad
        pixels of its mask do not count, nor what is below zero. Dark patterns stay as they are.
    augmentation : Augmentation, optional
        What is changed of items in each epoch.
    max_open : int
        How many scans are open at a time, in each process.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that a batch may take; by default half of what is free.
    index : path, optional
        A file that keeps what is known of the scans: those whose files have their sizes and times
        of change are not opened for it the next time. It is made if there is none.

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

    def order(self, seed: int | None = None, epoch: int = 0) -> Indices:
        """Return the numbers of all items in the order of an epoch, for samplers.

        Parameters
        ----------
        seed : int, optional
            Of the shuffling; in order without. Of more scans than are open at a time, the items of
            as many are shuffled together, then those of others.
        epoch : int
            Each has an order of its own.

        Returns
        -------
        ndarray of int64, shape (len(self),)
        """
        order = epoch_order(len(self), seed, epoch)
        if seed is None or len(self.entries) <= self._max_open:
            return order
        scans = self._membership.scans_of(self._items(np.arange(len(self))))
        return by_scan(order, scans, self._max_open, seed, epoch)

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
        order = shard_of(self.order(seed, epoch), *read_shard(shard))
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

        Keras looks at the data first where a model is not built yet, and counts that as an epoch:
        the first of such a ``fit`` has the order and the augmentation of epoch 1. ``fit`` shuffles
        batches itself, with numbers of its own: ``fit(batches, shuffle=False)`` leaves them in the
        order that `seed` gives.

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
        queue = "max_queue_size"
        size = self._batch_size(batch_size, how.get(queue, 10), queue)
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

    @at_caller
    def to_torch(self, batch_size: int, device: Any = "cpu", **how: Any) -> Any:
        """Return the batches of one epoch as tensors of torch on a device.

        Copies to a CUDA device go through pinned memory while the batch before is in use, unless
        two batches would take more than a quarter of the memory budget; the log says which.

        Parameters
        ----------
        batch_size : int
            Items of a batch.
        device : str or torch.device
            Where the tensors go.
        **how
            As for `batches`.

        Yields
        ------
        dict of str to torch.Tensor
            As `batch`.

        Raises
        ------
        MissingExtraError
            If torch is not installed.
        RequestError, MemoryBudgetError
            As `batches`.
        """
        require("torch", "to_torch")
        import torch

        from .torch_feed import BUFFERS, tensors

        batches, device = self.batches(batch_size, **how), torch.device(device)
        copies = BUFFERS * sum(self.estimate(batch_size).arrays.values())
        pinned = device.type == "cuda" and copies <= parse_bytes(self._budget) // 4
        get_logger().info(
            "dataset_on_device", device=str(device), pinned=format_bytes(copies) if pinned else None
        )
        return tensors(batches, device, pinned)

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
        """Split into train and test, whose patches and patterns share no pixel of the object.

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
            are dropped. With the field ``patterns``, the probe under which they were measured
            counts as the patch does, where it is the larger one; without a probe, the pattern does.
            Two scans of one object share none either with a `Region`; a share says nothing of them.
        """
        ours = np.arange(len(self), dtype=np.int64)
        shares = self._membership.rows_by_scan(self._items(ours))
        opened = ((share, self._shelf.take(share.scan)) for share in shares)
        inside, outside, regions = divide(
            opened, len(self), test, axis, patterns="patterns" in self.columns
        )
        dropped = int(len(self) - inside.sum() - outside.sum())
        split = Split(self.select(ours[outside]), self.select(ours[inside]), dropped, regions)
        get_logger().info(
            "dataset_split", train=len(split.train), test=len(split.test), dropped=dropped
        )
        return split


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
