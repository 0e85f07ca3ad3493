"""What a batch takes of memory is what was said before."""

import dataclasses
import tracemalloc

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.data.datasets.augmentation import TRANSPOSE, Augmentation, turned
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.errors import MemoryBudgetError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store

COUNT, SIZE = 96, 64
ALL = Augmentation(flips=True, turns=True, noise=True)


def scan_of(values):
    positions = np.random.default_rng(0).uniform(40, 200, (COUNT, 2))
    probe = np.ones((3, SIZE, SIZE), np.complex64)
    patterns = Patterns.of(values, "amplitude")
    return Scan(np.ones((240, 240), np.complex64), positions, "scan", probe, patterns)


def taken(call):
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = call()
        return tracemalloc.get_traced_memory()[1] - before, kept
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", [np.float32, np.uint16])
@pytest.mark.parametrize(
    "how",
    [
        {},
        {"augmentation": Augmentation(flips=True, turns=True)},
        {"augmentation": ALL, "normalise": True},
        {"augmentation": ALL, "groups": np.arange(COUNT).reshape(-1, 4)},
        {"several": 2},
    ],
    ids=["plain", "turned", "all", "groups", "two"],
)
@pytest.mark.parametrize(
    "fields", [["patterns"], ["probe"], ["patterns", "patches", "amplitude", "phase", "probe"]]
)
def test_the_peak_is_what_is_said(fields, how, dtype):
    how = dict(how)
    scans = [scan_of(np.full((COUNT, SIZE, SIZE), 3, dtype))] * how.pop("several", 1)
    dataset = PatchDataset(scans, fields=fields, engine=Engine("numba"), **how)
    rows = np.arange(len(dataset))[::-1][: COUNT if len(scans) == 1 else 2 * COUNT]
    dataset.batch(rows)
    peak, batch = taken(lambda: dataset.batch(rows))
    assert sum(array.nbytes for array in batch.values()) == dataset.estimate(len(rows)).delivered
    assert 0.85 < dataset.estimate(len(rows)).peak / peak < 1.15


@pytest.mark.parametrize("members", [1, 4])
def test_rows_of_shards_take_a_chunk_beside_them(members, tmp_path):
    values = np.random.default_rng(0).random((160, 40, 40, members), np.float32)
    arrays = {"patches": values, "positions": np.zeros((160, members, 2))}
    specs = {
        name: dataclasses.replace(ArraySpec.of(a), chunks=(4, *rest), shards=(80, *rest))
        for name, a in arrays.items()
        for rest in [a.shape[1:]]
    }
    with Store.create(tmp_path / "s.zarr", specs) as store:
        for name, array in arrays.items():
            store.write(name, (), array)
        store.finish(())
    dataset = PatchDataset(tmp_path / "s.zarr", fields=["patches"])
    for rows in ([7], [159, 3, 80, 3, 79, 2], np.random.default_rng(0).permutation(160)[:100], []):
        np.testing.assert_array_equal(dataset.batch(rows)["patches"], values[rows])
    rows = np.random.default_rng(1).permutation(160)[:64]
    peak, _ = taken(lambda: dataset.batch(rows))
    assert 0.8 < dataset.estimate(64).peak / peak < 1.2
    one, two = (dataset.estimate(size).peak for size in (1, 2))
    item, chunks = two - one, 2 * one - two  # each batch that is being made has chunks of its own
    assert chunks == 2 * values[:4].nbytes
    for ahead, needed in ((0, item + chunks), (1, 2 * item + chunks), (3, 4 * item + 3 * chunks)):
        for budget in (needed, needed - 1):
            how = {"fields": ["patches"], "memory_budget": max(budget, item + chunks)}
            small = PatchDataset(tmp_path / "s.zarr", **how)
            if how["memory_budget"] >= needed:
                assert len(next(small.batches(1, prefetch=ahead))["patches"]) == 1
            else:
                with pytest.raises(MemoryBudgetError):
                    small.batches(1, prefetch=ahead)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("axes", [(-2, -1), (-3, -2)])
@pytest.mark.parametrize("size", [5, 6])
def test_items_are_turned_alike_however_large(periodic, axes, size, monkeypatch):
    rng = np.random.default_rng(0)
    array, codes = rng.random((40, size, size, size)), rng.integers(0, 8, 40).astype(np.uint8)
    expected = array.copy()
    for item, code, one in zip(expected, codes, array, strict=True):
        if code & TRANSPOSE:
            one = one.swapaxes(*axes)
        for bit, axis in ((2, axes[0]), (1, axes[1])):
            if code & bit:
                one = np.roll(np.flip(one, axis), int(periodic and size % 2 == 0), axis)
        item[...] = one
    for most in (1, 1000, 10**9):
        monkeypatch.setattr("ptycho_engine.data.datasets.augmentation.TURNED_BYTES", most)
        np.testing.assert_array_equal(turned(array, codes, axes, periodic), expected)
