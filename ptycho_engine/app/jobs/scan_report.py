"""The report of a scan that was written: simulated, or converted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...io.objects.urls import Location
from ...io.scan import Scan
from ...memory import format_bytes
from ...report.html.object_map import ObjectMap, map_object, scales_of
from ...report.html.page import duration
from ...report.html.run_report import Costs, Fact, Gallery, RunReport, rows_of, write_page
from .doubtful_samples import doubts_about_samples
from .findings import window_size
from .origins import library_versions
from .patch_output import evenly_spaced, short_source
from .report_parts import pattern_gallery, setting_rows

#: Patterns that are shown.
SHOWN = 6


@dataclass(frozen=True)
class ScanOrder:
    """What is asked for about a scan that is written.

    Attributes
    ----------
    verb : str
        What is done to it: "simulated", "converted".
    settings : mapping
        The configuration of the job.
    origins : mapping of str to str
        Where its values come from.
    report : bool
        Whether there shall be a report.
    inputs : tuple of Path or ObjectUrl
        Files that are read.
    """

    verb: str
    settings: Mapping[str, Any]
    origins: Mapping[str, str]
    report: bool = True
    inputs: tuple[Location, ...] = ()


@dataclass(frozen=True)
class SeenScan:
    """What a report shows of a scan, which itself may go.

    Attributes
    ----------
    source : str
        Where it came from.
    facts : tuple of Fact
        What it holds.
    plane : ObjectMap or None
        Object and positions, if it has any.
    galleries : tuple of Gallery
        Patterns.
    warnings : tuple of str
        What is doubtful.
    records : mapping
        What else it says.
    """

    source: str
    facts: tuple[Fact, ...]
    plane: ObjectMap | None
    galleries: tuple[Gallery, ...]
    warnings: tuple[str, ...]
    records: Mapping[str, Any]


def look_at(scan: Scan) -> SeenScan:
    """Take of a scan what a report shows; some patterns are read."""
    image, positions, patterns = scan.image, scan.positions, scan.patterns
    facts = []
    if image is not None:
        facts.append(Fact("Object", " x ".join(map(str, image.shape)), str(image.dtype)))
    if positions is not None:
        facts.append(Fact("Positions", f"{len(positions):,}", f"in {scan.units}"))
    if patterns is not None:
        size = " x ".join(map(str, patterns.shape[1:]))
        what = f"{patterns.quantity or 'unknown quantity'}, {patterns.dtype}"
        facts.append(Fact("Patterns", f"{patterns.shape[0]:,}", f"{size}, {what}"))
    if scan.probe is not None:
        facts.append(Fact("Probe", " x ".join(map(str, scan.probe.shape)), str(scan.probe.dtype)))
    if scan.energy is not None:
        facts.append(Fact("Energy", f"{scan.energy / 1000:.4g} keV"))
    if scan.pixel_size is not None:
        facts.append(Fact("Object pixel", f"{scan.pixel_size[1] * 1e9:.4g} nm"))
    plane = None
    if positions is not None and (scan.units == "px" or scan.pixel_size is not None):
        placed = scan.in_pixels().positions
        window = window_size(scan, None)[0] or 0
        across = None if scan.pixel_size is None else scan.pixel_size[1]
        scales = [] if image is None else scales_of(image, [])
        plane = map_object(image, placed, window, scales, pixel_size=across)  # type: ignore[arg-type]
    chosen = () if patterns is None else evenly_spaced(patterns.shape[0], SHOWN)
    gallery = (pattern_gallery(patterns, chosen),) if patterns is not None and chosen else ()
    records = {"source": scan.source, "assumptions": scan.assumptions}
    warnings = (*scan.warnings, *doubts_about_samples(object=image, probe=scan.probe))
    return SeenScan(scan.source, tuple(facts), plane, gallery, warnings, records)


def report_scan(
    seen: SeenScan,
    order: ScanOrder,
    output: Location,
    seconds: Mapping[str, float],
    dropped: tuple[str, ...],
    changed: tuple[str, ...],
) -> bytes:
    """Return the report of a scan as a page.

    Parameters
    ----------
    seen : SeenScan
        The scan, before it was written.
    order : ScanOrder
        What was asked for.
    output : Path or ObjectUrl
        What was written.
    seconds : mapping of str to float
        What each step took.
    dropped, changed : tuple of str
        What the format has no place for, and what is another in the file.
    """
    from ... import __version__

    created = datetime.now(UTC).isoformat(timespec="seconds")
    warnings = [*seen.warnings]
    if dropped:
        warnings.append(f"{output.name} has no place for: {', '.join(dropped)}.")
    warnings += [f"Changed: {words}." for words in changed]
    size = None
    if isinstance(output, Path) and output.is_file():
        size = output.stat().st_size
    facts = [*seen.facts, Fact("Time", duration(sum(seconds.values())))]
    if size is not None:
        facts.append(Fact("Output", format_bytes(size), output.name))
    report = RunReport(
        heading=f"Scan {order.verb}: {output.name}",
        summary=f"{order.verb.capitalize()} from {short_source(seen.source)} on {created}.",
        warnings=tuple(warnings),
        facts=tuple(facts),
        plane=seen.plane,
        galleries=seen.galleries,
        costs=Costs(tuple(seconds.items()), ()),
        settings=setting_rows(order.settings, {}, order.origins),
        origins=rows_of(
            {"ptycho_engine": __version__, "created": created, "libraries": library_versions()}
            | dict(seen.records)
        ),
    )
    return write_page(report)
