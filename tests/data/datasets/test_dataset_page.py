"""The page on datasets: what it shows before and after agrees, and the part of TensorFlow runs."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sybil")

from code_blocks import document, run_page

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "datasets.md"


@pytest.fixture
def names(tmp_path, monkeypatch):
    """What the examples without frameworks define, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    return run_page(PAGE, tmp_path)[0]


def test_before_is_after(names):
    scan, dataset = names["scan"], names["dataset"]
    before = names["Before"]("scan_dp.hdf5", scan.image, scan.positions)
    assert len(before) == len(dataset) == 200
    for number in range(0, 200, 7):
        for name, array in before[number].items():
            np.testing.assert_allclose(
                dataset[number][name], array, rtol=1e-5, atol=1e-4, err_msg=name
            )
    before.patterns.file.close()
    assert names["grouped"][0]["patches"].shape == (32, 32, 4)
    split = names["split"]
    assert len(split.train) > 10 < len(split.test)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_example_of_tensorflow_runs(names):
    blocks = [example.parsed for example in document(PAGE).examples()]
    (example,) = [block for block in blocks if str(block).startswith("# tensorflow")]
    exec(example, names)
    patterns, _ = next(iter(names["pipeline"]))
    assert patterns.shape == (16, 32, 32)
    assert names["batches"][0][1].shape == (16, 32, 32)
