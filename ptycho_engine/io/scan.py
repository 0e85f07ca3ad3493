"""A scan as readers return it: an object, the positions on it, and what else its file holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..display import Shown, Words
from ..geometry import Positions

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class Scan(Shown):
    """What a reader found.

    Attributes
    ----------
    image : ndarray, shape (H, W)
        The object, real or complex.
    positions : ndarray of float64, shape (P, 2)
        Scan positions (y, x) in object pixels, finite.
    source : str
        Where the scan came from: the path of a file, or how it was made.
    probe : ndarray, shape (N, N) or (modes, N, N), optional
        The illumination.
    pattern_shape : (int, int, int), optional
        (P, N, N) if the source holds a diffraction pattern for each position.
    read_patterns : callable, optional
        Loads the diffraction patterns, (P, N, N), when it is called and not before.
    pixel_size : float, optional
        Metres between neighbouring samples of the object, if the source says.
    metadata : dict
        What else the source says, under the names that it uses.
    warnings : tuple of str
        What is doubtful about the source; logged once it is read, and kept with outputs.
    remedies : dict of str to str
        The settings of the reader that put positions right which are ``swapped`` (x, y), in
        ``metres``, or ``centred`` at the object's middle: what a warning says to set.
    """

    image: Array
    positions: Positions
    source: str
    probe: Array | None = None
    pattern_shape: tuple[int, int, int] | None = None
    read_patterns: Callable[[], Array] | None = None
    pixel_size: float | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remedies: dict[str, str] = field(default_factory=dict)

    @property
    def held_bytes(self) -> int:
        """Bytes of the arrays that are in memory: the patterns are not."""
        arrays = (self.image, self.positions, self.probe, *self.metadata.values())
        return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows: also how far the positions reach."""
        shown = super()._shown()
        if len(self.positions):
            (top, left), (bottom, right) = self.positions.min(axis=0), self.positions.max(axis=0)
            shown["positions"] = Words(
                f"{len(self.positions):,}, y {top:.6g} to {bottom:.6g}, x {left:.6g} to {right:.6g}"
            )
        return shown
