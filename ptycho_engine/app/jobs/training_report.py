"""The report of a training job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from ...data.grouping.groups import Groups
from ...memory import format_bytes
from ...report.html.images import legend_of, picture_of
from ...report.html.object_map import map_object, scales_of
from ...report.html.run_report import Bars, Fact, Gallery, RunReport, Sample, rows_of, write_page
from ...report.picture import first_plane
from ...report.quantities import Quantity
from ...request.blocks import Block
from .accuracy import compared, measure_accuracy
from .patch_output import evenly_spaced, short_source
from .report_parts import (
    accuracy_fact,
    costs_of,
    doubts_of,
    origin_rows,
    pattern_scale,
    place,
    plugin_rows,
    setting_rows,
    size_of,
    thinned,
    time_fact,
)
from .training_job import TrainingJob

if TYPE_CHECKING:
    from .train import PlannedTraining

Array = np.ndarray[Any, Any]

#: Groups that are shown, and members of each; bars of a chart.
SHOWN, MEMBERS, BARS = 3, 4, 24


@dataclass(frozen=True, eq=False)
class GroupSamples:
    """Some groups of a run, kept as their patches go by.

    Attributes
    ----------
    wanted : sequence of int
        Which.
    patches : dict of int to ndarray, (..., N, N, C)
        Their patches, by the number of the group; a resumed run has those that it cut.
    """

    wanted: Sequence[int]
    patches: dict[int, Array] = field(default_factory=dict)

    def watched(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Pass blocks of groups on."""
        for block in blocks:
            for group in self.wanted:
                if block.start <= group < block.stop:
                    self.patches[group] = block.patches[group - block.start].copy()
            yield block


