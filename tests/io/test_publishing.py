"""Publishing: one operation, which replaces nothing that it was not told to replace."""

import errno
import os
import stat
import threading

import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.errors import OutputError
from ptycho_engine.io import publishing
from ptycho_engine.io import store as store_module
from ptycho_engine.io.store import ArraySpec, Store

SUFFIXES = (".npz", ".h5", ".zarr")
ROUNDS = 50


def write(path, value, overwrite=False, before_publishing=lambda: None):
    arrays = {"patches": ArraySpec((3, 2), np.dtype("f4"))}
    with Store.create(path, arrays, overwrite=overwrite, configuration={"v": value}) as store:
        store.write("patches", (), np.full((3, 2), value, "f4"))
        before_publishing()


def value_of(path):
    with read_output(path) as output:
        assert len(set(np.ravel(output.patches[...]))) == 1
        assert output.configuration["v"] == output.patches[0, 0]
        return output.configuration["v"]


@pytest.fixture(params=["renameat2", "without"])
def system(request, monkeypatch):
    """A system with renameat2, and one without."""
    if request.param == "without":
        monkeypatch.setattr(publishing, "_renameat2", lambda: None)
    elif publishing._renameat2() is None:
        pytest.skip("this system has no renameat2")
    return request.param


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_of_two_publishers_one_is_refused(tmp_path, suffix, system):
    """Both have seen that nothing stands there before either publishes."""
    for number in range(ROUNDS):
        path = tmp_path / f"{number}{suffix}"
        barrier = threading.Barrier(2, timeout=30)
        refusals = []

        def job(value, path=path, barrier=barrier, refusals=refusals):
            try:
                write(path, value, before_publishing=barrier.wait)
            except OutputError as error:
                refusals.append((value, str(error)))

        threads = [threading.Thread(target=job, args=(value,)) for value in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ((loser, message),) = refusals
        assert "appeared there while this output was written" in message
        assert value_of(path) == 3 - loser
    assert len(list(tmp_path.iterdir())) == ROUNDS


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_there_is_never_a_moment_without_either(tmp_path, suffix, system):
    if suffix == ".zarr" and system == "without":
        pytest.skip("folders are exchanged by renameat2 alone")
    path = tmp_path / f"p{suffix}"
    write(path, 0)
    stop, seen = threading.Event(), set()

    def look():
        while not stop.is_set():
            seen.add(path.exists())

    thread = threading.Thread(target=look)
    thread.start()
    for value in range(1, 30):
        write(path, value, overwrite=True)
    stop.set()
    thread.join()
    assert seen == {True}
    assert value_of(path) == 29


def test_a_folder_that_cannot_be_exchanged_is_kept(tmp_path, monkeypatch):
    """As on the image layers of an overlay."""

    def invalid(*_):
        publishing.ctypes.set_errno(errno.EINVAL)
        return -1

    path = tmp_path / "p.zarr"
    write(path, 1)
    monkeypatch.setattr(publishing, "_renameat2", lambda: invalid)
    with pytest.raises(OutputError, match="cannot exchange folders in one step"):
        write(path, 2, overwrite=True)
    assert value_of(path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.zarr"]
    write(tmp_path / "q.zarr", 2)
    write(tmp_path / "q.npz", 2)
    write(tmp_path / "q.npz", 3, overwrite=True)
    assert value_of(tmp_path / "q.npz") == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_no_output_is_never_replaced(tmp_path, suffix, system):
    path = tmp_path / f"p{suffix}"

    def foreign():
        if suffix == ".zarr":
            import zarr

            zarr.create_group(str(path), attributes={"theirs": True})
        else:
            path.write_bytes(b"theirs")

    foreign()
    with pytest.raises(OutputError, match="no output of ptycho-engine"):
        write(path, 1, overwrite=True)
    if suffix == ".zarr":
        (path / "zarr.json").unlink()
        path.rmdir()
    else:
        path.unlink()
    with pytest.raises(OutputError, match="no output of ptycho-engine"):
        write(path, 1, overwrite=True, before_publishing=foreign)  # in the last moment
    assert path.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_comes_between_check_and_exchange_goes_back(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"p{suffix}"
    write(path, 1)
    rename, moved = publishing._rename_with, tmp_path / "moved"

    def swap_first(source, target, flag):
        if flag == publishing.EXCHANGE and not moved.exists():
            os.rename(target, moved)
            os.mkdir(target) if suffix == ".zarr" else target.write_bytes(b"theirs")
        return rename(source, target, flag)

    monkeypatch.setattr(publishing, "_rename_with", swap_first)
    with pytest.raises(OutputError, match="no output of ptycho-engine"):
        write(path, 2, overwrite=True)
    assert path.is_dir() if suffix == ".zarr" else path.read_bytes() == b"theirs"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_mode_of_a_replaced_output_stays(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    write(path, 1)
    places = [path, *path.rglob("*")]
    for place in places:
        place.chmod(0o750 if place.is_dir() else 0o640)
    write(path, 2, overwrite=True)
    for place in (path, *path.rglob("*")):
        expected = 0o750 if place.is_dir() else 0o640
        assert stat.S_IMODE(place.stat().st_mode) == expected, place


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_private_output_is_private_at_every_moment(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    write(path, 1)
    private = 0o700 if path.is_dir() else 0o600
    path.chmod(private)

    def look():
        (hidden,) = (entry for entry in tmp_path.iterdir() if entry != path)
        assert stat.S_IMODE(hidden.stat().st_mode) == 0o700

    write(path, 2, overwrite=True, before_publishing=look)
    assert stat.S_IMODE(path.stat().st_mode) == private
    assert value_of(path) == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_owner_that_cannot_stay_is_a_warning(tmp_path, suffix, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    path = tmp_path / f"p{suffix}"
    write(path, 1)
    if os.getuid():
        pytest.skip("only root may give a file away")
    os.chown(path, 12345, 12345)
    write(path, 2, overwrite=True)
    assert path.stat().st_uid == path.stat().st_gid == 12345
    monkeypatch.setattr(os, "chown", refuse)
    with caplog.at_level("WARNING", logger="ptycho_engine"):
        write(path, 3, overwrite=True)
    assert "output_owner_changes" in caplog.text
    assert value_of(path) == 3


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_everything_is_on_the_disk_before_it_appears(tmp_path, suffix, monkeypatch):
    path, synced = tmp_path / f"p{suffix}", set()
    fsync, publish = os.fsync, publishing.publish

    def remember(descriptor):
        status = os.fstat(descriptor)
        synced.add((status.st_dev, status.st_ino))
        fsync(descriptor)

    def publish_after_looking(source, target, is_ours):
        for place in (source, *source.rglob("*")):
            assert (place.stat().st_dev, place.stat().st_ino) in synced, place
        publish(source, target, is_ours)
        synced.clear()

    monkeypatch.setattr(os, "fsync", remember)
    monkeypatch.setattr(store_module, "publish", publish_after_looking)
    write(path, 1)
    assert synced == {(tmp_path.stat().st_dev, tmp_path.stat().st_ino)}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_after_publishing_is_no_failure_of_the_output(tmp_path, suffix, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(store_module, "sync", fail)
    write(tmp_path / f"p{suffix}", 1)
    assert value_of(tmp_path / f"p{suffix}") == 1
