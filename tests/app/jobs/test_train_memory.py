"""The memory of a training job stays within its budget, however much it writes."""

import json

import numpy as np
import pytest
from processes import run_python

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
