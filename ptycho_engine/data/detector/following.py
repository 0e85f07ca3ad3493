"""What follows frames of a detector on their way, step by step, and scans that steps are for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...io.patterns import Patterns
from ...io.scan import Scan
from .detector_search import patterns_of

Array = NDArray[Any]
#: From frames (count, H, W) to what they become.
Change = Callable[[Array], Array]


def measured(scan: Scan, step: str) -> Patterns:
    """Return the patterns of a scan that has nothing which would have to follow them.

    Raises
    ------
    RequestError
        If it has no patterns, or an object or a probe.
    """
    stack = patterns_of(scan)
    held = [name for name, a in (("object", scan.image), ("probe", scan.probe)) if a is not None]
    if held:
        raise RequestError(
            f"{scan.source}: {step} is for what was measured, and this scan has an "
            f"{' and a '.join(held)}, which belong to frames as they are. Expected neither. Leave "
            "them out: dataclasses.replace(scan, image=None, layer_axis=None, layer_spacing=None, "
            "probe=None)."
        )
    return stack


def of_intensity(scan: Scan, step: str) -> Patterns:
    """Return the patterns of a scan if they are counts.

    Raises
    ------
    RequestError
        If they are not, or it has none.
    """
    stack = patterns_of(scan)
    if stack.quantity != "intensity":
        raise RequestError(
            f"{scan.source}: {step} is for counts, and the patterns are "
            f"{stack.quantity or 'unknown'}. Expected intensity. Set the option quantity of the "
            "reader, or take this step before the amplitude."
        )
    return stack


def frames_follow(
    scan: Scan, change: Change, of_efficiency: Change | None = None
) -> dict[str, Any]:
    """Return the metadata, the frames of the detector among them changed as the patterns are.

    Those are ``dark``, without a beam, and ``qe``, its efficiency: (H, W), or several.
    """
    shape, found = patterns_of(scan).shape[1:], {}
    for name, changed in (("dark", change), ("qe", of_efficiency or change)):
        frames = np.asarray(scan.metadata.get(name))
        if frames.dtype.kind in "iuf" and frames.ndim in (2, 3) and frames.shape[-2:] == shape:
            new = changed(frames.reshape(-1, *shape))
            found[name] = np.ascontiguousarray(new.reshape(*frames.shape[:-2], *new.shape[1:]))
    return scan.metadata | found


def pixel_sides(scan: Scan) -> Array:
    """Return height and width of an object pixel, up to a factor if its size is not known."""
    if scan.pixel_size is not None:
        return np.array(scan.pixel_size)
    detector = np.array(scan.detector_pixel_size or (1.0, 1.0))
    return detector if scan.is_near else 1 / (detector * patterns_of(scan).shape[1:])


def resized(scan: Scan, ratio: Array, text: str, **changes: Any) -> Scan:
    """Return a scan whose object pixels are larger by a ratio, (y, x)."""
    if scan.pixel_size is not None:
        height, width = (np.array(scan.pixel_size) * ratio).tolist()
        changes["pixel_size"] = (height, width)
    if scan.units == "px":
        changes |= moved(scan, lambda p: p / ratio)
    return noted(scan, text, **changes)


def moved(scan: Scan, move: Callable[[Array], Array]) -> dict[str, Array | None]:
    """Return both kinds of positions, moved."""
    old = {"positions": scan.positions, "nominal_positions": scan.nominal_positions}
    return {name: None if p is None else move(p) for name, p in old.items()}


def noted(scan: Scan, text: str, **changes: Any) -> Scan:
    """Return a changed scan, with the step written down after those before it."""
    before = scan.assumptions.get("steps")
    steps = text if before is None else f"{before}; {text}"
    return replace(scan, **changes, assumptions=scan.assumptions | {"steps": steps})
