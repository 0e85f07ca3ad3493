"""Legacy switches that are set where nobody heeds them: said once, so that nobody wonders."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import lru_cache

from .logs import get_logger

#: Variables of the environment that chose between XLA and plain TensorFlow.
VARIABLES = ("USE_XLA_TRANSLATE", "TF_DISABLE_XLA_TRANSLATE", "USE_XLA_COMPILE")
#: Keys of ``ptycho.params`` that did, each with what legacy code has there unasked.
KEYS = {"use_xla_translate": True, "use_xla_compile": None}


def report_unheeded(choice: str, environ: Mapping[str, str] | None = None) -> None:
    """Log each legacy switch that is set, once in a process, where it changes nothing.

    ``ptycho.params`` is looked at only if the program has imported it.

    Parameters
    ----------
    choice : str
        What chooses instead, for the log line.
    environ : mapping of str to str, optional
        Where the variables stand; ``os.environ`` by default.
    """
    found = os.environ if environ is None else environ
    for name in VARIABLES:
        if name in found:
            _say(name, f"environment: {name}={found[name]}", choice)
    params = getattr(sys.modules.get("ptycho.params"), "cfg", {})
    for key, unasked in KEYS.items():
        if params.get(key, unasked) != unasked:
            _say(key, f"ptycho.params: {key}={params[key]}", choice)


@lru_cache
def _say(name: str, source: str, choice: str) -> None:
    get_logger().warning(
        "legacy_switch_not_heeded", switch=name, source=source, instead=choice,
        heeded_by="ptycho_engine.compat",
    )  # fmt: skip
