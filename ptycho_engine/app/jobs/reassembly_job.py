"""What patches are to be put together, as one plain object: made by hand, or of a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from numpy.typing import NDArray

from ...data.stored_patches import PatchSource
from ...engine import DEFAULT_PLUGIN
from ...errors import ConfigurationError, one_of
from ...geometry.cut import Fill, Interpolation
from ...io.containers import FORMATS
from ...io.objects.urls import Location

#: What samples of a patch count: all the same, or as the probe lights them.
Weight = Literal["none", "probe"]
WEIGHTS: tuple[str, ...] = get_args(Weight)


@dataclass(frozen=True)
class ReassemblyJob:
    """What to read, how to put it together, and where to write.

    Attributes
    ----------
    patches : PatchSource
        What to read.
    output : Path or ObjectUrl
        The file or store: ``.npz``, ``.h5`` or ``.zarr`` for object, coverage and positions as
        arrays, any other suffix for the scan format that writes it.
    format : str, optional
        A scan format by name, whatever the suffix.
    shape : (int, int), optional
        Height and width of the object; by default what is recorded with the patches, else the
        least that holds all windows.
    interpolation, fill : str, optional
        How patches were cut; by default as recorded with them, else ``bilinear`` and ``zeros``.
    weight : {"none", "probe"}
        What samples of a patch count where patches overlap.
    border : int
        Samples at each side of a patch that are left out.
    fit : bool
        Whether positions are moved by whole pixels, so that the first window begins in the first
        pixel of the object, whose shape is then found.
    pixel_size : float, optional
        Metres between neighbouring samples of the object, for formats with positions in metres.
    plugin, options, wrappers, memory_budget, overwrite, picture, report, reason, context, origins
        As for :class:`~ptycho_engine.app.jobs.extraction_job.ExtractionJob`.
    """

    patches: PatchSource
    output: Location
    format: str | None = None
    shape: tuple[int, int] | None = None
    interpolation: Interpolation | None = None
    fill: Fill | None = None
    weight: str = "none"
    border: int = 0
    fit: bool = False
    pixel_size: float | None = None
    plugin: str = DEFAULT_PLUGIN
    options: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    memory_budget: int | str | None = None
    overwrite: bool = False
    picture: bool = True
    report: bool = True
    reason: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.weight not in WEIGHTS:
            raise ConfigurationError(one_of("weight", self.weight, WEIGHTS))
        if self.fit and self.shape is not None:
            raise ConfigurationError(
                f"fit: received true beside shape={list(self.shape)}. Expected one of them: "
                "positions that are moved have a shape found for them. Leave one out."
            )

        size = self.pixel_size
        if size is not None and not (math.isfinite(size) and size > 0):
            raise ConfigurationError(
                f"pixel_size: received {size}. Expected metres above zero, or null."
            )

    @property
    def writes_arrays(self) -> bool:
        """Whether the output is arrays in a store of ours, rather than a scan in some format."""
        return self.format is None and self.output.suffix.lower() in FORMATS

    def weighing(self, probe: NDArray[Any] | None) -> dict[str, Any]:
        """Return how samples count, as ``Engine.reassemble`` takes it, of patches with a probe."""
        return {"probe": probe if self.weight == "probe" else None, "border": self.border}

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the records of the output."""
        source = {k: None if v is None else str(v) for k, v in vars(self.patches).items()}
        return {
            "plugin": {"name": self.plugin, **self.options},
            "patches": source,
            "output": {
                "path": str(self.output),
                "format": self.format,
                "overwrite": self.overwrite,
                "picture": self.picture,
            },
            "shape": None if self.shape is None else list(self.shape),
            "interpolation": self.interpolation,
            "fill": self.fill,
            "weight": self.weight,
            "border": self.border,
            "fit": self.fit,
            "pixel_size": self.pixel_size,
            "memory_budget": self.memory_budget,
            "report": self.report,
            "wrappers": list(self.wrappers),
        }
