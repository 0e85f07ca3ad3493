"""Legacy parameters and the new configuration together: one value for each key, and its source.

Precedence: explicit argument or command line > new configuration > legacy dataclass > legacy
dictionary > legacy file > environment > default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...data.grouping.group_settings import GroupSettings
from ...deprecation import table as deprecations
from ...deprecation.callsite import warn_caller
from ...discovery import discover
from ...engine import DEFAULT_PLUGIN, Engine
from ...host.choice import AUTO, choose
from .flags import BATCH_OPTIONS, XLA_OFF, Selection, select
from .group_keys import legacy_group_settings
from .keys import GROUPS, KEYS, SELECTION, find_key, nearest_name
from .precedence import Conflict, Legacy, described, gather, same
from .sources import from_mapping

BATCH_SIZE = "patch_extraction_batch_size"
MODE = "default of legacy settings"
DEFAULT = "default"
UNGROUPED = "is {} of training data; this job forms no groups"


class CompatWarning(UserWarning):
    """Legacy settings disagree, or mean something else here."""


@dataclass(frozen=True)
class Resolution:
    """What legacy settings came to.

    Attributes
    ----------
    plugin : str
        The plugin chosen.
    reason : str
        Why, with the sources that decided.
    options : dict of str to object
        The plugin's options.
    values : dict of str to object
        Keys of the new configuration, dotted, ``plugin`` and its options among them.
    sources : dict of str to str
        Where each of these values comes from.
    conflicts : tuple of Conflict
        Where sources disagreed, and which won.
    warnings : tuple of str
        What differs from legacy behaviour.
    legacy : Legacy
        The legacy parameters themselves: dropped, unknown and ignored ones too.
    """

    plugin: str
    reason: str
    options: dict[str, Any]
    values: dict[str, Any]
    sources: dict[str, str]
    conflicts: tuple[Conflict, ...]
    warnings: tuple[str, ...]
    legacy: Legacy

    @property
    def of_groups(self) -> dict[str, str]:
        """The legacy parameters that say which groups training data holds: name -> new key."""
        rows = (find_key(name) for name in self.legacy.values)
        return {row.name: str(row.target) for row in rows if row is not None and row.of_groups}

    def group_settings(self) -> GroupSettings:
        """Return the settings of the groups that PtychoPINN would have formed, draw by draw.

        Raises
        ------
        ConfigurationError
            If an unknown setting of groups was given.
        """
        return legacy_group_settings(
            {k.removeprefix(GROUPS): v for k, v in self.values.items() if k.startswith(GROUPS)}
        )

    def context(self, *, groups: bool = False) -> dict[str, Any]:
        """Return what the log line says beside plugin, reason and options.

        Parameters
        ----------
        groups : bool
            Whether the job forms groups; if not, their parameters count as dropped.
        """
        unused = {} if groups else {name: UNGROUPED.format(k) for name, k in self.of_groups.items()}
        return {
            "sources": self.sources,
            "conflicts": [str(conflict) for conflict in self.conflicts],
            "dropped": self.legacy.dropped | unused,
            "unknown": self.legacy.unknown,
            "ignored": self.legacy.ignored,
        }

    def warn(self) -> None:
        """Warn of conflicts, unknown keys and deprecated names, at the caller's line."""
        for conflict in self.conflicts:
            warn_compat(f"Legacy settings disagree. {conflict}")
        for text in self.warnings:
            warn_compat(text)
        for key, source in self.legacy.unknown.items():
            near = nearest_name(key)
            hint = f" Did you mean {near!r}?" if near else ""
            warn_compat(f"The legacy parameter {key!r} ({source}) is unknown and ignored.{hint}")
        for id_ in self.legacy.deprecations:
            deprecations.warn(id_)


def warn_compat(text: str) -> None:
    """Warn of a difference from legacy behaviour, at the line outside the package."""
    warn_caller(text, CompatWarning)


