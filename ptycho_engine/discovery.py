"""What is installed, read from metadata alone: no third-party code runs until it is chosen.

Plugins and formats are found alike: an entry point in a group, whose name selects it.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from .display import Shown
from .errors import (
    ConfigurationError,
    MissingExtraError,
    PluginError,
    PluginLoadError,
    PtychoEngineError,
    UnknownPluginError,
    one_line,
    one_of,
    printable,
)
from .metadata import entry_points_of, origin_of, points_among, read_distributions

ENTRY_POINT_GROUP = "ptycho_engine.plugins"
FORMAT_GROUP = "ptycho_engine.formats"
GROUPING_GROUP = "ptycho_engine.groupings"
NOISE_GROUP = "ptycho_engine.noises"
CONF_GROUP = "ptycho_engine.conf"
#: What messages call an entry of the group of groupings.
GROUPING = "grouping strategy"
#: And one of the group of noises.
NOISE = "noise model"
#: In place of the distribution of an object that was registered by hand.
REGISTERED = "registered"

#: What a name may be: Hydra, file names and tables take it as it is.
_NAME = re.compile(r"\w[\w.-]{0,99}")
#: A module, an object in it, and the extras that old metadata may add. No file has a longer name.
_TARGET = re.compile(r"[^\W\d]\w{0,249}(\.[^\W\d]\w{0,249}){0,30}(\s*:\s*[\w.]+)?(\s*\[.*\])?")


@dataclass(frozen=True, repr=False)
class PluginSource(Shown):
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

    @property
    def origin(self) -> str:
        """What it stands for and who installed it, for messages."""
        if self.distribution == REGISTERED:
            return self.target
        return f"{self.target}, from {self.distribution} {self.version}".rstrip()

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        origin = f"{self.distribution} {self.version}".rstrip()
        return {"name": self.name, "target": self.target, "from": origin}


@dataclass(frozen=True)
class MetadataFault:
    """Metadata that names nothing that can be used.

    Attributes
    ----------
    name, target : str
        Of the entry point, as they can be printed; empty if the whole distribution is unreadable.
    distribution, version : str
        Of the distribution.
    reason : str
        What is wrong.
    """

    name: str
    target: str
    distribution: str
    version: str
    reason: str


Source = TypeVar("Source", bound=PluginSource)


@lru_cache
def discover(group: str = ENTRY_POINT_GROUP) -> tuple[PluginSource, ...]:
    """Read the entry points of the installed distributions; nothing is imported.

    What nobody could select is left out: :func:`find_faults` names it.
    """
    origin = cache(origin_of)  # one distribution installs most of them
    return tuple(
        PluginSource(point.name, point.value, *origin(point.dist), point.load)
        for point in sorted(entry_points_of(group), key=lambda point: (point.name, point.value))
        if not _fault_of(point)
    )


def list_plugins() -> tuple[PluginSource, ...]:
    """Return the plugins that are installed, by name, without importing any."""
    return discover()


def find_faults(*groups: str) -> tuple[MetadataFault, ...]:
    """Name the distributions whose metadata cannot be read, and entry points that name nothing.

    Parameters
    ----------
    *groups : str
        The groups to look through.

    Returns
    -------
    tuple of MetadataFault
        Unreadable distributions first; they hide nothing of the others.
    """
    distributions = list(read_distributions())
    unreadable = [
        MetadataFault("", "", *origin_of(distribution), f"metadata cannot be read: {reason}")
        for distribution, reason in distributions
        if reason
    ]
    installed = points_among(distributions)
    points = [point for group in groups for point in installed.select(group=group)]
    return tuple(unreadable) + tuple(
        MetadataFault(printable(point.name), printable(point.value), *origin_of(point.dist), fault)
        for point in points
        if (fault := _fault_of(point))
    )


def contributed_folders() -> list[tuple[PluginSource, Path | None]]:
    """Find the folders of Hydra's groups that distributions contribute, importing nothing.

    Returns
    -------
    list of (PluginSource, Path or None)
        The entry point, and the folder of the package that it names if there is one.
    """
    return [(source, _folder_of(source.target)) for source in discover(CONF_GROUP)]


def name_fault(name: object) -> str:
    """Say why nobody could select something by a name; empty if somebody can."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return ""
    shown = printable(name) if isinstance(name, str) else name
    return (
        f"name {shown!r} cannot be selected. Expected at most 100 letters, digits, '_', '-' and '.'"
    )


def _fault_of(point: importlib.metadata.EntryPoint) -> str:
    """Say why nobody could select what an entry point names; empty if somebody can."""
    if fault := name_fault(point.name):
        return fault
    if not _TARGET.fullmatch(point.value) or point.value.partition(":")[0].strip() == "__main__":
        return (
            f"target {printable(point.value)!r} is no module of a distribution. Expected MODULE or "
            "MODULE:OBJECT"
        )
    return ""


def _folder_of(package: str) -> Path | None:
    """Folder of a package, of which only the top-level name is looked up: that imports nothing."""
    top, *rest = package.split(".")
    try:
        spec = find_spec(top)
        places = [Path(place, *rest) for place in (spec and spec.submodule_search_locations) or ()]
        return next((place for place in places if place.is_dir()), None)
    except (ImportError, ValueError, OSError):  # a module without a spec, a name too long
        return None


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
    except PluginLoadError as error:  # it says itself what it lacks
        kept = MissingExtraError if isinstance(error, MissingExtraError) else PluginLoadError
        raise kept(f"{kind} {source.name!r} ({source.origin}): {error}") from error
    except (Exception, SystemExit) as error:
        raise PluginLoadError(
            f"{kind} {source.name!r} ({source.origin}) cannot be imported: "
            f"{type(error).__name__}: {error}. Repair or remove {source.distribution}; other "
            f"{kind}s work."
        ) from error


def _plain(value: Any) -> Any:
    """Return a number of NumPy as one of Python, without importing NumPy."""
    is_scalar = getattr(value, "ndim", None) == 0 and hasattr(value, "item")
    return value.item() if is_scalar else value


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
    if given is not None and not isinstance(given, Mapping):
        raise ConfigurationError(
            f"{owner}: options: received {one_line(repr(given), 60)}. Expected values by name: "
            "{'name': value}."
        )
    given = {name: _plain(value) for name, value in (given or {}).items()}
    known = [] if options is None else [field.name for field in dataclasses.fields(options)]
    for name in given:
        if name not in known:
            raise ConfigurationError(one_of(f"{owner}: option", name, known))
    if options is None:
        return None
    for field in dataclasses.fields(options):
        default = (field.default, field.default_factory) != (dataclasses.MISSING,) * 2
        if field.init and not default and field.name not in given:
            raise ConfigurationError(
                f"{owner}: option {field.name!r} has no default, and is not given. Expected a "
                "value for it."
            )
    try:
        return options(**given)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{owner}: {error}") from error
    except PtychoEngineError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{owner}: its options cannot be made of what was given: {type(error).__name__}: "
            f"{error}."
        ) from error
