"""TensorFlow made ready for its first operation; unlike its neighbours, imports it on use only."""

from __future__ import annotations

import os
from functools import lru_cache

from ..arrays.forks import refuse_after_fork


def prepare_tensorflow() -> None:
    """Make TensorFlow ready, or refuse. Plugins call this before they import anything of it.

    Raises
    ------
    ForkedProcessError
        In a fork of a process that used TensorFlow, where computing would hang.
    """
    refuse_after_fork()
    _let_memory_grow()


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
