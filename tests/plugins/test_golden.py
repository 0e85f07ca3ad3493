"""Stored patches of the real legacy code, PtychoPINN 712c23f: ``rounding="legacy"`` repeats them.

tests/data/golden/get_image_patches.npz was written by ``ptycho.raw_data.get_image_patches`` on
TensorFlow 2.19.1 and a CPU with FMA. Offsets are legacy arrays; `N` and `gridsize` arguments.
"""

import golden
import numpy as np
import pytest

from ptycho_engine import Engine, geometry
from ptycho_engine.testing import reference_patches

PLUGINS = {"chunked_xla": {"chunk_size": 16}, "batched": {}, "iterative": {}}

#: Each sample is one pixel, or a sum of four exact products: fusing them changes nothing.
EXACT = {"zero_offset", "integer", "half", "empty_batch"}

pytestmark = [
    pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning"),
    pytest.mark.slow_cases("iterative-g", "iterative-real", "iterative-64"),
]


CASES = sorted(golden.cases("get_image_patches"))


@pytest.fixture(scope="module", params=PLUGINS)
def engine(request):
    return Engine(request.param, options=PLUGINS[request.param])


def legacy_patches(engine, case, rounding="legacy"):
    image = case["object"]
    positions = geometry.from_legacy(case["global_offsets"], case["local_offsets"])
    patches = engine.extract(image, positions, case["N"], rounding=rounding, layout="channel")
    return patches.astype(np.complex64)  # whatever the object was


def test_every_case_is_there():
    assert len(CASES) == 22
    assert set(CASES) >= EXACT


@pytest.mark.parametrize("name", CASES)
def test_legacy_rounding_repeats_the_legacy_patches(engine, name):
    case = golden.cases("get_image_patches")[name]
    found, expected = legacy_patches(engine, case), case["patches"]
    assert found.shape == expected.shape
    if name in EXACT:
        np.testing.assert_array_equal(found, expected)
    else:  # the last bit depends on whether the CPU fuses multiplication and addition
        bound = 1e-6 * max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


@pytest.mark.slow_cases("256", "512")
@pytest.mark.parametrize("size", [64, 256, 512])
def test_double_real_objects_are_sampled_where_the_legacy_code_samples_them(engine, size):
    rng = np.random.default_rng(size)
    image = rng.standard_normal((size, size))
    positions = rng.uniform(0, size, (40, 2))
    legacy = engine.extract(image.astype(np.float32), positions, 8, rounding="legacy")
    found = engine.extract(image, positions, 8, rounding="legacy")
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, legacy, rtol=0, atol=1e-6 * np.abs(image).max())


def test_exact_rounding_would_not_repeat_them(engine):
    case = golden.cases("get_image_patches")["large_rank1"]
    bound = 1e-6 * max(1.0, np.abs(case["patches"]).max())
    exact = legacy_patches(engine, case, rounding="exact")
    assert np.abs(exact - case["patches"]).max() > 10 * bound


def test_exact_rounding_is_nearer_to_the_truth_than_legacy(engine):
    rng = np.random.default_rng(0)
    image = (rng.standard_normal((512, 512)) + 1j * rng.standard_normal((512, 512))) / np.sqrt(2)
    image = image.astype(np.complex64)  # unit variance
    positions = rng.uniform(32, 480, (6, 2))
    truth = reference_patches(image.astype(np.complex128), positions, 64)
    error = {
        rounding: np.abs(engine.extract(image, positions, 64, rounding=rounding) - truth).max()
        for rounding in ("exact", "legacy")
    }
    assert error["exact"] < 1e-6
    assert 5e-5 < error["legacy"] < 5e-4
