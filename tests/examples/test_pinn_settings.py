"""What the example network refuses before it trains."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples/train_pinn"
SMALL = {"size": 16, "step": 3.0}


@pytest.fixture(scope="module")
def modules():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        yield {name: importlib.import_module(name) for name in ("kept", "scan", "settings")}


@pytest.mark.parametrize(
    "few",
    [
        {"points": 9},
        {"points": 40, "gridsize": 2},
        {"points": 150, "batch_size": 200},
    ],
)
def test_a_scan_that_is_too_small_is_refused(modules, few):
    settings = modules["settings"].Settings(**SMALL | few)
    with pytest.raises(SystemExit, match=f"points: received {settings.points}, .* Raise points"):
        modules["scan"].make_training_scan(settings)


def test_one_that_is_large_enough_is_divided(modules):
    settings = modules["settings"].Settings(**SMALL, points=150)
    made = modules["scan"].make_training_scan(settings)
    assert len(made.train) >= settings.batch_size
    assert len(made.test) >= 1


@pytest.mark.parametrize(
    "other",
    [
        {"gridsize": 2},
        {"learning_rate": 2e-3},
        {"photons": 1e5},
        {"seed": 1},
        {"framework": "torch"},
        {"filters": 8},
    ],
)
def test_a_run_goes_on_with_the_settings_of_its_model_alone(modules, tmp_path, other):
    kept, settings = modules["kept"], modules["settings"].Settings
    before = {"output": str(tmp_path), "resume": True}
    kept.check_kept(settings(**before))  # nothing is there yet
    kept.keep_settings(settings(**before))
    kept.check_kept(settings(**before, epochs=100, tensorboard=True, made_with="numpy"))
    ((name, value),) = other.items()
    with pytest.raises(SystemExit, match=f"was trained with {name}=.*, received {name}={value}"):
        kept.check_kept(settings(**before, **other))
    assert [path.name for path in tmp_path.iterdir()] == [kept.KEPT]
