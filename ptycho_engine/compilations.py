"""How often code was compiled in this process, for the records of a run that was slow to start."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

Traced = TypeVar("Traced", bound=Callable[..., Any])

_lock = threading.Lock()
_traces = 0


def counted(function: Traced) -> Traced:
    """Count the calls of a function that a compiler traces: it calls it once for each compilation.

    Parameters
    ----------
    function : callable
        What XLA compiles.

    Returns
    -------
    callable
        The same; the function itself is its ``__wrapped__``.
    """

    @wraps(function)
    def trace(*arguments: Any, **options: Any) -> Any:
        global _traces
        with _lock:
            _traces += 1
        return function(*arguments, **options)

    return trace  # type: ignore[return-value]


def compilation_counts() -> dict[str, int]:
    """Return how often XLA and numba have compiled something of this package in this process.

    What numba finds in its cache on disk does not count. Nothing is imported for this.
    """
    kernels = vars(sys.modules.get("ptycho_engine.native.kernels", object)).values()
    found = (getattr(kernel, "stats", None) for kernel in kernels)
    misses = (getattr(statistics, "cache_misses", {}) for statistics in found)
    return {"xla": _traces, "numba": sum(sum(each.values()) for each in misses)}
