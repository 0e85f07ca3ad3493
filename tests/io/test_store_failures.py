"""An output is whole or absent: whatever fails, no trace is left and an earlier one is kept."""

import errno
import shutil
import signal
import subprocess
import sys
import zipfile

import h5py
import numpy as np
import pytest
from written import Blocks, Plan, begin

from ptycho_engine import read_output
from ptycho_engine.errors import OutputError
from ptycho_engine.io import publishing
from ptycho_engine.io.containers import hdf5, npz
from ptycho_engine.io.containers import zarr as zarr_container

CHUNKED = ".hdf5"  # HDF5 through h5py, as chunks ask for
CONTAINERS = {
    ".npz": npz.NpzContainer,
    ".h5": hdf5.ContiguousHdf5,
    CHUNKED: hdf5.ChunkedHdf5,
    ".zarr": zarr_container.ZarrContainer,
}


class Failure(Exception):
    pass


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(*_, **__):
    raise KeyboardInterrupt


def fail(*_, **__):
    raise Failure


class Case:
    """A job of four blocks, with or without an earlier output in its place."""

    def __init__(self, folder, suffix, leading, earlier):
        self.folder, self.suffix, self.leading, self.earlier = folder, suffix, leading, earlier
        self.path = folder / f"p{suffix}"
        shape = (*leading, 8, 4, 4)
        chunks = (*(1 for _ in leading), 3, 4, 4) if suffix == CHUNKED else None
        self.plan = Plan(shape, len(leading), "f4", np.zeros((8, 2)), chunks=chunks)
        if earlier:
            self.run(value=7.0)

    def run(self, before_last=lambda: None, blocks=4, value=1.0):
        with begin(self.path, self.plan, self.earlier) as store:
            writer = Blocks(store, self.plan)
            for start in range(0, 2 * blocks, 2):
                if start == 6:
                    before_last()
                writer.write(start, start + 2, np.full((*self.leading, 2, 4, 4), value, "f4"))

    def fails(self, error, **how):
        """Run; expect `error`, and the folder as it was. Return the message."""
        with pytest.raises(error) as caught:
            self.run(**how)
        self.check_untouched()
        return str(caught.value)

    def check_untouched(self):
        names = [entry.name for entry in self.folder.iterdir()]
        assert names == ([self.path.name] if self.earlier else [])
        if self.earlier:
            with read_output(self.path) as stored:
                assert (stored.patches[...] == 7).all()


@pytest.fixture(params=[False, True], ids=["fresh", "earlier"])
def earlier(request):
    return request.param


@pytest.fixture(params=[(), (2,)], ids=["flat", "leading"])
def leading(request):
    return request.param


@pytest.fixture(params=list(CONTAINERS))
def case(request, tmp_path, monkeypatch, leading, earlier):
    monkeypatch.setattr(zarr_container, "CHUNK_BYTES", 3 * 64)  # more than one chunk
    return Case(tmp_path, request.param, leading, earlier)


def test_an_exception_between_blocks(case):
    case.fails(Failure, before_last=fail)


def test_an_interrupt_between_blocks(case):
    case.fails(KeyboardInterrupt, before_last=interrupt)


def test_an_error_of_the_system_that_is_not_ours_stays_what_it_is(case):
    message = case.fails(OSError, before_last=full_disk)
    assert str(case.path) not in message


def test_missing_blocks(case):
    message = case.fails(OutputError, blocks=3)
    total = 128 * max(1, *case.leading, 1)
    assert f"{case.path}: received {total * 6 // 8} of {total} values of 'patches'" in message


def test_no_blocks(case):
    assert "received 0 of" in case.fails(OutputError, blocks=0)


@pytest.mark.parametrize("method", ["create", "write", "finish"])
def test_a_full_disk(case, monkeypatch, method):
    monkeypatch.setattr(CONTAINERS[case.suffix], method, full_disk)
    message = case.fails(OutputError)
    assert f"{case.path}: cannot be written: No space left on device" in message
    assert "output.path" in message


@pytest.mark.parametrize("method", ["create", "write", "finish"])
def test_an_interrupt_while_writing(case, monkeypatch, method):
    def begin_then_interrupt(self, *arguments):
        original(self, *arguments)
        raise KeyboardInterrupt

    original = getattr(CONTAINERS[case.suffix], method)
    monkeypatch.setattr(CONTAINERS[case.suffix], method, begin_then_interrupt)
    case.fails(KeyboardInterrupt)


