"""Arrays of CuPy itself: they stay on their GPU. Skipped without CuPy, or without a GPU."""

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.arrays.cupy_arrays import CupyArrays
from ptycho_engine.testing import assert_close, reference_patches, reference_placement

cupy = pytest.importorskip("cupy")
jax = pytest.importorskip("jax")
if not cupy.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)

POSITIONS = np.array([[4.25, 5.5], [3.0, 6.0], [-0.5, 3.125], [8.75, 11.5]])


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(2, 10, 13)) + 1j * rng.normal(size=(2, 10, 13))).astype(np.complex64)


def of_the_host(self, array):
    assert isinstance(array, np.ndarray), "an array of the GPU was brought to the host"
    return array


@pytest.mark.parametrize("dtype", ["complex64", "complex128", "float32"])
def test_patches_and_objects_stay_on_the_gpu(monkeypatch, image, dtype):
    given = (image.real if dtype == "float32" else image).astype(dtype)
    there, engine = cupy.asarray(given), Engine("jax")
    expected = reference_patches(given, POSITIONS, 4)
    with monkeypatch.context() as patch, jax.transfer_guard_device_to_host("disallow"):
        patch.setattr(CupyArrays, "to_numpy", of_the_host)
        flat = engine.extract(there, POSITIONS, 4)
        groups = POSITIONS.reshape(1, 4, 2)
        channel = engine.extract(engine.prepare(there), groups, 4, layout="channel")
        placed = engine.place(channel, groups, (10, 13), layout="channel")
    for array in (flat, channel, placed):
        assert isinstance(array, cupy.ndarray)
        assert array.dtype == dtype
    assert_close(flat.get(), expected, given)
    assert_close(channel.get()[:, 0], np.moveaxis(expected, 1, -1), given)
    assert_close(placed.get(), reference_placement(expected, POSITIONS, (10, 13)), 50 * given)


def test_positions_of_the_gpu_are_read(image):
    there = cupy.asarray(image)
    found = Engine("jax").extract(there, cupy.asarray(POSITIONS), 4)
    assert_close(found.get(), reference_patches(image, POSITIONS, 4), image)


def test_jax_borrows_the_memory(image):
    from ptycho_engine.arrays.adapter import adapter_of

    there = cupy.asarray(image)
    arrays = adapter_of(there)
    borrowed = adapter_of(jax.numpy.zeros(1)).adopt(arrays.export(there))
    assert borrowed.unsafe_buffer_pointer() == there.data.ptr
    assert arrays.adopt(borrowed).data.ptr == there.data.ptr
