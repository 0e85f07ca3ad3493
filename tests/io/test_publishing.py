"""Publishing: one operation, which replaces nothing that it was not told to replace."""

import errno
import os
import shlex
import shutil
import stat
import subprocess
import sys
import threading
import tracemalloc
import zipfile

import numpy as np
import pytest

from ptycho_engine import read_output
from ptycho_engine.errors import OutputError
from ptycho_engine.io import publishing
from ptycho_engine.io import store as store_module
from ptycho_engine.io.outputs import what_stands
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


@pytest.mark.slow_cases("without-", ".h5")
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


@pytest.mark.slow_cases("without-.h5", "without-.npz")
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
        write(path, 2, overwrite=True, before_publishing=lambda: pytest.fail("worked for nothing"))
    assert value_of(path) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.zarr"]
    write(tmp_path / "q.zarr", 2)
    write(tmp_path / "q.npz", 2)
    write(tmp_path / "q.npz", 3, overwrite=True)
    assert value_of(tmp_path / "q.npz") == 3


def in_namespace(mounts, program, *arguments):
    """Run a program as root of a mount namespace of its own, after some mounts."""
    shell = f"set -e\n{mounts}\nexec {sys.executable} -c {shlex.quote(program)} " + " ".join(
        shlex.quote(str(argument)) for argument in arguments
    )
    command = ["unshare", "--map-root-user", "--mount", "bash", "-c", shell]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode and ("unshare" in done.stderr or "mount:" in done.stderr):
        pytest.skip(f"no mounts here: {done.stderr}")
    assert done.returncode == 0, done.stderr
    return done.stdout


WRITE = """
import sys
import numpy as np
from ptycho_engine.errors import OutputError
from ptycho_engine.io.store import ArraySpec, Store

def write(path, value, overwrite=False):
    arrays = {"patches": ArraySpec((3, 2), np.dtype("f4"))}
    with Store.create(path, arrays, overwrite=overwrite, configuration={"v": value}) as store:
        print("begun", path)
        store.write("patches", (), np.full((3, 2), value, "f4"))
"""


def test_on_an_overlay_a_folder_of_the_image_is_kept_and_all_else_replaced(tmp_path):
    image, upper = tmp_path / "image", tmp_path / "upper"
    image.mkdir()
    for suffix in SUFFIXES:
        write(image / f"p{suffix}", 1)
    program = f"""{WRITE}
for name in "p.npz", "p.h5", "p.zarr", "new.zarr", "new.zarr":
    try:
        write(f"{{sys.argv[1]}}/{{name}}", 2, overwrite=True)
    except OutputError as error:
        print("refused", error)
"""
    mounts = f"""
mkdir {upper} && mount -t tmpfs none {upper}
mkdir {upper}/u {upper}/w {upper}/m
mount -t overlay none -o lowerdir={image},upperdir={upper}/u,workdir={upper}/w,userxattr {upper}/m
trap 'ls -A {upper}/m' EXIT
"""
    lines = in_namespace(mounts, program, upper / "m").splitlines()
    begun = [line.rpartition("/")[2] for line in lines if line.startswith("begun")]
    assert begun == ["p.npz", "p.h5", "new.zarr", "new.zarr"]
    (refusal,) = (line for line in lines if line.startswith("refused"))
    assert "p.zarr: this file system cannot exchange folders in one step" in refusal
    assert value_of(image / "p.zarr") == 1


def test_a_scan_is_known_by_another_name_too(tmp_path):
    """As names are that differ in case alone where case does not count: two names, one file."""
    for suffix in SUFFIXES:
        (tmp_path / "here").mkdir(exist_ok=True)
        write(tmp_path / "here" / f"scan{suffix}", 1)
    (tmp_path / "there").mkdir()
    program = """
import sys
from pathlib import Path
from ptycho_engine.errors import OutputError
from ptycho_engine.io.targets import check_output
here, there = Path(sys.argv[1], "here"), Path(sys.argv[1], "there")
for target, source in (
    ("scan.npz", "scan.npz"), ("scan.h5", "scan.h5"), ("scan.zarr", "scan.zarr"),
    ("scan.zarr", "scan.zarr/patches/c/0/0"),
):
    try:
        check_output(there / target, True, [here / source])
    except OutputError as error:
        print(error)
"""
    mounts = f"mount --bind {tmp_path}/here {tmp_path}/there"
    lines = in_namespace(mounts, program, tmp_path).splitlines()
    assert len(lines) == 4
    assert all("is the input itself" in line for line in lines)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_without_hard_links_a_file_takes_its_place_all_the_same(
    tmp_path, suffix, number, monkeypatch
):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    path = tmp_path / f"p{suffix}"
    monkeypatch.setattr(publishing, "_renameat2", lambda: None)
    monkeypatch.setattr(os, "link", refuse)
    write(path, 1)
    assert value_of(path) == 1
    path.unlink()
    with pytest.raises(OutputError, match="something appeared there"):
        write(path, 2, before_publishing=lambda: path.write_text("theirs"))
    assert path.read_text() == "theirs"
    path.unlink()
    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OutputError, match="cannot be written"):
        write(path, 3)
    assert list(tmp_path.iterdir()) == []


