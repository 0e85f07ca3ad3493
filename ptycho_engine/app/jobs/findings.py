"""What a scan holds, as plain values: for people, for programs, and to compare two files."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import RequestError
from ...geometry.cut import Cut
from ...geometry.footprint import windows_over
from ...io.patterns import Patterns
from ...io.scan import Scan
from ...request.reach import Reach, measure_reach
from .doubtful_samples import doubts_about_samples

Array = NDArray[Any]


def describe(scan: Scan, patch_size: int | None = None) -> dict[str, Any]:
    """Describe a scan.

    Parameters
    ----------
    scan : Scan
        What a reader found; of its patterns only the header is looked at.
    patch_size : int, optional
        Rows and columns of a window; by default those of the patterns, else of the probe.

    Returns
    -------
    dict
        What JSON holds; None for what the file does not say. Lengths end in ``_m``, energies in
        ``_eV``, pairs are (y, x).

    Raises
    ------
    RequestError
        If the patch size is not above zero.
    """
    size, whose = window_size(scan, patch_size)
    found: dict[str, Any] = {"source": scan.source}
    found |= contents(scan)
    found["windows"] = None
    if size is not None and _is_placed(scan):
        found["windows"] = {"size": size, "size_of": whose, **_windows(scan.in_pixels(), size)}
    found["assumptions"] = dict(scan.assumptions)
    doubts = [] if found["windows"] is None else found["windows"].pop("doubts")
    samples = doubts_about_samples(object=scan.image, probe=scan.probe)
    found["warnings"] = [*scan.warnings, *doubts, *samples]
    return found


def doubts_about(scan: Scan) -> tuple[str, ...]:
    """Say what makes the positions of a scan doubtful, as far as it tells where its windows lie."""
    size, _ = window_size(scan, None)
    if size is None or not _is_placed(scan):
        return ()
    return _reach(scan.in_pixels(), size).warnings(scan.remedies)


def _is_placed(scan: Scan) -> bool:
    """Whether there is an object, and positions that can be had in its pixels."""
    known = scan.units == "px" or scan.pixel_size is not None
    return scan.image is not None and scan.positions is not None and known


def contents(scan: Scan) -> dict[str, Any]:
    """Describe what a scan holds, without what follows from it."""
    image = None if scan.image is None else _array(scan.image)
    if image is not None:
        spacing = scan.layer_spacing
        image["layer_axis"] = scan.layer_axis
        image["layer_spacing_m"] = None if spacing is None else [float(s) for s in spacing]
    return {
        "object": image,
        "probe": None if scan.probe is None else _array(scan.probe),
        "patterns": None if scan.patterns is None else _patterns(scan.patterns),
        "positions": _positions(scan.positions, scan.units),
        "nominal_positions": _positions(scan.nominal_positions, scan.units),
        "pixel_size_m": _pair(scan.pixel_size),
        "detector_pixel_size_m": _pair(scan.detector_pixel_size),
        "energy_eV": scan.energy,
        "wavelength_m": scan.wavelength,
        "distance_m": scan.distance,
        "mask": None if scan.mask is None else _mask(scan.mask),
        "metadata": sorted(map(str, scan.metadata)),
    }


def window_size(scan: Scan, patch_size: int | None) -> tuple[int | None, str]:
    """Return the size of the windows of a scan, and what told it.

    Raises
    ------
    RequestError
        If the size that was asked for is not above zero.
    """
    if patch_size is not None:
        if patch_size < 1:
            raise RequestError(
                f"patch_size: received {patch_size}. Expected rows and columns above zero."
            )
        return patch_size, "patch_size"
    for array, whose in ((scan.patterns, "patterns"), (scan.probe, "probe")):
        if array is not None and array.shape[-1]:  # an empty one tells none
            return array.shape[-1], whose
    return None, ""


def _array(array: Array) -> dict[str, Any]:
    return {"shape": list(array.shape), "dtype": str(array.dtype), "bytes": array.nbytes}


def _patterns(patterns: Patterns) -> dict[str, Any]:
    return {
        "count": patterns.shape[0],
        "shape": list(patterns.shape[1:]),
        "dtype": str(patterns.dtype),
        "quantity": patterns.quantity,
        "bytes": patterns.nbytes,
    }


def _positions(positions: Array | None, units: str) -> dict[str, Any] | None:
    """Describe positions: where they begin and end along y and x, and how far apart they lie."""
    if positions is None:
        return None
    found: dict[str, Any] = {"count": len(positions), "units": units, "axes": "y, x"}
    if len(positions):
        low, high = positions.min(axis=0), positions.max(axis=0)
        steps = np.hypot(*np.diff(positions, axis=0).T)
        found |= {
            "lowest": low.tolist(),
            "highest": high.tolist(),
            "extent": (high - low).tolist(),
            "median_step": float(np.median(steps)) if len(steps) else None,
            "repeated": len(positions) - len(np.unique(positions, axis=0)),
        }
    return found


def _windows(scan: Scan, size: int) -> dict[str, Any]:
    """Say how many windows leave the object, and how much of it lies under one."""
    assert scan.image is not None
    assert scan.positions is not None
    height, width = scan.image.shape[-2:]
    reach = _reach(scan, size)
    counts = windows_over(scan.positions, (height, width), size)
    covered = np.count_nonzero(counts)
    return {
        "leaving": reach.leaving,
        "beyond_pixels": round(reach.farthest, 3),
        "coverage": covered / counts.size if counts.size else 0.0,
        "windows_per_covered_pixel": int(counts.sum(dtype=np.int64)) / covered if covered else 0.0,
        "doubts": list(reach.warnings(scan.remedies)),
    }


def _reach(scan: Scan, size: int) -> Reach:
    """Measure how far windows leave the object."""
    assert scan.image is not None
    assert scan.positions is not None
    height, width = scan.image.shape[-2:]
    return measure_reach(scan.positions, (height, width), Cut(size))


def _mask(mask: Array) -> dict[str, Any]:
    return {"shape": list(mask.shape), "bad_pixels": int(mask.size - np.count_nonzero(mask))}


def _pair(values: tuple[float, float] | None) -> list[float | None] | None:
    """Return a pair for JSON, which has no NaN."""
    return None if values is None else [v if math.isfinite(v) else None for v in values]
