"""The picture of a run: what was measured, sorted, and under each panel's title what it shows."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ptycho_engine.report.canvas import render

from .machine import in_short
from .registry import PEERS
from .sections.grouping import per_sample
from .table import number

AXES = {
    "patches": ("patches P", "P"),
    "patch_size": ("patch size N", "N"),
    "object_size": ("object size H", "H"),
}
OURS, OURS_REUSED, THEIRS, LIMIT = "#0b6cb5", "#6fb7e9", "#8a8f94", "#c0392b"
#: A curve for each plugin.
CURVES = ("#0b6cb5", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
#: Inches: a panel, its title, a row of a list of ratios.
WIDTH, HEIGHT, TITLE, ROW = 6.6, 3.4, 1.1, 0.25

Rows = list[dict[str, Any]]
Panel = tuple[float, Callable[[Any], None]]


def draw(results: dict[str, Any], path: Path) -> bool:
    """Draw what the results hold; False if that is nothing that can be drawn."""
    panels = panels_of(results["sections"])
    if not panels:
        return False
    columns = min(2, len(panels))
    lines = [panels[start : start + columns] for start in range(0, len(panels), columns)]
    heights = [TITLE + max(height for height, _ in line) for line in lines]

    def paint(figure: Any) -> None:
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
        grid = figure.subplots(
            len(lines), columns, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        for (_, panel), axes in zip(panels, grid.flat, strict=False):
            panel(axes)
        figure.supxlabel(in_short(results["machine"]), size=8, color="0.3")

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(render((WIDTH * columns, sum(heights) + 0.3), paint, dpi=110))
    return True


def panels_of(sections: dict[str, Any]) -> list[Panel]:
    """Return the height of each panel and what paints it."""
    panels: list[Panel] = []
    rows = [r for r in sections.get("throughput", {}).get("rows", []) if r["status"] == "timed"]
    rows = [row for row in rows if row["layout"] == "flat"]
    if rows:
        panels.append((ROW * len(rows), lambda axes: _paint_throughput(axes, rows)))
    calls = sections.get("latency", {}).get("rows", [])
    if calls:
        panels.append((ROW * len(calls), lambda axes: _paint_latency(axes, calls)))
    for axis in AXES:
        curve = [r for r in sections.get("scaling", {}).get("rows", []) if r["axis"] == axis]
        if curve:
            panels.append((HEIGHT, lambda axes, axis=axis, rows=curve: _curve(axes, axis, rows)))
    groups = [r for r in sections.get("grouping", {}).get("rows", []) if r["status"] == "timed"]
    groups = [row for row in groups if row["groups"] < row["points"]]
    if groups:
        panels.append((HEIGHT, lambda axes: _paint_grouping(axes, groups)))
    return panels


def _paint_throughput(axes: Any, rows: Rows) -> None:
    rows = sorted(rows, key=lambda row: row["to_first_touch"])
    theirs = {peer.name for peer in PEERS}
    colours = [
        THEIRS if row["contender"] in theirs else OURS if row["output"] == "fresh" else OURS_REUSED
        for row in rows
    ]
    names = [f"{row['contender']}, {row['output']}" for row in rows]
    _ratios(axes, names, [row["to_first_touch"] for row in rows], colours)
    axes.set_xlabel(
        "time over that of a first touch of the output\n"
        "blue: ptycho_engine, light where the output is reused; grey: peers"
    )
    axes.set_title(throughput_finding(rows))


def throughput_finding(rows: Rows) -> str:
    """Say in a sentence how the fastest of ours and the fastest peer do, in a fresh output."""
    theirs = {peer.name for peer in PEERS}
    fresh = sorted(
        (row for row in rows if row["output"] == "fresh"), key=lambda row: row["to_first_touch"]
    )
    ours = next((row for row in fresh if row["contender"] not in theirs), None)
    peer = next((row for row in fresh if row["contender"] in theirs), None)
    said = []
    if ours:
        figure = number(ours["to_first_touch"])
        said.append(f"{ours['contender']} fills a fresh output in {figure} of a first touch")
    if peer:
        figure = number(peer["to_first_touch"])
        said.append(f"the fastest peer, {peer['contender']}, in {figure}")
    return ",\n".join(said) or "Reused outputs"


def _paint_latency(axes: Any, rows: Rows) -> None:
    rows = sorted(rows, key=lambda row: row["to_loop"])
    names = [f"{row['plugin']}, {row['object']}" for row in rows]
    colours = [OURS if row["object"] == "prepared" else OURS_REUSED for row in rows]
    _ratios(axes, names, [row["to_loop"] for row in rows], colours)
    axes.set_xlabel(
        "time of a small call over that of a NumPy loop\n"
        "dark: a prepared object; light: a plain array"
    )
    axes.set_title(latency_finding(rows))


def latency_finding(rows: Rows) -> str:
    """Say in a sentence who answers a small call first."""
    best = min(rows, key=lambda row: row["to_loop"])
    return (
        f"A small call: {best['plugin']}, {best['object']}, takes {number(best['to_loop'])} of a "
        f"NumPy loop\n({number(best['microseconds'])} microseconds)"
    )


def _ratios(axes: Any, names: list[str], ratios: list[float], colours: list[str]) -> None:
    """Paint ratios as distances from 1 on a logarithmic axis, the least on top."""
    places = range(len(names))
    axes.hlines(places, 1.0, ratios, color=colours, linewidth=3)
    axes.scatter(ratios, places, color=colours, s=36, zorder=3)
    for place, ratio, colour in zip(places, ratios, colours, strict=True):
        left = ratio < 1
        axes.annotate(
            number(ratio), (ratio, place), (-7 if left else 7, 0), textcoords="offset points",
            ha="right" if left else "left", va="center", color=colour, size=8, weight="bold",
        )  # fmt: skip
    axes.axvline(1.0, color=LIMIT, linewidth=1, zorder=0)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    _logarithmic(axes, "x")
    axes.margins(x=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def _curve(axes: Any, axis: str, rows: Rows) -> None:
    plugins = sorted({row["plugin"] for row in rows})
    for plugin, colour in zip(plugins, CURVES, strict=False):
        own = [row for row in rows if row["plugin"] == plugin]
        values = [row["value"] for row in own]
        times = [row["microseconds_per_patch"] for row in own]
        axes.plot(values, times, "o-", label=plugin, color=colour, markersize=4)
        limit = [row["microseconds_per_patch"] / row["to_first_touch"] for row in own]
        axes.plot(values, limit, ":", color=colour, linewidth=1)
    axes.plot([], [], ":", color="0.3", linewidth=1, label="first touch of the output, beside each")
    _logarithmic(axes, "x")
    _logarithmic(axes, "y")
    values = sorted({row["value"] for row in rows})
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()
    axes.set_xlabel(AXES[axis][0])
    axes.set_ylabel("microseconds per patch")
    axes.set_title(curve_finding(axis, rows))
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def curve_finding(axis: str, rows: Rows) -> str:
    """Say in a sentence how far from the limit the fastest plugin is along a curve."""
    last = max(row["value"] for row in rows)
    best = min(
        (row for row in rows if row["value"] == last), key=lambda r: r["microseconds_per_patch"]
    )
    own = [row["to_first_touch"] for row in rows if row["plugin"] == best["plugin"]]
    span = " to ".join(dict.fromkeys([number(min(own)), number(max(own))]))
    letter = AXES[axis][1]
    return (
        f"{best['plugin']} takes {span} times as long as to "
        f"touch its output\n({letter} = {last:,}: {number(best['microseconds_per_patch'])} "
        "microseconds a patch)"
    )


def _paint_grouping(axes: Any, rows: Rows) -> None:
    """Paint seconds over the samples times the logarithm of the points: lines of slope 1."""
    for strategy, colour in zip(sorted({row["strategy"] for row in rows}), CURVES, strict=False):
        own = [row for row in rows if row["strategy"] == strategy]
        work = [row["groups"] * math.log2(row["points"]) for row in own]
        axes.plot(work, [r["seconds"] for r in own], "o-", label=strategy, color=colour, ms=4)
    _logarithmic(axes, "x")
    _logarithmic(axes, "y")
    axes.set_xlabel("groups x log2(points)")
    axes.set_ylabel("seconds")
    axes.set_title(grouping_finding(rows))
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def grouping_finding(rows: Rows) -> str:
    """Say in a sentence what the largest scan takes, and what a sample of any takes."""
    most = max(row["points"] for row in rows)
    (row,) = [r for r in rows if r["points"] == most and r["strategy"] == "random_of_k"]
    costs = [per_sample(r) for r in rows if r["strategy"] == "random_of_k"]
    span = " to ".join(dict.fromkeys([number(min(costs)), number(max(costs))]))
    return (
        f"{row['groups']:,} groups of {most:,} points in {number(row['seconds'])} s\n"
        f"({span} nanoseconds a group and halving of the points)"
    )


def _logarithmic(axes: Any, which: str) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter

    getattr(axes, f"set_{which}scale")("log")
    axis = getattr(axes, f"{which}axis")
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axis.set_minor_formatter(NullFormatter())
