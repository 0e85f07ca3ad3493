"""Groups by every strategy against their definitions, and what is refused before any work."""

import json
import math
import tracemalloc
from itertools import product

import golden
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scattered import KINDS, defined_nearest, points

from ptycho_engine.data.grouping.combinations import combinations
from ptycho_engine.data.grouping.grouping import group, list_strategies
from ptycho_engine.data.grouping.task import GroupTask
from ptycho_engine.errors import MemoryBudgetError, RequestError, UnknownPluginError

CASES = golden.cases("grouped_data")
RASTER = np.stack(np.divmod(np.arange(49), 7), axis=1).astype(float)
STRATEGIES = ("nearest", "random_of_k", "combinations", "quadrant", "legacy")


def test_the_built_in_strategies_are_listed_from_metadata():
    assert {source.name for source in list_strategies()} == set(STRATEGIES)


def sizes(data, scan, *, over=False):
    """Draw members and a count for a scan."""
    members = data.draw(st.integers(1, min(5, len(scan))))
    return members, data.draw(st.integers(0, (3 if over else 1) * len(scan)))


@settings(max_examples=40)
@given(scan=points(), data=st.data(), seed=st.integers(0, 99))
def test_nearest_is_the_seed_and_what_is_nearest_to_it(scan, data, seed):
    members, count = sizes(data, scan)
    groups = group(scan, members, count, rng=seed)
    np.testing.assert_array_equal(groups.indices, defined_nearest(scan, groups.seeds, members))
    assert len(set(groups.seeds)) == len(groups) == count
    np.testing.assert_array_equal(groups.indices[:, 0], groups.seeds)


@settings(max_examples=40)
@given(scan=points(), data=st.data(), seed=st.integers(0, 99))
def test_random_of_k_draws_combinations_of_the_nearest(scan, data, seed):
    members, count = sizes(data, scan, over=True)
    k = data.draw(st.integers(members, members + 4))
    groups = group(
        scan, members, count, strategy="random_of_k", neighbours=k, rng=seed, oversampling=True
    )
    pool = min(k, len(scan))
    near = defined_nearest(scan, groups.seeds, pool)
    for row, found in zip(groups.indices, near, strict=True):
        places = [list(found).index(member) for member in row]
        assert places == sorted(set(places))
    uses = np.bincount(groups.seeds, minlength=len(scan))
    assert uses.max() - uses.min() <= 1


def test_random_of_k_takes_every_choice_as_often():
    count = 35 * 400
    groups = group(RASTER, 4, count, strategy="random_of_k", sequential=True, oversampling=True)
    near = defined_nearest(RASTER, groups.seeds, 7)
    places = (near[:, :, None] == groups.indices[:, None]).argmax(axis=1)  # (B, 4)
    table = combinations(np.arange(35), 7, 4)
    drawn = (places[:, None] == table).all(axis=2).sum(axis=0)
    chi_square = ((drawn - 400) ** 2 / 400).sum()
    assert drawn.sum() == count
    assert chi_square < 65.2  # 34 degrees of freedom: exceeded in one of a thousand


@settings(max_examples=40)
@given(scan=points(most=14), data=st.data(), seed=st.integers(0, 99))
def test_combinations_differ_as_long_as_there_are_others(scan, data, seed):
    members, count = sizes(data, scan, over=True)
    k = data.draw(st.integers(members, members + 2))
    groups = group(
        scan, members, count, strategy="combinations", neighbours=k, rng=seed, oversampling=True
    )
    pool = min(k, len(scan))
    near = defined_nearest(scan, np.arange(len(scan)), pool)
    chosen = combinations(np.arange(math.comb(pool, members)), pool, members)
    possible = {frozenset(map(int, row[c])) for row in near for c in chosen}
    found = [frozenset(map(int, row)) for row in groups.indices]
    assert set(found) <= possible
    assert len(set(found)) == min(count, len(possible))
    for row, seed_point in zip(groups.indices, groups.seeds, strict=True):
        assert set(row) <= set(near[seed_point])


def test_seeds_take_turns_at_combinations():
    scan = np.random.default_rng(1).uniform(0, 100, (200, 2))
    groups = group(scan, 4, 900, strategy="combinations", oversampling=True)
    assert np.bincount(groups.seeds).max() <= 6  # 4.5 in the mean; of equal groups one is kept
    assert len(set(groups.seeds[:150])) == 150
    assert groups.coverage.share == 1.0


