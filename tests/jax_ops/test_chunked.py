"""NumPy arrays through jax: chunks of one compilation, adjoints, and the same bits every time."""

import os

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from hypothesis import given, settings
from hypothesis import strategies as st
from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.compilations import compilation_counts
from ptycho_engine.errors import ForkedProcessError
from ptycho_engine.testing import reference_placement

RELATIVE = {"float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}


def noise(rng, shape, dtype):
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


def test_one_compilation_serves_every_number_of_positions():
    engine = Engine("jax", options={"chunk_size": 6})
    image, rng = np.ones((31, 37), np.float32), np.random.default_rng(0)
    before = compilation_counts()["xla"]
    for count in (1, 5, 6, 7, 20):
        engine.extract(image, rng.uniform(0, 30, (count, 2)), 5)
        engine.extract(image, rng.uniform(0, 30, (count, 2)), 5, fill="edge")
    assert compilation_counts()["xla"] - before == 1


@settings(max_examples=4)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(sorted(RELATIVE)),
    n=st.sampled_from([4, 7]),
    interpolation=st.sampled_from(["nearest", "bilinear", "bicubic", "fourier"]),
    fill=st.sampled_from(["zeros", "edge", "reflect"]),
)
def test_placement_is_the_adjoint_of_extraction(seed, dtype, n, interpolation, fill):
    """``<A x, y> = <x, A* y>``, windows across and beyond the border included."""
    rng, how = np.random.default_rng(seed), {"interpolation": interpolation, "fill": fill}
    engine = Engine("jax", options={"chunk_size": 4})
    x, positions = noise(rng, (9, 12), dtype), rng.uniform(-8, 20, (3, 2, 2))
    y = noise(rng, (3, n, n, 2), dtype)
    patches = engine.extract(x, positions, n, layout="channel", **how)
    placed = engine.place(y, positions, x.shape, layout="channel", **how)
    assert placed.dtype == dtype
    left, right = np.vdot(patches, y), np.vdot(x, placed)
    scale = np.linalg.norm(patches) * np.linalg.norm(y) + np.linalg.norm(x) * np.linalg.norm(placed)
    assert abs(left - right) <= RELATIVE[dtype] * scale


def test_placement_adds_onto_out_in_the_same_bits_every_time():
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 30, (200, 2))
    patches = noise(rng, (2, 200, 8, 8), "complex64")
    engine = Engine("jax", options={"chunk_size": 64})
    placed = engine.place(patches, positions, (31, 33))
    expected = reference_placement(patches, positions, (31, 33))
    np.testing.assert_allclose(placed, expected, rtol=0, atol=1e-5 * np.abs(expected).max())
    for _ in range(3):
        np.testing.assert_array_equal(engine.place(patches, positions, (31, 33)), placed)
    out = np.ones_like(placed)
    assert engine.place(patches, positions, (31, 33), out=out) is out
    np.testing.assert_allclose(out, expected + 1, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_slopes_are_summed_over_slices_and_layouts():
    rng = np.random.default_rng(0)
    image, positions = noise(rng, (2, 12, 14), "complex128"), rng.uniform(2, 9, (3, 2, 2))
    engine = Engine("jax", options={"chunk_size": 4})
    upstream = noise(rng, (2, 3, 4, 4, 2), "complex128")
    request = build_request(image, positions, 4, layout="channel")
    slopes = engine._service.position_gradient(request, upstream)
    assert slopes.shape == (6, 2)
    flat = np.moveaxis(upstream, -1, -3).reshape(2, 6, 4, 4)
    alone = [
        engine._service.position_gradient(build_request(x, positions.reshape(6, 2), 4), y)
        for x, y in zip(image, flat, strict=True)
    ]
    np.testing.assert_allclose(slopes, alone[0] + alone[1], atol=1e-12)
    in_jax = engine._service.position_gradient(
        build_request(jax.numpy.asarray(image, np.complex64), positions, 4, layout="channel"),
        jax.numpy.asarray(upstream, np.complex64),
    )
    np.testing.assert_allclose(in_jax, slopes, atol=1e-4)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning", "ignore:.*fork:DeprecationWarning")
def test_a_fork_of_a_process_that_used_jax_is_refused():
    engine = Engine("jax")
    engine.extract(np.ones((9, 9)), [[4, 4]], 2)
    child = os.fork()
    if child == 0:
        try:
            engine.extract(np.ones((9, 9)), [[4, 4]], 2)
        except ForkedProcessError as error:
            os._exit(0 if 'plugin "numba"' in str(error) else 1)
        os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
