"""Scan files that are damaged or made to do harm, through the whole command.

Each either gives the numbers of the original, or is refused in one line; and none of them takes
more time or memory than it may.
"""

import numpy as np
import pytest
from many_runs import Runner
from mutations import REWRITTEN, WHOLE, mutate

from ptycho_engine import read_output
from ptycho_engine.testing import reference_patches

pytestmark = pytest.mark.slow

MEBI = 2**20
BUDGET = 96 * MEBI
COMMAND = (
    "ptycho_engine.app.command", "scan=npz", "scan.path=scan.npz", "plugin=numba", "patch_size=8",
    f"memory_budget={BUDGET}", "output.picture=false", "report=false", "output.overwrite=true",
    "runner.log_level=ERROR",
)  # fmt: skip


def numbers(path):
    """Patches of a scan file by NumPy's own reader and the reference."""
    with np.load(path, allow_pickle=False) as file:
        image, x, y = (file[key] for key in ("objectGuess", "xcoords", "ycoords"))
    image = image.astype(np.result_type(image.dtype, np.float32))
    return reference_patches(image, np.stack([y, x], axis=1).astype(float), 8)


def wrong_with(run, kind, folder, expected):
    """Say what is wrong with how a run ended, if anything."""
    said = run.err.splitlines()
    if run.code is None:
        return "it took too long"
    if run.grown > 1.15 * BUDGET:
        return f"it grew by {run.grown / MEBI:.0f} MiB"
    if "Traceback" in run.err or run.code not in (0, 2):
        return "a traceback"
    if run.code == 2:
        return None if len(said) == 1 and len(said[0]) < 2000 else "no single line"
    want = numbers(folder / "scan.npz") if kind in REWRITTEN else expected
    with read_output(folder / "patches.npz") as output:
        got = np.asarray(output.patches)
    close = got.shape == want.shape and np.allclose(got, want, 1e-5, 1e-6, equal_nan=True)
    return None if close else "other numbers"


def test_damaged_files_give_the_numbers_or_one_line(tmp_path, scaled):
    scan = tmp_path / "scan.npz"
    scan.write_bytes(WHOLE[0])
    expected, found, codes = numbers(scan), [], []
    first = tmp_path / "first"
    first.mkdir()
    (first / "scan.npz").write_bytes(WHOLE[0])
    with Runner(first, *COMMAND) as runner:
        for seed in range(scaled(1500)):
            kind, data = mutate(seed)
            scan.write_bytes(data)
            run = runner.run(*COMMAND, cwd=tmp_path)
            if wrong_with(run, kind, tmp_path, expected):
                run = runner.run_afresh(*COMMAND, cwd=tmp_path)
                if wrong := wrong_with(run, kind, tmp_path, expected):
                    found.append((seed, kind, wrong, run.err[-500:]))
            codes.append(run.code)
    assert found == []
    assert min(codes.count(0), codes.count(2)) > 0.1 * len(codes)
