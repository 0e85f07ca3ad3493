"""From NumPy arrays to tensors in one copy or none; ``tf.constant`` makes two and takes longer."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

Array = np.ndarray[Any, Any]
#: Bytes; compiled code may rely on what TensorFlow's own allocator promises.
ALIGNMENT = 64


def as_tensor(array: Array) -> tf.Tensor:
    """Return a tensor with the values of an array, on the GPU if there is one.

    Parameters
    ----------
    array : ndarray
        In native byte order.

    Returns
    -------
    tf.Tensor
        Of the same shape and dtype; it does not follow later changes of `array`.
    """
    if has_gpu():
        return tf.constant(array)
    copy = aligned_empty(array.shape, array.dtype)
    copy[...] = array
    return adopt(copy)


def aligned_empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return memory that `adopt` takes without a copy."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


def is_aligned(array: Array) -> bool:
    """Tell whether an array lies as `adopt` asks for."""
    aligned = array.__array_interface__["data"][0] % ALIGNMENT == 0
    return aligned and bool(array.flags.c_contiguous)


def adopt(array: Array) -> tf.Tensor:
    """Return an array of `aligned_empty` as a tensor; it must not be written to any more."""
    if has_gpu() or not array.size:
        return tf.constant(array)
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


@lru_cache(maxsize=1)
def has_gpu() -> bool:
    """Tell whether TensorFlow computes on a GPU."""
    return bool(tf.config.list_logical_devices("GPU"))
