"""What this process may still take of memory, by everyone who has a say in it, and has taken."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

MEBI = 1024**2
#: No machine has so much: version 1 states it, rounded to pages, where there is no limit. The use
#: is not looked up then, which takes a millisecond.
UNLIMITED = 2**60
#: Files of a control group by its version: the limit, the use, and the part of the use that the
#: kernel gives back when asked, under the name of its line in ``memory.stat``.
CGROUP_FILES = {
    1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    2: ("memory.max", "memory.current", "inactive_file"),
}


def free_memory() -> int:
    """Bytes that this process may still take: the smallest of what each limit leaves.

    Returns
    -------
    int
        At least 0.
    """
    limits: tuple[Callable[[], int | None], ...] = (
        cgroup_memory,
        address_space,
        slurm_memory,
        lambda: int(psutil.virtual_memory().available),
    )
    return max(0, min(left for left in (limit() for limit in limits) if left is not None))


def cgroup_memory(root: str | Path = "/") -> int | None:
    """Bytes that the control groups of this process leave, those around its own included.

    Parameters
    ----------
    root : path
        Where ``proc/self/cgroup`` and ``sys/fs/cgroup`` lie.

    Returns
    -------
    int or None
        Of version 1 or 2, whichever leaves less; None without any limit.
    """
    left = []
    for version, folder in dict.fromkeys(_cgroup_folders(Path(root))):
        limit_file, used_file, cached_line = CGROUP_FILES[version]
        limit = _number(folder / limit_file)
        if limit is not None and limit < UNLIMITED:
            left.append(limit - _use_of(folder, used_file, cached_line))
    return min(left, default=None)


def address_space() -> int | None:
    """Bytes of address space that ``ulimit -v`` leaves to this process; None without a limit."""
    try:
        import resource
    except ImportError:  # not on every platform
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    return limit - int(psutil.Process().memory_info().vms)


def slurm_memory(environ: Mapping[str, str] = os.environ) -> int | None:
    """Bytes that the allocation by SLURM leaves on this node; None outside of one.

    Parameters
    ----------
    environ : mapping
        With ``SLURM_MEM_PER_NODE``, or ``SLURM_MEM_PER_CPU`` and ``SLURM_CPUS_ON_NODE``, in MiB;
        0 stands for all of the node.
    """

    def whole(name: str) -> int:
        text = environ.get(name, "")
        return int(text) if text.isdecimal() else 0

    mebibytes = whole("SLURM_MEM_PER_NODE")
    mebibytes = mebibytes or whole("SLURM_MEM_PER_CPU") * max(1, whole("SLURM_CPUS_ON_NODE"))
    if not mebibytes:
        return None
    return mebibytes * MEBI - int(psutil.Process().memory_info().rss)


def peak_resident_bytes() -> int:
    """Return the most memory that this process has had."""
    import resource  # not on every platform

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def forget_peak() -> None:
    """Let that peak begin anew, where the system can (Linux): one process may have many runs."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _cgroup_folders(root: Path) -> Iterator[tuple[int, Path]]:
    """Versions and folders of the groups that limit this process; containers hide some."""
    mount = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2, alone or beside version 1
            version, bases = 2, [mount, mount / "unified"]
        elif "memory" in controllers.split(","):
            version, bases = 1, [mount / "memory", mount / controllers]
        else:
            continue
        inside = Path(path.lstrip("/"))
        for base in bases:
            yield from ((version, base / folder) for folder in (inside, *inside.parents))


def _use_of(folder: Path, used_file: str, cached_line: str) -> int:
    """Bytes in use by a group, without what the kernel gives back when asked."""
    used, cached = _number(folder / used_file), _number(folder / "memory.stat", cached_line)
    return max(0, (used or 0) - (cached or 0))


def _number(file: Path, line: str = "") -> int | None:
    """Read the number of a file, or that of one of its lines; None for ``max`` or no file."""
    try:
        found = re.search(rf"^{line} ?(\d+)$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) if found else None
