"""What legacy functions took from global parameters: N, gridsize and the flags."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from ...errors import CompatError
from .flags import XLA_KEYS, XLA_OFF, compiles_operators, select
from .keys import KEYS
from .precedence import Legacy, gather
from .resolution import warn_compat


def legacy_values(config: Any = None) -> Legacy:
    """Gather what holds for one call: `config`, then ``ptycho.params``, then the environment.

    Parameters
    ----------
    config : object or mapping, optional
        A legacy dataclass instance or dictionary.

    Returns
    -------
    Legacy
        The parameters that the functions here use. ``ptycho.params`` is read only if the program
        has imported it; it is never imported.
    """
    how: dict[str, Any] = {"environ": os.environ}
    if isinstance(config, Mapping):
        how["params"] = {**_installed(), **{k: v for k, v in config.items() if v is not None}}
    else:
        how |= {"dataclass": config, "params": _installed()}
    return gather(**how)


def _installed() -> dict[str, Any]:
    """Return the parameters of a PtychoPINN that is imported already, else nothing.

    A switch that stands as legacy code has it unasked is nobody's choice.
    """
    cfg = getattr(sys.modules.get("ptycho.params"), "cfg", None)
    if not isinstance(cfg, Mapping):
        return {}
    used = {"N", "gridsize", *XLA_KEYS} | {key.name for key in KEYS if key.target == "plugin"}
    return {key: cfg[key] for key in used if key in cfg and cfg[key] is not XLA_KEYS.get(key)}


def size(name: str, value: int | None, config: Any = None) -> int:
    """Return N or gridsize for one call.

    Parameters
    ----------
    name : {"N", "gridsize"}
        Which.
    value : int or None
        The argument; None looks further.
    config : object or mapping, optional
        As for `legacy_values`.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    CompatError
        If nothing says it, or it is no integer above zero.
    """
    found = value if value is not None else legacy_values(config).values.get(name)
    if found is None:
        raise CompatError(
            f"{name}: not given, not in config, and ptycho.params is not imported. Pass {name}=, "
            "or config= with a legacy configuration."
        )
    try:
        number = int(found)
    except (TypeError, ValueError):
        number = 0
    if number < 1 or number != found:
        raise CompatError(f"{name}: received {found!r}. Expected an integer above zero.")
    return number


def plugin(config: Any = None) -> str | None:
    """Return the plugin that the legacy flags mean, None for the default; warn if XLA is off."""
    selection = select(_switches(config))
    if selection.xla_off:
        warn_compat(XLA_OFF.format(plugin=selection.plugin))
    return selection.plugin


def use_xla(config: Any = None) -> bool:
    """Whether translation runs compiled by XLA; warn if legacy code would take its fallback."""
    values = _switches(config)
    if values.get("use_xla_translate") is False:
        warn_compat(XLA_OFF.format(plugin="plain TensorFlow"))
    return compiles_operators(values)


def _switches(config: Any) -> dict[str, Any]:
    """Return the values that hold for one call; warn of switches that are set and overridden."""
    legacy = legacy_values(config)
    for conflict in legacy.conflicts:
        if conflict.key in XLA_KEYS:
            warn_compat(f"Legacy settings disagree. {conflict}")
    return legacy.values
