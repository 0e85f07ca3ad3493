"""The ePIE example: extraction and its adjoint, put together, reconstruct a scan."""

import importlib
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).parents[2] / "examples/epie/epie.py"


@pytest.fixture(scope="module")
def epie():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPT.parent)
        yield importlib.import_module("epie")


def test_object_and_probe_are_found(epie):
    scan = epie.simulated_scan(points=60, size=32)
    start = scan.probe * np.exp(0.3j * np.hypot(*np.indices(scan.probe.shape) / 32))
    amplitudes, shape = scan.simulation.patterns(), scan.image.shape
    inside = epie.scanned(scan.positions, shape, border=4)

    found = epie.reconstruct(amplitudes, scan.positions, start.astype("c8"), shape, iterations=12)

    assert found.object.dtype == np.complex64
    assert found.residuals[-1] < found.residuals[0] / 6
    before = epie.relative_error(np.ones(shape), scan.image, inside)
    assert epie.relative_error(found.object, scan.image, inside) < before / 3


def test_an_error_is_that_of_the_best_factor(epie):
    truth = np.exp(1j * np.arange(12.0).reshape(3, 4))
    whole = (slice(None), slice(None))
    assert epie.relative_error(2j * truth, truth, whole) < 1e-12
    assert epie.relative_error(truth + 0.1 * truth[::-1], truth, whole) > 0.02


def test_the_command_says_how_well(epie, tmp_path, capsys):
    picture = tmp_path / "object.png"
    epie.main(["--points=20", "--size=16", "--iterations=2", f"--picture={picture}"])
    said = capsys.readouterr().out
    assert "pass 2: residual" in said
    assert "error of the object" in said
    assert picture.read_bytes().startswith(b"\x89PNG")
