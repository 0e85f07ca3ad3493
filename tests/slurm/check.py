"""What the SLURM test left behind is what it should be: ``big MADE ALONE``, or ``sweep FOLDER``."""

import json
import sys
from pathlib import Path

import numpy as np

from ptycho_engine.io.outputs import read_output


def big(made, alone):
    """The store that workers wrote together holds the bytes of one process."""
    one, other = read_output(Path(made)), read_output(Path(alone))
    for name in ("patches", "positions"):
        left, right = np.asarray(one.arrays[name]), np.asarray(other.arrays[name])
        assert left.shape == right.shape
        assert left.dtype == right.dtype
        assert left.size
        assert left.tobytes() == right.tobytes(), name
    print(f"patches {one.arrays['patches'].shape}: byte-equal")


def sweep(folder):
    """Each run told of itself from the job that it was, and the one refused is named."""
    kept = json.loads(Path(folder, "sweep.json").read_text())
    assert kept["launcher"] == "submitit_slurm"
    assert [run["outcome"] for run in kept["runs"]] == ["done", "refused", "done"]
    for run in kept["runs"]:
        if run["outcome"] == "done":
            assert Path(run["output"]).is_file()
            assert run["plugin"] == "numba"
            assert run["patches"] == len(read_output(Path(run["output"])).arrays["patches"])
    assert "refused" in Path(folder, "sweep.html").read_text()
    print(f"sweep of {len(kept['runs'])} jobs: as it should be")


if __name__ == "__main__":
    {"big": big, "sweep": sweep}[sys.argv[1]](*sys.argv[2:])
