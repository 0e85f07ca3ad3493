"""Legacy parameters of groups mean the groups that PtychoPINN's training program formed."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.compat import generate_grouped_data
from ptycho_engine.compat.params.group_keys import legacy_group_settings
from ptycho_engine.compat.params.keys import KEYS
from ptycho_engine.compat.params.resolution import resolve
from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups
from ptycho_engine.errors import ConfigurationError, RequestError

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")

SCAN = np.random.default_rng(6).uniform(0, 50, (40, 2))


def by_program(params, scan):
    """What the program does: a sample, then groups, both from the global stream."""
    stream = np.random.RandomState(params.get("subsample_seed", 0))
    wanted = params.get("n_subsample", params["n_groups"])
    kept = np.arange(len(scan))
    if wanted < len(scan):
        kept = np.sort(stream.choice(kept, size=wanted, replace=False))
    data = SimpleNamespace(
        ycoords=scan[kept, 0], xcoords=scan[kept, 1], diff3d=np.ones((len(kept), 2, 2))
    )
    grouped = generate_grouped_data(
        data,
        2,
        K=params.get("neighbor_count", 4),
        nsamples=params["n_groups"],
        sequential_sampling=params.get("sequential_sampling", False),
        gridsize=params.get("gridsize", 1),
        enable_oversampling=params.get("enable_oversampling", False),
        neighbor_pool_size=params.get("neighbor_pool_size"),
        rng=stream,
    )
    return kept[grouped["nn_indices"]]


@settings(max_examples=40)
@given(
    params=st.fixed_dictionaries(
        {"n_groups": st.integers(1, 60)},
        optional={
            "gridsize": st.sampled_from([1, 2]),
            "neighbor_count": st.integers(4, 7),
            "n_subsample": st.integers(5, 60),
            "subsample_seed": st.integers(0, 99),
            "sequential_sampling": st.booleans(),
            "enable_oversampling": st.just(True),
            "neighbor_pool_size": st.integers(4, 8),
        },
    )
)
def test_the_groups_are_those_of_the_program_index_for_index(params):
    resolution = resolve(params=params)
    try:
        expected = by_program(params, SCAN)
    except RequestError:
        with pytest.raises(RequestError):
            make_groups(SCAN, resolution.group_settings())
        return
    groups = make_groups(SCAN, resolution.group_settings())
    np.testing.assert_array_equal(groups.indices, expected)


def test_each_parameter_becomes_a_field():
    params = {
        "gridsize": "2",
        "n_images": 1e2,
        "K": 7,
        "enable_oversampling": "True",
        "neighbor_pool_size": 9,
        "sequential_sampling": 0,
        "n_subsample": 50,
        "subsample_seed": 3,
    }
    resolution = resolve(params=params)
    assert resolution.group_settings() == GroupSettings(
        members=4,
        count=100,
        strategy="legacy",
        neighbours=7,
        oversampling=True,
        pool_size=9,
        sequential=False,
        seed=None,
        subsample=50,
        subsample_seed=3,
    )
    assert resolution.sources["groups.members"] == "dictionary: gridsize"


TORCH = {"C": 4, "x_bounds": [0.1, 0.9], "data_scaling": "Max", "n_subsample": 7, "K": 6}


def test_settings_of_the_torch_side_mean_something_else():
    resolution = resolve(params=TORCH | {"y_bounds": (0, 1), "n_groups": 100})
    found = resolution.group_settings()
    assert (found.members, found.neighbours, found.subsample) == (4, 6, 100)
    assert (found.x_bounds, found.y_bounds) == ([0.1, 0.9], [0.0, 1.0])
    assert "factor of coordinates" in resolution.legacy.dropped["n_subsample"]
    assert resolution.context(groups=True)["dropped"].keys() >= {"n_subsample", "data_scaling"}
    (remark,) = resolution.legacy.remarks
    assert remark.startswith("dictionary: K: of PtychoPINN's torch side")


def test_another_source_than_that_of_the_torch_side_means_what_it_says():
    resolution = resolve(overrides={"n_subsample": 50}, params=TORCH)
    assert resolution.group_settings().subsample == 50
    assert resolve(params={"n_subsample": 7, "K": 6}).legacy.remarks == []
    assert resolve(params={"n_subsample": 7}).group_settings().subsample == 7


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"n_images": 100, "n_groups": 200}, 200),
        ({"n_samples": 3, "n_images": 100, "n_groups": 200}, 200),
        ({"n_images": 100, "n_groups": None}, 100),
    ],
)
def test_within_a_source_a_name_beats_its_other_names(given, kept):
    assert resolve(params=given).group_settings().count == kept
    neighbours = resolve(params={"K": 9, "neighbor_count": 7})
    assert neighbours.group_settings().neighbours == 7
    assert "7 (dictionary: neighbor_count) overrides 9" in str(neighbours.conflicts[0])


def test_of_two_sources_the_first_wins_by_whatever_name():
    resolution = resolve(overrides={"n_images": 5}, params={"n_groups": 9})
    assert resolution.group_settings().count == 5


def test_what_the_new_configuration_says_wins():
    resolution = resolve(
        explicit={"groups.strategy": "combinations", "groups.count": 7}, params={"n_groups": 9}
    )
    found = resolution.group_settings()
    assert (found.strategy, found.count) == ("combinations", 7)
    (conflict,) = resolution.conflicts
    assert "groups.count: 7 (explicit argument) overrides 9" in str(conflict)


def test_a_strategy_that_reads_no_neighbours_goes_on_without_them():
    found = resolve(explicit={"groups.strategy": "nearest"}, params={"neighbor_count": 7, "C": 4})
    assert found.group_settings().neighbours is None
    assert len(make_groups(SCAN, replace(found.group_settings(), count=5))) == 5


def test_members_said_twice_are_a_conflict_unless_they_agree():
    assert resolve(params={"C": 4}).group_settings().members == 4
    assert resolve(params={"gridsize": 2, "C": 4}).conflicts == ()
    resolution = resolve(params={"C": 9, "gridsize": 2})
    assert resolution.group_settings().members == 4
    assert "groups.members: 4 (dictionary: gridsize) overrides 9" in str(resolution.conflicts[0])


def test_a_job_without_groups_drops_them_and_one_with_groups_does_not():
    resolution = resolve(params={"gridsize": 2, "learning_rate": 1})
    without, with_groups = resolution.context(), resolution.context(groups=True)
    assert without["dropped"]["gridsize"].startswith("is groups.members of training data")
    assert set(with_groups["dropped"]) == {"learning_rate"}


@pytest.mark.parametrize("name", ["K_quadrant", "neighbor_function", "data_scaling", "nphotons"])
def test_what_has_no_field_is_dropped_with_what_to_do(name):
    assert resolve(params={name: 3}).legacy.dropped[name]


def test_every_target_is_a_field():
    for row in KEYS:
        if row.of_groups:
            assert row.target.removeprefix("groups.") in GroupSettings.__dataclass_fields__
    with pytest.raises(ConfigurationError, match="option 'member' is not known"):
        legacy_group_settings({"member": 4})


@pytest.mark.parametrize("bounds", [0.1, [0.1], ["a", 1], "0.1, 0.9"])
def test_bounds_that_are_none_are_refused(bounds):
    with pytest.raises(ConfigurationError, match=r"'x_bounds' .* Expected (two numbers|a number)"):
        resolve(params={"x_bounds": bounds})
