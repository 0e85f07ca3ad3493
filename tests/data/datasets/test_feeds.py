"""Keras and tf.data get what the dataset holds: every item once an epoch, shuffled anew."""

import sys
import time

import numpy as np
import pytest
from toy_scans import toy_scan

from ptycho_engine import Engine
from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.datasets.handover import Handover
from ptycho_engine.errors import MissingExtraError, RequestError

BATCH = {"patterns": 1, "amplitude": 2, "phase": 3}


@pytest.mark.parametrize(
    ("inputs", "targets", "expected"),
    [
        (None, None, BATCH),
        (["patterns"], None, 1),
        (["patterns"], ["phase"], (1, 3)),
        (["patterns", "phase"], ["amplitude"], ({"patterns": 1, "phase": 3}, 2)),
    ],
)
def test_one_field_is_handed_over_as_it_is_and_several_by_name(inputs, targets, expected):
    assert Handover.of(list(BATCH), inputs, targets)(BATCH) == expected


def test_unknown_fields_and_targets_alone_are_refused():
    with pytest.raises(RequestError, match="mean 'phase'"):
        Handover.of(list(BATCH), ["phases"], None)
    with pytest.raises(RequestError, match="without inputs"):
        Handover.of(list(BATCH), None, ["phase"])


def test_without_torch_there_is_a_line_that_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"to_torch: needs torch.*ptycho_engine\[torch\]"):
        dataset_of().to_torch(4)


def dataset_of(points=23, plugin="numba"):
    return PatchDataset(
        toy_scan(points=points), fields=["patterns", "amplitude", "phase", "index"],
        engine=Engine(plugin), augmentation=Augmentation(flips=True, seed=1),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("plugin", ["numba", "chunked_xla"])
def test_a_pipeline_delivers_every_item_once_an_epoch(plugin):
    dataset = dataset_of(plugin=plugin)
    pipeline = dataset.to_tf(4, seed=5)
    assert len(pipeline) == 6
    orders = []
    for epoch in range(2):
        seen = []
        for batch in pipeline:
            numbers = batch["index"].numpy()
            for name, array in dataset.batch(numbers, epoch=epoch).items():
                np.testing.assert_array_equal(batch[name].numpy(), array)
            seen += numbers.tolist()
        assert sorted(seen) == list(range(23))
        orders.append(seen)
    assert orders[0] != orders[1]
    spec = dataset.to_tf(4, inputs=["patterns"], targets=["index"], drop_last=True).element_spec
    assert [tuple(part.shape) for part in spec] == [(4, 6, 6), (4,)]
    assert len(dataset.to_tf(4, drop_last=True)) == 5


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_a_pipeline_makes_no_more_ahead_than_it_was_told(prefetch, monkeypatch):
    made, dataset, batch = [], dataset_of(), PatchDataset.batch
    monkeypatch.setattr(
        PatchDataset, "batch", lambda self, *a, **k: made.append(1) or batch(self, *a, **k)
    )
    batches = iter(dataset.to_tf(2, prefetch=prefetch))
    for taken in range(1, 4):
        next(batches)
        time.sleep(0.5)
        assert len(made) == taken + prefetch


@pytest.mark.slow
@pytest.mark.tensorflow
def test_an_empty_dataset_makes_an_empty_pipeline():
    assert list(dataset_of().select([]).to_tf(4, seed=1)) == []
    assert len(dataset_of().select([]).to_keras(4)) == 0


@pytest.mark.slow
@pytest.mark.tensorflow
def test_keras_gets_batches_and_fits():
    keras = pytest.importorskip("keras")
    dataset = dataset_of()
    batches = dataset.to_keras(5, inputs=["patterns"], targets=["index"], seed=2)
    assert len(batches) == 5
    orders = []
    for epoch in range(2):
        seen = np.concatenate([batches[number][1] for number in range(5)])
        patterns = np.concatenate([batches[number][0] for number in range(5)])
        np.testing.assert_array_equal(patterns, dataset.batch(seen, epoch=epoch)["patterns"])
        assert sorted(seen) == list(range(23))
        orders.append(seen.tolist())
        batches.on_epoch_end()
    assert orders[0] != orders[1]
    np.testing.assert_array_equal(batches[-1][1], batches[4][1])
    for beyond in (5, -6):
        with pytest.raises(IndexError):
            batches[beyond]
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(36),
                              keras.layers.Reshape((6, 6))])  # fmt: skip
    model.compile(loss="mse")
    feed = dataset.to_keras(5, inputs=["patterns"], targets=["amplitude"], workers=2)
    history = model.fit(feed, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    model.fit(
        dataset.to_tf(5, inputs=["patterns"], targets=["amplitude"]), shuffle=False, verbose=0
    )
