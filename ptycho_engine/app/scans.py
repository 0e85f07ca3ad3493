"""The Hydra group `scan`: one choice for each installed format, made of the format's options."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

from hydra.core.object_type import ObjectType
from hydra.errors import ConfigCompositionException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from omegaconf import MISSING, OmegaConf

from ..errors import PtychoEngineError
from ..io.catalogue import list_formats, load_format
from ..io.scan_files import ScanSource
from .vocabulary import expanded

GROUP = "scan"


def scan_config(name: str, **values: Any) -> Any:
    """Make the configuration of a scan.

    Parameters
    ----------
    name : str
        The format.
    **values
        Its options, and `path` if it reads a file; defaults where left out.

    Returns
    -------
    object
        An instance of a dataclass with the fields `format`, `path` if there is a file, and those
        of the format's options.

    Raises
    ------
    PluginError
        As :func:`~ptycho_engine.io.catalogue.load_format`.
    """
    return scan_schema(name)(**values)


def scan_schema(name: str) -> type:
    """Make the dataclass of a format's group, which Hydra checks names and types against."""
    chosen = load_format(name)
    entries: list[Any] = [("format", str, dataclasses.field(default=name))]
    if chosen.needs_file:
        entries.append(("path", str, dataclasses.field(default=MISSING)))
    if chosen.options is not None:
        hints = get_type_hints(chosen.options)
        for option in dataclasses.fields(chosen.options):
            default: Any = option.default
            if option.default_factory is not dataclasses.MISSING:
                value = dataclasses.field(default_factory=option.default_factory)
            else:
                missing = default is dataclasses.MISSING
                value = dataclasses.field(default=MISSING if missing else default)
            entries.append((option.name, hints[option.name], value))
    return dataclasses.make_dataclass("ScanConfig", entries)


def scan_source(config: Any) -> ScanSource:
    """Say what to read, of a configuration that :func:`scan_config`, or Hydra, made."""
    options = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    name, path = options.pop("format"), options.pop("path", None)
    return ScanSource(name, None if path is None else expanded(path), options)


class FormatConfigs(ConfigSource):
    """Gives Hydra the group of formats: names from metadata, options of the one that is chosen."""

    @staticmethod
    def scheme() -> str:
        """Return what the entry in Hydra's search path begins with."""
        return "formats"

    def available(self) -> bool:
        """Tell that there are formats."""
        return True

    def is_group(self, config_path: str) -> bool:
        """Tell whether a path is the group, or the root above it."""
        return config_path.strip("/") in ("", GROUP)

    def is_config(self, config_path: str) -> bool:
        """Tell whether a path is a format of the group."""
        return _format_name(config_path) in {source.name for source in list_formats()}

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        """List the group in the root, and the formats in the group."""
        path = config_path.strip("/")
        if path == "" and results_filter is not ObjectType.CONFIG:
            return [GROUP]
        if path == GROUP and results_filter is not ObjectType.GROUP:
            return sorted({source.name for source in list_formats()})
        return []

    def load_config(self, config_path: str) -> ConfigResult:
        """Import a format, and make its configuration.

        Raises
        ------
        ConfigCompositionException
            If it cannot be imported or breaks its contract.
        """
        name = _format_name(config_path)
        try:
            config = OmegaConf.structured(scan_schema(name))
        except PtychoEngineError as error:
            raise ConfigCompositionException(str(error)) from error
        return ConfigResult(self.provider, self.full_path(), config, {"package": None})


def _format_name(config_path: str) -> str:
    """Name of the format that a path of Hydra stands for; empty if for none."""
    group, _, name = config_path.strip("/").partition("/")
    return name.removesuffix(".yaml") if group == GROUP else ""
