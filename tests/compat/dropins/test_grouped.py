"""``generate_grouped_data`` repeats the stored groups of PtychoPINN 712c23f, draw by draw."""

import json
from types import SimpleNamespace

import golden
import numpy as np
import pytest

from ptycho_engine.compat import generate_grouped_data
from ptycho_engine.errors import CompatError

CASES = golden.cases("grouped_data")

pytestmark = pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")


OVER = {"nsamples": 23, "enable_oversampling": True}


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
        if key.startswith("coords"):
            np.testing.assert_array_equal(found, expected, err_msg=key)
            continue
        scale = max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * scale, err_msg=key)
    np.testing.assert_array_equal(
        result["diffraction"], np.moveaxis(data.diff3d[result["nn_indices"]], 1, -1)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("side", [1, 2, 3, 4])
def test_means_are_summed_in_the_legacy_order(dtype, side):
    """Of several members the order is in the last bits, which move patches by 1e-3 in float32."""
    x, y = np.random.default_rng(5).uniform(0, 600, (2, 200)).astype(dtype)
    data = SimpleNamespace(xcoords=x, ycoords=y, diff3d=np.ones((200, 4, 4), np.float32))
    grouped = generate_grouped_data(data, 4, K=20, nsamples=90, seed=0, gridsize=side)
    near = grouped["nn_indices"]
    coords = np.transpose(np.array([x[near], y[near]]), [1, 0, 2])[:, None]  # as PtychoPINN
    means = coords.mean(axis=3, keepdims=True)
    expected = {"nn": coords, "offsets": means, "relative": -(coords - means)}
    for name, array in expected.items():
        assert grouped[f"coords_{name}"].dtype == dtype
        np.testing.assert_array_equal(grouped[f"coords_{name}"], array)


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
        ({"nsamples": 23}, "K choose C oversampling.*neighbor_pool_size >= 4.*OVERSAMPLING-001"),
        ({**OVER, "neighbor_pool_size": 3}, "neighbor_pool_size of at least 4"),
        ({**OVER, "neighbor_pool_size": 3}, "K choose C.*OVERSAMPLING-001"),
        ({**OVER, "neighbor_pool_size": 0}, "neighbor_pool_size >= C"),
        ({**OVER, "K": 3}, "neighbor_pool_size >= C"),
        ({"seed": 1, "rng": np.random.default_rng()}, "rng: received beside seed=1"),
        ({"rng": 5}, "rng: received a int"),
        ({"gridsize": None}, "gridsize: not given"),
    ],
)
def test_what_legacy_code_refuses_is_refused(how, message):
    with pytest.raises(CompatError, match=message):
        generate_grouped_data(raw_data(), 8, **{"gridsize": 2, **how})


def test_data_without_patterns_is_refused():
    with pytest.raises(CompatError, match="SimpleNamespace without diff3d"):
        generate_grouped_data(SimpleNamespace(xcoords=[0.0], ycoords=[0.0]), 8, gridsize=1)


@pytest.mark.parametrize("gridsize", [1, 2])
@pytest.mark.parametrize("column", [False, True])
def test_patches_with_an_axis_of_one_as_simulations_leave_them_are_grouped(gridsize, column):
    own = np.arange(22 * 64, dtype=np.complex64).reshape(22, 8, 8)
    data = raw_data(Y=own[..., None] if column else own)
    grouped = generate_grouped_data(data, 8, nsamples=5, gridsize=gridsize, seed=0)
    assert grouped["Y"].shape == grouped["diffraction"].shape == (5, 8, 8, gridsize**2)
    np.testing.assert_array_equal(grouped["Y"], np.moveaxis(own[grouped["nn_indices"]], 1, -1))


@pytest.mark.parametrize("name", ["Y", "diff3d"])
@pytest.mark.parametrize("shape", [(22, 8), (22, 8, 8, 4), (3, 8, 8)])
def test_images_of_another_shape_are_refused(name, shape):
    with pytest.raises(CompatError, match=rf"{name}: received shape .*\(n, N, N\)"):
        generate_grouped_data(raw_data(**{name: np.ones(shape)}), 8, nsamples=22, gridsize=1)


def over(sequential=True, **how):
    how = {**OVER, "gridsize": 2, "K": 6, "sequential_sampling": sequential, **how}
    return generate_grouped_data(raw_data(), 8, **how)["nn_indices"]


def test_sequential_oversampling_draws_with_the_seed_or_the_global_stream():
    np.testing.assert_array_equal(over(seed=3), over(seed=3))
    assert (over(seed=3) != over(seed=0)).any()
    np.random.seed(3)  # noqa: NPY002
    one, two = over(), over()
    np.testing.assert_array_equal(one, over(seed=3))
    assert (one != two).any()


def test_sequential_groups_without_oversampling_never_depend_on_the_seed():
    how = {"nsamples": 9, "K": 6, "gridsize": 2, "sequential_sampling": True}
    groups = [generate_grouped_data(raw_data(), 8, seed=s, **how)["nn_indices"] for s in (0, 5)]
    np.testing.assert_array_equal(*groups)


def test_oversampling_of_few_points_leaves_the_point_itself_out_while_others_suffice():
    """Of six points and a pool of seven, five neighbours remain; of four, all are needed."""
    for count, others in ((6, 5), (4, 4)):
        few = {k: getattr(raw_data(), k)[:count] for k in ("xcoords", "ycoords", "diff3d")}
        data = SimpleNamespace(**few)
        how = {"nsamples": 7, "enable_oversampling": True, "gridsize": 2, "seed": 0}
        groups = generate_grouped_data(data, 8, K=7, **how)["nn_indices"]
        assert groups.shape == (7, 4)
        x, y = data.xcoords, data.ycoords
        nearest = [np.argsort((x - x[i]) ** 2 + (y - y[i]) ** 2)[-others:] for i in range(count)]
        assert all(any(set(g) <= set(near) for near in nearest) for g in groups)


def test_a_generator_draws_in_place_of_a_seed():
    how = {"nsamples": 9, "K": 6, "gridsize": 2}
    groups = [
        generate_grouped_data(raw_data(), 8, **how, **draws)["nn_indices"]
        for draws in (
            {"rng": np.random.default_rng(1)},
            {"rng": np.random.default_rng(1)},
            {"rng": np.random.default_rng(2)},
            {"rng": np.random.RandomState(1)},
            {"seed": 1},
        )
    ]
    np.testing.assert_array_equal(groups[0], groups[1])
    assert (groups[0] != groups[2]).any()
    np.testing.assert_array_equal(groups[3], groups[4])


@pytest.mark.parametrize(
    "config", [{"gridsize": 2}, SimpleNamespace(model=SimpleNamespace(gridsize=2, N=8))]
)
def test_the_side_of_groups_comes_from_a_configuration(config):
    grouped = generate_grouped_data(raw_data(), 8, seed=0, config=config)
    assert grouped["diffraction"].shape == (1, 8, 8, 4)


def test_sample_indices_are_a_copy():
    data = raw_data(sample_indices=np.arange(22))
    generate_grouped_data(data, 8, gridsize=1)["sample_indices"][:] = -1
    np.testing.assert_array_equal(data.sample_indices, np.arange(22))
