"""torch tensors on a device, through jax by DLPack: they never visit the host.

Where there is no GPU, the CPU is taken for one, and all ways by NumPy are barred.
"""

import numpy as np
import pytest
from torch_alone import torch

jax = pytest.importorskip("jax")

from ptycho_engine import Engine
from ptycho_engine.arrays import adapter
from ptycho_engine.arrays.torch_arrays import TorchArrays

GPU = torch.cuda.is_available()
SHAPES = {"flat": (4, 2), "channel": (2, 2, 2), "grid": (1, 4, 2)}


@pytest.fixture
def device(monkeypatch):
    """Where the tensors are; only positions may be read from there."""
    to_numpy = TorchArrays.to_numpy

    def of_positions(self, array):
        assert array.shape[-1] == 2
        return to_numpy(self, array)

    monkeypatch.setattr(TorchArrays, "to_numpy", of_positions)
    if GPU:
        return "cuda"
    monkeypatch.setattr(TorchArrays, "is_on_host", lambda self, array: False)
    return "cpu"


def where(device):
    places = [[4.25, 5.5], [3.1, 6.2], [8.75, 11.5], [-0.5, 30.3]]
    return torch.tensor(places, dtype=torch.float64, device=device, requires_grad=True)


@pytest.mark.parametrize("layout", SHAPES)
@pytest.mark.parametrize("dtype", [torch.complex64, torch.float32, torch.complex128])
def test_values_and_gradients_are_those_of_the_host(device, dtype, layout):
    torch.manual_seed(0)
    image = torch.randn(2, 9, 12, dtype=dtype)
    places, numbers = where(device), where("cpu").detach().numpy().reshape(SHAPES[layout])
    there = image.to(device, copy=True).requires_grad_()
    here, engine = Engine("numba"), Engine("jax")
    how = {"interpolation": "bicubic", "fill": "edge", "layout": layout}
    patches = engine.extract(there, places.reshape(SHAPES[layout]), 3, **how)
    assert patches.device.type == device
    assert patches.dtype is dtype
    expected = here.extract(image.numpy(), numbers, 3, **how)
    close = {"rtol": 0, "atol": 1e-12 if dtype is torch.complex128 else 1e-5}
    np.testing.assert_allclose(patches.detach().cpu(), expected, **close)
    patches.abs().square().sum().backward()
    adjoint = here.place(2 * expected, numbers, (9, 12), **how)
    np.testing.assert_allclose(there.grad.cpu(), adjoint, **close)
    assert places.grad.dtype is torch.float64
    assert (places.grad[:3] != 0).all()
    placed = engine.place(patches.detach(), places.reshape(SHAPES[layout]), (9, 12), **how)
    np.testing.assert_allclose(placed.detach().cpu(), adjoint / 2, **close)


def test_memory_is_shared(device):
    tensor = torch.randn(64, 64, dtype=torch.complex64, device=device)
    ours, theirs = TorchArrays(), adapter.adapter_named("jax")
    array = adapter.handed(tensor, ours, theirs)
    assert array.unsafe_buffer_pointer() == tensor.data_ptr()
    assert adapter.handed(array, theirs, ours).data_ptr() == tensor.data_ptr()
