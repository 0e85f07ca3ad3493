"""The kernels are lowered for a GPU where there is none: forward, adjoint and gradients."""

from functools import partial

import numpy as np
import pytest

jax = pytest.importorskip("jax")

import jax.numpy as jnp
from jax import export

from ptycho_engine import Engine

ENGINE = Engine("jax")
IMAGE = jax.ShapeDtypeStruct((20, 22), np.complex64)
POSITIONS = jax.ShapeDtypeStruct((5, 2), np.float32)
PATCHES = jax.ShapeDtypeStruct((5, 4, 4), np.complex64)


def cut(image, positions, interpolation):
    return ENGINE.extract(image, positions, 4, interpolation=interpolation)


def slopes(image, positions, upstream, interpolation):
    return jax.vjp(partial(cut, interpolation=interpolation), image, positions)[1](upstream)


def place(patches, positions, interpolation):
    return ENGINE.place(patches, positions, IMAGE.shape, interpolation=interpolation)


@pytest.mark.slow_cases("fourier", "slopes")
@pytest.mark.parametrize("interpolation", ["bilinear", "fourier"])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (cut, (IMAGE, POSITIONS)),
        (slopes, (IMAGE, POSITIONS, PATCHES)),
        (place, (PATCHES, POSITIONS)),
    ],
)
def test_exported_for_a_gpu_and_a_cpu(function, arguments, interpolation):
    compiled = jax.jit(partial(function, interpolation=interpolation))
    exported = export.export(compiled, platforms=["cuda", "cpu"])(*arguments)
    assert exported.platforms == ("cuda", "cpu")
    rng = np.random.default_rng(0)
    values = [jnp.asarray(rng.uniform(1, 15, a.shape).astype(a.dtype)) for a in arguments]
    found, expected = exported.call(*values), compiled(*values)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, expected)
