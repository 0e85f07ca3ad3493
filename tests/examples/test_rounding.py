"""The measurement of what rounded positions cost."""

import importlib
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "examples/epie"


@pytest.fixture(scope="module")
def rounding():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("rounding")


def test_what_no_pattern_tells_is_taken_out(rounding):
    y, x = np.indices((32, 32)) / 32
    truth = np.exp(1j * np.sin(2 * np.pi * y) + np.cos(2 * np.pi * (x + y)))  # periodic
    moved = np.roll(truth, 1, axis=1) * np.exp(0.004j * np.arange(32)[:, None]) * (2 - 1j)
    seen = np.zeros(truth.shape, bool)
    seen[4:-4, 4:-4] = True
    aligned, error = rounding.align(moved, truth, seen)
    assert error < 0.01
    np.testing.assert_allclose(aligned[seen], truth[seen], atol=0.05)
    assert rounding.align(truth + 0.2 * truth[::-1], truth, seen)[1] > 0.02


@pytest.mark.slow
def test_patches_at_rounded_positions_are_worse(rounding, capsys):
    rounding.main(["--case", "32", "5", "--updates", "2000", "--field", "40"])
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines()[2:]]
    assert [row[3].strip() for row in rows] == ["exact, bicubic", "exact, bilinear", "rounded"]
    residuals, patches = ([float(row[i].strip(" %")) for row in rows] for i in (4, 6))
    assert residuals[2] > max(residuals[:2])
    assert patches[2] > 1.2 * max(patches[:2])
