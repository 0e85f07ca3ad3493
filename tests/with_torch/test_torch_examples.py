"""The examples in torch: ePIE finds what NumPy's finds, and the network trains."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from torch_alone import torch

EXAMPLES = Path(__file__).parents[2] / "examples"
SMALL = {"points": 150, "size": 16, "step": 3.0, "filters": 4, "batch_size": 8, "epochs": 4}
SMALL["learning_rate"] = 3e-3


@pytest.fixture(scope="module")
def epie():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES / "epie")
        yield importlib.import_module("epie")


@pytest.fixture(scope="module")
def pinn():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES / "train_pinn")
        yield importlib.import_module("train"), importlib.import_module("settings").Settings


def test_epie_finds_the_same_object(epie):
    scan = epie.simulated_scan(points=30, size=32)
    start = np.asarray(scan.probe * np.exp(0.1j), np.complex128)
    arrays = scan.simulation.patterns().astype(float), scan.positions, start
    shape = scan.image.shape
    ours = epie.reconstruct(*map(torch.from_numpy, arrays), shape, iterations=3)
    theirs = epie.reconstruct(*arrays, shape, iterations=3)
    assert ours.object.dtype == torch.complex128
    np.testing.assert_allclose(ours.object.numpy(), theirs.object, atol=1e-6)
    np.testing.assert_allclose(ours.residuals, theirs.residuals, rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("gridsize", [1, 2])
def test_the_loss_of_the_network_falls(pinn, tmp_path, gridsize):
    train, settings = pinn
    how = SMALL | {"framework": "torch", "gridsize": gridsize, "output": str(tmp_path)}
    found = train.run(settings(**how))
    assert found["losses"][0] > 1.3 * found["losses"][-1]
    assert (tmp_path / "object_test.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on(pinn, tmp_path):
    train, settings = pinn
    how = SMALL | {"framework": "torch"}
    whole = train.run(settings(**how | {"output": str(tmp_path / "whole")}))
    output = str(tmp_path / "parts")
    train.run(settings(**how | {"output": output, "epochs": 2}))
    parts = train.run(settings(**how | {"output": output, "resume": True}))
    np.testing.assert_allclose(parts["losses"], whole["losses"], rtol=1e-5)
