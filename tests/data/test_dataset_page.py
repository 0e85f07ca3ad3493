"""The page on datasets says what is so: its examples run, and before and after agree."""

import re
from pathlib import Path

import numpy as np
import pytest
from toy_scans import toy_scan

from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan

PAGE = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
WITHOUT = [text for text in EXAMPLES if not text.startswith(("# torch", "# tensorflow"))]


@pytest.fixture
def names(tmp_path, monkeypatch):
    """A pair of files in the current folder, and what the examples without frameworks define."""
    monkeypatch.chdir(tmp_path)
    made = toy_scan(points=40, size=8, shape=(60, 60))
    counts = Patterns.of(np.square(made.patterns.read()), "intensity")
    positions = made.positions * 0.5 + 12
    scan = Scan(made.image, positions, "made", made.probe, counts, pixel_size=(1e-8, 1e-8))
    write_scan("scan_dp.hdf5", scan, "pty_chi")
    found = {}
    for example in WITHOUT:
        exec(compile(example, "docs/datasets.md", "exec"), found)
    return found


def test_examples_run_and_before_is_after(names):
    assert len(EXAMPLES) == len(WITHOUT) + 2 == 7
    scan, dataset = names["scan"], names["dataset"]
    before = names["Before"]("scan_dp.hdf5", scan.image, scan.positions)
    assert len(before) == len(dataset) == 40
    for number in range(40):
        for name, array in before[number].items():
            np.testing.assert_allclose(dataset[number][name], array, atol=1e-4, err_msg=name)
    before.patterns.file.close()
    assert names["grouped"][0]["patches"].shape == (8, 8, 4)
    split = names["split"]
    assert len(split.train) > 0 < len(split.test)


@pytest.mark.slow
@pytest.mark.tensorflow
def test_the_example_of_tensorflow_runs(names):
    (example,) = [text for text in EXAMPLES if text.startswith("# tensorflow")]
    exec(example, names)
    patterns, _ = next(iter(names["pipeline"]))
    assert patterns.shape == (16, 8, 8)
    assert names["batches"][0][1].shape == (16, 8, 8)
