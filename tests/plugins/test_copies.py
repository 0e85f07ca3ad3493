"""At whole pixels a patch is a copy: nothing is computed, whatever the samples are."""

import numpy as np
import pytest

from ptycho_engine import Engine

pytestmark = pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")

WHOLE = np.array([[20.0, 21.0], [19.0, 0.0], [39.0, 41.0], [-1.0, 20.0]])


def awkward(dtype):
    """Subnormal samples of either sign, zeros of either sign, infinity, and the largest."""
    real = np.dtype(dtype).type(0).real.dtype
    known = np.finfo(real)
    numbers = [known.smallest_subnormal, known.tiny / 3, 0.0, 1.0, known.tiny, known.max, np.inf]
    chosen = np.random.default_rng(0).integers(0, 2 * len(numbers), (40, 42, 2))
    parts = np.array([*numbers, *(-x for x in numbers)], real)[chosen]
    return parts.view(dtype)[..., 0] if np.dtype(dtype).kind == "c" else parts[..., 0].copy()


@pytest.mark.drawn
@pytest.mark.slow_cases("float", "complex128", "iterative", "batched", "chunked_xla")
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "iterative", "numba"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_whole_pixels_are_copies_to_the_bit(plugin, dtype):
    engine, image = Engine(plugin), awkward(dtype)
    padded = np.pad(image, 8)
    bits = f"u{image.real.itemsize}"
    for interpolation in sorted(engine.capabilities.interpolations):
        patches = engine.extract(image, WHOLE, 5, interpolation=interpolation)
        for patch, (y, x) in zip(patches, WHOLE.astype(int), strict=True):
            expected = padded[y + 6 : y + 11, x + 6 : x + 11].copy()
            np.testing.assert_array_equal(patch.view(bits), expected.view(bits))


@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "iterative"])
def test_tensors_too(plugin):
    tf = pytest.importorskip("tensorflow")
    image = awkward("complex64")
    patches = Engine(plugin).extract(tf.constant(image), tf.constant(WHOLE[:1]), 5).numpy()
    np.testing.assert_array_equal(patches[0].view("u4"), image[18:23, 19:24].copy().view("u4"))
