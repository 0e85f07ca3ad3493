"""Legacy parameters from all their sources, one value for each, by precedence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, one_line
from .environment import from_environment
from .keys import (
    TORCH_NEIGHBOURS,
    LegacyKey,
    are_of_torch,
    find_key,
    is_alias,
    normalise,
)
from .sources import Given, from_dataclass, from_file, from_mapping

COMMAND_LINE = "command line"


@dataclass(frozen=True)
class Conflict:
    """Two sources that disagree.

    Attributes
    ----------
    key : str
        What they disagree on.
    winner, loser : str
        Value and source of each.
    """

    key: str
    winner: str
    loser: str

    def __str__(self) -> str:
        return f"{self.key}: {self.winner} overrides {self.loser}."


@dataclass(frozen=True)
class Legacy:
    """Legacy parameters, settled among their own sources.

    Attributes
    ----------
    values : dict of str to object
        Known parameters by name, converted.
    sources : dict of str to str
        Where each value comes from.
    dropped : dict of str to str
        Known parameters without a meaning here, each with the reason.
    unknown : dict of str to str
        Keys that no row of the table names, each with its source.
    ignored : dict of str to str
        Environment variables that say nothing, each with the reason.
    conflicts : tuple of Conflict
        Where sources disagreed.
    deprecations : tuple of str
        Ids of the deprecated names in use.
    remarks : list of str
        What is to be said where groups are formed.
    """

    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    conflicts: tuple[Conflict, ...] = ()
    deprecations: tuple[str, ...] = ()
    remarks: list[str] = field(default_factory=list)


def gather(
    *,
    overrides: Mapping[str, Any] | None = None,
    dataclass: Any = None,
    params: Mapping[str, Any] | None = None,
    file: str | Path | None = None,
    environ: Mapping[str, str] | None = None,
    params_origin: str = "dictionary",
) -> Legacy:
    """Read legacy parameters; a source beats those after it.

    Parameters
    ----------
    overrides : mapping, optional
        Legacy parameters that the command line gave.
    dataclass : object, optional
        An instance such as ``TrainingConfig(model=ModelConfig())``.
    params : mapping, optional
        A dictionary such as ``ptycho.params.cfg``.
    file : str or Path, optional
        A legacy YAML file.
    environ : mapping of str to str, optional
        For instance ``os.environ``; not read if left out.
    params_origin : str
        What to call the source of `params`.

    Returns
    -------
    Legacy
        One value for each parameter, and what became of the rest.

    Raises
    ------
    ConfigurationError
        If a value cannot be converted.
    InputFileError
        If the file cannot be read.
    """
    sources = [from_mapping(overrides or {}, COMMAND_LINE)]
    if dataclass is not None:
        sources.append(from_dataclass(dataclass))
    if params is not None:
        sources.append(from_mapping(params, params_origin))
    if file is not None:
        sources.append(from_file(file))
    ignored: dict[str, str] = {}
    if environ is not None:
        variables, ignored = from_environment(environ)
        sources.append(variables)
    return settle(sources, ignored)


def settle(sources: Iterable[Sequence[Given]], ignored: Mapping[str, str] | None = None) -> Legacy:
    """Keep the first value of each parameter, in the order given, and note disagreement.

    Within one source the name of a parameter comes before its other names.
    """
    legacy = Legacy(ignored=dict(ignored or {}))
    conflicts: list[Conflict] = []
    used: list[str] = []
    for item, row in _known(sources, legacy):
        if row.target is None:
            legacy.dropped[row.name] = row.reason
        used += [id_ for id_ in (item.deprecation or row.deprecation,) if id_]
        value, name = _convert(row, item), row.name
        if name not in legacy.values:
            legacy.values[name], legacy.sources[name] = value, item.source
        elif not same(legacy.values[name], value):
            winner = described(legacy.values[name], legacy.sources[name])
            conflicts.append(Conflict(name, winner, described(value, item.source)))
    return replace(legacy, conflicts=tuple(conflicts), deprecations=tuple(dict.fromkeys(used)))


def _known(sources: Iterable[Sequence[Given]], legacy: Legacy) -> Iterator[tuple[Given, LegacyKey]]:
    """Yield what is given for known parameters; note what is unknown, or means something else."""
    for source in sources:
        torch = are_of_torch(item.key for item in source)
        for item in sorted(source, key=lambda item: is_alias(item.key)):
            row = find_key(item.key, torch)
            if row is None:
                legacy.unknown.setdefault(item.key, item.source)
            elif row is not find_key(item.key):
                legacy.dropped[row.name] = row.reason
            else:
                if torch and row.target == "groups.neighbours":
                    legacy.remarks.append(TORCH_NEIGHBOURS.format(source=item.source))
                yield item, row


def described(value: Any, source: str) -> str:
    """Return a value with its source, for messages."""
    return f"{one_line(repr(value))} ({source})"


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; arrays, which compare by element, count as different."""
    try:
        return bool(one == other)
    except ValueError:
        return one is other


def _convert(row: LegacyKey, item: Given) -> Any:
    """Convert a value; one that says nothing here stays as it is where it is none."""
    try:
        return row.convert(item.value)
    except ValueError as error:
        if not row.heeded:
            return item.value
        raise ConfigurationError(
            f"legacy parameter {normalise(item.key)!r} ({item.source}): received "
            f"{one_line(repr(item.value))}. Expected {error}. Correct it there, or leave it out."
        ) from None
