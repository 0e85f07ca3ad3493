"""A look into a scan, or into each scan of a folder: what is inside, and whether it fits together.

Examples
--------
>>> from ptycho_engine.io.scan_files import ScanSource
>>> source = ScanSource("synthetic", options={"points": 5, "object_size": 64})
>>> found = run(InspectionJob(source, patch_size=16))
>>> found.scans[0]["object"]["shape"], found.scans[0]["windows"]["leaving"]
([64, 64], 0)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...errors import InputFileError, OutputError, PtychoEngineError, RequestError
from ...io.disk import writing
from ...io.objects.mirror import passing
from ...io.objects.urls import Location, ObjectUrl
from ...io.outputs import is_replaceable
from ...io.scan import Scan
from ...io.scan_files import ScanSource, check_source, read_scan
from ...io.scan_folders import is_folder_of_scans, scans_in
from ...report.companion import PICTURE
from ...report.measurement import MeasurementView, draw_measurement
from ...report.picture import Preview, draw_preview
from .findings import describe, window_size
from .inspection_job import InspectionJob
from .patch_output import short_source
from .wording import as_lines, as_list, row

Waiting = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes
    ----------
    scans : list of dict
        Of each scan what :func:`~ptycho_engine.app.jobs.findings.describe` says; ``source`` and
        ``error`` of one that cannot be read.
    listed : bool
        Whether they are those of a folder.
    picture : Path or ObjectUrl, optional
        Where the picture stands.
    """

    scans: list[dict[str, Any]]
    listed: bool = False
    picture: Location | None = None

    def as_json(self) -> str:
        """Write it for programs: an object, or a list of them for a folder."""
        return json.dumps(self.scans if self.listed else self.scans[0], indent=2)

    def as_text(self) -> str:
        """Write it for people."""
        lines = as_list(self.scans) if self.listed else as_lines(self.scans[0])
        if self.picture is not None:
            lines = [*lines, row("picture", str(self.picture))]
        return "\n".join(lines)


def run(job: InspectionJob, *, waiting: Waiting = nullcontext) -> Inspection:
    """Look.

    Parameters
    ----------
    job : InspectionJob
        At what.
    waiting : callable, optional
        Makes the context in which something is waited for, given what.

    Raises
    ------
    PtychoEngineError
        If the file cannot be read, or the picture cannot be drawn or written; of a folder, if it
        holds no file that a format could read.
    """
    if job.scan.path is not None and is_folder_of_scans(job.scan.path):
        return Inspection(_scans(job, job.scan.path, waiting), listed=True)
    if job.picture is not None:
        _check_picture(job.picture, job.scan.path)
    scan = _read(job, job.scan, waiting)
    found = describe(scan, job.patch_size)
    if job.picture is None:
        return Inspection([found])
    drawn = _draw(scan, found)
    with writing(job.picture):
        PICTURE.write(job.picture, drawn)
    return Inspection([found], picture=job.picture)


def _check_picture(path: Location, source: Location | None) -> None:
    """Refuse a picture that could not be written."""
    if isinstance(path, Path) and not path.parent.is_dir():
        raise OutputError(
            f"{path}: the folder {path.parent} does not exist. Expected a folder to write in. "
            "Create it with mkdir -p, or choose another picture."
        )
    PICTURE.check(path, None, [] if source is None else [source])
    if path.suffix.lower() != PICTURE.suffix:
        raise OutputError(
            f"{path}: received the suffix {path.suffix!r} for a picture. Expected "
            f"{PICTURE.suffix}, which it is. Choose picture=NAME{PICTURE.suffix}."
        )


def _scans(job: InspectionJob, folder: Location, waiting: Waiting) -> list[dict[str, Any]]:
    """Look at each scan of a folder, of which there is one."""
    found = list(_each(job, folder, waiting))
    if not found:
        raise InputFileError(
            f"{folder}: holds outputs of ptycho-engine that are no scans, and nothing else. "
            "Expected a scan, or a folder of scans. Read an output with ptycho_engine.read_output."
        )
    return found


def _each(job: InspectionJob, folder: Location, waiting: Waiting) -> Iterator[dict[str, Any]]:
    """Look at each scan of a folder; of one in an object store a copy at a time is kept."""
    if job.picture is not None:
        raise RequestError(
            f"{folder}: is a folder, and a picture shows one scan. Expected a file beside picture. "
            "Leave it out, or inspect one of the files."
        )
    for path in scans_in(folder):
        with passing(folder) if isinstance(folder, ObjectUrl) else nullcontext():
            found = _found(job, path, waiting)
            if found is not None:
                yield found


def _found(job: InspectionJob, path: Location, waiting: Waiting) -> dict[str, Any] | None:
    """Say what one scan of a folder holds, or what is wrong with it; None of patches of ours."""
    try:
        scan = _read(job, replace(job.scan, format="file", path=path, options={}), waiting)
        return describe(scan, job.patch_size)
    except PtychoEngineError as error:
        if is_replaceable(path):  # what a job made of a scan
            return None
        return {"source": str(path), "error": f"{type(error).__name__}: {error}"}


def _read(job: InspectionJob, source: ScanSource, waiting: Waiting) -> Scan:
    check_source(source, memory_budget=job.memory_budget)
    with waiting(f"reading {source.path or source.format}"):
        return read_scan(
            source.format, source.path, source.options, memory_budget=job.memory_budget, log=False
        )


def _draw_measurement(scan: Scan, found: dict[str, Any]) -> bytes:
    placed = scan.positions is not None and (scan.units == "px" or scan.pixel_size is not None)
    positions = scan.in_pixels().positions if placed else scan.positions
    size, _ = window_size(scan, found["windows"] and found["windows"]["size"])
    pattern, index = None, 0
    if scan.patterns is not None and scan.patterns.shape[0]:
        index = scan.patterns.shape[0] // 2
        pattern = scan.patterns.read(index, index + 1)[0]
    title = f"{short_source(scan.source)}, no object"
    units = "object pixels" if placed else scan.units
    return draw_measurement(
        MeasurementView(positions, units, size if placed else None, pattern, index, title)
    )


def _draw(scan: Scan, found: dict[str, Any]) -> bytes:
    """Draw the object with the positions; without an object, positions and a pattern."""
    if scan.image is None and (scan.positions is not None or scan.patterns is not None):
        return _draw_measurement(scan, found)
    cuttable = scan.for_cutting()
    height, width = cuttable.image.shape[-2:]
    title = f"{len(cuttable.positions):,} positions on {short_source(scan.source)}"
    caption = f"object {height} x {width} {cuttable.image.dtype}"
    windows = found["windows"]
    if windows is not None:
        caption += (
            f"; windows of {windows['size']} x {windows['size']}: {windows['leaving']:,} leave it, "
            f"{windows['coverage']:.1%} of it lies under one"
        )
    across = None if cuttable.pixel_size is None else cuttable.pixel_size[1]
    return draw_preview(Preview(cuttable.image, cuttable.positions, {}, title, caption, across))
