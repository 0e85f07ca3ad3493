"""Files of every format that are cut, changed in some bits or random: an error, or what they hold.

Each is read in a process apart, since what a library does with a damaged file has no end. What is
read of it equals what h5py, zarr or NumPy alone find under the same name.
"""

import multiprocessing
import resource
import shutil
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from beamline_files import detector_master, ptyr
from mutations import bits, block, shifted, truncated
from whole_scan import WRITERS, full

from ptycho_engine.io.scan_files import read_scan, write_scan

pytestmark = pytest.mark.slow

#: Seconds and bytes that reading may take.
SECONDS, BYTES = 30, 8 * 2**30
CLEAR = ("InputFileError", "MemoryBudgetError")
#: Where the object and the patterns lie, by format, for readers of one array.
PLACES = {
    "npz": ("objectGuess", "diff3d"), "ptychodus": ("object", None), "pty_chi": ("object", "dp"),
    "ptychodus_training": ("object", "patterns"), "ptycho_engine": ("object", "patterns"),
    "cxi": ("entry_1/image_2/data", "entry_1/instrument_1/detector_1/data"),
    "ptyd": ("info/ptycho_engine/object", "chunks/0/data"),
    "dectris": (None, "entry/data/data_000001"),
}  # fmt: skip
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


def naive(path, name):
    """Read one array by a library alone."""
    if path.is_dir():
        import zarr

        return zarr.open_group(str(path), mode="r")[name][...]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return file[name]
    import h5py

    with h5py.File(path, "r") as file:
        return file[name][...]


def judge(name, path, partner):
    """Say how reading ended: the class and text of an error, or what differs from the libraries."""
    try:
        scan = read_scan(name, path, memory_budget=2**28)
        patterns = None if scan.patterns is None else scan.patterns.read()
    except Exception as error:
        return type(error).__name__, str(error)
    image_key, patterns_key = PLACES.get(name, (None, None))
    para, dp = (path, partner) if partner is not None else (path, path)
    for key, place, found in ((image_key, para, scan.image), (patterns_key, dp, patterns)):
        if key is not None and found is not None:
            held = naive(place, key).reshape(found.shape)
            if not np.array_equal(held, found, equal_nan=held.dtype.kind in "fc"):
                return "different", key
    return "read", ""


def serve(pipe):
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    while job := pipe.recv():
        np.seterr(all="ignore")
        pipe.send(judge(*job))


class Judge:
    """A process that judges files, and another one once it ended or took too long."""

    def __init__(self):
        self.process = None

    def __call__(self, *job):
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, end = context.Pipe()
            self.process = context.Process(target=serve, args=(end,), daemon=True)
            self.process.start()
            end.close()
        self.pipe.send(job)
        try:
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return "ended", self._end()
        return "took too long", self._end()

    def _end(self):
        self.process.kill()
        self.process.join()
        code, self.process = self.process.exitcode, None
        return code


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
