"""What part of the plane a picture shows, and where on the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
#: Left, bottom, width and height.
Rectangle = tuple[float, float, float, float]

#: Most that the longer side of a view may be of the shorter: narrower strips get room beside them.
SLENDER = 4.0

# The paper, in inches.
COLUMN, HIGHEST = 4.4, 5.2
LEFT, TOP, BESIDE_COLUMN = 0.62, 0.68, 1.05
BAR, BAR_GAP = 0.13, 0.1
PATCH, PATCH_GAP, ABOVE_PATCHES, BELOW_PATCHES = 1.4, 0.1, 0.76, 0.22
LINE, EDGE = 0.16, 0.12


@dataclass(frozen=True)
class View:
    """A part of the plane, in object pixels: the object, and windows that leave it.

    Attributes
    ----------
    shape : (int, int)
        Rows and columns of the object.
    left, right, bottom, top : float
        Its borders; y grows downwards, so that ``top < bottom``.
    beyond : int
        Number of positions that lie too far away to be in it.
    """

    shape: tuple[int, int]
    left: float
    right: float
    bottom: float
    top: float
    beyond: int

    @classmethod
    def around(cls, shape: tuple[int, int], positions: Array, size: int) -> View:
        """Show the object and all windows, but those that lie too far to see both.

        Parameters
        ----------
        shape : (int, int)
            Rows and columns of the object.
        positions : ndarray, shape (P, 2)
            Scan positions (y, x).
        size : int
            Rows and columns of a window.
        """
        reach = max(size, max(shape) // 2)
        near = ((positions >= -reach) & (positions < np.array(shape) + reach)).all(axis=1)
        sides = []
        for axis, count in enumerate(shape):
            starts = positions[near, axis] - size // 2 - 0.5
            low = min(-0.5, starts.min(initial=0.0))
            sides.append([low, max(count - 0.5, starts.max(initial=0.0) + size)])
        longest = max(high - low for low, high in sides)
        for side in sides:
            missing = longest / SLENDER - (side[1] - side[0])
            if missing > 0:
                side[:] = side[0] - missing / 2, side[1] + missing / 2
        (top, bottom), (left, right) = sides
        return cls(shape, left, right, bottom, top, int((~near).sum()))

    @classmethod
    def about(cls, positions: Array, size: int) -> View:
        """Show all windows (positions (P, 2), rows and columns), of which no object is known."""
        margin = max(size, 1)
        low = positions.min(axis=0) if len(positions) else np.zeros(2)
        high = positions.max(axis=0) if len(positions) else np.zeros(2)
        (top, left), (bottom, right) = (low - margin).tolist(), (high + margin).tolist()
        return cls((0, 0), left, right, bottom, top, 0)

    @property
    def width(self) -> float:
        """Object pixels from left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """Object pixels from top to bottom."""
        return self.bottom - self.top


@dataclass(frozen=True)
class Layout:
    """Where the parts of a picture lie, as fractions of its width and height.

    Attributes
    ----------
    columns, patches, lines : int
        Quantities side by side, patches below each, lines of the caption.
    object_height : float
        Inches.
    """

    columns: int
    patches: int
    lines: int
    object_height: float

    @classmethod
    def of(cls, view: View, columns: int, patches: int, lines: int) -> Layout:
        """Lay out a view of an object and some patches."""
        height = min(COLUMN * view.height / view.width, HIGHEST)
        return cls(columns, patches, lines, height)

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the paper in inches."""
        height = TOP + self._content + BELOW_PATCHES + self.lines * LINE + EDGE
        return LEFT + self.columns * (COLUMN + BESIDE_COLUMN), height

    @property
    def _patch(self) -> float:
        count = max(1, self.patches)
        return min(PATCH, (COLUMN - (count - 1) * PATCH_GAP) / count)

    @property
    def _content(self) -> float:
        return self.object_height + ABOVE_PATCHES + (self._patch if self.patches else 0.0)

    def place_object(self, column: int) -> Rectangle:
        """Place the object of a column."""
        return self._place(_left(column), TOP, COLUMN, self.object_height)

    def place_patch(self, column: int, number: int) -> Rectangle:
        """Place one of the patches of a column."""
        x = _left(column) + number * (self._patch + PATCH_GAP)
        return self._place(x, TOP + self.object_height + ABOVE_PATCHES, self._patch, self._patch)

    def place_bar(self, column: int) -> Rectangle:
        """Place the colour bar of a column."""
        return self._place(_left(column) + COLUMN + BAR_GAP, TOP, BAR, self._content)

    def _place(self, x: float, y: float, width: float, height: float) -> Rectangle:
        all_width, all_height = self.size
        bottom = 1 - (y + height) / all_height
        return x / all_width, bottom, width / all_width, height / all_height


def _left(column: int) -> float:
    return LEFT + column * (COLUMN + BESIDE_COLUMN)
