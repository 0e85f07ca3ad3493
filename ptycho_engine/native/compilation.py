"""Compilation by numba, kept on disk where it can be: for want of a cache no run fails."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from ..errors import MissingExtraError, PluginLoadError
from ..logs import get_logger

try:
    import numba
    from numba.core.caching import FunctionCache
    from numba.core.entrypoints import init_all
except (ImportError, OSError) as error:  # OSError: a library that does not load
    if isinstance(error, ModuleNotFoundError) and error.name == "numba":
        raise MissingExtraError('numba is missing: pip install "ptycho_engine[numba]"') from error
    raise PluginLoadError(
        f"numba is installed, but cannot be imported: {type(error).__name__}: {error}. Install a "
        "version that fits this NumPy: pip install --upgrade numba; or choose another plugin."
    ) from error

if numba.config.DISABLE_JIT:
    raise PluginLoadError(
        "numba is told not to compile, and its plugin would take hours. Expected NUMBA_DISABLE_JIT "
        "to be unset or 0: unset it; to cut patches, another plugin can be chosen instead."
    )

# numba reads the metadata of all distributions when it first compiles, and stops at one that cannot
# be read; it does so once only, and needs none of it here.
with suppress(Exception):
    init_all()


class LenientCache(FunctionCache):  # type: ignore[misc]
    """numba's cache on disk, of which nothing is asked: not room, nor files that are whole."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Load compiled code; None if there is none, or none that can be used."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # a file that was cut short holds anything
            with suppress(Exception):
                self.flush()
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save compiled code, if that is possible."""
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _say_once(str(error))


def compiled(function: Callable[..., Any]) -> Any:
    """Have numba compile a function, without the GIL, and keep the code on disk if it can be."""
    dispatcher = numba.njit(nogil=True, boundscheck=False)(function)
    try:
        dispatcher._cache = LenientCache(function)  # as its `enable_caching` does
    except (RuntimeError, OSError):  # numba found no folder that it may write to
        _say_once("neither the package nor the user's cache folder can be written to")
    return dispatcher


@lru_cache  # one warning a process, whatever else cannot be kept
def _warned() -> list[str]:
    return []


def _say_once(reason: str) -> None:
    if not _warned():
        _warned().append(reason)
        get_logger().warning(
            "compiled_code_not_kept",
            reason=reason,
            effect="each process compiles anew, for some seconds",
            advice="set NUMBA_CACHE_DIR to a folder that can be written to",
        )
