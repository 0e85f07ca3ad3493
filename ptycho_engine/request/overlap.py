"""Arrays that share memory, with others or with themselves: what is written is read, or lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RequestError
from ..geometry.labels import plain

#: Steps that `numpy` may take to find out; the few arrays that need more count as sharing.
MOST_STEPS = 100_000

Array = NDArray[Any]


def memory_of(values: Any) -> Array | None:
    """Return the memory of an array, or of what wraps one; None for files and devices."""
    if isinstance(values, np.ndarray):
        return values
    if hasattr(values, "__array_interface__"):
        return np.asarray(values)
    data = getattr(values, "data", None)
    return data if isinstance(data, np.ndarray) else None


def share_samples(first: Array, second: Array) -> bool:
    """Tell whether some byte belongs to both arrays; interleaved ones in memory share none."""
    mapped, other = _mapped_bytes(first), _mapped_bytes(second)
    if mapped and other and mapped[0].samefile(other[0]):  # memory apart, and yet the same
        return mapped[1] < other[2] and other[1] < mapped[2]
    if not np.may_share_memory(first, second):
        return False
    try:
        return np.shares_memory(first, second, max_work=MOST_STEPS)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True


def _mapped_bytes(array: Array) -> tuple[Path, int, int] | None:
    """File that an array is mapped from, and where in it the array begins and ends."""
    whole = array
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    if not isinstance(whole, np.memmap) or whole.filename is None or not array.size:
        return None
    reach = [stride * (size - 1) for stride, size in zip(array.strides, array.shape, strict=True)]
    first = whole.offset + array.ctypes.data - whole.ctypes.data
    last = first + sum(step for step in reach if step > 0) + array.itemsize
    path = Path(whole.filename)
    return (path, first + sum(step for step in reach if step < 0), last) if path.exists() else None


def repeats_samples(array: Array) -> bool:
    """Tell whether several indices may stand for one sample, as in broadcast and sliding views."""
    steps = sorted(
        (abs(stride), size)
        for stride, size in zip(array.strides, array.shape, strict=True)
        if size > 1
    )
    reach = array.itemsize  # bytes from the first sample of what the axes so far span to its end
    for stride, size in steps:
        if array.size and stride < reach:
            return True
        reach += stride * (size - 1)
    return False


def check_memory(out: Array, what: str, other: object, samples: str) -> None:
    """Refuse an output that cannot be written to, or not without overwriting something.

    Parameters
    ----------
    out : ndarray
        The memory of the output.
    what : str
        What is read while it is written.
    other : object
        That, if it is an array in memory.
    samples : str
        What would share a sample, if the output holds one more than once.

    Raises
    ------
    RequestError
        If it is read-only, holds a sample more than once or shares memory with the other, or has
        a mask or a unit.
    """
    plain(out, "out")
    if not out.flags.writeable:
        raise RequestError("out: the array is read-only. Open or copy it writeable.")
    if repeats_samples(out):
        raise RequestError(
            f"out: received strides {out.strides} for shape {out.shape}, where several "
            f"{samples} share samples. Expected memory of its own for each. Pass "
            "numpy.empty(shape, dtype), or leave out= away."
        )
    read = memory_of(other)
    if read is not None and share_samples(out, read):
        raise RequestError(
            f"out: shares memory with the {what}, which would be overwritten while it is read. "
            f"Expected memory of its own. Pass another array, or a copy of the {what}."
        )
