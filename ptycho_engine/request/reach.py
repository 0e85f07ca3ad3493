"""Where the windows of a scan lie, which shows coordinates that cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays.adapter import NUMPY
from ..geometry.cut import Cut
from .checks import sampled, window_starts
from .extraction import ExtractionRequest
from .windows import all_inside, is_spread

#: Positions looked at in one go, so that the caches hold what is made of them.
STEP = 8192
#: How far the middle of a scan may lie from zero, in extents, to have been centred there.
CENTRED = 0.1
#: How many times more windows must leave than with y and x exchanged.
FEW = 10

Positions = NDArray[np.float64]


@dataclass(frozen=True)
class Reach:
    """Where the windows of a scan lie relative to its object.

    Attributes
    ----------
    windows : int
        Their number P.
    leaving : int
        How many sample beyond the centres of the border pixels, as ``fill="error"`` judges.
    farthest : float
        How far beyond, at most, in object pixels; 0 if none leaves.
    extent : (float, float)
        Largest less smallest coordinate of the positions, (y, x), in object pixels; 0 without any.
    middle : (float, float)
        Mean of both.
    object_shape : (int, int)
        Height and width of the object.
    leaving_swapped : int
        How many windows would leave if y and x were exchanged.
    """

    windows: int
    leaving: int
    farthest: float
    extent: tuple[float, float]
    middle: tuple[float, float]
    object_shape: tuple[int, int]
    leaving_swapped: int

    @property
    def looks_swapped(self) -> bool:
        """Whether windows leave, and next to none would with y and x exchanged."""
        return self.leaving > 0 and FEW * self.leaving_swapped <= self.leaving

    @property
    def is_centred(self) -> bool:
        """Whether the positions lie about zero, on either side of it along both axes."""
        return all(
            length > 0 and abs(middle) <= CENTRED * length
            for middle, length in zip(self.middle, self.extent, strict=True)
        )

    def records(self) -> dict[str, Any]:
        """Return the numbers, for a log line and for the records of an output."""
        return {
            "count": self.windows,
            "leaving": self.leaving,
            "beyond_pixels": round(self.farthest, 3),
            "extent_pixels": [float(f"{length:.6g}") for length in self.extent],
        }

    def warnings(self, remedies: Mapping[str, str] | None = None) -> tuple[str, ...]:
        """Say what makes it doubtful that the positions are (y, x) in object pixels.

        Parameters
        ----------
        remedies : mapping of str to str, optional
            What the reader of the scan offers against ``swapped``, ``metres`` and ``centred``.

        Returns
        -------
        tuple of str
            What is the likeliest, with what would put it right; empty if nothing is doubtful.
        """
        offered = remedies or {}
        if self.windows > 1 and max(self.extent) < 1:
            height, width = (f"{length:.3g}" for length in self.extent)
            return (
                f"positions: {self.windows} of them extend over {height} x {width} pixels, less "
                f"than one; {self._leaving}. Expected object pixels. If they are metres, or "
                "fractions of the object, use geometry.from_metres with the pixel size"
                f"{_or(offered, 'metres')}.",
            )
        if self.looks_swapped:
            return (
                f"positions: {self._leaving}; with y and x exchanged, "
                f"{self.leaving_swapped or 'none'} would. Expected columns (y, x). If they are "
                f"(x, y), use geometry.from_xy{_or(offered, 'swapped')}.",
            )
        if 2 * self.leaving > self.windows:
            centred = "; they lie about zero" if self.is_centred else ""
            return (
                f"positions: {self._leaving}{centred}. Expected (y, x) in object pixels, counted "
                "from the centre of pixel [0, 0]. Use geometry.from_xy if they are (x, y), and "
                "geometry.from_metres if they are in another unit or count from another origin"
                f"{_or(offered, *(['centred'] if self.is_centred else offered))}.",
            )
        return ()

    @property
    def _leaving(self) -> str:
        height, width = self.object_shape
        far = f", by up to {self.farthest:.6g} pixels" if self.leaving else ""
        return (
            f"{self.leaving} of {self.windows} windows leave the object of {height} x {width} "
            f"pixels{far}"
        )


def _or(offered: Mapping[str, str], *names: str) -> str:
    options = [offered[name] for name in names if name in offered]
    return f", or set {' or '.join(options)}" if options else ""


@dataclass
class _Sums:
    """What is kept of the positions looked at so far."""

    leaving: int = 0
    leaving_swapped: int = 0
    farthest: float = 0.0
    lowest: Positions = field(default_factory=lambda: np.full(2, np.inf))
    highest: Positions = field(default_factory=lambda: np.full(2, -np.inf))


def measure_reach(positions: Positions, object_shape: tuple[int, int], cut: Cut) -> Reach:
    """Find out where windows lie, in one pass over the positions.

    Parameters
    ----------
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels, finite.
    object_shape : (int, int)
        Height and width of the object.
    cut : Cut
        What is cut there.

    Returns
    -------
    Reach
        Counts and distances.
    """
    last, sums = np.array(object_shape) - 1.0, _Sums()
    for first in range(0, len(positions), STEP):
        # By column: along an axis of two, NumPy takes ten times as long.
        part = np.ascontiguousarray(positions[first : first + STEP].T)
        low, high = sampled(window_starts(part, cut), cut)
        beyond, swapped = (
            np.maximum(np.maximum(*-low), np.maximum(*(high - end[:, None])))
            for end in (last, last[::-1])
        )
        sums.leaving += int(np.count_nonzero(beyond > 0))
        sums.leaving_swapped += int(np.count_nonzero(swapped > 0))
        sums.farthest = max(sums.farthest, float(beyond.max()))
        sums.lowest = np.minimum(sums.lowest, part.min(axis=1))
        sums.highest = np.maximum(sums.highest, part.max(axis=1))
    if not len(positions):
        sums.lowest = sums.highest = np.zeros(2)
    low, high = sums.lowest, sums.highest
    return Reach(
        windows=len(positions),
        leaving=sums.leaving,
        farthest=sums.farthest,
        extent=tuple((high - low).tolist()),
        middle=tuple(((high + low) / 2).tolist()),
        object_shape=object_shape,
        leaving_swapped=sums.leaving_swapped,
    )


def find_doubts(request: ExtractionRequest) -> tuple[str, ...]:
    """Say what makes the positions of a request doubtful, if their numbers are known.

    Parameters
    ----------
    request : ExtractionRequest
        A validated request; nothing is said of tensors of a graph.

    Returns
    -------
    tuple of str
        As `Reach.warnings`.
    """
    arrays = request.arrays
    if arrays.is_symbolic(request.image) or arrays.is_symbolic(request.positions):
        return ()
    if arrays is NUMPY and all_inside(request) and is_spread(request):
        return ()
    shape = tuple(request.image.shape[-2:])
    return measure_reach(arrays.to_numpy(request.positions), shape, request.cut).warnings()
