"""From the composed configuration to the job that it describes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from omegaconf import MISSING, OmegaConf

from ..data.detector.detector_settings import Preparation
from ..data.grouping.group_settings import GroupSettings
from ..data.simulation.recipe import Recipe
from ..data.stored_patches import PatchSource
from ..errors import ConfigurationError, one_line, one_of
from ..geometry.cut import Cut, Fill, Interpolation, Rounding
from ..host.choice import named_plugin
from .jobs.conversion_job import ConversionJob
from .jobs.extraction_job import ExtractionJob
from .jobs.inspection_job import InspectionJob
from .jobs.reassembly_job import ReassemblyJob
from .jobs.simulation_job import SimulationJob
from .jobs.training_job import TrainingJob
from .runners.dask_settings import DaskSettings
from .scans import scan_source
from .schema import (
    RECIPE_PARTS,
    SCHEMAS,
    ConvertConfig,
    InspectConfig,
    JobConfig,
    ReassembleConfig,
    RunnerConfig,
    SimulateConfig,
    TrainConfig,
)
from .vocabulary import expanded


def composed_settings(config: Any, root: str) -> Any:
    """Turn what Hydra composed into the settings of a run: an instance of the schema of its root.

    Under ``compat=legacy`` the path of the scan may be missing still: legacy settings may tell it.

    Raises
    ------
    ConfigurationError
        If it was composed without the configuration of the command.
    """
    untold = _awaits_path(config)
    if untold:  # what is missing would be refused here
        config = OmegaConf.merge(config, {"scan": {"path": ""}})
    settings = OmegaConf.to_object(config)
    if not isinstance(settings, SCHEMAS[root]):
        keys = ", ".join(map(str, settings)) if isinstance(settings, dict) else "no keys"
        raise ConfigurationError(
            f"the chosen configuration holds {keys}, and none of the command's defaults. Expected "
            f"it to begin with them: write `defaults: [{root}, _self_]` at its top."
        )
    if untold:
        cast(Any, settings).scan.path = MISSING
    return settings


def _awaits_path(config: Any) -> bool:
    """Whether nothing told the path of the scan yet, and legacy settings may."""
    scan = OmegaConf.select(config, "scan")
    missing = OmegaConf.is_dict(scan) and OmegaConf.is_missing(scan, "path")
    return missing and OmegaConf.select(config, "compat.mode") == "legacy"


def extraction_job(
    config: JobConfig,
    folder: Path,
    reason: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> ExtractionJob:
    """Make the job of a configuration whose legacy settings are worked in.

    Parameters
    ----------
    config : JobConfig
        Each of its values settled.
    folder : Path
        What a relative output path is relative to.
    reason : str, optional
        Why this plugin.
    context : mapping of str to object, optional
        What the log line says beside the reason.

    Returns
    -------
    ExtractionJob
        Which Hydra has no part in.

    Raises
    ------
    ConfigurationError, RequestError
        If no plugin is named, or what is cut at a position cannot be.
    """
    plugin, options = named_plugin(config.plugin)
    output = config.output
    return ExtractionJob(
        scan=scan_source(config.scan),
        cut=Cut(
            config.patch_size,
            cast(Interpolation, config.interpolation),  # the cut refuses any other
            cast(Fill, config.fill),
            cast(Rounding, config.rounding),
        ),
        output=folder / expanded(output.path),
        plugin=plugin,
        options=options,
        wrappers=tuple(config.wrappers),
        memory_budget=config.memory_budget,
        overwrite=output.overwrite,
        resume=output.resume,
        picture=output.picture,
        report=config.report,
        reason=reason,
        context=context or {},
    )


def cluster_settings(config: RunnerConfig) -> DaskSettings | None:
    """Return what is set of a cluster; None if all is done in this process.

    Raises
    ------
    ConfigurationError
        If there is no such runner, or a setting cannot be used.
    """
    if config.kind == "local":
        return None
    if config.kind != "dask":
        raise ConfigurationError(one_of("runner.kind", config.kind, ("local", "dask")))
    values = asdict(config)
    return DaskSettings(**{f.name: values[f.name] for f in fields(DaskSettings)})


def inspection_job(config: InspectConfig, folder: Path) -> InspectionJob:
    """Make the job of looking into a file; relative paths are relative to the folder."""
    picture = None if config.picture is None else folder / expanded(config.picture)
    return InspectionJob(scan_source(config.scan), config.patch_size, picture, config.memory_budget)


def conversion_job(config: ConvertConfig, folder: Path) -> ConversionJob:
    """Make the job of writing a scan anew; a relative path is relative to the folder.

    Raises
    ------
    ConfigurationError
        If the frames cannot be prepared so.
    """
    settings = asdict(config.detector)
    for name, shape in (("centre", (2,)), ("shift", (2,)), ("matrix", (2, 2))):
        settings[name] = numbers(f"detector.{name}", settings[name], shape)
    return ConversionJob(
        scan_source(config.scan),
        folder / expanded(config.output.path),
        config.output.format,
        config.memory_budget,
        Preparation(**settings),
        report=config.report,
    )


def numbers(name: str, value: Any, shape: tuple[int, ...]) -> Any:
    """Read lists of numbers of a configuration as tuples of floats; None stays.

    Raises
    ------
    ConfigurationError
        If they are others.
    """
    if value is None:
        return None
    try:
        found = np.array(value, float)
    except (TypeError, ValueError):
        found = np.empty(0)
    if found.shape != shape or not np.isfinite(found).all():
        raise ConfigurationError(
            f"{name}: received {one_line(value, 60)}. Expected {' x '.join(map(str, shape))} "
            "finite numbers."
        )
    return tuple(map(tuple, found.tolist())) if found.ndim == 2 else tuple(found.tolist())


def training_job(
    config: TrainConfig,
    folder: Path,
    reason: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> TrainingJob:
    """Make the job of a configuration of training data whose legacy settings are worked in.

    Parameters
    ----------
    config, folder, reason, context
        As for :func:`extraction_job`.

    Raises
    ------
    ConfigurationError
        If a value cannot be used, or gridsize and the members of groups disagree.
    """
    plugin, options = named_plugin(config.plugin)
    output = config.output
    return TrainingJob(
        scan=scan_source(config.scan),
        groups=GroupSettings(**{**asdict(config.groups), "members": members_of(config)}),
        output=folder / expanded(output.path),
        patch_size=config.patch_size,
        interpolation=cast(Interpolation, config.interpolation),
        fill=cast(Fill, config.fill),
        rounding=cast(Rounding, config.rounding),
        mirrored=config.mirrored,
        keys=output.keys,
        chunk=output.chunk,
        shard=output.shard,
        compression=output.compression,
        plugin=plugin,
        options=options,
        wrappers=tuple(config.wrappers),
        memory_budget=config.memory_budget,
        overwrite=output.overwrite,
        resume=output.resume,
        picture=output.picture,
        report=config.report,
        reason=reason,
        context=context or {},
    )


def members_of(config: TrainConfig) -> int:
    """Return the members of a group: those that are set, or those of a square of `gridsize`.

    Raises
    ------
    ConfigurationError
        If both are set and disagree, or the side is not above zero.
    """
    if config.gridsize < 1:
        raise ConfigurationError(
            f"gridsize: received {config.gridsize}. Expected the side of a group, 1 or more."
        )
    members: int | None = config.groups.members
    if members is not None and config.gridsize not in (1, members**0.5):
        raise ConfigurationError(
            f"gridsize: received {config.gridsize} beside groups.members={members}. Expected one "
            "of them, or the square of the one as the other."
        )
    return config.gridsize**2 if members is None else members


def simulation_job(config: SimulateConfig, folder: Path) -> SimulationJob:
    """Make the job of a simulation; a relative path is relative to the folder.

    Raises
    ------
    ConfigurationError
        If a setting cannot be used.
    """
    parts: dict[str, Any] = {
        name: kind(**asdict(getattr(config, name))) for name, kind in RECIPE_PARTS.items()
    }
    for name in ("object", "probe"):
        if parts[name].path is not None:
            parts[name] = replace(parts[name], path=str(expanded(parts[name].path)))
    output = config.output
    return SimulationJob(
        Recipe(**parts, seed=config.seed),
        folder / expanded(output.path),
        output.format,
        config.memory_budget,
        config.report,
    )


def reassembly_job(
    config: ReassembleConfig,
    folder: Path,
    reason: str | None = None,
    context: Mapping[str, Any] | None = None,
) -> ReassemblyJob:
    """Make the job of putting patches together; relative outputs are relative to the folder.

    Raises
    ------
    ConfigurationError
        If a setting cannot be used.
    """
    plugin, options = named_plugin(config.plugin)
    named = asdict(config.patches)
    beside = named.pop("positions_path")
    output, shape = config.output, config.shape
    if shape is not None and (len(shape) != 2 or min(shape) < 1):
        raise ConfigurationError(
            f"shape: received {one_line(shape, 60)}. Expected height and width of the object, "
            "[H, W], or null."
        )
    return ReassemblyJob(
        PatchSource(
            **named | {"path": expanded(named["path"])},
            positions_path=None if beside is None else expanded(beside),
        ),
        folder / expanded(output.path),
        format=output.format,
        shape=None if shape is None else (shape[0], shape[1]),
        interpolation=cast(Interpolation | None, config.interpolation),  # the cut refuses others
        fill=cast(Fill | None, config.fill),
        weight=config.weight,
        border=config.border,
        fit=config.fit,
        pixel_size=config.pixel_size,
        plugin=plugin,
        options=options,
        wrappers=tuple(config.wrappers),
        memory_budget=config.memory_budget,
        overwrite=output.overwrite,
        picture=output.picture,
        report=config.report,
        reason=reason,
        context=context or {},
    )