@pytest.mark.parametrize("failure", [full_disk, interrupt])
def test_a_failure_deep_inside_the_libraries(case, monkeypatch, failure):
    def inject():
        monkeypatch.setattr(zipfile._ZipWriteFile, "write", failure)
        monkeypatch.setattr(hdf5, "write_at", failure)
        monkeypatch.setattr(h5py.Dataset, "__setitem__", failure)
        monkeypatch.setattr(zarr_container, "write_all", failure)

    scratch = case.suffix == ".npz" and case.leading
    if scratch:
        monkeypatch.setattr(npz, "write_all", failure)
    expected = KeyboardInterrupt if failure is interrupt else OutputError
    case.fails(expected, before_last=(lambda: None) if scratch else inject)


def test_a_failure_of_closing_hides_nothing(case, monkeypatch):
    def discard_then_fail(self):
        original(self)
        raise Failure

    original = CONTAINERS[case.suffix].close
    monkeypatch.setattr(CONTAINERS[case.suffix], "close", discard_then_fail)
    case.fails(KeyboardInterrupt, before_last=interrupt)


@pytest.mark.parametrize(
    ("failure", "error"), [(full_disk, OutputError), (interrupt, BaseException)]
)
def test_a_failure_of_the_rename(case, monkeypatch, failure, error):
    monkeypatch.setattr(publishing, "place", failure)
    monkeypatch.setattr(publishing, "replace", failure)
    case.fails(error)


def test_something_that_appears_meanwhile_is_kept(tmp_path):
    for suffix in CONTAINERS:
        case = Case(tmp_path, suffix, (), False)
        with pytest.raises(OutputError, match="appeared there"):
            case.run(before_last=lambda case=case: case.path.write_text("theirs"))
        assert case.path.read_text() == "theirs"
        case.path.unlink()
        assert not list(tmp_path.iterdir())


def test_a_temporary_that_cannot_be_removed_is_reported(tmp_path, monkeypatch, caplog):
    case = Case(tmp_path, ".zarr", (), False)
    monkeypatch.setattr(shutil, "rmtree", full_disk)
    with pytest.raises(KeyboardInterrupt), caplog.at_level("WARNING", logger="ptycho_engine"):
        case.run(before_last=interrupt)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".p.zarr.partial-")
    assert "unfinished_output_left" in caplog.text
    assert str(left) in caplog.text


def test_nothing_stands_in_its_place_until_the_end(case):
    case.run(before_last=_hidden(case))
    with read_output(case.path) as stored:
        assert (stored.patches[...] == 1).all()


def _hidden(case):
    def look():
        assert case.path.exists() == case.earlier
        hidden = [entry.name for entry in case.folder.iterdir() if entry != case.path]
        assert len(hidden) == 1
        assert hidden[0].startswith(f".{case.path.name}.partial-")

    return look


# Regions that do not fit


@pytest.mark.parametrize(
    ("region", "shape", "words"),
    [
        (slice(2, 4), (2, 4, 4), "Expected regions in order, the next from 0"),
        (slice(0, 9), (9, 4, 4), "none beyond 8"),
        (slice(0, 2), (3, 4, 4), r"Expected shape \(2, 4, 4\)"),
        (slice(0, 2), (2, 4, 5), r"has shape \(2, 4, 5\)"),
        (slice(0, -2), (0, 4, 4), "Expected a range within 0 to 8"),
        (slice(0, 8, 2), (4, 4, 4), "Expected slices of step 1"),
        ((slice(0, 2),) * 4, (2, 2, 2, 2), "Expected at most 3"),
    ],
)
def test_regions_are_checked(tmp_path, region, shape, words):
    case = Case(tmp_path, ".npz", (), False)
    with pytest.raises(OutputError, match=words), begin(case.path, case.plan) as store:
        store.write("patches", region, np.zeros(shape, "f4"))
    case.check_untouched()


def test_the_dtype_of_values_is_checked(tmp_path):
    case = Case(tmp_path, ".npz", (), False)
    with (
        pytest.raises(OutputError, match=r"dtype float64\. Expected .* dtype float32"),
        begin(case.path, case.plan) as store,
    ):
        store.write("patches", slice(0, 2), np.zeros((2, 4, 4)))
    case.check_untouched()


# The real thing, in another process

