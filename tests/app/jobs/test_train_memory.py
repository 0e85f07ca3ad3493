"""The memory of a training job stays within its budget, however much it writes."""

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from processes import run_python

from ptycho_engine import Patterns, Scan, write_scan
from ptycho_engine.app.jobs import train
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.io.scan_files import ScanSource

BUDGET = 24 * 2**20
PROGRAM = """
import json, sys
from pathlib import Path
from ptycho_engine import read_output
from ptycho_engine.app.jobs.train import TrainingJob, run
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.io.scan_files import ScanSource

budget, suffix, *counts = sys.argv[1:]
for number, count in enumerate(counts):
    groups = GroupSettings(members=4, count=int(count), strategy="random_of_k", oversampling=True)
    path = Path(f"{number}.{suffix}")
    run(TrainingJob(
        ScanSource("npz", Path("scan.npz")), groups, path, plugin="numba", keys="native",
        memory_budget=int(budget), picture=False, report=False,
    ))
    with read_output(path) as output:
        print(json.dumps(output.provenance["bytes"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["h5", "zarr", "npz"])
def test_it_does_not_grow_with_the_groups(tmp_path, suffix):
    """After a small job, one of 330 MB, from 18 MB of patterns."""
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "scan.npz", xcoords=rng.uniform(40, 90, 2000), ycoords=rng.uniform(40, 90, 2000),
        objectGuess=np.ones((128, 128), np.complex64),
        diff3d=rng.uniform(size=(2000, 48, 48)).astype(np.float32),
    )  # fmt: skip
    done = run_python("-c", PROGRAM, BUDGET, suffix, 200, 3000, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        taken = json.loads(line)
        assert 0 < taken["planned_workspace"] < BUDGET
    assert taken["peak_growth"] < BUDGET  # of the large one; the first job compiled


@pytest.mark.slow
@pytest.mark.parametrize("keys", ["native", "ptychopinn"])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_peak_is_what_is_planned_under_any_names(tmp_path, monkeypatch, keys, kind):
    """Patterns are what takes room: of PtychoPINN's, the products in double precision, too."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    patterns = Patterns.of(rng.uniform(0, 9, (64, 128, 128)).astype(kind), "amplitude")
    image = rng.normal(size=(100, 100)).astype(np.complex64)
    write_scan("s.h5", Scan(image, rng.uniform(20, 80, (64, 2)), "s", None, patterns))
    job = TrainingJob(
        ScanSource("file", Path("s.h5")), GroupSettings(members=4, count=64), Path("t.zarr"),
        patch_size=16, plugin="numba", keys=keys, chunk=32, picture=False, report=False,
        overwrite=True,
    )  # fmt: skip
    train.run(job)  # what is imported and compiled does not count
    planned = train.plan_training_job(job).blocks.held
    tracemalloc.start()
    try:
        train.run(job)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.6 * planned < peak < 1.1 * planned + 4 * 2**20