def test_without_renameat2_a_kill_leaves_no_empty_folder(tmp_path, monkeypatch):
    """Nothing stands in the place before the folder that belongs there."""
    path, seen = tmp_path / "p.zarr", []
    rename = os.rename

    def look(source, target):
        seen.append(path.exists())
        rename(source, target)

    monkeypatch.setattr(publishing, "_renameat2", lambda: None)
    monkeypatch.setattr(os, "rename", look)
    write(path, 1)
    assert seen[0] is False
    for kind in ("mkdir", "touch"):
        other = tmp_path / f"{kind}.zarr"
        with pytest.raises(OutputError, match="something appeared there"):
            write(other, 2, before_publishing=getattr(other, kind))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_lease_that_lives_on_under_another_name_is_no_litter(tmp_path, suffix, monkeypatch):
    """A network file system keeps an open file in its folder, which can then not be removed."""
    rmtree, kept = shutil.rmtree, []

    def as_on_nfs(folder, **how):
        opened = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
        lease = folder / "lease.json"
        if str(lease) in opened:
            for entry in folder.iterdir():
                if entry != lease:
                    rmtree(entry) if entry.is_dir() else entry.unlink()
            kept.append(lease.rename(folder / ".nfs0001"))
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        rmtree(folder, **how)

    monkeypatch.setattr(shutil, "rmtree", as_on_nfs)
    write(tmp_path / f"p{suffix}", 1)
    assert len(kept) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [f"p{suffix}"]


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_what_becomes_a_pipe_is_not_waited_for(tmp_path, suffix):
    path = tmp_path / f"p{suffix}"
    with pytest.raises(OutputError, match="no output of ptycho-engine"):
        write(path, 1, overwrite=True, before_publishing=lambda: os.mkfifo(path))
    assert path.is_fifo()
    assert "is not of this run" in what_stands(path, "run")
    with pytest.raises(OutputError, match="a device, socket or pipe"):
        write(path, 1, overwrite=True)


def test_a_bomb_is_no_output(tmp_path):
    """Names of our records, and 64 MiB of zeros behind each."""
    path = tmp_path / "p.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("geometry", "configuration", "provenance"):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                for _ in range(1024):
                    member.write(bytes(2**16))
    tracemalloc.start()
    with pytest.raises(OutputError, match="no output of ptycho-engine"):
        write(path, 1, overwrite=True)
    assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    tracemalloc.stop()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_where_the_owner_cannot_stay_the_group_does(tmp_path, suffix, monkeypatch, caplog):
    path, asked = tmp_path / f"p{suffix}", set()
    write(path, 1)
    path.chmod(0o770 if path.is_dir() else 0o660)
    stat_of = type(path).stat

    def of_another(self, **how):
        found = stat_of(self, **how)
        if self == path:
            values = list(found)
            values[stat.ST_UID], values[stat.ST_GID] = 12345, 12346
            found = os.stat_result(values)
        return found

    def chown(place, owner, group):
        if owner == 12345:
            raise PermissionError(errno.EPERM, "Operation not permitted")
        asked.add((owner, group))

    monkeypatch.setattr(type(path), "stat", of_another)
    monkeypatch.setattr(os, "chown", chown)
    with caplog.at_level("WARNING", logger="ptycho_engine"):
        write(path, 2, overwrite=True)
    assert asked == {(-1, 12346)}
    assert "was='12345:12346, mode" in caplog.text
    assert stat.S_IMODE(os.stat(path).st_mode) == (0o770 if path.is_dir() else 0o660)


def test_a_mode_that_cannot_be_had_costs_no_result(tmp_path, monkeypatch, caplog):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    write(tmp_path / "p.npz", 1)
    monkeypatch.setattr(os, "chmod", refuse)
    with caplog.at_level("WARNING", logger="ptycho_engine"):
        write(tmp_path / "p.npz", 2, overwrite=True)
    assert "Operation not permitted" in caplog.text
    assert value_of(tmp_path / "p.npz") == 2


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
        if flag == publishing.EXCHANGE and target == path and not moved.exists():
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