PROGRAM = """
import resource, signal, sys
import numpy as np
from ptycho_engine.errors import OutputError
from ptycho_engine.io.store import ArraySpec, Store
folder = sys.argv[1]
for suffix in (".npz", ".h5", ".zarr"):
    for leading in ((), (2,)):
        specs = {"patches": ArraySpec((*leading, 64, 64, 64), np.dtype("c8"))}
        block = np.ones((*leading, 16, 64, 64), "c8")
        try:
            %s
            with Store.create(f"{folder}/p{suffix}", specs, overwrite=True) as store:
                for start in range(0, 64, 16):
                    lead = (slice(None),) * len(leading)
                    store.write("patches", (*lead, slice(start, start + 16)), block)
                    print("block", flush=True)
                    %s
        except OutputError as error:
            print("refused", error)
"""


def test_files_that_may_not_grow(tmp_path):
    """The system refuses bytes beyond 1 MB, as a full disk does, wherever they come from."""
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.RLIM_INFINITY))"
    suffixes = (".h5", ".npz", ".zarr")
    for suffix in suffixes:
        Case(tmp_path, suffix, (), True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM % (limit, "pass"), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("refused") == 6, done.stdout
    assert done.stdout.count("File too large") == 6, done.stdout
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.h5", "p.npz", "p.zarr"]
    for suffix in suffixes:
        with read_output(tmp_path / f"p{suffix}") as stored:
            assert (stored.patches[...] == 7).all()


@pytest.mark.slow_cases(".hdf5")
@pytest.mark.parametrize("suffix", list(CONTAINERS))
def test_control_c(tmp_path, suffix):
    program = PROGRAM.replace('(".npz", ".h5", ".zarr")', f'("{suffix}",)')
    process = subprocess.Popen(
        [sys.executable, "-c", program % ("pass", "import time; time.sleep(1)"), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "block\n"
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode != 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("foreign", [False, True])
def test_what_changes_together_with_an_output_hears_of_it(tmp_path, foreign):
    """Right before it appears, and when it stands there or was kept from it."""
    path, heard = tmp_path / "p.npz", []

    class Together:
        def __enter__(self):
            heard.append(path.exists())
            if foreign:
                path.write_text("mine")

        def __exit__(self, kind, *_):
            heard.append(kind)

    store = begin(path, Plan((2, 4, 4), 0, "f4", np.zeros((2, 2))))
    with store:
        Blocks(store, Plan((2, 4, 4), 0, "f4", np.zeros((2, 2)))).write(
            0, 2, np.ones((2, 4, 4), "f4")
        )
        if foreign:
            with pytest.raises(OutputError, match="something appeared there"):
                store.publish(together=Together())
        else:
            store.publish(together=Together())
            assert path.exists()
            store.discard()
        assert heard == [False, OutputError if foreign else None]
        store.discard()
    if foreign:
        assert path.read_text() == "mine"


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".zarr"])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, suffix):
    """Two that differ in their last letter have partial folders of their own."""
    plan = Plan((2, 4, 4), 0, "f4", np.zeros((2, 2)))
    stores = [begin(tmp_path / ("n" * 248 + end + suffix), plan) for end in "ab"]
    for store in stores:
        with store:
            Blocks(store, plan).write(0, 2, np.ones((2, 4, 4), "f4"))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["n" * 248 + end + suffix for end in "ab"]


@pytest.mark.parametrize("suffix", [".h5", ".zarr"])
def test_a_run_that_resumes_leaves_what_it_finished_where_the_disk_fills(
    tmp_path, monkeypatch, suffix, earlier
):
    monkeypatch.setattr(zarr_container, "CHUNK_BYTES", 2 * 64)
    case = Case(tmp_path, suffix, (), earlier)

    def run(upto):
        with begin(case.path, case.plan, earlier, resume=True) as store:
            begun = [a for a in range(0, 8, 2) if not store.is_finished("patches", slice(a, a + 2))]
            for start in begun:
                if start == upto:
                    full_disk()
                Blocks(store, case.plan).write(start, start + 2, np.full((2, 4, 4), start, "f4"))
        return begun

    with pytest.raises(OSError, match="No space"):
        run(4)
    kept = {entry.name for entry in tmp_path.iterdir()} - {case.path.name}
    assert [name.startswith(f".p{suffix}.partial-") for name in kept] == [True]
    if earlier:
        with read_output(case.path) as stored:
            assert (stored.patches[...] == 7).all()
    assert run(None) == [4, 6]
    assert [entry.name for entry in tmp_path.iterdir()] == [case.path.name]
    with read_output(case.path) as stored:
        expected = np.repeat(np.arange(0, 8, 2), 2)[:, None, None]
        assert (stored.patches[...] == expected).all()
