"""Who is at work in a folder: a lock that ends with its process, and a name for others to read."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

NAME = "lease.json"


@dataclass(frozen=True)
class Holder:
    """A process, known on all hosts.

    Attributes
    ----------
    host : str
        Name of its machine.
    process : int
        Its number there.
    started : float
        When it started, in seconds since 1970: numbers of processes are used again.
    """

    host: str
    process: int
    started: float

    @classmethod
    def own(cls) -> Holder:
        """Return this process."""
        process = psutil.Process()
        return cls(socket.gethostname(), process.pid, process.create_time())

    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether it runs on this machine."""
        try:
            return bool(abs(psutil.Process(self.process).create_time() - self.started) < 1)
        except psutil.Error:
            return False

    def __str__(self) -> str:
        return f"process {self.process} on {self.host}"


class LeaseHeldError(Exception):
    """The folder is another's: of a process that runs, or of another machine."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(str(holder or "another process"))
        self.holder = holder


class Lease:
    """The right to write in a folder, from `take` to `release`, or to the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, folder: Path) -> Lease:
        """Take the lease of a folder; one whose process has ended on this machine is taken over.

        Raises
        ------
        LeaseHeldError
            If it is held by a running process, or by another machine, running or not.
        FileNotFoundError
            If there is no such folder, or no more.
        """
        path = folder / NAME
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            holder = _read(descriptor)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LeaseHeldError(holder) from None
            except OSError:  # a file system without locks: the name alone decides
                if holder and holder.is_alive():
                    raise LeaseHeldError(holder) from None
            holder = _read(descriptor)
            if holder and not holder.is_here():
                raise LeaseHeldError(holder)
            # Whoever held it a moment ago may have removed the folder.
            if not os.path.samestat(os.fstat(descriptor), path.stat()):
                raise FileNotFoundError(path)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(asdict(Holder.own())).encode(), 0)
        except BaseException:
            os.close(descriptor)
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _read(descriptor: int) -> Holder | None:
    """Return who wrote a lease; None where a process ended before it could."""
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (ValueError, TypeError):
        return None
