"""Rows of stored arrays, in any order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ordering import Indices

Array = NDArray[Any]


def take_rows(array: Any, rows: Indices) -> Array:
    """Read rows of a stored array in any order, each row that lies in it once.

    Parameters
    ----------
    array : ndarray, HDF5 dataset or Zarr array, shape (P, ...)
        The array.
    rows : ndarray of int64, shape (K,)
        Which rows.

    Returns
    -------
    ndarray, shape (K, ...)
    """
    if isinstance(array, np.ndarray):
        return np.asarray(array[rows])
    found, inverse = np.unique(rows, return_inverse=True)
    if hasattr(array, "oindex"):  # Zarr decodes each chunk once
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
