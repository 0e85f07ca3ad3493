"""What a comparison of legacy and new settings found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...io.scan import CuttableScan

if TYPE_CHECKING:
    from rich.table import Table

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Effect:
    """What one difference between legacy and new settings does.

    Attributes
    ----------
    name : str
        The difference.
    legacy, new : str
        The settings compared.
    differences : ndarray of float64, shape (P,)
        Largest difference in each patch, in units of the object.
    rms : float
        Root mean square over all samples, in units of the object.
    worst : tuple of (ndarray, ndarray) or None
        The patch that differs most, (N, N), legacy and new; None if none differs.
    """

    name: str
    legacy: str
    new: str
    differences: Array
    rms: float
    worst: tuple[Array, Array] | None

    @property
    def count(self) -> int:
        """Patches that differ at all."""
        return int(np.count_nonzero(self.differences))

    @property
    def largest(self) -> float:
        """Largest difference, in units of the object."""
        return float(self.differences.max(initial=0.0))

    @property
    def index(self) -> int | None:
        """Where in `Comparison.positions` the patch that differs most stands."""
        return int(self.differences.argmax()) if self.count else None


@dataclass(frozen=True, eq=False)
class Comparison:
    """Each difference by itself, then all of them together.

    Attributes
    ----------
    scan : CuttableScan
        What was cut from.
    positions : ndarray of float64, shape (P, 2)
        The scan positions compared, (y, x) in object pixels; members of a group in a row.
    patch_size, gridsize : int
        N, and the side of a group.
    crossing : int
        Windows that leave the object.
    amplitude : float
        Largest finite magnitude of the object.
    effects : tuple of Effect
        The last one is all together.
    """

    scan: CuttableScan
    positions: Array
    patch_size: int
    gridsize: int
    crossing: int
    amplitude: float
    effects: tuple[Effect, ...]

    def table(self) -> Table:
        """Return the comparison as a table for a terminal."""
        from rich.markup import escape
        from rich.table import Table

        table = Table(
            title=f"{escape(self.scan.source)}\n{len(self.positions)} patches of "
            f"{self.patch_size} x {self.patch_size}, {self.crossing} of them across the border",
            caption=f"In units of the object, whose largest magnitude is {self.amplitude:.3g}.",
        )
        for heading in ("difference", "legacy, new"):
            table.add_column(heading)
        for heading in ("patches", "largest", "rms", "at (y, x)"):
            table.add_column(heading, justify="right")
        for effect in self.effects:
            where = "-"
            if effect.index is not None:
                y, x = self.positions[effect.index]
                where = f"{y:.1f}, {x:.1f}"
            numbers = (f"{n:.1e}" for n in (effect.largest, effect.rms))
            settings = effect.name, f"{effect.legacy}, {effect.new}"
            table.add_row(*settings, str(effect.count), *numbers, where)
        return table
