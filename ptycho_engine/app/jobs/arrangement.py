"""How patches come to lie: what a job of reassembly leaves open, settled by what is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ...data.stored_patches import StoredPatches
from ...errors import InputFileError
from ...geometry import Positions
from ...geometry.cut import Cut
from ...io.objects.urls import Location
from ...request.canvas_shape import canvas_shape
from .reassembly_job import ReassemblyJob


@dataclass(frozen=True, eq=False)
class Arranged:
    """How patches come to lie.

    Attributes
    ----------
    cut : Cut
        How they were cut.
    positions : ndarray of float64, shape (P, 2) or (B, C, 2)
        Where, (y, x) in pixels of the object.
    shape : (int, int)
        Height and width of the object.
    origin : ndarray of float64, shape (2,)
        Where its pixel [0, 0] lies in the frame that the file has.
    layers : tuple of int
        Leading axes of the object.
    said : dict of str to str
        Which arrays were taken.
    layer_axes : tuple of str
        Names of the leading axes: those of the patches, else ``mode``, numbered if several.
    """

    cut: Cut
    positions: Positions
    shape: tuple[int, int]
    origin: Positions
    layers: tuple[int, ...]
    said: Mapping[str, str]
    layer_axes: tuple[str, ...] = ()

    @property
    def points(self) -> Positions:
        """Positions, (P, 2)."""
        return self.positions.reshape(-1, 2)


def arrange(job: ReassemblyJob, stored: StoredPatches) -> Arranged:
    """Settle what the job leaves open: how patches were cut, where they lie, on what.

    Raises
    ------
    RequestError, InputFileError
        If it cannot be settled.
    """
    recorded = stored.recorded
    interpolation = job.interpolation or recorded.get("interpolation", "bilinear")
    fill = job.fill or recorded.get("fill", "zeros")
    # The windows of an extraction that refuses those which leave the object all lie inside.
    cut = Cut(stored.patch_size, interpolation, "zeros" if fill == "error" else fill)
    positions, origin = stored.positions, np.zeros(2)
    shape = job.shape
    if job.fit:
        positions, origin = fitted(positions, cut.patch_size)
    elif shape is None:
        shape = stored.object_shape
    if shape is None:
        shape = canvas_shape(positions.reshape(-1, 2), cut.patch_size)
    if job.weight == "probe":
        check_probe(stored, job.patches.path, cut.patch_size)
    return Arranged(cut, positions, (int(shape[0]), int(shape[1])), origin, stored.layers,
                    stored.said, stored.layer_axes or planes(len(stored.layers)))  # fmt: skip


def planes(count: int) -> tuple[str, ...]:
    """Name axes that nothing names: planes of an object are taken for its modes."""
    return ("mode",) if count == 1 else tuple(f"mode_{number}" for number in range(count))


def check_probe(stored: StoredPatches, path: Location, size: int) -> None:
    """Refuse to weigh by a probe that is missing, or of another size than patches.

    Raises
    ------
    InputFileError
        With what there is.
    """
    found = None if stored.probe is None else stored.probe.shape[-2:]
    if found != (size, size):
        what = "no probe" if found is None else f"a probe of {found[0]} x {found[1]}"
        raise InputFileError(
            f"{path}: holds {what}, and weight=probe asks for one of {size} x {size}. Name it: "
            "patches.probe=NAME, or choose weight=none."
        )


def fitted(positions: Positions, size: int) -> tuple[Positions, Positions]:
    """Move positions by whole pixels so that the first window begins in the first pixel.

    Returns
    -------
    positions, origin : ndarray of float64
        The positions moved, and where the new pixel [0, 0] lies in the old frame.
    """
    flat = positions.reshape(-1, 2)
    if not len(flat):
        return positions, np.zeros(2)
    origin = np.floor(flat.min(axis=0) - size // 2)
    return positions - origin, origin
