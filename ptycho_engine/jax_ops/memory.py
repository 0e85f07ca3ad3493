"""What is free where arrays of jax lie."""

from __future__ import annotations

from typing import Any

import jax


def device_memory(values: Any) -> int | None:
    """Bytes that jax may still take where `values` lie.

    Parameters
    ----------
    values : jax.Array or ndarray
        Traced ones lie on jax's default device.

    Returns
    -------
    int or None
        None on a CPU, and where the device does not tell.
    """
    known = isinstance(values, jax.Array) and not isinstance(values, jax.core.Tracer)
    device = next(iter(values.devices())) if known else jax.devices()[0]
    statistics = None if device.platform == "cpu" else device.memory_stats()
    if not statistics or "bytes_limit" not in statistics:
        return None
    return max(0, int(statistics["bytes_limit"]) - int(statistics.get("bytes_in_use", 0)))
