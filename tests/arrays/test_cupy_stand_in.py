"""The adapter of CuPy, on a stand-in that carries its protocol over memory of the host.

Whether CuPy itself answers as this does only a GPU can tell.
"""

import sys
from types import ModuleType

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.arrays.adapter import adapter_of
from ptycho_engine.errors import CapabilityError
from ptycho_engine.testing import assert_close, reference_patches, reference_placement

POSITIONS = np.array([[4.25, 5.5], [3.0, 6.0], [-0.5, 3.125], [8.75, 11.5]])


class Stand:
    """What is asked of an array of CuPy, and nothing else: NumPy cannot read it."""

    def __init__(self, array):
        self._array = array

    shape = property(lambda self: self._array.shape)
    dtype = property(lambda self: self._array.dtype)
    device = "a stand-in"
    nbytes = property(lambda self: self._array.nbytes)

    def get(self):
        return self._array.copy()

    def reshape(self, *shape):
        return Stand(self._array.reshape(*shape))

    def transpose(self, *axes):
        return Stand(self._array.transpose(*axes))

    def __dlpack__(self, **how):
        return self._array.__dlpack__()

    def __dlpack_device__(self):
        return self._array.__dlpack_device__()

    def __array__(self, *arguments, **how):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def aligned(values):
    """Memory as a GPU has it, which jax does not copy."""
    raw = np.empty(values.nbytes + 64, np.uint8)
    first = -raw.ctypes.data % 64
    array = raw[first : first + values.nbytes].view(values.dtype).reshape(values.shape)
    array[...] = values
    return array


@pytest.fixture
def cupy(monkeypatch):
    module = ModuleType("cupy")
    module.ndarray = Stand
    module.asarray = Stand
    module.ascontiguousarray = lambda array: array
    module.from_dlpack = lambda array: Stand(aligned(np.asarray(array)))  # may be written to
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(2, 10, 13)) + 1j * rng.normal(size=(2, 10, 13))).astype(np.complex64)


def test_patches_are_of_the_same_kind_in_every_layout(cupy, image):
    pytest.importorskip("jax")
    engine, grouped = Engine("jax"), Stand(POSITIONS.reshape(1, 4, 2))
    flat = reference_patches(image, POSITIONS, 4)
    given = Stand(aligned(image))
    found = engine.extract(given, Stand(POSITIONS), 4)
    assert isinstance(found, Stand)
    assert_close(found.get(), flat, image)
    channel = engine.extract(engine.prepare(given), grouped, 4, layout="channel")
    assert_close(channel.get()[:, 0], np.moveaxis(flat, 1, -1), image)
    placed = engine.place(channel, grouped, (10, 13), layout="channel")
    assert isinstance(placed, Stand)
    assert_close(placed.get(), reference_placement(flat, POSITIONS, (10, 13)), 50 * image)


def test_jax_borrows_the_memory_in_double_precision_too(cupy, image):
    jax = pytest.importorskip("jax")
    given = Stand(aligned(image.astype(complex)))
    arrays = adapter_of(given)
    borrowed = adapter_of(jax.numpy.zeros(1)).adopt(arrays.export(given))
    assert borrowed.unsafe_buffer_pointer() == given._array.ctypes.data
    patches = Engine("jax").extract(given, POSITIONS, 4)
    assert patches.dtype == np.complex128
    assert_close(patches.get(), reference_patches(given.get(), POSITIONS, 4), given.get())


def test_what_lies_on_a_device_is_not_brought_to_the_host_unasked(cupy, image):
    with pytest.raises(CapabilityError, match="received a cupy array on a stand-in"):
        Engine("numba").extract(Stand(image), POSITIONS, 4)


def test_layouts_there_and_back(cupy):
    flat = np.arange(2 * 8 * 9.0).reshape(2, 8, 3, 3)
    arrays = adapter_of(Stand(flat))
    assert arrays.name == "cupy"
    for layout in ("flat", "channel", "grid"):
        back = arrays.flatten(arrays.arrange(Stand(flat), layout, 4), layout)
        np.testing.assert_array_equal(back.get(), flat)
