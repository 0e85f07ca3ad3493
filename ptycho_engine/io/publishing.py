"""Publishing: a complete output takes its place in one step, and never another's.

The system either moves a file or folder to a place where nothing stands, or exchanges it with
what stands there; both are one operation, so no reader ever finds nothing, or a half.
"""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..logs import get_logger

AT_FDCWD = -100
NOREPLACE, EXCHANGE = 1, 2
#: What says that the system, or its file system, does not know an operation.
UNKNOWN = {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
#: What says that it has no hard links, or not of this file.
WITHOUT_LINKS = UNKNOWN | {errno.EPERM, errno.EMLINK}


def publish(source: Path, target: Path, is_ours: Callable[[Path], bool] | None) -> None:
    """Move an output that is complete, and on the disk, to its place.

    Parameters
    ----------
    source : Path
        The output; after a replacement, what it replaced lies there, or nothing.
    target : Path
        Its place, in the same file system.
    is_ours : callable, optional
        Tells whether what stands there may be replaced; nothing is if there is none.

    Raises
    ------
    OutputError
        If something stands there that may not be replaced, or if this file system cannot replace
        a folder in one step. Whatever stood there then stands as it was.
    OSError
        If the system refuses.
    """
    if is_ours is not None and os.path.lexists(target):
        if not is_ours(target):
            raise foreign(target)
        adopt_mode(source, target)
        replace(source, target, is_ours)
        return
    try:
        place(source, target)
    except FileExistsError:
        raise OutputError(
            f"{target}: something appeared there while this output was written, and was kept. "
            "Expected nothing there. Choose another output.path, or set output.overwrite=true."
        ) from None


def write_file(
    target: Path,
    content: bytes,
    part: Path,
    is_ours: Callable[[Path], bool] | None,
    like: Path | None = None,
) -> None:
    """Write a small file, which appears whole or not at all.

    Parameters
    ----------
    target : Path
        Its place.
    content : bytes
        What it holds.
    part : Path
        Where it lies until then, in the same folder; what a killed run left there is removed.
    is_ours : callable, optional
        As of `publish`.
    like : Path, optional
        A file whose mode and owner it shall have.

    Raises
    ------
    OutputError, OSError
        As of `publish`.
    """
    part.unlink(missing_ok=True)
    mode = 0o666 if like is None else like.stat().st_mode & 0o666
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        if like is not None:
            adopt_mode(part, like)
        publish(part, target, is_ours)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def place(source: Path, target: Path) -> None:
    """Move a file or folder to where nothing stands.

    Raises
    ------
    FileExistsError
        If something stands there, since when or by whom ever.
    """
    if _rename_with(source, target, NOREPLACE):
        return
    if source.is_dir():
        _place_folder(source, target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        _claim(source, target)
        return
    with suppress(OSError):  # it stands in its place by now, whatever becomes of the other name
        os.unlink(source)


def _place_folder(source: Path, target: Path) -> None:
    """Move a folder where the system knows no other operation: it refuses all but an empty folder.

    Making that folder first would refuse it too, but a kill would then leave it there.
    """
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        raise


def _claim(source: Path, target: Path) -> None:
    """Move a file where there are no hard links: the place is taken first, by an empty file."""
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        os.replace(source, target)
    except BaseException:
        os.unlink(target)
        raise


def check_exchange(folder: Path, target: Path) -> None:
    """Refuse to replace a folder, before any work, where this could not be done in the end.

    Parameters
    ----------
    folder : Path
        A folder of ours beside the target, in which this may be tried.
    target : Path
        The folder that is to be replaced; it stays as it is.

    Raises
    ------
    OutputError
        If the file system cannot exchange folders, or this one, as those of an overlay's image.
    """
    trials = [folder / "trial-1", folder / "trial-2"]
    try:
        for trial in trials:
            trial.mkdir(exist_ok=True)  # a killed run may have left it
        if not _rename_with(trials[0], trials[1], EXCHANGE):
            raise not_exchanged(target)
        (trials[0] / "full").touch()
        try:
            # Never done, since no folder is renamed to one that is not empty; but one that cannot
            # be renamed at all is refused for that.
            os.rename(target, trials[0])
        except OSError as error:
            if error.errno == errno.EXDEV:
                raise not_exchanged(target) from None
    finally:
        for trial in trials:
            shutil.rmtree(trial, ignore_errors=True)


def replace(source: Path, target: Path, is_ours: Callable[[Path], bool]) -> None:
    """Put one in the place of the other, which goes to the place of the first.

    Raises
    ------
    OutputError
        If something else has come there, or a folder cannot be exchanged here.
    """
    if _rename_with(source, target, EXCHANGE):
        if is_ours(source):
            return
        _rename_with(source, target, EXCHANGE)  # what came there in the last moment goes back
        raise foreign(target)
    if source.is_dir():
        raise not_exchanged(target)
    os.replace(source, target)


def adopt_mode(source: Path, target: Path) -> None:
    """Give an output the permissions of what it replaces, and its owner where that is allowed."""
    old = target.stat()
    member = target / "zarr.json"
    inner = member.stat() if target.is_dir() and member.is_file() else None
    places: list[tuple[Path, os.stat_result]] = [(source, old)]
    if source.is_dir():
        for folder, folders, files in os.walk(source):
            places += [(Path(folder, name), old) for name in folders]
            places += [(Path(folder, name), inner or old) for name in files]
    try:
        for path, like in places:
            os.chmod(path, stat.S_IMODE(like.st_mode))
        _adopt_owner(places, old)
    except OSError as error:
        get_logger().warning(
            "output_owner_changes",
            path=str(target),
            was=f"{old.st_uid}:{old.st_gid}, mode {stat.S_IMODE(old.st_mode):o}",
            reason=str(error),
        )


def _adopt_owner(places: list[tuple[Path, os.stat_result]], old: os.stat_result) -> None:
    """Change owner and group; where the owner cannot be changed, the group alone, and raise."""
    now = places[0][0].stat()
    if (now.st_uid, now.st_gid) == (old.st_uid, old.st_gid):
        return

    def change(owner: int) -> None:
        for path, like in places:
            os.chown(path, owner, old.st_gid)
            os.chmod(path, stat.S_IMODE(like.st_mode))  # a change of owner clears some bits

    try:
        change(old.st_uid)
    except OSError:
        with suppress(OSError):
            change(-1)
        raise


def not_exchanged(target: Path) -> OutputError:
    """Return the error for a folder that cannot be replaced in one step."""
    return OutputError(
        f"{target}: this file system cannot exchange folders in one step, so the earlier "
        "store was kept. Expected one that can, as ext4, xfs or tmpfs do. Remove the earlier "
        "store first, or choose another output.path."
    )


def foreign(path: Path) -> OutputError:
    """Return the error for a place where something stands that is no output."""
    return OutputError(
        f"{path}: exists and is no output of ptycho-engine, so it was kept. Expected nothing "
        "there, or an output, known by its records; anything else is never replaced. Move it "
        "away, or choose another output.path."
    )


def _rename_with(source: Path, target: Path, flag: int) -> bool:
    """Call renameat2; return False where the system does not know it, or not with this flag."""
    function = _renameat2()
    if function is None:
        return False
    arguments = os.fsencode(source), AT_FDCWD, os.fsencode(target)
    if function(AT_FDCWD, *arguments, flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in UNKNOWN or (flag == EXCHANGE and number == errno.EXDEV):
        return False
    raise OSError(number, os.strerror(number), str(target))


@cache
def _renameat2() -> Callable[..., int] | None:
    library: Any = ctypes.CDLL(None, use_errno=True)
    try:
        function = library.renameat2
    except AttributeError:  # not Linux, or an old C library
        return None
    path, number = ctypes.c_char_p, ctypes.c_int
    function.argtypes = (number, path, number, path, ctypes.c_uint)
    function.restype = number
    return function  # type: ignore[no-any-return]
