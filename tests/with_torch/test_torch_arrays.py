"""torch tensors in, the same kind out: without a copy, whatever their strides and flags."""

import subprocess
import sys

import numpy as np
import pytest
from torch_alone import torch

from ptycho_engine import Engine
from ptycho_engine.arrays.adapter import adapter_of
from ptycho_engine.errors import CapabilityError, OutOfBoundsError, RequestError
from ptycho_engine.testing import assert_close

POSITIONS = np.array([[4.25, 5.5], [3.0, 6.0], [8.75, 11.5], [-0.5, 3.0]])
DTYPES = ["float32", "float64", "complex64", "complex128"]


@pytest.fixture(scope="module")
def engine():
    return Engine("numba")


def noise(dtype="float64", shape=(9, 12), seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tensors_give_what_arrays_give(engine, dtype):
    image = noise(dtype, (2, 9, 12))
    for layout, shape in (("flat", (4, 2)), ("channel", (2, 2, 2)), ("grid", (1, 4, 2))):
        where = POSITIONS.reshape(shape)
        expected = engine.extract(image, where, 4, layout=layout)
        for given in (torch.from_numpy(where), where, where.tolist()):
            patches = engine.extract(torch.from_numpy(image), given, 4, layout=layout)
            assert isinstance(patches, torch.Tensor)
            assert str(patches.dtype) == f"torch.{dtype}"
            np.testing.assert_array_equal(patches.numpy(), expected)
    patches = engine.extract(image, torch.from_numpy(POSITIONS), 4)
    assert isinstance(patches, torch.Tensor)  # the positions decide as well


def test_nothing_is_copied_on_the_way():
    image = torch.from_numpy(noise("complex64")).requires_grad_()
    arrays = adapter_of(image)
    assert arrays.convert(image, "image") is image
    assert arrays.to_numpy(image).ctypes.data == image.data_ptr()
    assert arrays.to_numpy(image.mT).ctypes.data == image.data_ptr()
    array = np.ones((3, 4))
    assert arrays.from_numpy(array).data_ptr() == array.ctypes.data


def test_what_is_shared_is_planned_once(engine):
    image = noise("complex64")
    plans = [engine.plan(given, POSITIONS, 4) for given in (image, torch.from_numpy(image))]
    assert plans[0].peak_bytes == plans[1].peak_bytes


def test_strides_and_pending_signs_do_not_matter(engine):
    image = torch.from_numpy(noise("complex64", (12, 18)))
    tensors = (
        image[::2].mT,
        image.conj(),
        image.mH,
        image.conj().imag,
        image[None].expand(3, 12, 18),
    )
    assert tensors[1].is_conj()
    assert tensors[3].is_neg()
    for tensor in tensors:
        array = tensor.resolve_conj().resolve_neg().numpy()
        patches = engine.extract(tensor, torch.from_numpy(POSITIONS).flip(0), 4)
        assert_close(patches.numpy(), engine.extract(array, POSITIONS[::-1], 4), array)


def test_positions_of_any_real_dtype(engine):
    image = torch.from_numpy(noise())
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.int64):
        where = torch.tensor([[4, 5], [3, 6]]).to(dtype)
        expected = engine.extract(image.numpy(), [[4.0, 5.0], [3.0, 6.0]], 4)
        np.testing.assert_array_equal(engine.extract(image, where, 4), expected)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
