"""Rows of stored arrays, in any order."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...workers import share
from .ordering import Indices

Array = NDArray[Any]
#: Copies of a chunk that reading it takes.
COPIES = 2


def take_rows(array: Any, rows: Indices, threads: int = 1) -> Array:
    """Read rows of a stored array in any order, each row that lies in it once.

    Parameters
    ----------
    array : ndarray, HDF5 dataset or Zarr array, shape (P, ...)
        The array.
    rows : ndarray of int64, shape (K,)
        Which rows.
    threads : int
        How many may read chunks of shards at a time.

    Returns
    -------
    ndarray, shape (K, ...)
    """
    if isinstance(array, np.ndarray):
        return np.asarray(array[rows])
    found, inverse = np.unique(rows, return_inverse=True)
    if getattr(array, "shards", None) is not None:
        values = _of_chunks(array, found, threads)
    elif hasattr(array, "oindex"):  # Zarr decodes each chunk once
        values = np.asarray(array.oindex[found])
    else:  # HDF5 is slow at lists of rows, and fast at runs
        runs = np.split(found, np.flatnonzero(np.diff(found) != 1) + 1) if len(found) else []
        values = np.empty((len(found), *array.shape[1:]), array.dtype)
        at = 0
        for run in runs:
            array.read_direct(values, np.s_[run[0] : run[-1] + 1], np.s_[at : at + len(run)])
            at += len(run)
    in_order = len(found) == len(rows) and bool((np.diff(rows) > 0).all())
    return values if in_order else values[inverse]


def beside_rows(array: Any, threads: int = 1) -> int:
    """Return the bytes that `take_rows` needs beside the rows: chunks in shards, as they are read.

    Other arrays are read in place, or by what their library caches.
    """
    if getattr(array, "shards", None) is None:
        return 0
    return int(threads * COPIES * math.prod(array.chunks) * array.dtype.itemsize)


def _of_chunks(array: Any, rows: Indices, threads: int) -> Array:
    """Read rows of a sharded Zarr array, in order, by the chunks that they lie in, each once.

    Zarr handles lists of rows in shards sample by sample, which takes many times their bytes.
    """
    values = np.empty((len(rows), *array.shape[1:]), array.dtype)
    chunk = array.chunks[0]
    starts = np.flatnonzero(np.diff(rows // chunk, prepend=-1)).tolist()

    def read(part: slice) -> None:
        first = int(rows[part.start]) // chunk * chunk
        values[part] = np.asarray(array[first : first + chunk])[rows[part] - first]

    share(read, map(slice, starts, [*starts[1:], len(rows)]), threads)
    return values
