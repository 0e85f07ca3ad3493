"""From NumPy arrays to tensors in one copy; ``tf.constant`` makes two and takes longer."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

#: Bytes; compiled code may rely on what TensorFlow's own allocator promises.
ALIGNMENT = 64


def as_tensor(array: np.ndarray[Any, Any]) -> tf.Tensor:
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
    if _has_gpu() or not array.size:
        return tf.constant(array)
    memory = np.empty(array.nbytes + ALIGNMENT, np.uint8)
    start = -memory.__array_interface__["data"][0] % ALIGNMENT
    copy = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return tf.experimental.dlpack.from_dlpack(copy.__dlpack__())


@lru_cache(maxsize=1)
def _has_gpu() -> bool:
    return bool(tf.config.list_logical_devices("GPU"))
