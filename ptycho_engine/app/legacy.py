"""``compat=legacy``: a composed job with legacy settings worked in.

Nothing else in the command knows of `ptycho_engine.compat`, and this module asks for it only when a
job does.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from omegaconf import MISSING

from ..data.grouping.group_settings import GroupSettings
from ..deprecation.table import warn
from ..engine import DEFAULT_PLUGIN
from ..errors import ConfigurationError, one_of
from ..switches import report_unheeded
from .scans import scan_config
from .schema import JobConfig, TrainConfig

if TYPE_CHECKING:
    from ..compat import Resolution

MODES = ("none", "legacy")

#: Keys of the job that legacy settings may set, beside the plugin and the scan.
PLAIN = ("patch_size", "rounding")
#: What begins the keys of groups, and the one that `gridsize` says in another way.
GROUPS, MEMBERS = "groups.", "groups.members"
Settings = TypeVar("Settings", JobConfig, TrainConfig)
#: What stands for the path where the packaged configuration chooses the scan.
DEFAULT_SCAN = "<synthetic scan>"
#: The format of legacy files.
READER = "npz"


def work_in_legacy(
    job: Settings, overrides: Sequence[str], environ: Mapping[str, str] | None = None
) -> tuple[Settings, Resolution | None]:
    """Work legacy settings into a job, if it asks for them.

    Parameters
    ----------
    job : JobConfig or TrainConfig
        The composed configuration.
    overrides : sequence of str
        What the command line set, as Hydra lists it: ``key=value``. These values win.
    environ : mapping of str to str, optional
        Where legacy variables stand; ``os.environ`` by default.

    Returns
    -------
    job : JobConfig or TrainConfig
        With the values settled.
    resolution : Resolution or None
        Plugin, reason and sources; None if the job asks for no legacy settings.

    Raises
    ------
    ConfigurationError
        If a legacy value cannot be used, nothing tells the path of the scan, or legacy values
        stand in a job without ``compat=legacy``.
    InputFileError
        If the legacy file cannot be read.
    """
    asked = job.compat
    if asked.mode not in MODES:
        raise ConfigurationError(one_of("compat.mode", asked.mode, MODES))
    if asked.mode == "none":
        if asked.params is not None or asked.values:
            raise ConfigurationError(
                "compat: received legacy settings, but compat=none ignores them. Add compat=legacy."
            )
        report_unheeded("plugin=, or compat=legacy", environ)
        return job, None
    from ..compat.params.precedence import COMMAND_LINE
    from ..compat.params.resolution import resolve, warn_compat

    warn("PED028")
    given = [override.lstrip("+~").partition("=")[0] for override in overrides]
    composed = _composed(job)
    overriding, others = _split(asked.values, given)
    resolution = resolve(
        explicit={key: value for key, value in composed.items() if _was_given(key, given)},
        config={
            key: value
            for key, value in composed.items()
            if not _was_given(key, given) and value != _default(job, key)
        },
        overrides=overriding,
        params=others,
        file=asked.params,
        environ=os.environ if environ is None else environ,
        explicit_origin=COMMAND_LINE,
        params_origin="compat.values",
    )
    resolution.warn()
    settled = _with_values(job, resolution)
    if isinstance(settled, TrainConfig):
        for text in resolution.legacy.remarks:
            warn_compat(text)
        groups = replace(settled.groups, **asdict(resolution.group_settings()))
        mirrored = settled.mirrored or "mirrored" not in given
        settled = replace(settled, groups=groups, gridsize=1, mirrored=mirrored)
    return settled, resolution


def _split(
    values: Mapping[str, Any], given: Sequence[str], path: str = "compat.values"
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Part legacy values into those that the command line set and the others."""
    if path in given:
        return dict(values), {}
    overriding: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for key, value in values.items():
        here = f"{path}.{key}"
        if isinstance(value, Mapping):
            parts = _split(value, given, here)
            for whole, part in zip((overriding, others), parts, strict=True):
                whole.update({key: part} if part else {})
        else:
            (overriding if here in given else others)[key] = value
    return overriding, others


def _composed(job: Settings) -> dict[str, Any]:
    """Every value of the job that legacy settings may set, by dotted key."""
    groups: dict[str, Any] = {}
    if isinstance(job, TrainConfig):
        groups = {f"{GROUPS}{name}": value for name, value in asdict(job.groups).items()}
        if groups[MEMBERS] is None:
            groups[MEMBERS] = job.gridsize**2
    values: dict[str, Any] = {key: getattr(job, key) for key in PLAIN}
    plugin = dict(job.plugin)
    values["plugin"] = plugin.pop("name")
    values |= {f"plugin.{option}": value for option, value in plugin.items()}
    path = _path(job.scan)
    return values | groups | ({} if path is None else {"scan.path": path})


def _path(scan: Any) -> str | None:
    """Return the path of a scan, or what stands for one; None if it is still to be told."""
    path = getattr(scan, "path", f"<{scan.format} scan>")
    return None if path == MISSING else path


def _was_given(key: str, given: Sequence[str]) -> bool:
    if key == "scan.path":  # choosing another scan, or anything in it, is a choice against a path
        return any(name.partition(".")[0] == "scan" for name in given)
    return key in given or (key == MEMBERS and "gridsize" in given)


def _default(job: Settings, key: str) -> Any:
    """Return what the packaged configuration sets, so that the user's own configuration shows."""
    if key.startswith(GROUPS):
        name = key.removeprefix(GROUPS)
        return getattr(GroupSettings(), name)
    plain = {name: getattr(type(job), name) for name in PLAIN}
    known = plain | {"plugin": DEFAULT_PLUGIN, "scan.path": DEFAULT_SCAN}
    return known.get(key, "auto")


def _with_values(job: Settings, resolution: Resolution) -> Settings:
    values = resolution.values
    options = dict(resolution.options)
    if job.plugin["name"] == resolution.plugin:
        options = {k: v for k, v in job.plugin.items() if k != "name"} | options
    settled = replace(
        job,
        plugin={"name": resolution.plugin, **options},
        **{key: values[key] for key in PLAIN if key in values},
    )
    return replace(settled, scan=_scan_at(values.get("scan.path"), job.scan))


def _scan_at(path: str | None, scan: Any) -> Any:
    """Return the scan that reads a path: the one that is set, with its options, if it can be.

    It is not where a legacy setting overrides its path, unless it reads the same format.
    """
    known = _path(scan)
    if path is None and known is None:
        raise ConfigurationError(
            "scan.path: received nothing. Expected a value. Add scan.path=VALUE."
        )
    if path is None or path == known:
        return scan
    if known is None or scan.format == READER:
        return replace(scan, path=path)
    return scan_config(READER, path=path)
