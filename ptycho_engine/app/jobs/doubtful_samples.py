"""Samples that are NaN or infinite: how many there are, in words and in the log.

Examples
--------
>>> print(*doubts_about_samples(object=np.array([[1, np.nan, np.inf]]), probe=None))
object: 2 of 3 samples are NaN or infinite, and so is what comes of them. Expected finite samples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...logs import get_logger

Array = np.ndarray[Any, Any]

#: Samples looked at in one go, so that the caches hold what is made of them.
STEP = 65_536


def count_not_finite(array: Array) -> int:
    """Count the samples that are NaN or infinite, in whatever order they lie, without a copy."""
    blocks: Any = np.nditer(
        array, ["external_loop", "buffered", "zerosize_ok"], order="K", buffersize=STEP
    )
    return sum(block.size - int(np.count_nonzero(np.isfinite(block))) for block in blocks)


def doubts_about_samples(**arrays: Array | None) -> tuple[str, ...]:
    """Say which arrays hold samples that are NaN or infinite; a name is what an array is called."""
    given = {name: array for name, array in arrays.items() if array is not None}
    counts = {name: count_not_finite(array) for name, array in given.items()}
    return tuple(
        f"{name}: {count:,} of {given[name].size:,} samples are NaN or infinite, and so is what "
        "comes of them. Expected finite samples."
        for name, count in counts.items()
        if count
    )


def log_samples(**arrays: Array | None) -> tuple[str, ...]:
    """Say it in the log as well."""
    doubts = doubts_about_samples(**arrays)
    for text in doubts:
        get_logger().warning("doubtful_samples", reason=text)
    return doubts
