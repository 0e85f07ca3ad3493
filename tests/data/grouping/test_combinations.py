"""Combinations by number are those that itertools builds, in the order of their last members."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.data.grouping.combinations import MOST, combinations, count_combinations
from ptycho_engine.errors import RequestError


def listed(pool, members):
    return sorted(itertools.combinations(range(pool), members), key=lambda c: c[::-1])


@settings(max_examples=20)
@given(data=st.data())
def test_every_number_is_one_combination(data):
    pool = data.draw(st.integers(1, 8))
    members = data.draw(st.integers(1, pool))
    every = np.arange(math.comb(pool, members))
    np.testing.assert_array_equal(combinations(every, pool, members), listed(pool, members))
    # A few numbers are counted rather than read from a table of all.
    for rank in every[-3:]:
        found = combinations(every[rank : rank + 1], pool, members)
        np.testing.assert_array_equal(found[0], listed(pool, members)[rank])


def test_the_last_of_very_many():
    total = count_combinations(60, 15)
    last = combinations(np.array([0, total - 1]), 60, 15)
    np.testing.assert_array_equal(last, [range(15), range(45, 60)])


def test_more_than_can_be_numbered_are_refused():
    assert math.comb(70, 30) > MOST
    with pytest.raises(RequestError, match=r"received 70 for groups of 30: .* Take fewer"):
        count_combinations(70, 30)


def test_few_of_a_large_pool_are_left_out():
    """Numbers between, which no rank reaches, exceed 64 bits."""
    total = count_combinations(84, 81)
    first, last = combinations(np.array([0, total - 1]), 84, 81)
    np.testing.assert_array_equal(first, np.arange(81))
    np.testing.assert_array_equal(last, np.arange(3, 84))
    every = combinations(np.arange(total), 84, 81)
    assert len(np.unique(every, axis=0)) == total
