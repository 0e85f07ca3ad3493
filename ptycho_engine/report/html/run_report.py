"""The report of a run: what it says, as plain data, and the page that says it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import one_line
from .images import Legend, Picture
from .object_map import ObjectMap
from .page import render

#: Lines of a table, warnings of a run, and characters of each: a page has no more room.
LINES, WARNINGS, LONGEST = 400, 60, 400


@dataclass(frozen=True)
class Fact:
    """Something that is said at a glance: a name, a value, and a word more."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table: a name, a value, and where it comes from."""

    name: str
    value: str
    source: str = ""


@dataclass(frozen=True)
class Sample:
    """Pictures of one place: a patch, a pattern."""

    title: str
    note: str
    pictures: tuple[Picture, ...]


@dataclass(frozen=True)
class Gallery:
    """Samples that are drawn alike.

    Attributes
    ----------
    title, note : str
        What they are.
    samples : tuple of Sample
        The samples.
    legends : tuple of Legend
        What their colours stand for.
    framed : int
        How many of the samples the map has a frame for, in the same order.
    """

    title: str
    note: str
    samples: tuple[Sample, ...]
    legends: tuple[Legend, ...]
    framed: int = 0


@dataclass(frozen=True)
class Bars:
    """A bar chart.

    Attributes
    ----------
    title, axis : str
        What is counted, and along what.
    bars : tuple of (str, int)
        Label and height of each.
    said : str
        What it shows, in words.
    """

    title: str
    axis: str
    bars: tuple[tuple[str, int], ...]
    said: str


@dataclass(frozen=True)
class Accuracy:
    """How a sample of what was made compares with the float64 reference.

    Attributes
    ----------
    errors : tuple of (int, float)
        Number of each patch or row, and its largest error as a share of the object's largest
        magnitude.
    tolerance : float
        What is allowed.
    reason : str
        Why there are none, or what the comparison leaves out.
    unit : (str, str)
        What an error belongs to, one and several.
    """

    errors: tuple[tuple[int, float], ...]
    tolerance: float
    reason: str = ""
    unit: tuple[str, str] = ("patch", "patches")

    @property
    def largest(self) -> float:
        """The largest of the errors; NaN is larger than any."""
        errors = [error for _, error in self.errors]
        return next(filter(math.isnan, errors), max(errors, default=0.0))

    @property
    def holds(self) -> bool:
        """Whether all are within the tolerance; NaN is not."""
        return all(error <= self.tolerance for _, error in self.errors)


@dataclass(frozen=True)
class Costs:
    """What a run took, beside what was planned.

    Attributes
    ----------
    seconds : tuple of (str, float)
        Each step, and how long it took.
    memory : tuple of (str, int)
        Bytes by name.
    notes : tuple of str
        What else was planned or counted.
    """

    seconds: tuple[tuple[str, float], ...]
    memory: tuple[tuple[str, int], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RunReport:
    """What the report of a run says; a part that is None or empty is left out.

    Attributes
    ----------
    heading, summary : str
        What was made, of what.
    warnings : tuple of str
        What is doubtful: it comes first.
    facts : tuple of Fact
        The run at a glance.
    plane : ObjectMap, optional
        The object, its coverage and positions.
    galleries : tuple of Gallery
        Patches, patterns.
    groups : tuple of Row
        What is said of groups.
    charts : tuple of Bars
        Their extents and uses.
    accuracy : Accuracy, optional
        The comparison with the reference.
    plugin : tuple of Row
        Who did it, and why that one.
    costs : Costs, optional
        Time and memory.
    settings : tuple of Row
        The configuration, and where each value comes from.
    origins : tuple of Row
        Versions, hashes, times.
    """

    heading: str
    summary: str
    warnings: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    plane: ObjectMap | None = None
    galleries: tuple[Gallery, ...] = ()
    groups: tuple[Row, ...] = ()
    charts: tuple[Bars, ...] = ()
    accuracy: Accuracy | None = None
    plugin: tuple[Row, ...] = ()
    costs: Costs | None = None
    settings: tuple[Row, ...] = ()
    origins: tuple[Row, ...] = ()


def write_page(report: RunReport) -> bytes:
    """Return the page of a report, one file of less than 3 MB that asks for nothing else."""
    warnings = [one_line(text, LONGEST) for text in report.warnings[:WARNINGS]]
    if len(report.warnings) > WARNINGS:
        warnings.append(f"and {len(report.warnings) - WARNINGS:,} more, which the log has.")
    page = render("run.html.j2", heading=report.heading, report=report, warnings=warnings)
    return page.encode("utf-8")


def rows_of(
    values: Mapping[str, Any], origins: Mapping[str, str] | None = None, otherwise: str = ""
) -> tuple[Row, ...]:
    """Write settings, whatever they hold, as lines: keys with dots, short values.

    Parameters
    ----------
    values : mapping
        Values and mappings of them.
    origins : mapping of str to str, optional
        Where a value comes from, by key.
    otherwise : str
        Where all others come from.
    """
    rows = []
    for key, value in _flattened(values, ""):
        rows.append(Row(one_line(key, LONGEST), _words(value), (origins or {}).get(key, otherwise)))
    if len(rows) > LINES:
        rows = [*rows[:LINES], Row("…", f"{len(rows) - LINES:,} more, which the output records")]
    return tuple(rows)


def _flattened(values: Mapping[str, Any], path: str) -> Sequence[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in values.items():
        key = f"{path}{name}"
        if isinstance(value, Mapping) and value:
            found += _flattened(value, f"{key}.")
        else:
            found.append((key, value))
    return found


def _words(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return one_line(value, LONGEST)