def resolve(
    *,
    explicit: Mapping[str, Any] | None = None,
    config: Mapping[str, Any] | None = None,
    overrides: Mapping[str, Any] | None = None,
    dataclass: Any = None,
    params: Mapping[str, Any] | None = None,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    explicit_origin: str = "explicit argument",
    params_origin: str = "dictionary",
) -> Resolution:
    """Settle legacy parameters against the new configuration, without side effects.

    Parameters
    ----------
    explicit, config : mapping of str to object, optional
        Values of the new configuration by dotted key (``plugin``, ``plugin.chunk_size``,
        ``patch_size``, ``rounding``, ...): those given explicitly, and those that a new
        configuration sets.
    overrides, dataclass, params, file, environ
        As :func:`ptycho_engine.compat.params.precedence.gather` takes them; `overrides` beat
        `config`.
    explicit_origin, params_origin : str
        What to call the sources of `explicit` and of `params`.

    Returns
    -------
    Resolution
        Plugin, values and the source of each. `Resolution.warn` says what deserves it.

    Raises
    ------
    ConfigurationError
        If a legacy value cannot be used.
    InputFileError
        If the file cannot be read.
    """
    legacy = gather(
        overrides=overrides,
        dataclass=dataclass,
        params=params,
        file=file,
        environ=environ,
        params_origin=params_origin,
    )
    selection = select(legacy.values)
    rows = (find_key(given.key) for given in from_mapping(overrides or {}))
    above = {row.name for row in rows if row is not None}
    explicit_offer = {key: (value, explicit_origin) for key, value in (explicit or {}).items()}
    config_offer = {key: (value, "new configuration") for key, value in (config or {}).items()}
    conflicts = list(legacy.conflicts)
    overriding, proposals = _proposals(legacy, selection, above, conflicts)
    offers = [explicit_offer, overriding, config_offer, proposals]
    defaults = {"plugin": (DEFAULT_PLUGIN, DEFAULT), "rounding": ("legacy", MODE)}
    plugin, source = _pick("plugin", offers, defaults, conflicts)
    if plugin == AUTO:  # settled here: the batch size needs to know whose option it becomes
        plugin, _ = choose(discover())
    batch_size = overriding if BATCH_SIZE in above else proposals
    batch_size |= _batch_size(legacy, plugin)
    if source == DEFAULT:
        reason = f"{DEFAULT}: {selection.reason}"
    elif source == (overriding | proposals).get("plugin", ("", ""))[1]:
        reason = f"{selection.reason} ({source})"
    else:
        reason = source
    values, sources = {"plugin": plugin}, {"plugin": source}
    for key in [key for level in [*offers, defaults] for key in level]:
        if key not in values and _applies(key, plugin, explicit_offer, config_offer):
            values[key], sources[key] = _pick(key, offers, defaults, conflicts)
    options = {k.partition(".")[2]: v for k, v in values.items() if k.startswith("plugin.")}
    warned = (XLA_OFF.format(plugin=plugin),) if selection.xla_off else ()
    return Resolution(plugin, reason, options, values, sources, tuple(conflicts), warned, legacy)


Offer = dict[str, tuple[Any, str]]


def _pick(
    key: str, offers: list[Offer], defaults: Offer, conflicts: list[Conflict]
) -> tuple[Any, str]:
    """Return the first offer for a key, and note those that differ."""
    found = [offer[key] for offer in offers if key in offer]
    for loser in found[1:]:
        if not same(found[0][0], loser[0]):
            conflicts.append(Conflict(key, described(*found[0]), described(*loser)))
    return found[0] if found else defaults[key]


def _proposals(
    legacy: Legacy, selection: Selection, above: set[str], conflicts: list[Conflict]
) -> tuple[Offer, Offer]:
    """Say what legacy parameters mean here: what rests on those `above`, and the rest."""
    overriding: Offer = {}
    proposals: Offer = {}
    for row in KEYS:
        if row.target not in (None, SELECTION) and row.name in legacy.values:
            offer = overriding if row.name in above else proposals
            found = row.becomes(legacy.values[row.name]), legacy.sources[row.name]
            kept = offer.setdefault(row.target, found)  # of two names the first in the table
            if not same(kept[0], found[0]):
                conflicts.append(Conflict(row.target, described(*kept), described(*found)))
    if selection.plugin is not None:
        decided = [legacy.sources[key] for key in selection.keys if key in legacy.sources]
        offer = proposals if above.isdisjoint(selection.keys) else overriding
        offer["plugin"] = (selection.plugin, "; ".join(decided))
    return overriding, proposals


def _batch_size(legacy: Legacy, plugin: str) -> Offer:
    if BATCH_SIZE not in legacy.values or plugin not in BATCH_OPTIONS:
        return {}
    found = legacy.values[BATCH_SIZE], legacy.sources[BATCH_SIZE]
    return {f"plugin.{BATCH_OPTIONS[plugin]}": found}


def _applies(key: str, plugin: str, *offers: Offer) -> bool:
    """Whether a key has a meaning: options set beside another plugin have none."""
    first = next((offer for offer in offers if key in offer), None)
    if first is None or not key.startswith("plugin."):
        return True
    return bool(first.get("plugin", (plugin, ""))[0] == plugin)


@deprecations.deprecated("PED030")
def legacy_engine(
    *,
    plugin: str | None = None,
    options: Mapping[str, Any] | None = None,
    dataclass: Any = None,
    params: Mapping[str, Any] | None = None,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    memory_budget: int | str | None = None,
) -> tuple[Engine, Resolution]:
    """Make the engine that legacy settings mean; the choice is one log event.

    Parameters
    ----------
    plugin, options
        Explicit choices, which win.
    dataclass, params, file, environ
        As :func:`ptycho_engine.compat.params.precedence.gather` takes them.
    memory_budget
        As for :class:`ptycho_engine.Engine`.

    Returns
    -------
    engine : Engine
        The engine. Pass ``rounding="legacy"`` to its methods for legacy numbers.
    resolution : Resolution
        What was chosen, and where each value comes from.

    Raises
    ------
    ConfigurationError, InputFileError, PluginError
        If a setting cannot be used.
    """
    explicit = {f"plugin.{name}": value for name, value in (options or {}).items()}
    if plugin is not None:
        explicit["plugin"] = plugin
    resolution = resolve(
        explicit=explicit, dataclass=dataclass, params=params, file=file, environ=environ
    )
    resolution.warn()
    engine = Engine(
        resolution.plugin,
        options=resolution.options,
        memory_budget=memory_budget,
        reason=resolution.reason,
        context=resolution.context(),
    )
    return engine, resolution
