"""Unfinished outputs beside their target: found, swept, continued, and told apart.

What is written lies in ``.NAME.partial-HASH/`` until it is published. HASH tells what it is to be,
so that only a run that would write the same can continue it.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import OutputError
from ..logs import get_logger
from .journal import Journal
from .lease import Lease, LeaseHeldError

#: How often, and with what pause, a lease is asked for before its holder is believed to stay.
ATTEMPTS, PAUSE = 10, 0.03
#: Bytes of a name that leave room for what is put around it: systems allow 255.
LONGEST = 200
#: What the name of a folder gets that is being removed.
SWEPT = ".swept-"


def partial_folder(target: Path, identity: Mapping[str, Any]) -> Path:
    """Return where an output is written that is to be what `identity` says."""
    text = json.dumps(identity, sort_keys=True).encode()
    digest = hashlib.sha256(text).hexdigest()[:12]
    return target.with_name(f"{_prefix(target)}{digest}")


def _prefix(target: Path) -> str:
    """Return what the names of all unfinished outputs of a target begin with."""
    name = os.fsencode(target.name)
    if len(name) <= LONGEST:
        return f".{target.name}.partial-"
    return f".{hashlib.sha256(name).hexdigest()[:32]}.partial-"


def others(target: Path, own: Path) -> Iterator[Path]:
    """Yield the unfinished outputs of one target, but for one's own."""
    prefix = _prefix(target)
    for path in sorted(target.parent.iterdir()):
        if path.name.startswith(prefix) and path != own and path.is_dir():
            yield path


def take(path: Path, folder: Path) -> Lease:
    """Make a folder if there is none, and take its lease.

    Raises
    ------
    OutputError
        If another run is writing there, or one of another machine was.
    """
    held: LeaseHeldError | None = None
    for _ in range(ATTEMPTS):
        folder.mkdir(exist_ok=True)
        try:
            return Lease.take(folder)
        except FileNotFoundError:  # swept in this very moment
            continue
        except LeaseHeldError as error:  # perhaps only by a run that is about to sweep it
            held = error
        time.sleep(PAUSE)
    if held:
        raise OutputError(_held(path, folder, held))
    raise OutputError(f"{path}: {folder} vanishes as often as it is made. Stop the other runs.")


def _held(path: Path, folder: Path, error: LeaseHeldError) -> str:
    if error.holder and not error.holder.is_here():
        return (
            f"{path}: {error.holder} began the same output in {folder}, and only that machine "
            "knows whether it still runs. Wait for it, or, if it has ended, remove that folder."
        )
    return (
        f"{path}: {error.holder or 'another process'} is writing the same output at this moment. "
        "Expected one run for one output. Wait for it, or choose another output.path."
    )


def sweep(target: Path, own: Path) -> None:
    """Remove what dead runs of this machine left of a target; name what another machine left."""
    for folder in others(target, own):
        try:
            lease = Lease.take(folder)
        except LeaseHeldError as error:
            if error.holder and not error.holder.is_here():
                get_logger().warning(
                    "unfinished_output_kept", path=str(folder), holder=str(error.holder)
                )
            continue
        except OSError as error:
            get_logger().warning("unfinished_output_kept", path=str(folder), reason=str(error))
            continue
        try:
            if SWEPT not in folder.name:  # else it is what was left of removing it
                report_loss(folder)
        finally:
            clear(folder, lease)


def sweep_published(target: Path) -> None:
    """Remove what a run left of a target that was killed right after its output had appeared."""
    for folder in others(target, target):
        with suppress(LeaseHeldError, OSError):
            lease = Lease.take(folder)
            if (folder / target.name).exists():  # not published: someone may go on with it
                lease.release()
            else:
                clear(folder, lease)


def clear(folder: Path, lease: Lease) -> None:
    """Remove a folder of which one has the lease, and give that back.

    A network file system keeps a file that is open, such as the lease, in its folder under a name
    of its own, so what is left then is removed once the lease is closed.
    """
    # Out of the way first, so that a run that begins here need not wait, nor loses what it writes.
    swept = folder.with_name(f"{folder.name.split(SWEPT)[0]}{SWEPT}{secrets.token_hex(4)}")
    with suppress(OSError):
        folder = folder.rename(swept)
    with suppress(OSError):
        shutil.rmtree(folder)
    lease.release()
    if folder.exists():
        remove(folder)


def report_loss(folder: Path, reason: str = "its run ended before it was published") -> None:
    """Say what is lost when a folder is swept."""
    journal = Journal.load(folder)
    finished = len(journal.lines) if journal else 0
    get_logger().warning(
        "unfinished_output_swept", path=str(folder), finished_regions=finished, reason=reason
    )


def refuse_changed(path: Path, target: Path, own: Path, identity: Mapping[str, Any]) -> None:
    """Refuse to resume where the unfinished output is to be another.

    Raises
    ------
    OutputError
        With what differs.
    """
    for folder in others(target, own):
        try:
            lease = Lease.take(folder)
        except (LeaseHeldError, OSError):  # not ours to continue, whatever it is
            continue
        lease.release()
        journal = Journal.load(folder)
        if journal is None:
            continue
        changes = "; ".join(differences(journal.identity, identity)) or "nothing that is known"
        raise OutputError(
            f"{path}: cannot be resumed, since what was begun in {folder} is another output: "
            f"{changes}. Expected the same configuration, input and versions. Change them back, "
            "or start anew with output.resume=false."
        )


def differences(begun: Any, now: Any, name: str = "") -> list[str]:
    """Return what differs between two identities, one text for each value."""
    if isinstance(begun, Mapping) and isinstance(now, Mapping):
        keys = dict.fromkeys([*begun, *now])
        return [
            line
            for key in keys
            for line in differences(
                begun.get(key), now.get(key), f"{name}.{key}" if name else str(key)
            )
        ]
    return [] if begun == now else [f"{name} was {begun!r} and is {now!r}"]


def remove(path: Path) -> None:
    """Remove a file or a folder of ours; failing that, say where it is."""
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        get_logger().warning("unfinished_output_left", path=str(path), reason=str(error))