@settings(max_examples=40)
@given(scan=points(least=5), data=st.data(), seed=st.integers(0, 99))
def test_quadrant_takes_one_of_each(scan, data, seed):
    count = data.draw(st.integers(0, 2 * len(scan)))
    k = data.draw(st.integers(4, 12))
    pools = defined_nearest(scan, np.arange(len(scan)), min(k, len(scan)))

    def quadrant(seed_point, other):
        dy, dx = scan[other] - scan[seed_point]
        if dy == dx == 0:
            return None
        turns = math.floor(math.atan2(-dy, -dx) / (math.pi / 2))  # 0 from left to up, and so on
        return {0: 0, 1: 1, 2: 3, -2: 3, -1: 2}[turns]

    whole = [
        point
        for point in range(len(scan))
        if {0, 1, 2, 3} <= {quadrant(point, other) for other in pools[point]}
    ]
    how = {"strategy": "quadrant", "neighbours": k, "rng": seed, "oversampling": True}
    if count and not whole:
        with pytest.raises(RequestError, match="has a neighbour in every quadrant"):
            group(scan, 4, count, **how)
        return
    groups = group(scan, 4, count, **how)
    assert set(groups.seeds) <= set(whole)
    assert len(set(groups.seeds)) == min(count, len(whole))
    for point, row in zip(groups.seeds, groups.indices, strict=True):
        assert [quadrant(point, member) for member in row] == [0, 1, 2, 3]
        assert set(row) <= set(pools[point])


def test_quadrant_draws_among_all_of_a_quadrant():
    centre = 24  # of the raster; each of its quadrants holds 6 of the 24 points about it
    members = {
        tuple(group(RASTER, 4, 49, strategy="quadrant", rng=seed, oversampling=True).indices[i])
        for seed in range(40)
        for i in [0]
    }
    assert len(members) > 30
    groups = group(RASTER, 4, 4000, strategy="quadrant", oversampling=True)
    about = groups.indices[groups.seeds == centre]
    assert [len(set(column)) for column in about.T] == [6] * 4


@pytest.mark.parametrize("name", sorted(set(CASES) - {"input"}))
def test_legacy_groups_are_the_stored_ones(name):
    how = json.loads(str(CASES[name]["kwargs_json"]))
    first = int(CASES[name].get("n_points", 1000))
    given_points = (CASES["input"][key][:first] for key in ("ycoords", "xcoords"))
    scan = np.stack(list(given_points), axis=1)
    members = how["gridsize"] ** 2
    groups = group(
        scan,
        members,
        min(how["nsamples"], len(scan)) if members == 1 else how["nsamples"],
        strategy="legacy",
        neighbours=how["K"],
        rng=how["seed"],
        sequential=how.get("sequential_sampling", False),
        oversampling=how.get("enable_oversampling", False),
        pool_size=how.get("neighbor_pool_size"),
    )
    np.testing.assert_array_equal(groups.indices, CASES[name]["nn_indices"])
    assert len(groups.seeds) == len(groups)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("sequential", [False, True])
def test_equal_seeds_give_equal_groups_and_others_do_not(strategy, sequential):
    scan = np.random.default_rng(8).uniform(0, 30, (60, 2))
    one, two, other = (
        group(scan, 4, 20, strategy=strategy, rng=seed, sequential=sequential) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one.indices, two.indices)
    fixed = sequential and strategy in ("nearest", "legacy")
    assert (one.indices == other.indices).all() == fixed
    if sequential and strategy != "quadrant":  # whose seeds need a neighbour on every side
        np.testing.assert_array_equal(one.seeds, np.arange(20))


def test_a_generator_draws_in_place_of_a_seed_and_goes_on():
    rng = np.random.default_rng(5)
    one, two = (group(RASTER, 4, 9, rng=rng).seeds for _ in range(2))
    np.testing.assert_array_equal(one, group(RASTER, 4, 9, rng=5).seeds)
    assert (one != two).any()


def test_a_random_state_draws_legacy_groups_alone():
    draws = np.random.RandomState(3)
    one = group(RASTER, 4, 9, strategy="legacy", rng=draws)
    np.testing.assert_array_equal(
        one.indices, group(RASTER, 4, 9, strategy="legacy", rng=3).indices
    )
    with pytest.raises(RequestError, match="received a RandomState"):
        group(RASTER, 4, 9, strategy="random_of_k", rng=draws)


