"""The picture of a run: ratios of the main table, and the scaling curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from .table import number

LABELS = {
    "patches": "patches P",
    "patch_size": "patch size N",
    "object_size": "object size H",
}


def draw(results: dict[str, Any], path: Path) -> bool:
    """Draw what the results hold; False if that is nothing that can be drawn."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    panels: list[Callable[[Any], None]] = []
    sections = results["sections"]
    timed = [r for r in sections.get("throughput", {}).get("rows", []) if r["status"] == "timed"]
    if timed:
        panels.append(lambda axes: _bars(axes, timed))
    curves = sections.get("scaling", {}).get("rows", [])
    for axis in LABELS:
        rows = [row for row in curves if row["axis"] == axis]
        if rows:
            panels.append(lambda axes, axis=axis, rows=rows: _curve(axes, axis, rows))
    if not panels:
        return False
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    figure, grid = plt.subplots(
        lines, columns, figsize=(6.5 * columns, 4.5 * lines), squeeze=False, layout="constrained"
    )
    for axes in grid.flat[len(panels) :]:
        axes.remove()
    for panel, axes in zip(panels, grid.flat, strict=False):
        panel(axes)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)
    plt.close(figure)
    return True


def _bars(axes: Any, rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["layout"] == "flat"][::-1]
    names = [f"{row['contender']}, {row['output']}" for row in rows]
    ratios = [row["to_first_touch"] for row in rows]
    bars = axes.barh(names, ratios, color="tab:blue")
    axes.bar_label(bars, [f" {number(ratio)}" for ratio in ratios])
    axes.axvline(1.0, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.margins(x=0.2)
    axes.set_xlabel("time / first touch of the output")
    axes.set_title("Flat layout: 1 is the limit of a fresh output")


def _curve(axes: Any, axis: str, rows: list[dict[str, Any]]) -> None:
    for plugin in sorted({row["plugin"] for row in rows}):
        own = [row for row in rows if row["plugin"] == plugin]
        values = [row["value"] for row in own]
        (line,) = axes.plot(
            values, [row["microseconds_per_patch"] for row in own], "o-", label=plugin
        )
        limit = [row["microseconds_per_patch"] / row["to_first_touch"] for row in own]
        axes.plot(values, limit, ":", color=line.get_color(), linewidth=1)
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = sorted({row["value"] for row in rows})
    axes.set_xticks(values, [f"{value:,}" for value in values])
    axes.minorticks_off()
    axes.set_xlabel(LABELS[axis])
    axes.set_ylabel("microseconds per patch")
    axes.set_title("Dotted: first touch of the output")
    axes.legend()
