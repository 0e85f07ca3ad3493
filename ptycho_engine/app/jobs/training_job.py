"""What training data is to be made, as one plain object: made by hand, or of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ...data.grouping.group_settings import GroupSettings
from ...engine import DEFAULT_PLUGIN
from ...errors import ConfigurationError, one_of
from ...geometry.cut import Cut, Fill, Interpolation, Rounding
from ...io.containers import check_packing, format_of
from ...io.objects.urls import Location
from ...io.scan_files import ScanSource
from .training_set import Packing

#: Whose names arrays have: ours, or PtychoPINN's, which ``auto`` takes for ``.npz``.
Keys = Literal["auto", "native", "ptychopinn"]
KEYS: tuple[str, ...] = get_args(Keys)


@dataclass(frozen=True)
class TrainingJob:
    """What to read, which groups to form, what to cut, and where to write.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    groups : GroupSettings
        Which points form which groups.
    output : Path or ObjectUrl
        The file or store; the suffix names its format.
    patch_size : int, optional
        Rows and columns of a patch; by default those of the patterns, else of the probe.
    interpolation, fill, rounding : str
        As for :class:`~ptycho_engine.geometry.cut.Cut`.
    mirrored : bool
        Whether patches are cut where PtychoPINN cuts them: each at the point mirror of its
        position about the mean of its group.
    keys : {"auto", "native", "ptychopinn"}
        Whose names arrays have; ``auto`` takes PtychoPINN's for ``.npz``, and ours elsewhere.
    chunk : int
        Groups in a chunk of a Zarr store, and of HDF5 that is compressed.
    shard : int, optional
        Groups in a file of a Zarr store, whole chunks; by default each chunk is a file.
    compression : {"none", "zstd", "gzip"}
        What chunks are packed with: zstd in Zarr, gzip in HDF5.
    plugin, options, wrappers, memory_budget, overwrite, resume, report, reason, context, origins
        As for :class:`~ptycho_engine.app.jobs.extraction_job.ExtractionJob`.
    picture : bool
        Whether to draw beside the output which positions the groups use.
    """

    scan: ScanSource
    groups: GroupSettings
    output: Location
    patch_size: int | None = None
    interpolation: Interpolation = "bilinear"
    fill: Fill = "zeros"
    rounding: Rounding = "exact"
    mirrored: bool = False
    keys: str = "auto"
    chunk: int = 16
    shard: int | None = None
    compression: str = "none"
    plugin: str = DEFAULT_PLUGIN
    options: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    memory_budget: int | str | None = None
    overwrite: bool = False
    resume: bool = False
    picture: bool = True
    report: bool = True
    reason: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.keys not in KEYS:
            raise ConfigurationError(one_of("output.keys", self.keys, KEYS))
        for name, value in (("chunk", self.chunk), ("shard", self.shard or self.chunk)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(
                    f"output.{name}: received {value!r}. Expected groups, a number above zero."
                )
        if self.shard is not None and (self.shard < 1 or self.shard % self.chunk):
            raise ConfigurationError(
                f"output.shard: received {self.shard}. Expected a multiple of the {self.chunk} "
                "groups of output.chunk."
            )
        check_packing(self.output, self.compression, self.shard is not None)

    def cut(self, size: int | None = None) -> Cut:
        """Return what is cut, of the size that the job or its scan says.

        Raises
        ------
        RequestError
            If it cannot be cut.
        """
        wanted = self.patch_size if self.patch_size is not None else size
        return Cut(1 if wanted is None else wanted, self.interpolation, self.fill, self.rounding)

    @property
    def packing(self) -> Packing | None:
        """How arrays lie in chunks; None where they lie in one piece."""
        if format_of(self.output) != "zarr" and self.compression == "none":
            return None
        return Packing(self.chunk, self.shard, self.compression)

    @property
    def for_ptychopinn(self) -> bool:
        """Whether arrays have the names of PtychoPINN."""
        return self.keys == "ptychopinn" or (
            self.keys == "auto" and format_of(self.output) == "npz"
        )

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the records of the output."""
        groups = asdict(self.groups)
        return {
            "plugin": {"name": self.plugin, **self.options},
            "scan": self.scan.settings(),
            "groups": groups,
            "output": {
                "path": str(self.output),
                "overwrite": self.overwrite,
                "resume": self.resume,
                "picture": self.picture,
                "keys": self.keys,
                "chunk": self.chunk,
                "shard": self.shard,
                "compression": self.compression,
            },
            "patch_size": self.patch_size,
            "interpolation": self.interpolation,
            "fill": self.fill,
            "rounding": self.rounding,
            "mirrored": self.mirrored,
            "memory_budget": self.memory_budget,
            "report": self.report,
            "wrappers": list(self.wrappers),
        }
