"""What an extraction is to do, as one plain object: made by hand, or of a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...engine import DEFAULT_PLUGIN
from ...geometry.cut import Cut
from ...io.objects.urls import Location
from ...io.scan_files import ScanSource


@dataclass(frozen=True)
class ExtractionJob:
    """What to read, what to cut from it, with what, and where to write.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    cut : Cut
        What is cut at each position.
    output : Path or ObjectUrl
        The file or store of patches; the suffix names its format.
    plugin : str
        Who cuts.
    options : mapping of str to object
        The plugin's options by name.
    wrappers : tuple of str
        Plugins whose wrappers surround it.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that scan, patches and workspace may take together;
        by default half of the memory that is free at each step.
    overwrite : bool
        Whether an earlier output may be replaced.
    resume : bool
        Whether to go on with what a killed run of the same job left.
    picture : bool
        Whether to draw a preview beside the output, ``patches.h5.png`` beside ``patches.h5``.
    report : bool
        Whether to write a report beside the output, ``patches.h5.report.html``.
    reason : str, optional
        Why this plugin, for the log line.
    context : mapping of str to object
        What that line says beside the reason. Its `sources`, where each value of the configuration
        comes from, go into the output too.
    origins : mapping of str to str
        Where values of the configuration come from, by key, for the report; one that is not listed
        is the caller's, or a default.
    """

    scan: ScanSource
    cut: Cut
    output: Location
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

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the records of the output."""
        return {
            "plugin": {"name": self.plugin, **self.options},
            "scan": self.scan.settings(),
            "output": {
                "path": str(self.output),
                "overwrite": self.overwrite,
                "resume": self.resume,
                "picture": self.picture,
            },
            **asdict(self.cut),
            "memory_budget": self.memory_budget,
            "report": self.report,
            "wrappers": list(self.wrappers),
        }
