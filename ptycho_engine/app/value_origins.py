"""Where each value of a configuration comes from: what was typed, a file, or a default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .schema import SCHEMAS

#: Keys that say which choice of a group was made.
CHOOSING = ("name", "format", "kind", "mode")


def value_origins(settings: Any, typed: Sequence[str], config_name: str | None) -> dict[str, str]:
    """Say where the values of some settings come from.

    Parameters
    ----------
    settings : dataclass
        The settings of a run, as its schema has them.
    typed : sequence of str
        The overrides of the command line, ``key=value``.
    config_name : str or None
        The configuration that was chosen.

    Returns
    -------
    dict of str to str
        By key, with dots: every value that a configuration sets.
    """
    given = {text.lstrip("+~").partition("=")[0]: text for text in typed}
    ours = config_name is None or config_name in SCHEMAS
    otherwise = "default" if ours else f"configuration {config_name!r}, or its defaults"
    return {key: _origin(key, given, otherwise) for key in _keys(asdict(settings), "")}


def _origin(key: str, given: Mapping[str, str], otherwise: str) -> str:
    """Return what was typed for a key, or for what holds it."""
    group, _, name = key.partition(".")
    if key in given:
        return f"command line: {given[key]}"
    if name and group in given:
        chosen = f"command line: {given[group]}"
        return (
            chosen if name in ("name", "format", "kind", "mode") else f"default of {given[group]}"
        )
    return otherwise


def _keys(values: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _keys(value, f"{path}{name}.")
        else:
            yield f"{path}{name}"
