"""``generate_grouped_data`` repeats the stored groups of PtychoPINN 712c23f, draw by draw."""

import json
import sys
from types import SimpleNamespace

import golden
import numpy as np
import pytest

from ptycho_engine.compat import generate_grouped_data
from ptycho_engine.errors import CompatError

CASES = golden.cases("grouped_data")

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")


def raw_data(**changed):
    given = {k: v for k, v in CASES["input"].items() if k != "N"}
    return SimpleNamespace(**{**given, **changed})


@pytest.mark.parametrize("name", sorted(set(CASES) - {"input"}))
def test_stored_groups(name):
    case = dict(CASES[name])
    settings = json.loads(str(case.pop("kwargs_json")))
    data = raw_data()
    if "n_points" in case:
        first = slice(int(case.pop("n_points")))
        arrays = ("xcoords", "ycoords", "xcoords_start", "ycoords_start", "diff3d")
        data = raw_data(**{key: getattr(data, key)[first] for key in arrays})
    if "diff3d" in case:
        data = raw_data(diff3d=case.pop("diff3d"))
    result = generate_grouped_data(data, int(CASES["input"]["N"]), **settings)
    assert case.keys() <= result.keys()
    for key, expected in case.items():
        found = np.asarray(result[key])
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), key
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale, err_msg=key)
    np.testing.assert_array_equal(
        result["diffraction"], np.moveaxis(data.diff3d[result["nn_indices"]], 1, -1)
    )


def test_without_a_seed_the_global_stream_goes_on_and_a_seed_leaves_it_alone():
    np.random.seed(7)  # noqa: NPY002
    one = generate_grouped_data(raw_data(), 8, 6, 5, gridsize=2)["nn_indices"]
    generate_grouped_data(raw_data(), 8, 6, 5, gridsize=2, seed=1)
    two = generate_grouped_data(raw_data(), 8, 6, 5, gridsize=2)["nn_indices"]
    np.random.seed(7)  # noqa: NPY002
    again = [generate_grouped_data(raw_data(), 8, 6, 5, gridsize=2) for _ in range(2)]
    np.testing.assert_array_equal([g["nn_indices"] for g in again], [one, two])
    assert (one != two).any()


def test_patches_of_the_data_come_before_those_of_the_object():
    own = np.arange(22 * 64, dtype=np.complex64).reshape(22, 8, 8)
    grouped = generate_grouped_data(raw_data(Y=own), 8, nsamples=3, gridsize=1, seed=0)
    np.testing.assert_array_equal(grouped["Y"][..., 0], own[grouped["nn_indices"][:, 0]])
    bare = SimpleNamespace(xcoords=[1.0], ycoords=[2.0], diff3d=np.ones((1, 8, 8)))
    grouped = generate_grouped_data(bare, 8, gridsize=1)
    assert grouped["Y"] is None
    np.testing.assert_array_equal(grouped["coords_start_nn"], [[[[1.0], [2.0]]]])
    assert "sample_indices" not in grouped
    bare.sample_indices = np.array([4])
    assert generate_grouped_data(bare, 8, gridsize=1)["sample_indices"] == [4]


def test_no_groups():
    grouped = generate_grouped_data(raw_data(), 8, nsamples=0, gridsize=2)
    assert grouped["X_full"].shape == (0, 8, 8, 4)
    assert grouped["Y"].shape == (0, 8, 8, 4)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"K": 3}, "K of at least 4"),
        ({"nsamples": -1}, "nsamples=-1"),
        ({"gridsize": 5, "K": 25}, "at least 25 points"),
        ({"nsamples": 23}, "enable_oversampling=True"),
        ({"nsamples": 23, "enable_oversampling": True, "neighbor_pool_size": 3}, "pool of at"),
        ({"gridsize": None}, "gridsize: not given"),
    ],
)
def test_what_legacy_code_refuses_is_refused(how, message):
    with pytest.raises(CompatError, match=message):
        generate_grouped_data(raw_data(), 8, **{"gridsize": 2, **how})


def test_data_without_patterns_is_refused():
    with pytest.raises(CompatError, match="SimpleNamespace without diff3d"):
        generate_grouped_data(SimpleNamespace(xcoords=[0.0], ycoords=[0.0]), 8, gridsize=1)


def test_without_scipy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.spatial", None)
    with pytest.raises(CompatError, match=r"ptycho_engine\[legacy\]"):
        generate_grouped_data(raw_data(), 8, gridsize=2)
    assert generate_grouped_data(raw_data(), 8, gridsize=1, seed=0)["nn_indices"].shape == (1, 1)