@pytest.mark.parametrize("strategy", ["nearest", "random_of_k", "combinations", "legacy"])
def test_one_point_and_no_groups(strategy):
    lone = group([[2.0, 3.0]], 1, 1, strategy=strategy)
    assert (lone.indices.tolist(), lone.seeds.tolist()) == ([[0]], [0])
    none = group(RASTER, 4, 0, strategy=strategy)
    assert (none.indices.shape, none.seeds.shape) == ((0, 4), (0,))
    assert none.coverage.share == 0


def test_groups_of_one_are_their_seeds():
    groups = group(RASTER, 1, 20, strategy="random_of_k")
    np.testing.assert_array_equal(groups.indices[:, 0], groups.seeds)


def test_the_pool_of_oversampling_takes_the_place_of_k():
    over = {"strategy": "random_of_k", "oversampling": True, "pool_size": 4, "neighbours": 9}
    groups = group(RASTER, 4, 98, **over)
    near = defined_nearest(RASTER, groups.seeds, 4)
    np.testing.assert_array_equal(groups.indices, near)
    assert (group(RASTER, 4, 49, **over).indices != near[:49]).any()


NAN = [[0.0, 1.0], [np.nan, 2.0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positions": NAN}, r"1 of 2 are NaN or infinite, the first at index 1"),
        ({"positions": [[0, np.inf]]}, "NaN or infinite"),
        ({"positions": [[0, 1], [0, -2e150]]}, r"-2e\+150\] at index 1. Expected at most 1e\+150"),
        ({"positions": np.zeros((3, 4, 2))}, r"received shape \(3, 4, 2\)"),
        ({"positions": RASTER[:3]}, "received 3 points for groups of 4"),
        ({"positions": np.empty((0, 2)), "count": 0}, "received 0 points"),
        ({"members": 0}, "members: received 0"),
        ({"members": 2.5}, "members: received 2.5"),
        ({"members": True}, "members: received True"),
        ({"count": -1}, "count: received -1. Expected a whole number from 0 on"),
        ({"count": 50}, "50 groups for 49 points.*oversampling=True"),
        ({"count": 50, "oversampling": True}, "strategy='nearest'.*'combinations'"),
        (
            {"strategy": "random_of_k", "neighbours": 3},
            "neighbours: received 3. Expected a whole number from 4 on",
        ),
        (
            {"strategy": "random_of_k", "count": 50, "oversampling": True, "pool_size": 3},
            "pool_size: received 3. Expected",
        ),
        ({"rng": -4}, "rng: received -4"),
        ({"rng": "new"}, "rng: received 'new'"),
        ({"strategy": "quadrant", "members": 3}, "Expected 4, one of each quadrant"),
        ({"strategy": "legacy", "members": 1, "count": 50, "oversampling": True}, "groups of one"),
        ({"neighbours": 6}, "neighbours: received 6 with strategy='nearest', which draws from no"),
        ({"pool_size": 6}, "pool_size: received 6 with strategy='nearest'"),
    ],
)
def test_what_cannot_be_grouped_is_refused(change, message):
    with pytest.raises(RequestError, match=message):
        group(**{"positions": RASTER, "members": 4, "count": 9, **change})


def test_an_unknown_strategy_is_refused_with_the_nearest_name():
    with pytest.raises(UnknownPluginError, match=r"'nearst' is not known\. Did you mean 'nearest'"):
        group(RASTER, 4, 9, strategy="nearst")


@pytest.mark.parametrize(
    ("strategy", "groups"),
    [("nearest", 3000), *product(("random_of_k", "combinations", "quadrant"), (3000, 9000))],
)
@pytest.mark.parametrize("kind", ["random", "raster"])
def test_groups_take_no_more_memory_than_was_said(strategy, kind, groups):
    scan = KINDS[kind](np.random.default_rng(1), 4000)
    k = 25 if strategy == "quadrant" else 7
    how = {"strategy": strategy, "oversampling": True}
    how |= {} if strategy == "nearest" else {"neighbours": k}
    group(scan[:50], 4, 4, **how)  # imports
    said = GroupTask(scan, 4, groups, k, 0).needed_bytes
    tracemalloc.start()
    group(scan, 4, groups, memory_budget=said, **how)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.05 * said < peak <= said
    with pytest.raises(MemoryBudgetError, match=r"groups of 4 out of .* neighbours take up to"):
        group(scan, 4, groups, memory_budget=said - 1, **how)


def test_more_groups_than_any_memory_holds_are_refused():
    with pytest.raises(MemoryBudgetError, match="1000000000000 groups of 4"):
        group(RASTER, 4, 10**12, strategy="combinations", oversampling=True)
