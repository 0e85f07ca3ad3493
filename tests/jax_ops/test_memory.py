"""What is free on the device of jax arrays counts, and compiled functions hold no arrays."""

from types import SimpleNamespace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError
from ptycho_engine.jax_ops import memory
from ptycho_engine.jax_ops.adjoint import place_object
from ptycho_engine.jax_ops.blending import CutKind
from ptycho_engine.jax_ops.native_path import at_once, cut_object
from ptycho_engine.request.windows import Padding

POSITIONS = np.full((20, 2), 8.25)


def test_a_device_tells_what_is_free(monkeypatch):
    told = {"bytes_limit": 1000, "bytes_in_use": 300}
    device = SimpleNamespace(platform="gpu", memory_stats=lambda: told)
    monkeypatch.setattr(jax, "devices", lambda: [device])
    assert memory.device_memory(np.ones(2)) == 700
    told["bytes_in_use"] = 1200
    assert memory.device_memory(np.ones(2)) == 0
    device.memory_stats = lambda: None
    assert memory.device_memory(np.ones(2)) is None


def test_the_memory_of_a_cpu_is_that_of_the_host():
    assert memory.device_memory(jax.numpy.ones(2)) is None


def test_what_is_held_on_a_device_has_to_fit_there(monkeypatch):
    image = np.ones((16, 16), np.float32)
    monkeypatch.setattr(memory, "device_memory", lambda values: 10_000)
    engine, there = Engine("jax"), jax.numpy.asarray(image)
    assert engine.extract(image, POSITIONS, 8).shape == (20, 8, 8)  # on the host
    assert engine.extract(there, POSITIONS[:2], 8).shape == (2, 8, 8)
    with pytest.raises(MemoryBudgetError, match=r"budget is 9\.77 KiB"):
        engine.extract(there, POSITIONS, 8)
    with pytest.raises(MemoryBudgetError, match=r"budget is 9\.77 KiB"):
        engine.place(jax.numpy.ones((20, 8, 8)), POSITIONS, (16, 16))


def held(jaxpr):
    """Arrays that a traced function holds, and those that it calls."""
    arrays = [value for value in jaxpr.consts if isinstance(value, jax.Array)]
    for equation in jaxpr.eqns:
        for called in jax.tree.leaves(list(equation.params.values())):
            arrays += held(called) if hasattr(called, "consts") else []
    return arrays


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "fourier"])
@pytest.mark.parametrize("fill", ["zeros", "reflect"])
def test_compiled_functions_hold_no_arrays(interpolation, fill):
    """They would be copied from the device to compile: zeros as large as all patches, say."""
    kind, padding = CutKind(4, interpolation, "exact"), Padding(40, (40, 40))
    windows = np.zeros((3, 2), np.int32), np.zeros((3, 2), np.float32)

    def cut(image, *where):
        return cut_object(image, *where, padding, fill, kind)

    def place(patches, *where):
        return place_object(patches, *where, (10, 12), padding, fill, kind)

    with at_once():
        for function, shape in ((cut, (10, 12)), (place, (3, 4, 4))):
            assert held(jax.make_jaxpr(function)(np.ones(shape, np.complex64), *windows)) == []
