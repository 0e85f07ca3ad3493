"""Batches as a ``tf.data`` pipeline."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...extras import require
from .handover import Handover
from .ordering import Indices

if TYPE_CHECKING:
    from .datasets import PatchDataset


def tensor_batches(
    dataset: PatchDataset,
    batch_size: int,
    handover: Handover,
    seed: int | None,
    drop_last: bool,
    prefetch: int,
) -> Any:
    """Return the batches of a dataset as a ``tf.data.Dataset``, see `PatchDataset.to_tf`.

    The pipeline itself handles numbers of items; one call of Python makes each batch.

    Raises
    ------
    MissingExtraError
        If TensorFlow is not installed.
    """
    require("tensorflow", "to_tf")
    import tensorflow as tf

    columns, epochs = dataset.columns, itertools.count()

    def order(_: Any) -> tuple[Indices, Indices]:
        epoch = next(epochs)
        return dataset.order(seed, epoch), np.full(len(dataset), epoch, np.int64)

    def make(numbers: Indices, epoch: Indices) -> list[NDArray[Any]]:
        batch = dataset.batch(numbers, epoch=int(epoch[0]))
        return [batch[name] for name in columns]

    def numbers(start: Any) -> Any:
        pair = tf.numpy_function(order, [start], (tf.int64, tf.int64), stateful=True)
        for tensor in pair:
            tensor.set_shape([len(dataset)])
        return tf.data.Dataset.from_tensor_slices(tuple(pair))

    def read(wanted: Any, epoch: Any) -> Any:
        types = [tf.as_dtype(column.dtype) for column in columns.values()]
        arrays = tf.numpy_function(make, [wanted, epoch], types, stateful=False)
        for tensor, column in zip(arrays, columns.values(), strict=True):
            tensor.set_shape([batch_size if drop_last else None, *column.shape])
        return handover(dict(zip(columns, arrays, strict=True)))

    count = len(dataset) // batch_size if drop_last else -(-len(dataset) // batch_size)
    pipeline = tf.data.Dataset.range(1).flat_map(numbers).batch(batch_size, drop_last)
    pipeline = pipeline.map(read).apply(tf.data.experimental.assert_cardinality(count))
    options = tf.data.Options()
    # TensorFlow would make more batches at once, and wait with more of them, than the budget knows.
    options.experimental_optimization.map_parallelization = False
    options.experimental_optimization.inject_prefetch = False
    pipeline = pipeline.with_options(options)
    return pipeline.prefetch(prefetch) if prefetch else pipeline
