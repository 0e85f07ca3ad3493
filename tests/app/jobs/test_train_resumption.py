"""What a resumed run goes on with: the same files, all of them; and what it finds finished."""

import dataclasses
import os
from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr
from events import logged

from ptycho_engine import read_output
from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import train
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.app.jobs.training_output import Filling, GroupBlocks
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.errors import InputFileError, OutputError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, write_scan
from ptycho_engine.io.store import Store

POINTS, SIZE = 60, 12
RNG = np.random.default_rng(5)
OBJECT = np.exp(1j * RNG.normal(size=(70, 80))).astype(np.complex64)
POSITIONS = RNG.uniform(15, 55, (POINTS, 2))
PATTERNS = RNG.uniform(0.5, 2, (POINTS, SIZE, SIZE)).astype(np.float32)
PROBE = np.ones((SIZE, SIZE), np.complex64)
SCAN = Scan(
    OBJECT,
    POSITIONS,
    "memory",
    PROBE,
    Patterns.of(PATTERNS, "amplitude"),
    pixel_size=(1e-8, 1e-8),
    mask=np.ones((SIZE, SIZE), bool),
)


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Make jobs of three blocks each, which are resumed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(train, "plan_blocks", lambda *_: GroupBlocks(16, 0))

    def make(scan, output="t.zarr", options=None, **more):
        groups = GroupSettings(members=4, count=48, seed=3)
        source = ScanSource("file", Path(scan), options or {})
        more = {"plugin": "numba", "picture": False, "report": False, "resume": True} | more
        return TrainingJob(source, groups, Path(output), **more)

    return make


def cut_short(job):
    """Run a job whose disk is full after a block: what a killed run leaves, in this process."""

    def failing(blocks, _):
        yield next(blocks)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        train.run(job, progress=failing)
    assert not job.output.exists()


def change(path, name):
    """Double an array of a file or store in its place."""
    if path.endswith(".zarr"):
        array = zarr.open_group(path, mode="r+")[name]
        array[...] = 2 * np.asarray(array[...])
        return
    with h5py.File(path, "r+") as file:
        file[name][...] = 2 * file[name][...]


@pytest.mark.parametrize(
    ("named", "written", "changed", "array", "words"),
    [
        ("s_para.hdf5", "pty_chi", "s_dp.hdf5", "dp", r"scan_files\.s_dp\.hdf5\.changed_ns was"),
        ("s_dp.hdf5", "pty_chi", "s_para.hdf5", "probe", r"arrays_sha256\.probe was"),
        ("s.zarr", "ptycho_engine", "s.zarr", "patterns", r"scan_files\.s\.zarr\.digest was"),
        ("s.zarr", "ptycho_engine", "s.zarr", "probe", r"arrays_sha256\.probe was"),
    ],
)
def test_another_scan_is_refused_whichever_file_of_it_changed(
    made, named, written, changed, array, words
):
    write_scan(named if written != "pty_chi" else "s_dp.hdf5", SCAN, written)
    job = made(named)
    cut_short(job)
    change(changed, array)
    with pytest.raises(OutputError, match=words):
        train.run(job)
    assert not job.output.exists()


def test_patterns_behind_a_link_are_files_of_the_scan(made):
    write_scan("s.h5", SCAN)
    with h5py.File("s.h5", "r+") as file, h5py.File("frames.h5", "w") as frames:
        place = next(name for name in ("patterns", "entry/data/patterns") if name in file)
        frames["data"] = file[place][...]
        del file[place]
        file[place] = h5py.ExternalLink("frames.h5", "data")
    job = made("s.h5")
    cut_short(job)
    change("frames.h5", "data")
    with pytest.raises(OutputError, match=r"scan_files\.frames\.h5\.changed_ns was"):
        train.run(job)


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_arrays_in_memory_are_written_once(made, monkeypatch, suffix):
    write_scan("s.h5", SCAN)
    job = made("s.h5", f"t{suffix}")
    cut_short(job)
    written, write = [], Store.write
    monkeypatch.setattr(Store, "write", lambda *given: written.append(given[1]) or write(*given))
    train.run(job)
    assert set(written) == {"patches", "patterns"}
    with read_output(job.output) as output:
        np.testing.assert_array_equal(output.arrays["probe"][...], PROBE)
        groups = output.arrays["indices"][...]
        np.testing.assert_array_equal(output.positions, POSITIONS[groups])
        np.testing.assert_array_equal(
            output.arrays["patterns"][...], np.moveaxis(PATTERNS[groups], 1, -1)
        )


# -- where the output stands already ---------------------------------------------------------


def killed_after_publishing(job, monkeypatch):
    """Leave what a kill leaves that comes right after the output has appeared."""

    def leave(store):
        store._is_open = False
        store._lease.release()

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_leave", leave)
        train.run(job)
    assert [path.name for path in Path().iterdir() if ".partial-" in path.name]


