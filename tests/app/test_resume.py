"""``output.resume=true`` on the command line: a run killed while it writes is gone on with."""

import signal
import subprocess
import sys

import numpy as np
import pytest

from ptycho_engine import read_output

#: 25 MiB in blocks of about 4 MiB: several chunks of Zarr, several lines of the journal.
JOB = [
    "plugin=numba",
    "scan.points=800",
    "scan.step=2",
    "scan.object_size=256",
    "patch_size=64",
    "memory_budget=22MiB",
    "output.picture=false",
    "report=false",
]
ALL = 800 * 64 * 64 * 8

#: The command; its first argument says after how many megabytes it is killed, in mid-write.
PROGRAM = """
import os, signal, sys
from ptycho_engine.app.command import main
from ptycho_engine.io.containers import hdf5, zarr
from zipfile import _ZipWriteFile
from ptycho_engine.io.store import Store

end = float(sys.argv.pop(1)) * 1e6
written = 0

def killed(write):
    def half(target, data, *place):
        global written
        written += len(data)
        if written > end:
            write(target, data[: len(data) // 2], *place)
            os.kill(os.getpid(), signal.SIGKILL)
        write(target, data, *place)
    return half

def write(self, name, region, values):
    original(self, name, region, values)
    print("wrote", name, values.nbytes, flush=True)

original, Store.write = Store.write, write
hdf5.write_at, zarr.write_all = killed(hdf5.write_at), killed(zarr.write_all)
_ZipWriteFile.write = killed(_ZipWriteFile.write)
sys.argv[0] = "ptycho-engine"
main()
"""


def run(folder, path, *arguments, megabytes="inf"):
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, megabytes, *JOB, f"output.path={path}", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
    )


def patches_written(done):
    """Bytes of patches that a run wrote itself."""
    return sum(int(line.split()[-1]) for line in done.stdout.splitlines() if "patches" in line)


def kill(folder, path):
    """Run and kill, after 12 of 26 MB; return the folder that it leaves."""
    assert run(folder, path, megabytes="12").returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    assert left.name.startswith(f".{path}.partial-")
    return left


def check(output, whole):
    """Compare with the output of a run that nothing interrupted, of whatever format."""
    with read_output(output) as found, read_output(whole) as expected:
        assert set(found.arrays) == set(expected.arrays) == {"patches", "positions"}
        for name in found.arrays:
            np.testing.assert_array_equal(found.arrays[name][...], expected.arrays[name][...])
        assert found.geometry == expected.geometry
    assert [entry.name for entry in output.parent.iterdir()] == [output.name]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    done = run(folder, "p.npz")
    assert done.returncode == 0, done.stderr
    assert patches_written(done) == ALL
    return folder / "p.npz"


@pytest.mark.slow
@pytest.mark.parametrize("path", ["p.h5", "p.zarr"])
def test_a_killed_run_goes_on(tmp_path, whole, path):
    left = kill(tmp_path, path)

    # Another configuration is refused, says what differs, and loses nothing.
    done = run(tmp_path, path, "output.resume=true", "interpolation=nearest")
    assert done.returncode == 2, done.stderr
    assert "configuration.interpolation was 'bilinear' and is 'nearest'" in done.stderr
    assert "output.resume=false" in done.stderr
    assert list(tmp_path.iterdir()) == [left]

    # What has no effect on the numbers may change.
    done = run(tmp_path, path, "output.resume=true", "runner.log_format=json")
    assert done.returncode == 0, done.stderr
    assert "output_resumed" in done.stderr
    assert 0 < patches_written(done) < 0.9 * ALL
    check(tmp_path / path, whole)


@pytest.mark.slow
def test_npz_says_that_it_starts_anew(tmp_path, whole):
    kill(tmp_path, "p.npz")
    done = run(tmp_path, "p.npz", "output.resume=true")
    assert done.returncode == 0, done.stderr
    assert ".npz cannot be continued as it is written, so it starts anew" in done.stderr
    assert patches_written(done) == ALL
    check(tmp_path / "p.npz", whole)
