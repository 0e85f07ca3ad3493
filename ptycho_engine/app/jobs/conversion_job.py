"""What is to be written anew, and where, as one plain object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ...data.detector.detector_settings import Preparation
from ...io.objects.urls import Location
from ...io.scan_files import ScanSource


@dataclass(frozen=True)
class ConversionJob:
    """What to read and where to write it.

    Attributes
    ----------
    scan : ScanSource
        What to read.
    output : Path or ObjectUrl
        The file, where nothing stands.
    format : str, optional
        Its format by name; by default that of its suffix.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that reading may take.
    detector : Preparation
        What is done to the frames of the detector.
    report : bool
        Whether to write a report beside the output, ``scan.npz.report.html``.
    origins : mapping of str to str
        Where values of the configuration come from, by key, for the report.
    """

    scan: ScanSource
    output: Location
    format: str | None = None
    memory_budget: int | str | None = None
    detector: Preparation = field(default_factory=Preparation)
    report: bool = True
    origins: Mapping[str, str] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """Return the job as the configuration that makes it, for the report."""
        return {
            "scan": self.scan.settings(),
            "detector": asdict(self.detector),
            "output": {"path": str(self.output), "format": self.format},
            "memory_budget": self.memory_budget,
            "report": self.report,
        }
