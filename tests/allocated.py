"""Bytes that this process holds, free of what an allocator keeps for later."""

import ctypes
import gc

import pytest

COUNTS = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"


class MallInfo(ctypes.Structure):
    """What glibc counts of its memory: struct mallinfo2 of its manual."""

    _fields_ = [(name, ctypes.c_size_t) for name in COUNTS.split()]


def allocated_bytes() -> int:
    """Bytes that malloc gave out and has not got back, of all arenas and mappings.

    The resident size swings by tens of MiB around a state that does not change.
    """
    try:
        mallinfo = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        pytest.skip("bytes in use are counted by glibc 2.33 and newer")
    mallinfo.restype = MallInfo
    gc.collect()
    counts = mallinfo()
    return int(counts.uordblks + counts.hblkhd)
