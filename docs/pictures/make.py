"""Make the pictures of the explanations: ``python docs/pictures/make.py [FOLDER]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ptycho_engine import Engine
from ptycho_engine.geometry import ANCHORS

#: Colours that are told apart with any sight, on white and on dark grey.
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#888888"


def anchor() -> Figure:
    """Draw windows of four and of five samples about one position, along a line of pixels."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    position = 3.3
    for panel, size in zip(figure.subplots(2, 1, sharex=True), (4, 5), strict=True):
        start = position - size // 2
        for pixel in range(8):
            panel.add_patch(
                Rectangle((pixel - 0.5, 0), 1, 0.5, fill=False, edgecolor=GREY, linewidth=1)
            )
            panel.text(pixel, 0.25, str(pixel), ha="center", va="center", color=GREY)
        samples = start + np.arange(size)
        panel.plot(samples, np.full(size, 0.8), "o", color=BLUE)
        for number, sample in enumerate(samples):
            middle = number == size // 2
            panel.text(
                sample, 1.0, f"[{number}]", ha="center",
                color=ORANGE if middle else BLUE, weight="bold" if middle else "normal",
            )  # fmt: skip
        panel.plot([position, position], [0, 0.9], color=ORANGE, linewidth=1.5)
        panel.set_title(
            f"N = {size}: starts at p - {size // 2} = {start:.1f}, sample [{size // 2}] lies at p",
            loc="left", fontsize=10,
        )  # fmt: skip
        panel.set(xlim=(-0.6, 7.6), ylim=(-0.05, 1.4))
        panel.set_axis_off()
    figure.suptitle(f"position p = {position}; pixels of the object in grey", fontsize=10)
    return figure


def fills() -> Figure:
    """Draw a patch that leaves its object, under each fill."""
    y, x = np.indices((12, 12))
    image = (0.4 + 0.6 * ((x // 3 + y // 3) % 2)) * (0.5 + x / 22)
    figure = Figure(figsize=(8, 2.5), layout="constrained")
    first, *others = figure.subplots(1, 4)
    shown: dict[str, Any] = {"vmin": 0, "vmax": 1, "cmap": "viridis"}
    first.imshow(image, **shown)
    position = np.array([[3.0, 2.0]])
    corner = position[0][::-1] - 5 - 0.5
    first.add_patch(Rectangle(corner, 10, 10, fill=False, edgecolor=ORANGE, linewidth=2))
    first.plot(*position[0][::-1], "+", color=ORANGE, markersize=12)
    first.set(xlim=(-4.5, 11.5), ylim=(11.5, -4.5))
    first.set_title("object and window", fontsize=10)
    for panel, fill in zip(others, ("zeros", "edge", "reflect"), strict=True):
        patch = Engine("numba").extract(image, position, 10, fill=fill)[0]
        panel.imshow(patch, **shown)
        panel.set_title(f'fill="{fill}"', fontsize=10)
    for panel in (first, *others):
        panel.set(xticks=[], yticks=[])
    return figure


def anchors() -> Figure:
    """Draw where each named anchor puts a window of four pixels, for one position."""
    figure = Figure(figsize=(7.5, 3.6), layout="constrained")
    panel = figure.subplots()
    position, size = 5.3, 4
    names = list(ANCHORS)
    for row, name in enumerate(names):
        start = float(ANCHORS[name](np.array(position), size))
        colour = ORANGE if name == "half" else BLUE
        samples = start + np.arange(size)
        panel.plot(samples, np.full(size, row), "o-", color=colour, markersize=5)
        panel.text(samples[-1] + 0.25, row, f"starts at {start:.1f}", va="center", color=colour)
    panel.axvline(position, color=GREY, linewidth=1)
    panel.set_yticks(range(len(names)), names)
    panel.set(xlim=(2.5, 11.5), ylim=(len(names) - 0.4, -0.6), xticks=range(3, 10))
    panel.set_title(f"samples of the window of {size} at p = {position}, in pixels", fontsize=10)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    return figure


def frames() -> Figure:
    """Draw the axes: rows are y and go down, columns are x."""
    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    panel = figure.subplots()
    height, width = 5, 6
    for i in range(height):
        for j in range(width):
            panel.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor=GREY))
            panel.text(j, i, f"{i},{j}", ha="center", va="center", color=GREY, fontsize=8)
    panel.plot(3.25, 2.4, "o", color=ORANGE)
    panel.annotate(
        "p = (y, x) = (2.4, 3.25)", (3.25, 2.4), (1.2, 5.1), color=ORANGE,
        arrowprops={"arrowstyle": "->", "color": ORANGE},
    )  # fmt: skip
    for end, label in (((2.5, -0.95), "x, columns"), ((-0.95, 2.2), "y, rows")):
        panel.annotate(
            "", end, (-0.95, -0.95), arrowprops={"arrowstyle": "->", "color": BLUE, "lw": 2}
        )
        along = 0 if label.startswith("x") else 90
        at = (0.6, -1.3) if along == 0 else (-1.3, 0.7)
        panel.text(*at, label, color=BLUE, rotation=along, ha="center", va="center")
    panel.set(xlim=(-1.7, 6), ylim=(5.5, -1.7), aspect="equal")
    panel.set_axis_off()
    return figure


PICTURES = {"frames": frames, "anchor": anchor, "anchors": anchors, "fills": fills}


def main(folder: Path) -> None:
    """Write all of them as SVG files, the same bytes each time."""
    with matplotlib.rc_context({"svg.hashsalt": "ptycho_engine", "svg.fonttype": "path"}):
        for name, draw in PICTURES.items():
            figure = draw()
            FigureCanvasAgg(figure)
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None}, facecolor="white")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
