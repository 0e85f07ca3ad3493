"""Keeps the native start-up messages of TensorFlow out of a command's log."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..extras import is_installed


def import_tensorflow_quietly() -> None:
    """Import TensorFlow and let it look for devices, its native messages sent nowhere.

    Its C++ code writes to standard error before any setting can reach it, which would break a log
    of one JSON object a line. Errors raised in Python come through. Without TensorFlow nothing
    happens.
    """
    if not is_installed("tensorflow"):
        return
    with _native_stderr_silenced():
        import tensorflow as tf

        tf.config.list_physical_devices()
        tf.constant(0)


def tensorflow_devices() -> dict[str, str]:
    """Name the accelerators that TensorFlow sees, as quietly; what stands in the way if it fails.

    Returns
    -------
    dict of str to str
        Such as ``{"GPU:0": "NVIDIA H100 80GB HBM3"}``; empty without TensorFlow.
    """
    if not is_installed("tensorflow"):
        return {}
    try:
        with _native_stderr_silenced():
            import tensorflow as tf

            return {
                device.name.removeprefix("/physical_device:"): str(
                    tf.config.experimental.get_device_details(device).get("device_name", "unnamed")
                )
                for device in tf.config.list_physical_devices()
                if device.device_type != "CPU"
            }
    except Exception as error:  # a report of a bug needs what fails, not to fail with it
        return {"tensorflow": f"cannot be used: {type(error).__name__}: {error}"}


@contextmanager
def _native_stderr_silenced() -> Iterator[None]:
    sys.stderr.flush()
    kept = os.dup(2)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
