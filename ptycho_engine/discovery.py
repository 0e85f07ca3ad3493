"""What is installed, read from metadata alone: no third-party code runs until it is chosen.

Plugins and formats are found alike: an entry point in a group, whose name selects it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from .errors import ConfigurationError, PluginError, PluginLoadError, UnknownPluginError, one_of

ENTRY_POINT_GROUP = "ptycho_engine.plugins"


@dataclass(frozen=True)
class PluginSource:
    """Where a plugin, or a format, of some name comes from, known without importing it.

    Attributes
    ----------
    name : str
        The name that selects it.
    target : str
        The module or object that it stands for.
    distribution, version : str
        The distribution that installed it; ``"registered"`` and ``""`` for a registered object.
    load : callable
        Imports and returns the plugin.
    """

    name: str
    target: str
    distribution: str
    version: str
    load: Callable[[], object]


Source = TypeVar("Source", bound=PluginSource)


@lru_cache
def discover(group: str = ENTRY_POINT_GROUP) -> tuple[PluginSource, ...]:
    """Read the entry points of the installed distributions; nothing is imported."""
    found = importlib.metadata.entry_points(group=group)
    return tuple(
        PluginSource(
            name=point.name,
            target=point.value,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "",
            load=point.load,
        )
        for point in sorted(found, key=lambda point: (point.name, point.value))
    )


def find_source(kind: str, name: str, sources: Iterable[Source]) -> Source:
    """Return the one source called `name`.

    Parameters
    ----------
    kind : str
        What messages call it: ``"plugin"``, ``"format"``.
    name : str
        The name that selects it.
    sources : iterable of PluginSource
        What can be selected.

    Raises
    ------
    UnknownPluginError
        If there is none; lists what there is.
    PluginError
        If there are several; names each.
    """
    sources = list(sources)
    found = [source for source in sources if source.name == name]
    if not found:
        raise UnknownPluginError(one_of(kind, name, {source.name for source in sources}))
    if len(found) > 1:
        places = ", ".join(f"{s.target} ({s.distribution} {s.version})" for s in found)
        raise PluginError(
            f"{kind} name {name!r} is taken {len(found)} times: {places}. Uninstall all but "
            f"one of these distributions; other {kind}s work."
        )
    return found[0]


def load_source(kind: str, source: PluginSource) -> object:
    """Import what a source stands for.

    Raises
    ------
    PluginLoadError
        If it cannot be imported, for whatever reason.
    """
    try:
        return source.load()
    except Exception as error:
        raise PluginLoadError(
            f"{kind} {source.name!r} ({source.target}, from {source.distribution} "
            f"{source.version}) cannot be imported: {type(error).__name__}: {error}. "
            f"Repair or remove {source.distribution}; other {kind}s work."
        ) from error


def build_options(owner: str, options: type | None, given: Mapping[str, Any] | None) -> Any:
    """Turn a mapping into an instance of a dataclass of options.

    Parameters
    ----------
    owner : str
        Whose options they are, for messages.
    options : type or None
        The dataclass; None if there are no options.
    given : mapping of str to object, or None
        Option values by name.

    Returns
    -------
    object or None
        An instance of `options`; None if there are none.

    Raises
    ------
    ConfigurationError
        If an option is unknown or its value is refused.
    """
    given = dict(given or {})
    known = [] if options is None else [field.name for field in dataclasses.fields(options)]
    for name in given:
        if name not in known:
            raise ConfigurationError(one_of(f"{owner}: option", name, known))
    if options is None:
        return None
    try:
        return options(**given)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{owner}: {error}") from error
