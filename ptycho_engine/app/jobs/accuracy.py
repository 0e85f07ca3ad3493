"""How exact a sample of patches is: compared with the float64 reference, within a fixed effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ...geometry import Positions
from ...geometry.cut import Cut
from ...report.html.run_report import Accuracy

Array = np.ndarray[Any, Any]

#: Patches that are compared, and samples of them: a tenth of a second.
PATCHES, SAMPLES = 16, 1_000_000
#: How many times as long the reference of a kernel takes as that of ``bilinear``.
EFFORT = {"bicubic": 4, "fourier": 16}
#: Samples of an object that is taken whole; of a larger one, what lies about each patch.
WHOLE = 1024**2


def compared(count: int, size: int, layers: int, interpolation: str) -> int:
    """Return how many patches of a run are compared: the fewer the larger they are."""
    effort = EFFORT.get(interpolation, 1)
    affordable = SAMPLES // max(1, size * size * layers * effort)
    return min(count, PATCHES, max(1, affordable))


def measure_accuracy(
    image: Array, positions: Positions, patches: Mapping[int, Array], cut: Cut
) -> Accuracy | None:
    """Compare patches with the reference.

    Parameters
    ----------
    image : ndarray, shape (..., H, W)
        The object.
    positions : ndarray of float64, shape (P, 2)
        Every position.
    patches : mapping of int to ndarray, (..., N, N)
        Some patches, by the number of their position.
    cut : Cut
        How they were cut.

    Returns
    -------
    Accuracy or None
        Of those that can be compared; None without patches.
    """
    from ...testing.reference import TOLERANCE

    if not patches:
        return None
    tolerance = TOLERANCE.get(image.dtype.name, TOLERANCE["complex64"])
    layers = int(np.prod(image.shape[:-2]))
    most = compared(len(patches), cut.patch_size, layers, cut.interpolation)
    chosen = sorted(patches)[:: -(-len(patches) // most)]
    errors: list[tuple[int, float]] = []
    if image.size <= WHOLE:
        found = _errors(image, positions[chosen], [patches[i] for i in chosen], cut)
        errors = list(zip(chosen, found, strict=True))
    else:
        for index in chosen:
            if (about := _about(image, positions[index], cut)) is not None:
                part, origin = about
                (error,) = _errors(part, positions[[index]] - origin, [patches[index]], cut)
                errors.append((index, error))
    reason = "" if errors else "Not compared: no patch of the sample lies inside this large object."
    return Accuracy(tuple(errors), tolerance, reason)


def _about(image: Array, position: Array, cut: Cut) -> tuple[Array, Array] | None:
    """Return what a patch is made of, and where it begins; None if it meets a border."""
    if cut.rounding != "exact":  # which rounds by the whole coordinate
        return None
    around = cut.patch_size // 8 + 24 if cut.interpolation == "fourier" else 4
    margin = cut.patch_size // 2 + around
    first = np.floor(position).astype(np.int64) - margin
    beyond = first + 2 * margin + 2
    if (first < 0).any() or (beyond > image.shape[-2:]).any():
        return None
    return image[..., first[0] : beyond[0], first[1] : beyond[1]], first.astype(np.float64)


def _errors(image: Array, positions: Array, patches: Sequence[Array], cut: Cut) -> list[float]:
    """Return the largest error of each patch as a share of the object's largest magnitude."""
    from ...testing.reference import reference_patches

    with np.errstate(invalid="ignore"):  # infinity times 0
        expected = np.moveaxis(reference_patches(image, positions, **_settings(cut)), -3, 0)
    difference = shares(np.stack(patches), expected, image)
    return [float(e) for e in difference.reshape(len(patches), -1).max(axis=1, initial=0.0)]


def shares(given: Array, expected: Array, image: Array) -> Array:
    """Return the error of each sample as a share of the largest magnitude of an object.

    What is not finite in both counts for nothing; it is NaN, or infinite, if one alone has it.
    """
    same = ~np.isfinite(given) & ~np.isfinite(expected)
    highest = float(np.abs(image[np.isfinite(image)]).max(initial=0.0)) or 1.0
    with np.errstate(invalid="ignore", over="ignore"):
        found: Array = np.abs(np.where(same, 0, given - expected)) / highest
    return found


def _settings(cut: Cut) -> dict[str, Any]:
    """Return what the reference takes; where no window leaves the object, no fill matters."""
    return asdict(cut) | {"fill": "zeros" if cut.fill == "error" else cut.fill}
