"""What is to be written anew, and where, as one plain object."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    """

    scan: ScanSource
    output: Location
    format: str | None = None
    memory_budget: int | str | None = None
    detector: Preparation = field(default_factory=Preparation)
