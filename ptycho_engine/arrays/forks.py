"""TensorFlow and jax in forked processes: their threads do not come along, and whoever waits hangs.

NumPy and numba work there, so that only what computes in TensorFlow or in jax asks.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ..errors import ForkedProcessError


def refuse_after_fork() -> None:
    """Refuse to compute with a TensorFlow that was started in another process.

    Raises
    ------
    ForkedProcessError
        If this process was forked from one where TensorFlow had begun to compute, or was being
        imported.
    """
    if _inherited:
        raise ForkedProcessError(
            f"TensorFlow was started in another process, of which this one ({os.getpid()}) is a "
            "fork; its threads do not live here, and computing would hang. Start workers with "
            'multiprocessing.get_context("spawn") (or joblib\'s "loky"), fork before TensorFlow '
            'is first used, or choose the plugin "numba" and NumPy arrays.'
        )


def refuse_jax_after_fork() -> None:
    """Refuse to compute with a jax that was started in another process; raises likewise."""
    if _jax_inherited:
        raise ForkedProcessError(
            f"jax was started in another process, of which this one ({os.getpid()}) is a fork; its "
            "threads do not live here, and computing would hang. Start workers with "
            'multiprocessing.get_context("spawn"), fork before jax is first used, or choose the '
            'plugin "numba" and NumPy arrays.'
        )


def runs_elsewhere(tasks: str | Path = "/proc/self/task") -> bool:
    """Tell whether TensorFlow was started, or is being imported, by threads of another process.

    Parameters
    ----------
    tasks : path
        The folder where Linux lists the threads of this process.

    Returns
    -------
    bool
        Whether this is so; False where no threads are listed.
    """
    if not (_is_started() or _is_half_imported()):
        return False
    names = [path.read_text() for path in Path(tasks).glob("*/comm")]
    if _is_half_imported():  # by a thread that did not come along
        return len(names) == 1
    return bool(names) and not any(name.startswith("tf_") for name in names)


def _is_started() -> bool:
    """Tell whether TensorFlow has initialised its context: from then on it has threads."""
    module: Any = sys.modules.get("tensorflow.python.eager.context")
    context = getattr(module, "_context", None)
    return bool(getattr(context, "_initialized", False))


def _is_half_imported() -> bool:
    """Tell whether some thread is importing TensorFlow: after a fork nobody would finish that."""
    spec = getattr(sys.modules.get("tensorflow"), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _is_jax_started() -> bool:
    """Tell whether jax has found its devices: from then on it has threads."""
    return bool(getattr(sys.modules.get("jax._src.xla_bridge"), "_backends", None))


def _after_fork() -> None:
    global _inherited, _jax_inherited
    _inherited = _inherited or _is_started() or _is_half_imported()
    _jax_inherited = _jax_inherited or _is_jax_started()


#: Whether TensorFlow belongs to a process that this one is a fork of. This module may be imported
#: only after the fork, so that the threads have to tell.
_inherited = runs_elsewhere()
#: The same of jax; its threads have no names by which they could be known.
_jax_inherited = False

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
