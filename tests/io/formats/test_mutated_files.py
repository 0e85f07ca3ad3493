"""Files of every format that are cut, changed in some bits or random: an error, or what they hold.

Each is read in a process apart, since what a library does with a damaged file has no end. What is
read of it equals what h5py, zarr or NumPy alone find under the same name.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from beamline_files import detector_master, ptyr
from judging import Judge
from mutations import bits, block, shifted, truncated
from whole_scan import WRITERS, full

from ptycho_engine.io.scan_files import write_scan

pytestmark = pytest.mark.slow

CLEAR = ("InputFileError", "MemoryBudgetError")
#: What writes a file of a format that only reads.
OTHERS = {
    ("ptyr", ".ptyr"): ptyr,
    ("mat", ".mat"): lambda path: scipy.io.savemat(
        path, {"object": full().image, "positions": full().positions, "dp": np.ones((8, 8, 5))}
    ),
    ("dectris", ".h5"): lambda path: detector_master(path.parent, (5,)).rename(path),
}


def random(data, rng):
    return rng.bytes(rng.integers(1, 3000))


def random_after_its_beginning(data, rng):
    kept = min(len(data), int(rng.integers(8, 200)))
    return data[:kept] + rng.bytes(len(data) - kept)


KINDS = (truncated, bits, bits, block, shifted, random, random_after_its_beginning)


@pytest.fixture(scope="module")
def judged():
    judged = Judge()
    yield judged
    if judged.process is not None:
        judged._end()


@pytest.mark.parametrize(("name", "suffix"), [*WRITERS, *OTHERS])
def test_damaged_files_end_in_an_error_or_what_they_hold(tmp_path, scaled, judged, name, suffix):
    original, path = tmp_path / "original", tmp_path / "there" / f"scan_para{suffix}"
    original.mkdir()
    if (name, suffix) in OTHERS:
        OTHERS[name, suffix](original / path.name)
    else:
        write_scan(original / path.name, full(), name)
    wholes = sorted(entry for entry in original.rglob("*") if entry.is_file())
    outcomes, wrong = [], []
    for seed in range(scaled(200)):
        rng = np.random.default_rng(seed)
        shutil.rmtree(path.parent, ignore_errors=True)
        shutil.copytree(original, path.parent)
        damaged = path.parent / wholes[rng.integers(len(wholes))].relative_to(original)
        kind = KINDS[seed % len(KINDS)]
        damaged.write_bytes(bytes(kind(bytearray(damaged.read_bytes()), rng)))
        partner = Path(path.parent, path.name.replace("para", "dp"))
        outcome, said = judged(name, path, partner if partner.exists() else None)
        if outcome not in (*CLEAR, "read") or "\n" in str(said) or len(str(said)) > 2000:
            wrong.append((seed, kind.__name__, damaged.name, outcome, said))
        outcomes.append(outcome)
    assert wrong == []
    assert {"InputFileError", "read"} <= set(outcomes)
