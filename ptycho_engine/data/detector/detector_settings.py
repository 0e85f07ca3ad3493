"""From the detector to N: the steps in the order in which they belong, from one set of settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np

from ...errors import ConfigurationError, one_of
from ...io.scan import Scan
from .detector_frames import Fill
from .detector_search import find_hot, patterns_of
from .detector_steps import (
    bin_pixels,
    crop,
    mask_pixels,
    orient,
    subtract_dark,
    take_amplitude,
    transform_positions,
)

Pair = tuple[float, float]


@dataclass(frozen=True)
class Preparation:
    """What is done to the frames of a scan, in the order of the attributes.

    Attributes
    ----------
    dark : bool
        Whether the scan's dark frame is subtracted.
    hot : float, optional
        How much brighter than its neighbours a hot pixel is, which becomes bad, and zero unless
        `fill` says what else; none is looked for by default.
    fill : {"zero", "neighbours"}, optional
        What bad pixels become; those that the scan says are bad stay by default.
    flip_y, flip_x, transpose : bool
        How frames are mirrored, and then turned over.
    positions_follow : bool
        Whether positions are mirrored and turned over too.
    size : int, optional
        Size N of the patterns that are wanted; that of the frames by default.
    centre : (float, float), optional
        Where the beam hits the frames as they lie by then, (y, x); found by default.
    bin : int
        Pixels of a side of the squares over which counts are summed. Frames that are cut have the
        beam in the middle of the square ``N // 2``, to half a pixel of the detector.
    amplitude : bool
        Whether amplitudes are wanted.
    matrix : ((float, float), (float, float)), optional
        Acts on positions (y, x) about their mean.
    shift : (float, float)
        Is added to positions, (y, x), in their units.
    """

    dark: bool = False
    hot: float | None = None
    fill: Fill | None = None
    flip_y: bool = False
    flip_x: bool = False
    transpose: bool = False
    positions_follow: bool = True
    size: int | None = None
    centre: Pair | None = None
    bin: int = 1
    amplitude: bool = False
    matrix: tuple[Pair, Pair] | None = None
    shift: Pair = (0.0, 0.0)

    def __post_init__(self) -> None:
        if self.fill is not None and self.fill not in get_args(Fill):
            raise ConfigurationError(one_of("fill", self.fill, get_args(Fill)))
        if self.hot is not None and not self.hot > 1:
            raise ConfigurationError(f"hot: received {self.hot!r}. Expected a ratio above 1.")
        for name, least in (("size", 1), ("bin", 1)):
            value = getattr(self, name)
            if value is not None and (not hasattr(value, "__index__") or value < least):
                raise ConfigurationError(
                    f"{name}: received {value!r}. Expected an integer, {least} or more."
                )


def prepare(scan: Scan, settings: Preparation) -> Scan:
    """Apply steps to a scan; its patterns are changed when they are read.

    Parameters
    ----------
    scan : Scan
        A measured scan.
    settings : Preparation
        Which steps.

    Returns
    -------
    Scan
        With each step in its assumption ``steps``.

    Raises
    ------
    RequestError
        As the steps of `ptycho_engine.data.detector.detector_steps`.
    """
    if settings.dark:
        scan = subtract_dark(scan)
    scan = _without_bad_pixels(scan, settings)
    if settings.flip_y or settings.flip_x or settings.transpose:
        scan = orient(
            scan,
            flip_y=settings.flip_y,
            flip_x=settings.flip_x,
            transpose=settings.transpose,
            positions_follow=settings.positions_follow,
        )
    if settings.size is not None or settings.centre is not None:
        height, width = patterns_of(scan).shape[1:]
        sides = (height, width) if settings.size is None else (settings.size * settings.bin,) * 2
        scan = crop(scan, sides, settings.centre, factor=settings.bin)
    if settings.bin > 1:
        scan = bin_pixels(scan, settings.bin)
    if settings.amplitude:
        scan = take_amplitude(scan)
    if settings.matrix is not None or any(settings.shift):
        scan = transform_positions(
            scan, settings.matrix or ((1.0, 0.0), (0.0, 1.0)), settings.shift
        )
    return scan


def _without_bad_pixels(scan: Scan, settings: Preparation) -> Scan:
    frame = patterns_of(scan).shape[1:]
    hot = np.zeros(frame, bool) if settings.hot is None else find_hot(scan, settings.hot)
    if settings.fill is not None:
        return mask_pixels(scan, hot, settings.fill)
    if not hot.any():
        return scan
    return mask_pixels(scan, hot, others=False)
