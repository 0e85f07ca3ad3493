"""What an HDF5 library hands out: datasets, texts, small values, and what they are in Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Bytes of an attribute, or of a text, that is read.
TEXT_BYTES = 2**20


def is_dataset(found: Any) -> bool:
    """Whether what a name leads to is a dataset."""
    return hasattr(found, "read_direct")


def has_texts(dtype: np.dtype[Any]) -> bool:
    """Whether values are of any length, and so lie in heaps."""
    return bool(dtype.kind == "O")


def is_small(held: Any) -> bool:
    """Whether a dataset or an attribute, by its identifier, holds numbers or texts, and few.

    Where a damaged bit makes a text a sequence of unknown kind, the library crashes on reading it.
    """
    import h5py

    small = int(math.prod(held.shape or ())) * int(held.dtype.itemsize) <= TEXT_BYTES
    simple = (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING, h5py.h5t.ENUM)
    return small and held.get_type().get_class() in simple


def plain(value: Any) -> Any:
    """Turn what h5py returns of an attribute into a number, a text or an array of them."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    if isinstance(value, bytes):
        return value[:TEXT_BYTES].decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value
