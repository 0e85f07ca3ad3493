"""Scan positions and patches as numbers: frames and anchors, kernels, layouts."""

from .positions import (
    ANCHORS,
    FILLS,
    ROUNDINGS,
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
    "FILLS",
    "ROUNDINGS",
    "Positions",
    "from_anchor",
    "from_legacy",
    "from_metres",
    "from_xy",
    "split",
    "to_legacy",
    "to_metres",
    "to_xy",
]
