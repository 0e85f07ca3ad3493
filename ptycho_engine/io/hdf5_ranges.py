"""Ranges of the patterns in an HDF5 dataset, mapped into memory where it lies in one piece."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .patterns import Ranges, fill_ranges

Array = NDArray[Any]


def fill_from(dataset: Any, ranges: Ranges, into: Array) -> None:
    """Fill an array with ranges of patterns, one after the other.

    Parameters
    ----------
    dataset : h5py.Dataset, shape (..., H, W)
        Whose values may be read. The points are counted along all axes before the last two.
    ranges : sequence of (int, int)
        Ascending, apart from each other.
    into : ndarray, shape (count, H, W)
        Contiguous, in native byte order.
    """
    mapped = mapped_values(dataset)
    if mapped is not None:
        fill_ranges(mapped.reshape(-1, *mapped.shape[-2:]), ranges, into)
        return
    leading, at = dataset.shape[:-2], 0
    inner = math.prod(leading[1:])
    for start, stop in ranges:
        if len(leading) > 1 and start % inner == 0 and stop % inner == 0:  # entries as a whole
            part = into[at : at + stop - start]
            part[...] = dataset[start // inner : stop // inner].reshape(part.shape)
            at += len(part)
            continue
        for index, count in _rows(leading, start, stop):
            part = into[at : at + count]
            if len(leading) > 1:  # read_direct takes no other rank
                part[...] = dataset[index]
            else:
                dataset.read_direct(part, index)
            at += count


def mapped_values(dataset: Any) -> Array | None:
    """Map a dataset that lies in its file in one piece, which the library reads far slower.

    Returns
    -------
    ndarray or None
        Read-only; None if it is compressed or lies in pieces, or if its numbers are stored as
        NumPy has none.
    """
    import h5py

    offset = dataset.id.get_offset()
    if offset is None or dataset.chunks is not None or dataset.is_virtual:
        return None
    path = dataset.file.filename
    whole = offset + dataset.nbytes <= os.stat(path).st_size
    if not whole or dataset.id.get_type() != h5py.h5t.py_create(dataset.dtype):
        return None
    return np.memmap(path, dataset.dtype, "r", offset, dataset.shape)


def _rows(leading: tuple[int, ...], start: int, stop: int) -> Iterator[tuple[Any, int]]:
    """Yield indices of a dataset, each with its count, that make up a range of flat points."""
    *outer, inner = leading
    while start < stop:
        first = start % inner
        last = min(inner, first + stop - start)
        yield (*map(int, np.unravel_index(start // inner, outer)), slice(first, last)), last - first
        start += last - first