def test_what_cannot_be_served_is_refused(engine):
    image, where = torch.from_numpy(noise()), torch.from_numpy(POSITIONS)
    for bad, message in (
        (image.to(torch.bfloat16), "dtype bfloat16"),
        (image.to(torch.int32), "dtype int32"),
        (image.to_sparse(), "sparse_coo"),
        (image.to("meta"), "on meta"),
        (torch.nested.nested_tensor([image, image[:3]]), "that is nested"),
        (image[0], r"received shape \(12,\)"),
    ):
        with pytest.raises(RequestError, match=message):
            engine.extract(bad, where, 4)
    with pytest.raises(RequestError, match="1 of 4 are NaN or infinite, the first at index 2"):
        engine.extract(image, where / torch.tensor([[1.0], [1.0], [0.0], [1.0]]), 4)
    with pytest.raises(RequestError, match="complex64"):
        engine.extract(image, where.to(torch.complex64), 4)
    with pytest.raises(OutOfBoundsError, match="leave the object"):
        engine.extract(image, where.requires_grad_(), 4, fill="error")
    with pytest.raises(RequestError, match="out: cannot receive tensors"):
        engine.extract(image, where, 4, out=np.empty((4, 4, 4)))
    with pytest.raises(RequestError, match="stream: takes NumPy arrays"):
        engine.stream(image, where, 4)
    with pytest.raises(RequestError, match="without numbers of its own"):
        torch.func.grad(lambda p: engine.extract(image, p, 4).sum())(where)


@pytest.mark.parametrize("plugin", ["numba", "jax"])
def test_positions_of_another_framework_count_as_numbers(plugin):
    """A jax object with torch positions, and the other way round."""
    jax = pytest.importorskip("jax")
    engine, image, where = Engine(plugin), noise("float32"), torch.from_numpy(POSITIONS)
    patches = engine.extract(image, POSITIONS, 4)
    ours, theirs = torch.from_numpy(image), jax.numpy.asarray(image)
    for fill in ("zeros", "edge"):
        expected = engine.extract(theirs, POSITIONS, 4, fill=fill)
        np.testing.assert_array_equal(engine.extract(theirs, where, 4, fill=fill), expected)
    expected = engine.place(jax.numpy.asarray(patches), POSITIONS, (9, 12))
    found = engine.place(jax.numpy.asarray(patches), where, (9, 12))
    np.testing.assert_array_equal(found, expected)
    where.requires_grad_()
    with pytest.raises(RequestError, match=r"positions: received a torch .* beside jax arrays"):
        engine.extract(theirs, where, 4)
    with pytest.raises(RequestError, match=r"positions: received a torch .* beside jax arrays"):
        engine.place(jax.numpy.asarray(patches), where, (9, 12))
    with pytest.raises(RequestError, match=r"positions: received a jax .* beside torch arrays"):
        jax.jit(lambda places: engine.extract(ours, places, 4))(POSITIONS)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_an_object_on_the_gpu_is_refused_by_a_plugin_of_the_cpu(engine):
    with pytest.raises(CapabilityError, match="on cuda:0"):
        engine.extract(torch.from_numpy(noise()).cuda(), POSITIONS, 4)


def test_an_object_elsewhere_is_refused(engine, monkeypatch):
    """As one on a GPU, where there is none."""
    image = torch.from_numpy(noise())
    monkeypatch.setattr(type(adapter_of(image)), "is_on_host", lambda self, array: False)
    with pytest.raises(CapabilityError, match="on numpy arrays, and received a torch"):
        engine.extract(image, POSITIONS, 4)


def test_prepared_objects_keep_their_copies(engine):
    image = torch.from_numpy(noise("complex64"))
    prepared = engine.prepare(image)
    expected = engine.extract(image.numpy(), POSITIONS, 4)
    for _ in range(2):
        np.testing.assert_array_equal(engine.extract(prepared, POSITIONS, 4), expected)


ALONE = """
import sys
import torch
from ptycho_engine import Engine, layers
from ptycho_engine.layers.torch import ExtractPatches
Engine("numba").extract(torch.ones(9, 9), [[4.0, 4.0]], 4)
ExtractPatches(4)([torch.ones(1, 9, 9), torch.ones(1, 1, 2)])
print(*{"tensorflow", "keras", "jax"} & sys.modules.keys())
"""


@pytest.mark.slow
def test_nothing_but_torch_is_imported():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
