"""Orders and shares: every number once."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.data.datasets.ordering import by_scan, epoch_order, item_number, shard_of
from ptycho_engine.errors import RequestError


@settings(max_examples=40)
@given(st.integers(0, 50), st.integers(0, 2**64 - 1), st.integers(0, 9), st.integers(1, 7))
def test_shares_of_an_epoch_hold_every_number_once(length, seed, epoch, count):
    order = epoch_order(length, seed, epoch)
    np.testing.assert_array_equal(order, epoch_order(length, seed, epoch))
    shares = [shard_of(order, index, count) for index in range(count)]
    assert sorted(np.concatenate(shares)) == list(range(length))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@settings(max_examples=30)
@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 4), st.integers(0, 9))
def test_few_scans_come_at_a_time(scans, at_once, seed):
    scans = np.sort(np.array(scans, int))
    plain = epoch_order(len(scans), seed, 2)
    order = by_scan(plain, scans, at_once, seed, 2)
    assert sorted(order) == list(range(len(scans)))
    begun = {scan: place for place, scan in reversed(list(enumerate(scans[order])))}
    ended = {scan: place for place, scan in enumerate(scans[order])}
    for place in range(len(scans)):
        assert sum(begun[scan] <= place <= ended[scan] for scan in begun) <= at_once
    if len(scans) and scans.max() < at_once:
        np.testing.assert_array_equal(order, plain)


@pytest.mark.parametrize(
    "key", [1.5, True, np.True_, np.array(1.5), np.array(True), np.array([1]), "1", None]
)
def test_items_have_whole_numbers(key):
    with pytest.raises(RequestError, match="item: received"):
        item_number(key, 3)
    assert [item_number(n, 3) for n in (2, -1, np.int8(-3), np.array(1))] == [2, 2, 0, 1]


def test_epochs_and_seeds_differ_and_without_a_seed_nothing_moves():
    orders = [tuple(epoch_order(30, seed, epoch)) for seed in range(3) for epoch in range(3)]
    assert len(set(orders)) == 9
    assert tuple(epoch_order(30, None, 5)) == tuple(range(30))


def test_every_number_comes_everywhere():
    firsts = [epoch_order(5, 0, epoch)[0] for epoch in range(500)]
    assert np.bincount(firsts).min() > 60  # 100 are expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: epoch_order(3, -1), "seed: received -1"),
        (lambda: epoch_order(3, 0.5), "seed: received 0.5"),
        (lambda: epoch_order(3, 0, True), "epoch: received True"),
        (lambda: shard_of(np.arange(3), 2, 2), "index: received 2. Expected 0 to 1 of 2"),
        (lambda: shard_of(np.arange(3), 0, 0), "count: received 0"),
    ],
)
def test_what_is_no_number_of_the_kind_is_refused(call, message):
    with pytest.raises(RequestError, match=message):
        call()
