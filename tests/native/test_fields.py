"""Loops over fields against NumPy in double precision, past the caches too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptycho_engine.native import fields
from ptycho_engine.native.stores import VECTOR_BYTES

PRECISION = {np.complex64: 4e-7, np.complex128: 1e-15}


def random_fields(count, n, dtype, seed):
    rng = np.random.default_rng(seed)
    made = rng.standard_normal((count, n, n)) + 1j * rng.standard_normal((count, n, n))
    return made.astype(dtype)


def real(field):
    return field.view(field.real.dtype)


def aligned(shape, dtype):
    """An array whose rows may be stored past the caches, if they are long enough."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    memory = np.full(size + VECTOR_BYTES, 255, np.uint8)
    first = -memory.ctypes.data % VECTOR_BYTES
    return memory[first : first + size].view(dtype).reshape(shape)


@settings(max_examples=25)
@given(st.integers(0, 4), st.integers(1, 20), st.sampled_from(list(PRECISION)), st.integers(0, 9))
def test_loops_over_fields(count, n, dtype, seed):
    field, factors = (random_fields(count, n, dtype, seed + k) for k in (0, 10))
    exact, tolerance = field.astype(np.complex128), 10 * PRECISION[dtype]
    shifted = np.fft.fftshift(np.abs(exact), axes=(1, 2))
    places = np.random.default_rng(seed).permutation(count + 2)[:count]
    scale = field.real.dtype.type(0.7)
    for past_caches in {False, n * field.real.itemsize % VECTOR_BYTES == 0}:
        out = aligned((count + 2, n, n), field.real.dtype)
        untouched = out.copy()
        fields.amplitudes(real(field), scale, out, places, past_caches)
        np.testing.assert_allclose(out[places], 0.7 * shifted, rtol=tolerance)
        others = np.setdiff1d(np.arange(count + 2), places)
        assert out[others].tobytes() == untouched[others].tobytes()
    out[...] = 2
    fields.add_intensities(real(field), scale, out, places)
    np.testing.assert_allclose(out[places], 2 + 0.7 * shifted**2, rtol=tolerance)
    fields.take_roots(out, places)
    np.testing.assert_allclose(out[places], np.sqrt(2 + 0.7 * shifted**2), rtol=tolerance)
    np.testing.assert_array_equal(out[others], 2)
    sums = np.ones(count + 2)
    fields.add_energies(real(field), sums, places)
    energies = (np.abs(exact) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(sums[places], 1 + energies, rtol=1e-12)
    product = field.copy()
    fields.multiply(real(product), real(factors))
    expected = exact * factors
    np.testing.assert_allclose(product, expected, atol=tolerance * 20)


@pytest.mark.parametrize("dtype", PRECISION)
def test_one_factor_serves_all_fields(dtype):
    field, factor = random_fields(3, 5, dtype, 0), random_fields(1, 5, dtype, 1)
    expected = field * factor
    fields.multiply(real(field), real(factor))
    np.testing.assert_allclose(field, expected, atol=1e-5)
