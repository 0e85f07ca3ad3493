"""The schema of the configuration: what Hydra checks names and types against.

The options of a plugin are checked by the plugin itself, a built-in one like anyone's; those of a
format are its own dataclass (`scans`).
"""

from __future__ import annotations

import copy
import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any, get_type_hints

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import MISSING

from ..data.detector.detector_settings import Preparation
from ..data.grouping.group_settings import GroupSettings
from ..data.simulation.recipe import Recipe
from ..discovery import contributed_folders, discover
from .config_files import register_config_files
from .scans import FormatConfigs
from .vocabulary import configuration_folders


@dataclass
class OutputConfig:
    """Where the patches go."""

    path: str = "patches.npz"
    overwrite: bool = False
    resume: bool = False
    picture: bool = True


@dataclass
class ScanOutputConfig:
    """Where a scan goes."""

    path: str = MISSING
    format: str | None = None


@dataclass
class TrainingOutputConfig(OutputConfig):
    """Where training data goes."""

    path: str = "train.zarr"
    keys: str = "auto"
    chunk: int = 16
    shard: int | None = None
    compression: str = "none"


@dataclass
class ObjectOutputConfig:
    """Where an object goes that is put together."""

    path: str = "object.h5"
    overwrite: bool = False
    picture: bool = True
    format: str | None = None


class Progress(Enum):
    """When a bar shows the progress: if standard error is a terminal, or in any case."""

    auto = "auto"
    always = "always"
    never = "never"