@pytest.mark.parametrize("suffix", [".zarr", ".h5", ".npz"])
def test_what_is_finished_is_left_as_it_is(made, monkeypatch, suffix):
    write_scan("s.h5", SCAN)
    job = made("s.h5", f"t{suffix}", compression="zstd" if suffix == ".zarr" else "none")
    killed_after_publishing(job, monkeypatch)
    before = os.stat(job.output)
    monkeypatch.setattr(Filling, "fill", lambda *_: pytest.fail("was made again"))
    with logged() as events:
        result = train.run(job)
    assert (result.output, result.picture, result.report) == (job.output, None, None)
    assert [event["path"] for event in events if event["event"] == "output_is_whole"] == [
        f"t{suffix}"
    ]
    assert os.stat(job.output).st_ino == before.st_ino
    assert sorted(path.name for path in Path().iterdir()) == ["s.h5", f"t{suffix}"]


def test_another_finished_output_is_refused(made):
    write_scan("s.h5", SCAN)
    job = made("s.h5")
    train.run(job)
    changed = [
        ({"mirrored": True}, r"configuration\.mirrored was False and is True"),
        ({"chunk": 8}, r"output\.chunk was 16 and is 8"),
        ({"patch_size": 10}, r"configuration\.patch_size was None and is 10; arrays\.patches"),
    ]
    for settings, words in changed:
        with pytest.raises(OutputError, match=f"a finished output that is another.*{words}"):
            train.run(dataclasses.replace(job, **settings))
    train.run(dataclasses.replace(job, memory_budget="100MiB"))
    change("s.h5", "patterns")
    with pytest.raises(OutputError, match=r"scan_files\.s\.h5\.changed_ns was"):
        train.run(job)
    with pytest.raises(OutputError, match=r"exists already\. Expected nothing there"):
        train.run(dataclasses.replace(job, resume=False))


@pytest.mark.parametrize("subcommand", ["train", "extract"])
def test_a_scan_may_be_spelt_otherwise(made, monkeypatch, subcommand):
    write_scan("s.h5", SCAN)
    Path("sub").mkdir()
    here = Path.cwd()
    more = ["gridsize=2", "groups.count=20"] if subcommand == "train" else []
    more += ["plugin=numba", "report=false", "output.picture=false", "output.resume=true"]
    assert dispatch([subcommand, "s.h5", *more, "output.path=o.h5"]) == 0
    before = os.stat("o.h5").st_ino
    assert dispatch([subcommand, str(here / "s.h5"), *more, "output.path=o.h5"]) == 0
    monkeypatch.chdir("sub")
    assert dispatch([subcommand, "../s.h5", *more, "output.path=../o.h5"]) == 0
    assert os.stat(here / "o.h5").st_ino == before
    write_scan("s.h5", SCAN)
    assert dispatch([subcommand, "s.h5", *more, "output.path=../o.h5"]) == 2


def test_what_is_no_finished_output_is_refused(made):
    write_scan("s.h5", SCAN)
    write_scan("other.h5", SCAN)
    Path("t.npz").write_text("mine")
    with pytest.raises(OutputError, match="is no output of ptycho-engine"):
        train.run(made("s.h5", "t.npz"))
    with pytest.raises(OutputError, match="is a scan, and scans are never replaced"):
        train.run(made("s.h5", "other.h5"))
    with pytest.raises(OutputError, match="is the input itself"):
        train.run(made("s.h5", "s.h5"))
    train.run(made("s.h5", "t.h5"))
    with h5py.File("t.h5", "r+") as file:
        del file.attrs["provenance"]
    with pytest.raises((OutputError, InputFileError), match="is no output of ptycho-engine"):
        train.run(made("s.h5", "t.h5"))


@pytest.mark.parametrize("subcommand", ["train", "extract"])
def test_the_command_run_again_ends_well(made, capsys, subcommand):
    write_scan("s.h5", SCAN)
    more = (
        ["gridsize=2", "groups.count=20", "output.picture=false"] if subcommand == "train" else []
    )
    more += ["plugin=numba", "report=false"]
    typed = [subcommand, "s.h5", *more, "output.path=o.h5", "output.resume=true"]
    assert dispatch(typed) == 0
    stands = {path.name: path.stat().st_mtime_ns for path in Path().iterdir()}
    first = capsys.readouterr()
    assert dispatch(typed) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "output_is_whole" in again.err
    assert {path.name: path.stat().st_mtime_ns for path in Path().iterdir()} == stands
    assert dispatch([*typed, "interpolation=bicubic"]) == 2
    assert "configuration.interpolation was 'bilinear' and is 'bicubic'" in capsys.readouterr().err
