"""Outputs of ours as sources: their names alone say what they hold."""

import numpy as np
import pytest

from ptycho_engine.data.datasets import stored
from ptycho_engine.data.datasets.stored import holds_patches, open_stored
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["patches", "positions"], True),
        (["Y", "coords_nn"], True),
        (["Y", "coords_nn", "patches", "positions"], True),
        (["Y", "coords_nn", "positions"], False),
        (["patches", "coords_nn"], False),
        (["positions"], False),
    ],
)
def test_what_an_output_holds_is_told_by_its_names(names, expected, tmp_path, monkeypatch):
    path, array = tmp_path / "s.h5", np.ones((3, 1, 2, 2))
    specs = {name: ArraySpec.of(array) for name in names}
    with Store.create(path, specs) as store:
        for name in names:
            store.write(name, (), array)
        store.finish(())
    with monkeypatch.context() as patch:
        patch.setattr(stored, "from_legacy", None)  # positions are not read
        assert holds_patches(path) is expected
    monkeypatch.setattr(stored, "from_legacy", lambda array: array)
    with open_stored(path) as output:
        assert ({"patches", "positions"} <= output.arrays.keys()) is expected