class LogLevel(Enum):
    """The least that the log shows."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class LogFormat(Enum):
    """How a line of the log looks: a sentence, key=value, or one JSON object.

    ``auto`` is for people at a terminal, and text elsewhere.
    """

    auto = "auto"
    people = "people"
    text = "text"
    json = "json"


@dataclass
class RunnerConfig:
    """Where the work is done, and how the run shows itself."""

    kind: str = "local"
    progress: Progress = Progress.auto
    log_level: LogLevel = LogLevel.INFO
    log_format: LogFormat = LogFormat.auto


@dataclass
class DaskConfig(RunnerConfig):
    """Which cluster does the work."""

    kind: str = "dask"
    scheduler: str | None = None
    workers: int | None = None
    threads: int | None = None
    retries: int = 3
    portion: str = "64MiB"


@dataclass
class CompatConfig:
    """Settings of PtychoPINN to work in."""

    mode: str = "none"
    params: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass
class JobConfig:
    """One run of the command."""

    plugin: Any = MISSING
    scan: Any = MISSING
    output: OutputConfig = MISSING
    runner: RunnerConfig = MISSING
    compat: CompatConfig = field(default_factory=CompatConfig)
    patch_size: int = 64
    interpolation: str = "bilinear"
    fill: str = "zeros"
    rounding: str = "exact"
    memory_budget: str | None = None
    report: bool = True
    wrappers: list[str] = field(default_factory=list)


@dataclass
class InspectConfig:
    """One look into a file."""

    scan: Any = MISSING
    runner: RunnerConfig = MISSING
    patch_size: int | None = None
    picture: str | None = None
    memory_budget: str | None = None


@dataclass
class ConvertConfig:
    """One scan written anew."""

    scan: Any = MISSING
    detector: Any = MISSING
    output: ScanOutputConfig = MISSING
    runner: RunnerConfig = MISSING
    memory_budget: str | None = None
    report: bool = True


@dataclass
class TrainConfig:
    """One set of training data."""

    plugin: Any = MISSING
    scan: Any = MISSING
    groups: Any = MISSING
    output: TrainingOutputConfig = MISSING
    runner: RunnerConfig = MISSING
    compat: CompatConfig = field(default_factory=CompatConfig)
    gridsize: int = 1
    patch_size: int | None = None
    interpolation: str = "bilinear"
    fill: str = "zeros"
    rounding: str = "exact"
    mirrored: bool = False
    memory_budget: str | None = None
    report: bool = True
    wrappers: list[str] = field(default_factory=list)


@dataclass
class SimulateConfig:
    """One simulated scan."""

    object: Any = MISSING
    probe: Any = MISSING
    trajectory: Any = MISSING
    beam: Any = MISSING
    exposure: Any = MISSING
    output: ScanOutputConfig = MISSING
    runner: RunnerConfig = MISSING
    seed: int = 0
    memory_budget: str | None = None
    report: bool = True


@dataclass
class PatchesConfig:
    """Patches in a file."""

    path: str = MISSING
    patches: str | None = None
    amplitude: str | None = None
    phase: str | None = None
    real: str | None = None
    imag: str | None = None
    positions: str | None = None
    positions_path: str | None = None
    probe: str | None = None


@dataclass
class ReassembleConfig:
    """One object put together."""

    plugin: Any = MISSING
    patches: PatchesConfig = MISSING
    output: ObjectOutputConfig = MISSING
    runner: RunnerConfig = MISSING
    shape: list[int] | None = None
    interpolation: str | None = None
    fill: str | None = None
    weight: str = "none"
    border: int = 0
    fit: bool = False
    pixel_size: float | None = None
    memory_budget: str | None = None
    report: bool = True
    wrappers: list[str] = field(default_factory=list)


def plain_copy(kind: type, **changed: tuple[Any, Any]) -> type:
    """Make a dataclass that Hydra can fill of one whose instances are frozen.

    Parameters
    ----------
    kind : type
        The dataclass, whose fields all have defaults.
    **changed : (type, default)
        Fields that are others in a configuration.
    """
    entries: list[Any] = []
    for name, hint in get_type_hints(kind).items():
        found = kind.__dataclass_fields__[name]  # type: ignore[attr-defined]
        if name in changed:
            hint, default = changed[name]
            entries.append((name, hint, field(default_factory=partial(copy.copy, default))))
        elif found.default_factory is not dataclasses.MISSING:
            entries.append((name, hint, field(default_factory=found.default_factory)))
        else:
            entries.append((name, hint, field(default=found.default)))
    return dataclasses.make_dataclass(f"{kind.__name__}Config", entries)


#: The groups of settings that a simulated scan is made of, and their dataclasses.
RECIPE_PARTS: dict[str, type] = {
    name: kind
    for name, kind in get_type_hints(Recipe).items()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
}

#: The schema of each root configuration, by the name of its file.
SCHEMAS: dict[str, type] = {
    "config": JobConfig,
    "inspect": InspectConfig,
    "convert": ConvertConfig,
    "train": TrainConfig,
    "simulate": SimulateConfig,
    "reassemble": ReassembleConfig,
}


def register_schemas() -> None:
    """Store the schemas, and the groups that installed plugins contribute, with Hydra."""
    store = ConfigStore.instance()
    for root, schema in SCHEMAS.items():
        store.store(name=f"{root}_schema", node=schema)
    store.store(group="output", name="schema", node=OutputConfig)
    store.store(group="output", name="scan_schema", node=ScanOutputConfig)
    store.store(group="output", name="training_schema", node=TrainingOutputConfig)
    store.store(group="output", name="object_schema", node=ObjectOutputConfig)
    store.store(group="patches", name="schema", node=PatchesConfig)
    groups = plain_copy(GroupSettings, members=(int | None, None))
    store.store(group="groups", name="schema", node=groups)
    store.store(group="runner", name="schema", node=RunnerConfig)
    store.store(group="runner", name="dask_schema", node=DaskConfig)
    store.store(group="compat", name="schema", node=CompatConfig)
    pairs = {"centre": (Any, None), "matrix": (Any, None), "fill": (str | None, None)}
    detector = plain_copy(Preparation, shift=(list[float], [0.0, 0.0]), **pairs)
    store.store(group="detector", name="schema", node=detector)
    for name, kind in RECIPE_PARTS.items():
        store.store(group=name, name="schema", node=plain_copy(kind))
    for name in plugins_without_file():
        store.store(group="plugin", name=name, node={"name": name})
    register_config_files()
    Plugins.instance().register(FormatConfigs)
    Plugins.instance().register(ContributedConfigs)


def plugins_without_file() -> list[str]:
    """Name the installed plugins whose options no file lists; which they are, they alone know."""
    folders = configuration_folders()
    names = (source.name for source in discover())
    return [n for n in names if not any((f / "plugin" / f"{n}.yaml").is_file() for f in folders)]


class ContributedConfigs(SearchPathPlugin):
    """Lets Hydra find the configuration groups of installed plugins and formats."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the group of formats, and the folders of the entry points for them."""
        search_path.append(provider="ptycho_engine", path=f"{FormatConfigs.scheme()}://")
        for source, folder in contributed_folders():
            if folder:
                search_path.append(provider=source.distribution, path=f"file://{folder}")
