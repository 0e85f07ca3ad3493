"""Resident memory of this process, and its peak since a moment of one's choice."""

from __future__ import annotations

import ctypes
import resource
import sys
from contextlib import suppress
from pathlib import Path

import psutil


def resident() -> int:
    """Bytes resident now."""
    return int(psutil.Process().memory_info().rss)


def give_back() -> None:
    """Hand what the allocator keeps of freed memory back to the system.

    Otherwise a later request is served from it, and the growth of the process says too little.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def reset_peak() -> bool:
    """Forget the peak so far; False where the system cannot (it is Linux that can)."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak() -> int:
    """Peak of resident bytes, since `reset_peak` where that works, else since the start."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
