"""Scan positions and patches as numbers: frames and anchors, kernels, layouts."""

from .centres import CENTRES, from_centre, to_centre
from .cut import FILLS, INTERPOLATIONS, ROUNDINGS, Cut, Fill, Interpolation, Rounding
from .positions import (
    ANCHORS,
    Positions,
    from_anchor,
    from_legacy,
    from_metres,
    from_xy,
    split,
    to_legacy,
    to_metres,
    to_xy,
)

__all__ = [
    "ANCHORS",
    "CENTRES",
    "FILLS",
    "INTERPOLATIONS",
    "ROUNDINGS",
    "Cut",
    "Fill",
    "Interpolation",
    "Positions",
    "Rounding",
    "from_anchor",
    "from_centre",
    "from_legacy",
    "from_metres",
    "from_xy",
    "split",
    "to_centre",
    "to_legacy",
    "to_metres",
    "to_xy",
]
