"""Prepared objects: what they keep is bounded, made once by several threads, and left behind."""

import copy
import pickle
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ptycho_engine import Engine
from ptycho_engine.request import prepared as module
from ptycho_engine.request.prepared import CopyKey, PreparedObject
from ptycho_engine.testing import assert_close, reference_patches

IMAGE = np.random.default_rng(0).normal(size=(40, 50)).astype(np.float32)


def key(number):
    return CopyKey("test", (), number, "zeros")


def test_made_once_whoever_asks():
    def make():
        made.append(1)
        time.sleep(0.05)
        return object()

    prepared, made, found = PreparedObject(IMAGE), [], []
    threads = [
        threading.Thread(target=lambda: found.append(prepared.once(key(0), make, 10)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_other_keys_do_not_wait():
    prepared, inside, done = PreparedObject(IMAGE), threading.Event(), threading.Event()

    def slow():
        inside.set()
        assert done.wait(timeout=30)

    thread = threading.Thread(target=lambda: prepared.once(key(0), slow))
    thread.start()
    assert inside.wait(timeout=30)
    assert prepared.once(key(1), lambda: 7) == 7
    done.set()
    thread.join()


def test_after_an_error_it_is_tried_again():
    prepared = PreparedObject(IMAGE)
    with pytest.raises(ZeroDivisionError):
        prepared.once(key(0), lambda: 1 // 0)
    assert prepared.once(key(0), lambda: 5) == 5


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 60)), min_size=1, max_size=30))
def test_bytes_are_bounded_and_the_last_used_stays(calls):
    prepared, sizes = PreparedObject(np.zeros((2, 10), np.uint8)), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT_BYTES", 100)
        assert prepared.limit_bytes == 100
        for number, size in calls:
            size = sizes.setdefault(number, size)
            assert prepared.once(key(number), lambda n=number: n, size) == number
            assert prepared.bytes_with() <= 100
            fresh = []
            prepared.once(key(number), lambda fresh=fresh: fresh.append(1), size)
            assert not fresh


def test_a_copy_beyond_the_bound_is_kept_alone():
    prepared = PreparedObject(IMAGE)
    prepared.once(key(0), lambda: 0, 10)
    prepared.once(key(1), lambda: 1, 10 * prepared.limit_bytes)
    assert prepared.bytes_with() == 10 * prepared.limit_bytes
    assert prepared.bytes_with([key(1)], 10 * prepared.limit_bytes) == 10 * prepared.limit_bytes
    assert prepared.bytes_with([key(0)], 10) == prepared.limit_bytes  # the large one has to go


def test_copies_of_other_owners_count():
    prepared = PreparedObject(IMAGE)
    prepared.once(key(0), lambda: 0, 1000)
    assert prepared.bytes_with([key(0)], 1000) == 1000
    assert prepared.bytes_with([key(0)._replace(owner="another")], 1000) == 2000
    assert prepared.bytes_with([key(1), key(2)], 100) == 1200


def test_the_copy_in_use_counts_though_it_is_kept_no_more():
    prepared, large = PreparedObject(IMAGE), 10**9
    assert prepared.bytes_with([key(0)], large) == large
    assert prepared.bytes_with([key(n) for n in range(5)], large) == 2 * large


def test_a_large_object_may_keep_more():
    large = np.broadcast_to(np.float32(0), (10_000, 10_000))
    assert PreparedObject(large).limit_bytes == 2 * 4 * 10_000**2


@pytest.mark.slow_cases("chunked_xla", "batched")
@pytest.mark.parametrize("plugin", ["numba", "chunked_xla", "batched"])
@pytest.mark.parametrize(
    "travel", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))], ids=["deepcopy", "pickle"]
)
def test_a_used_one_travels_without_its_copies(plugin, travel):
    engine, positions = Engine(plugin), [[3.25, 4.5], [-1.0, 60.0]]
    prepared = engine.prepare(IMAGE)
    for n in range(3, 20, 4):
        engine.extract(prepared, positions, n)
    assert len(pickle.dumps(prepared)) < IMAGE.nbytes + 2000
    arrived = travel(prepared)
    assert arrived.shared
    assert arrived.bytes_with() == 0
    found = engine.extract(arrived, positions, 6)
    assert_close(found, reference_patches(IMAGE, positions, 6), IMAGE)


@pytest.mark.slow_cases("chunked_xla")
@pytest.mark.parametrize("plugin", ["numba", "chunked_xla"])
def test_many_patch_sizes_stay_within_the_bound_and_the_plan(plugin, monkeypatch):
    monkeypatch.setattr(module, "KEPT_BYTES", 100_000)
    engine = Engine(plugin, memory_budget="1GiB")
    prepared, positions = engine.prepare(IMAGE), [[3.25, 4.5]]
    for n in range(4, 40, 3):
        found = engine.extract(prepared, positions, n)
        assert_close(found, reference_patches(IMAGE, positions, n), IMAGE)
        kept = prepared.bytes_with()
        assert 0 < kept <= prepared.limit_bytes
        assert engine.plan(prepared, positions, n).workspace_bytes >= kept


@pytest.mark.parametrize("plugin", ["numba", "chunked_xla"])
def test_several_threads_use_one(plugin):
    engine = Engine(plugin)
    prepared, errors = engine.prepare(IMAGE), []
    positions = np.random.default_rng(1).uniform(-5, 55, (30, 2))

    def cut(n):
        try:
            for _ in range(3):
                found = engine.extract(prepared, positions, n)
                assert_close(found, reference_patches(IMAGE, positions, n), IMAGE)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=cut, args=(4 + 2 * (i % 3),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
