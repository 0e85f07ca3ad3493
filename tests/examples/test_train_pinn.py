"""The example network trains, goes on after a stop, and does not depend on how it is computed."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.slow]
FOLDER = Path(__file__).parents[2] / "examples/train_pinn"
SMALL = {"points": 150, "size": 16, "step": 3.0, "filters": 4, "batch_size": 8, "epochs": 4}
SMALL["learning_rate"] = 3e-3
#: By how much the loss falls in these few steps, at least.
FALL = 1.3


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train with settings, each once; returns the folder and what the run found."""
    runs = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER)
        train, settings = map(importlib.import_module, ("train", "settings"))

        def run(**given):
            key = tuple(sorted(given.items()))
            if key not in runs:
                folder = given.get("output") or str(tmp_path_factory.mktemp("run"))
                how = settings.Settings(
                    **SMALL | {"jit_compile": False} | given | {"output": folder}
                )
                runs[key] = Path(folder), train.run(how)
            return runs[key]

        yield run


@pytest.mark.parametrize("gridsize", [1, 2])
def test_the_loss_falls_and_everything_is_written(trained, gridsize):
    folder, found = trained(gridsize=gridsize)
    assert found["losses"][0] > FALL * found["losses"][-1]
    assert json.loads((folder / "figures.json").read_text()) == found
    for name in ("train", "test"):
        assert (folder / f"object_{name}.png").read_bytes().startswith(b"\x89PNG")
        assert np.load(folder / f"object_{name}.npz")["seen"].any()


def close(ours, theirs):
    """Losses within 1%, figures within 2%."""
    np.testing.assert_allclose(ours["losses"], theirs["losses"], rtol=0.01)
    for share, figures in ours["figures"].items():
        for name, value in figures.items():
            expected = theirs["figures"][share][name]
            assert value == pytest.approx(expected, rel=0.02, abs=0.005), (share, name)


def test_xla_changes_no_figure(trained):
    close(trained(gridsize=2, jit_compile=True)[1], trained(gridsize=2)[1])


@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
def test_the_plugin_that_made_the_data_changes_no_figure(trained):
    close(trained(gridsize=1, made_with="iterative")[1], trained(gridsize=1)[1])


def test_a_run_that_was_stopped_goes_on(trained, tmp_path):
    output = str(tmp_path)
    trained(gridsize=1, epochs=2, output=output)
    _, found = trained(gridsize=1, output=output, resume=True)
    np.testing.assert_allclose(found["losses"], trained(gridsize=1)[1]["losses"], rtol=1e-4)


def test_a_run_does_not_go_on_with_other_settings(trained, tmp_path):
    output = str(tmp_path)
    trained(gridsize=1, epochs=1, output=output)
    before = (tmp_path / "model.keras").read_bytes()
    other = {"gridsize": 2, "learning_rate": 1e-3}
    with pytest.raises(SystemExit, match=r"gridsize=1 learning_rate=0\.003, received gridsize=2"):
        trained(**other, output=output, resume=True)
    assert (tmp_path / "model.keras").read_bytes() == before


def test_a_saved_model_predicts_the_same_with_xla_and_without(trained):
    import keras

    folder, _ = trained(gridsize=2, jit_compile=True)
    first, second = (keras.models.load_model(folder / "model.keras") for _ in range(2))
    rng = np.random.default_rng(0)
    batch = {
        "patterns": rng.poisson(50, (5, 16, 16, 4)).astype(np.float32),
        "positions": rng.uniform(20, 24, (5, 4, 2)),
    }
    predicted = first.predict_on_batch(batch)
    again = second.predict_on_batch(batch)
    second.compile(jit_compile=False)
    eager = second.predict_on_batch(batch)
    for name, values in predicted.items():
        np.testing.assert_array_equal(values, again[name])
        scale = np.abs(values).max()
        np.testing.assert_allclose(eager[name], values, rtol=1e-5, atol=1e-5 * scale)