def sampled_groups(planned: PlannedTraining) -> Sequence[int]:
    """Return which groups are kept: those that are shown, and what the comparison takes."""
    count, members = planned.groups.indices.shape
    cut, layers = planned.cut, planned.opened.scan.image.shape[:-2]
    most = compared(count * members, cut.patch_size, int(np.prod(layers)), cut.interpolation)
    return evenly_spaced(count, max(SHOWN, most // max(1, members)))


def report_training(
    job: TrainingJob, planned: PlannedTraining, records: Mapping[str, Any], kept: GroupSamples
) -> bytes:
    """Return the report as a page.

    Parameters
    ----------
    job, planned
        What was done.
    records : mapping
        The provenance of the output, what the run took included.
    kept : GroupSamples
        Groups as they were written.
    """
    scan, engine, groups = planned.opened.scan, planned.opened.engine, planned.groups
    cut, plan = planned.cut, planned.plan
    count, members = groups.indices.shape
    kept = with_missing(planned, kept)
    points, flat = planned.places.reshape(-1, 2), _by_patch(kept, members)
    accuracy = measure_accuracy(scan.image, points, flat, cut)
    every = sorted(kept.patches)
    chosen = [every[i] for i in evenly_spaced(len(every), SHOWN)]
    shown = [g * members + m for g in chosen for m in range(members)[:MEMBERS]]
    quantities = scales_of(scan.image, [flat[index] for index in shown])
    framed = points[shown[: min(MEMBERS, members)]]  # of one group: those of all would hide it
    written = sum(spec.nbytes for spec in planned.content.specs().values())
    across = None if scan.pixel_size is None else scan.pixel_size[1]
    coverage = groups.coverage
    facts = (
        Fact("Groups", f"{count:,}", f"{members} members, {groups.strategy}"),
        Fact("Positions used", f"{coverage.used:,}", f"of {len(scan.positions):,}"),
        Fact("Patches", size_of(cut.patch_size), f"{cut.interpolation}, {scan.image.dtype}"),
        *accuracy_fact(accuracy),
        time_fact(records["seconds"], written),
        Fact("Output", format_bytes(written), job.output.name),
        Fact("Plugin", engine.plugin, engine.reason),
    )
    gallery = _gallery(planned, flat, shown, quantities) if shown else ()
    report = RunReport(
        heading=f"{count:,} groups of {members}",
        summary=f"Made from {short_source(scan.source)} on {records['created']}.",
        warnings=doubts_of(records["warnings"], job.context, accuracy),
        facts=facts,
        plane=map_object(
            scan.image,
            scan.positions,
            cut.patch_size,
            quantities,
            framed=framed,
            windows=points,
            pixel_size=across,
        ),
        galleries=gallery,
        groups=rows_of(records["groups"]),
        charts=charts_of(groups),
        accuracy=accuracy,
        plugin=plugin_rows(engine),
        costs=costs_of(records, plan, scan.held_bytes),
        settings=setting_rows(job.settings(), job.context, job.origins),
        origins=origin_rows({k: v for k, v in records.items() if k != "groups"}),
    )
    return write_page(report)


def with_missing(planned: PlannedTraining, kept: GroupSamples) -> GroupSamples:
    """Cut again those groups that a resumed run skipped."""
    again = [group for group in kept.wanted if group not in kept.patches]
    if not again:
        return kept
    engine, image, how = planned.opened.engine, planned.opened.scan.image, vars(planned.cut)
    cut = engine.extract(image, planned.places[again], **how, layout="channel")
    found = dict(zip(again, np.moveaxis(cut, -4, 0), strict=True))
    return GroupSamples(kept.wanted, kept.patches | found)


def _by_patch(kept: GroupSamples, members: int) -> dict[int, Array]:
    """Return the patches of groups by their number: group times members, plus member."""
    return {
        group * members + member: patches[..., member]
        for group, patches in sorted(kept.patches.items())
        for member in range(members)
    }


def _gallery(
    planned: PlannedTraining,
    patches: Mapping[int, Array],
    shown: Sequence[int],
    quantities: Sequence[Quantity],
) -> tuple[Gallery, ...]:
    """Show members of groups: what was cut, and the pattern that belongs to it."""
    members = planned.groups.indices.shape[1]
    owners = planned.groups.indices.reshape(-1)[shown]
    read: list[Array] = []
    scales = list(quantities)
    if planned.patterns is not None:
        read = [thinned(planned.patterns.read(i, i + 1)[0]) for i in owners.tolist()]
        scales.append(pattern_scale(read, "pattern"))
    samples = []
    for number, index in enumerate(shown):
        plane = thinned(first_plane(patches[index]))
        images = [plane] * len(quantities) + ([read[number]] if read else [])
        group, member = divmod(index, members)
        title = f"Group {group:,}, member {member}"
        pictures = tuple(
            picture_of(image, scale, f"{scale.name} of {title}")
            for image, scale in zip(images, scales, strict=True)
        )
        at = place(planned.places.reshape(-1, 2)[index])
        samples.append(Sample(title, f"position {owners[number]:,}, {at}", pictures))
    note = "Patches on the scales of the object; patterns on a logarithmic scale."
    note += " The map frames those of the first group."
    legends = tuple(legend_of(scale) for scale in scales)
    return (Gallery("Sample groups", note, tuple(samples), legends, min(MEMBERS, members)),)


def charts_of(groups: Groups) -> tuple[Bars, ...]:
    """Draw how often positions are used, and how far groups reach."""
    coverage = groups.coverage
    if not len(coverage.extents):
        return ()
    uses = coverage.histogram
    step = -(-len(uses) // BARS)
    counts = np.add.reduceat(uses, np.arange(0, len(uses), step))
    labels = [str(i * step) if step == 1 else f"{i * step}+" for i in range(len(counts))]
    unused = f"{int(uses[0]):,} of {len(coverage.uses):,} positions are in no group."
    sides = coverage.extents.max(axis=1)
    middle, most = float(np.median(sides)), float(sides.max())
    reach = f"Longer side of a group: median {middle:.4g}, largest {most:.4g} object pixels."
    often = tuple(zip(labels, counts.tolist(), strict=True))
    return (
        Bars("Extent of the groups", "longer side (object pixels)", _bins(sides), reach),
        Bars("Uses of the positions", "groups that hold a position", often, unused),
    )


def _bins(lengths: Array) -> tuple[tuple[str, int], ...]:
    """Count lengths in equal parts of their range, each labelled from where to where it goes."""
    low, high = float(lengths.min()), float(lengths.max())
    if low == high:
        return ((f"{low:.4g}", len(lengths)),)
    counts, edges = np.histogram(lengths, bins=BARS)
    labels = (f"{start:.4g} to {stop:.4g}" for start, stop in pairwise(edges.tolist()))
    return tuple(zip(labels, counts.tolist(), strict=True))
