"""What is free on the device of jax arrays counts, beside the memory of the host."""

from types import SimpleNamespace

import numpy as np
import pytest

jax = pytest.importorskip("jax")

from ptycho_engine import Engine
from ptycho_engine.errors import MemoryBudgetError
from ptycho_engine.jax_ops import memory

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
