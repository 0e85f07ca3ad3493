"""Settings become groups: region, then sample, then groups, all by indices of the whole scan."""

import numpy as np
import pytest
from events import logged
from omegaconf import OmegaConf

from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups
from ptycho_engine.data.grouping.grouping import group
from ptycho_engine.errors import ConfigurationError, RequestError

SCAN = np.random.default_rng(2).uniform(0, 60, (80, 2))


def test_indices_are_those_of_the_whole_scan():
    how = {"members": 4, "count": 10, "strategy": "random_of_k", "subsample": 30}
    groups = make_groups(SCAN, GroupSettings(**how, y_bounds=[0.0, 0.5], seed=3))
    assert groups.members[..., 0].max() <= SCAN[:, 0].min() + 0.5 * np.ptp(SCAN[:, 0])
    np.testing.assert_array_equal(groups.positions, SCAN)
    np.testing.assert_array_equal(groups.members, SCAN[groups.indices])
    assert groups.coverage.uses.shape == (80,)
    assert len(np.unique(groups.indices)) <= 30


def test_what_is_not_asked_for_changes_nothing():
    groups = make_groups(SCAN, GroupSettings(members=4, strategy="combinations", seed=7))
    plain = group(SCAN, 4, 80, strategy="combinations", rng=7)
    np.testing.assert_array_equal(groups.indices, plain.indices)


def test_seeds_of_sample_and_groups_are_apart_or_one_goes_on():
    def drawn(**seeds):
        how = {"members": 2, "count": 20, "strategy": "random_of_k", "subsample": 40}
        return make_groups(SCAN, GroupSettings(**how, **seeds)).indices

    def defined(sampling, grouping):
        kept = np.sort(sampling.choice(80, size=40, replace=False))
        return kept[group(SCAN[kept], 2, 20, strategy="random_of_k", rng=grouping).indices]

    one, two = np.random.default_rng(1), np.random.default_rng(2)
    np.testing.assert_array_equal(drawn(subsample_seed=1, seed=2), defined(one, two))
    on = np.random.default_rng(1)
    expected = defined(on, on)
    np.testing.assert_array_equal(drawn(subsample_seed=1, seed=None), expected)
    np.testing.assert_array_equal(drawn(seed=1), expected)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"seed": None}, ConfigurationError, "neither seed nor subsample_seed"),
        ({"seed": -1}, RequestError, "seed: received -1"),
        ({"seed": True}, RequestError, "seed: received True"),
        ({"subsample_seed": 1.5}, RequestError, "seed: received 1.5"),
        ({"subsample": 20.5}, RequestError, "subsample: received 20.5"),
        ({"subsample": "20"}, RequestError, "subsample: received '20'"),
        ({"seed": 1 << 32, "strategy": "legacy"}, RequestError, "received 4294967296 with"),
        ({"subsample": -1}, RequestError, "subsample: received -1"),
        (
            {"subsample": 3, "members": 4},
            RequestError,
            "of 80 points the region keeps 80 and the sample 3; groups of 4 need 4",
        ),
        ({"y_bounds": [0, 0], "members": 4}, RequestError, "the region keeps 1 and the sample 1;"),
        ({"y_bounds": [0.9, 0.1]}, RequestError, "y bounds"),
        ({"x_bounds": [0, 40]}, RequestError, "x bounds: .* Set groups.bounds_unit=pixels"),
        ({"bounds_unit": "metres"}, RequestError, "bounds unit 'metres' is not known"),
        ({"neighbours": 9}, ConfigurationError, "groups.neighbours: received 9 with .*=nearest"),
        ({"pool_size": 9}, ConfigurationError, "groups.pool_size: received 9 with"),
        ({"options": {"spread": 1}}, ConfigurationError, "option 'spread' is not known"),
    ],
)
def test_what_cannot_be_used_is_refused(settings, error, message):
    with pytest.raises(error, match=message):
        make_groups(SCAN, GroupSettings(**settings))


def test_numbers_of_numpy_are_numbers():
    settings = GroupSettings(np.int64(4), np.int32(5), seed=np.int64(3), subsample=np.int64(40))
    plain = GroupSettings(4, 5, seed=3, subsample=40)
    np.testing.assert_array_equal(
        make_groups(SCAN, settings).indices, make_groups(SCAN, plain).indices
    )


def test_one_event_says_how_the_scan_is_covered():
    with logged() as events:
        groups = make_groups(SCAN, GroupSettings(members=4, count=12))
    (event,) = events
    assert event["event"] == "groups"
    assert (event["strategy"], event["groups"], event["points"]) == ("nearest", 12, 80)
    assert event["used"] == groups.coverage.used


def test_the_settings_are_a_schema():
    schema = OmegaConf.structured(GroupSettings)
    merged = OmegaConf.merge(schema, {"members": 4, "x_bounds": [0.1, 0.9]})
    assert OmegaConf.to_object(merged) == GroupSettings(members=4, x_bounds=[0.1, 0.9])
