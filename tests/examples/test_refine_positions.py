"""The example that refines positions reaches what it promises."""

import importlib
from pathlib import Path

import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
FOLDER = Path(__file__).parents[2] / "examples/refine_positions"


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield importlib.import_module("refine_positions")


def test_without_noise_positions_are_found_to_a_twentieth_of_a_pixel(example):
    measured = example.measure(points=80, size=48)
    before = example.rms(measured.believed - measured.true)
    found = example.refine(measured, steps=120)
    assert before > 1
    assert example.rms(found - measured.true) < 0.05


def test_with_noise_the_error_is_near_the_least_that_it_allows(example):
    measured = example.measure(points=80, size=48, photons=1e5)
    found = example.refine(measured, steps=120)
    least = example.bound(measured)
    assert 0.05 < least < 0.5  # there is something to reach
    assert example.rms(found - measured.true) < 2 * least


def test_the_command_says_how_well(example, tmp_path, capsys):
    picture = tmp_path / "positions.png"
    example.main(["--points=9", "--size=16", "--steps=10", "--photons=1e5", f"--picture={picture}"])
    said = capsys.readouterr().out
    assert "found: rms error" in said
    assert "bound of the noise" in said
    assert picture.read_bytes().startswith(b"\x89PNG")
