"""What the reports of all jobs say alike: samples, plugin, costs, settings, origin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...engine import Engine
from ...io.patterns import Patterns
from ...memory import format_bytes
from ...report.html.images import legend_of, number, picture_of
from ...report.html.page import duration
from ...report.html.run_report import Accuracy, Costs, Fact, Gallery, Row, Sample, rows_of
from ...report.picture import first_plane
from ...report.quantities import Quantity
from ...report.scales import Scale
from ...request.planning import Plan

Array = np.ndarray[Any, Any]

#: Samples along a patch or a pattern in a page.
SIDE = 128
#: Records that a section of their own says.
SAID = ("seconds", "bytes", "warnings", "setting_sources", "plugin_options", "compilations")


def size_of(length: int) -> str:
    """Write the size of a square."""
    return f"{length} x {length}"


def thinned(image: Array) -> Array:
    """Return samples of an image (H, W) at equal steps, as many as a page has room for."""
    step = -(-max(image.shape) // SIDE) or 1
    return image[::step, ::step]


def patch_gallery(
    quantities: Sequence[Quantity], patches: Mapping[int, Array], positions: Array
) -> Gallery:
    """Show patches on the scales of their object.

    Parameters
    ----------
    quantities : sequence of Quantity
        What is shown of each.
    patches : mapping of int to ndarray, (..., N, N)
        The patches, by the number of their position.
    positions : ndarray of float64, shape (P, 2)
        Every position.
    """
    samples = []
    for index, patch in sorted(patches.items()):
        plane = thinned(first_plane(patch))
        pictures = (picture_of(plane, q, f"{q.name} of patch {index}") for q in quantities)
        samples.append(Sample(f"Patch {index:,}", place(positions[index]), tuple(pictures)))
    legends = tuple(legend_of(quantity) for quantity in quantities)
    note = "Evenly chosen over the scan, on the scales of the object; framed in the map."
    return Gallery("Sample patches", note, tuple(samples), legends, framed=len(samples))


def place(position: Array) -> str:
    """Write where something lies."""
    y, x = (f"{float(at):.1f}" for at in position)
    return f"y {y}, x {x}".replace("-", "\N{MINUS SIGN}")


def pattern_scale(patterns: Sequence[Array], name: str) -> Quantity:
    """Return the logarithmic scale of diffraction patterns; what is zero is as the least."""
    values = [np.asarray(pattern, np.float64) for pattern in patterns]
    bright = [v[np.isfinite(v) & (v > 0)] for v in values]
    every = np.concatenate(bright) if bright else np.empty(0)
    low, high = (float(every.min()), float(every.max())) if every.size else (1.0, 10.0)
    ends = float(np.log10(low)), float(np.log10(high if high > low else 10 * low))
    ticks = {ends[0]: number(low), ends[1]: number(10 ** ends[1])}

    def logarithm(values: Array) -> Array:
        with np.errstate(invalid="ignore"):
            bright = np.where(values > low, values, low).astype(np.float64)
            return np.where(np.isnan(values), np.nan, np.log10(bright))

    return Quantity(name, "", logarithm, Scale(*ends, "neither"), "magma", ticks)


def pattern_gallery(patterns: Patterns, chosen: Sequence[int]) -> Gallery:
    """Show some diffraction patterns, on one logarithmic scale."""
    read = [thinned(patterns.read(index, index + 1)[0]) for index in chosen]
    scale = pattern_scale(read, patterns.quantity or "pattern")
    samples = tuple(
        Sample(f"Pattern {index:,}", "", (picture_of(r, scale, f"diffraction pattern {index}"),))
        for index, r in zip(chosen, read, strict=True)
    )
    size = " x ".join(map(str, patterns.shape[1:]))
    note = f"{patterns.shape[0]:,} patterns of {size}, on a logarithmic scale."
    return Gallery("Diffraction", note, samples, (legend_of(scale),))


def plugin_rows(engine: Engine) -> tuple[Row, ...]:
    """Say who did the work, and why that one."""
    source = engine.source
    rows = [
        Row("plugin", engine.plugin),
        Row("why", engine.reason),
        Row("from", f"{source.distribution} {source.version}".strip()),
    ]
    return (*rows, *(Row(f"plugin.{r.name}", r.value) for r in rows_of(engine.options)))


def costs_of(spent: Mapping[str, Any], plan: Plan, held: int) -> Costs:
    """Say what a run took beside what was planned.

    Parameters
    ----------
    spent : mapping
        As `origins.costs` records it.
    plan : Plan
        What was planned.
    held : int
        Bytes of the scan.
    """
    memory = (
        ("scan", held),
        ("planned workspace", plan.workspace_bytes),
        ("measured growth", spent["bytes"]["peak_growth"]),
        ("budget", plan.memory_budget),
    )
    compiled = sum(spent["compilations"].values())
    notes = (
        f"{plan.chunk_count:,} chunks of {plan.chunk_size:,} patches were planned; "
        f"{compiled:,} functions were compiled.",
        "The output takes " + format_bytes(plan.output_bytes) + ".",
    )
    return Costs(tuple(spent["seconds"].items()), memory, notes)


def time_fact(seconds: Mapping[str, float], bytes_written: int) -> Fact:
    """Say how long a run took, and how fast it was."""
    whole = sum(seconds.values())
    speed = f"{format_bytes(int(bytes_written / whole))} a second" if whole > 0 else ""
    return Fact("Time", duration(whole), speed)


def accuracy_fact(accuracy: Accuracy | None) -> tuple[Fact, ...]:
    """Say the largest error at a glance."""
    if accuracy is None or not accuracy.errors:
        return ()
    said = "within the tolerance" if accuracy.holds else "beyond the tolerance"
    return (Fact("Largest error", f"{accuracy.largest:.1e}", said),)


def doubts_of(
    warnings: Sequence[str], context: Mapping[str, Any], accuracy: Accuracy | None = None
) -> tuple[str, ...]:
    """Return the warnings of a run: what is beyond a tolerance, of the scan, of legacy settings."""
    found = []
    if accuracy is not None and not accuracy.holds:
        found.append(_beyond(accuracy))
    found += warnings
    found += [f"Legacy settings disagree. {text}" for text in context.get("conflicts", ())]
    found += [f"The legacy parameter {key} is unknown." for key in context.get("unknown", ())]
    return tuple(found)


def _beyond(accuracy: Accuracy) -> str:
    """Say by how much more than is allowed a run differs from the reference."""
    unit = accuracy.unit[1].capitalize()
    if math.isnan(accuracy.largest):
        return f"{unit} are NaN where the float64 reference is not, or the other way round."
    return (
        f"{unit} differ from the float64 reference by {accuracy.largest:.2g} of the object's "
        f"largest magnitude; {accuracy.tolerance:.0e} is allowed."
    )


def origin_rows(records: Mapping[str, Any]) -> tuple[Row, ...]:
    """Say what made the output: versions, hashes, times."""
    return rows_of({name: value for name, value in records.items() if name not in SAID})


def setting_rows(
    settings: Mapping[str, Any], context: Mapping[str, Any], origins: Mapping[str, str]
) -> tuple[Row, ...]:
    """List the configuration, and where each value comes from."""
    otherwise = "default" if origins else "the caller, or a default"
    return rows_of(settings, {**origins, **context.get("sources", {})}, otherwise)
