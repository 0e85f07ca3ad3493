"""``ptycho-migrate config --train``: the configuration forms the groups of the old settings."""

import numpy as np
import pytest
from ptycho_engine.migrations.cli import main

from ptycho_engine.app.command import dispatch

OLD = """\
gridsize: 2  # four at once
n_images: 30
neighbor_count: 6
n_subsample: 40
subsample_seed: 5
nphotons: 1e6
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    np.savez(
        "scan.npz", xcoords=rng.uniform(15, 45, 60), ycoords=rng.uniform(15, 45, 60),
        objectGuess=np.exp(1j * rng.normal(size=(60, 60))).astype(np.complex64),
        diff3d=np.ones((60, 8, 8), np.float32),
    )  # fmt: skip
    (tmp_path / "old.yaml").write_text(OLD)
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_the_same_groups_come_out(folder, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["config", "old.yaml", "-o", "new.yaml", "--train"])
    assert ended.value.code == 0
    text = (folder / "new.yaml").read_text()
    assert "ptycho-engine train --config-dir" in text
    assert "members: 4 # four at once" in " ".join(text.split()).replace("  ", " ")
    assert "# nphotons" in text
    assert "gridsize" not in capsys.readouterr().err
    more = ["plugin=numba", "output.picture=false", "report=false"]
    new = ["--config-dir", ".", "--config-name", "new", "scan=npz", "scan.path=scan.npz"]
    assert dispatch(["train", *new, *more, "output.path=new.npz"]) == 0
    old = ["scan.npz", "compat=legacy", "compat.params=old.yaml"]
    assert dispatch(["train", *old, *more, "output.path=old.npz"]) == 0
    with np.load("new.npz") as found, np.load("old.npz") as expected:
        np.testing.assert_array_equal(found["nn_indices"], expected["nn_indices"])
        np.testing.assert_array_equal(found["Y"], expected["Y"])


def test_settings_of_the_torch_side_leave_out_what_means_something_else(folder, capsys):
    text = "N: 8\nC: 4\nK: 6\nn_subsample: 7\nn_groups: 30\nnormalize: Batch\n"
    (folder / "old.yaml").write_text(text)
    with pytest.raises(SystemExit) as ended:
        main(["config", "old.yaml", "--train"])
    assert ended.value.code == 0
    out, err = capsys.readouterr()
    assert "subsample: 7" not in out.partition("# Left out")[0]
    assert "# n_subsample: 7  # is a factor of coordinates" in out
    assert "old.yaml: K: of PtychoPINN's torch side" in err
    assert "left out, each with its reason in the new file: n_subsample, normalize" in err
