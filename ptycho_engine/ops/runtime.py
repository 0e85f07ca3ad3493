"""TensorFlow made ready for its first operation; unlike its neighbours, imports it on use only."""

from __future__ import annotations

import os
from functools import lru_cache

from ..arrays.forks import refuse_after_fork

#: Where a system shows that there is a GPU for TensorFlow: NVIDIA's, AMD's, under WSL.
GPU_NODES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")


def prepare_tensorflow() -> None:
    """Make TensorFlow ready, or refuse. Plugins call this before they import anything of it.

    Raises
    ------
    ForkedProcessError
        In a fork of a process that used TensorFlow, where computing would hang.
    """
    refuse_after_fork()
    _let_memory_grow()


def device_memory() -> int | None:
    """Bytes that TensorFlow may still take of the GPU that it computes on.

    Returns
    -------
    int or None
        None where it computes on the CPU. Imports TensorFlow only on a machine with a GPU.
    """
    if not _some_exist(GPU_NODES):
        return None
    prepare_tensorflow()
    limit = _device_limit()
    if limit is None:
        return None
    import tensorflow as tf

    return max(0, limit - int(tf.config.experimental.get_memory_info("GPU:0")["current"]))


@lru_cache(maxsize=8)  # every plan asks, and a look at the disk takes as long as all else of it
def _some_exist(paths: tuple[str, ...]) -> bool:
    return any(map(os.path.exists, paths))


@lru_cache(maxsize=1)
def _device_limit() -> int | None:
    """Bytes that TensorFlow takes of the first GPU at most, after what others had taken."""
    import tensorflow as tf
    from tensorflow.python.client import device_lib

    if not tf.config.list_logical_devices(
        "GPU"
    ):  # also begins, so that memory grows as it was told
        return None
    found = [
        device.memory_limit
        for device in device_lib.list_local_devices()
        if device.device_type == "GPU"
    ]
    return int(found[0]) if found else None


@lru_cache(maxsize=1)
def _let_memory_grow() -> None:
    """Let TensorFlow take memory of a GPU as it needs it, rather than all; the user's word counts.

    Once TensorFlow has begun, or where the user divided a GPU, nothing can be changed any more.
    """
    if "TF_FORCE_GPU_ALLOW_GROWTH" in os.environ:
        return
    import tensorflow as tf

    for gpu in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(gpu, True)
        except (RuntimeError, ValueError):
            return
