"""Reading legacy parameters from wherever they stand; nothing of PtychoPINN is imported."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import ConfigurationError, InputFileError, one_line
from ...io.documents import read_yaml


@dataclass(frozen=True)
class Given:
    """One parameter as a source gives it.

    Attributes
    ----------
    key : str
        The key as it is spelt there.
    value : object
        The value as it stands there; never None, which means "not set".
    source : str
        Where, for messages: kind of source, and key.
    deprecation : str or None
        Entry of the source itself, such as an environment variable.
    """

    key: str
    value: Any
    source: str
    deprecation: str | None = None


def from_mapping(values: Mapping[str, Any], origin: str = "dictionary") -> list[Given]:
    """Read a legacy dictionary, flat or with sections such as ``model``.

    Parameters
    ----------
    values : mapping
        The dictionary; None means "not set".
    origin : str
        What to call it.

    Returns
    -------
    list of Given
        What a section ``model`` holds comes first, as it does in legacy code; keys of other
        sections are written with dots.

    Raises
    ------
    ConfigurationError
        If it is no dictionary, or a key is not text.
    """
    if not isinstance(values, Mapping):
        raise ConfigurationError(
            f"{origin}: received {type(values).__name__}. Expected legacy parameters by name."
        )
    pairs = sorted(_flatten(values, origin), key=lambda pair: not pair[1])
    return [Given(key, value, f"{origin}: {path}") for key, _, path, value in pairs]


def _flatten(
    values: Mapping[str, Any], origin: str, section: str = ""
) -> Iterator[tuple[str, bool, str, Any]]:
    """Every set value: key, whether it stands in the section ``model``, path, value."""
    in_model = section == "model."
    for key, value in values.items():
        if not isinstance(key, str):
            raise ConfigurationError(f"{origin}: the key {one_line(repr(key), 60)} is not text.")
        if isinstance(value, Mapping):
            yield from _flatten(value, origin, f"{section}{key}.")
        elif value is not None:
            path = section + key
            yield (key if in_model else path), in_model, path, value


def from_dataclass(config: Any, origin: str | None = None) -> list[Given]:
    """Read a ``ModelConfig``, ``TrainingConfig`` or ``InferenceConfig``, or what looks like one.

    Parameters
    ----------
    config : object
        An instance with fields or attributes; one in the field ``model`` is read too.
    origin : str, optional
        What to call it; by default the name of its class.

    Returns
    -------
    list of Given
        Its fields, defaults included, as legacy code takes them over; None means "not set".

    Raises
    ------
    ConfigurationError
        If it has no fields.
    """
    origin = origin or f"dataclass {type(config).__name__}"
    fields = _fields(config)
    if fields is None:
        raise ConfigurationError(
            f"dataclass: received {config!r}. Expected an instance such as ModelConfig() or "
            "TrainingConfig(model=ModelConfig()); pass a dictionary as params."
        )
    given = []
    model = fields.pop("model", None)
    if model is not None:
        given += from_dataclass(model, f"{origin}.model")
    defaults = _defaults(config)
    for name, value in fields.items():
        if value is not None:
            unset = name in defaults and defaults[name] is value
            remark = " (default of the class)" if unset else ""
            given.append(Given(name, value, f"{origin}: {name}{remark}"))
    return given


def _fields(config: Any) -> dict[str, Any] | None:
    if isinstance(config, type | str | int | float | Mapping) or config is None:
        return None
    if dataclasses.is_dataclass(config):
        return {f.name: getattr(config, f.name) for f in dataclasses.fields(config)}
    found = getattr(config, "__dict__", None)
    return dict(found) if found is not None else None


def _defaults(config: Any) -> dict[str, Any]:
    if not dataclasses.is_dataclass(config):
        return {}
    missing = dataclasses.MISSING
    return {f.name: f.default for f in dataclasses.fields(config) if f.default is not missing}


def from_file(path: str | Path) -> list[Given]:
    """Read a legacy YAML (or JSON) file.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    list of Given
        As `from_mapping`.

    Raises
    ------
    InputFileError
        If it cannot be read, or holds no parameters by name.
    """
    path = Path(path).expanduser()
    values = read_yaml(path, "legacy YAML")
    if values is None:
        return []
    if not isinstance(values, dict):
        raise InputFileError(
            f"{path}: holds a {type(values).__name__}. Expected 'key: value' lines."
        )
    return from_mapping(values, str(path))
