"""What a simulated scan is made of: settings, plain values alone, that can be configuration groups.

`ptycho_engine.data.simulation.synthesis` makes the scan.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from ...errors import ConfigurationError
from ...phantoms.numbers import MOST_PIXELS, MOST_POINTS, MOST_SEED
from ...phantoms.specimens import SPECIMENS
from ...phantoms.trajectories import TRAJECTORIES
from .exposure import Exposure
from .plain_settings import (
    check_choice,
    instance_of,
    keep_path,
    keep_real,
    keep_truth,
    keep_whole,
)

#: Settings that each kind of object and probe reads; others stay at their defaults.
RANGES = ("amplitude_low", "amplitude_high", "phase_low", "phase_high")
DRAWN = ("size", "feature", *RANGES, "slices", "gap")
READ_OF_OBJECT = dict.fromkeys(SPECIMENS, DRAWN) | {
    "star": ("size", *RANGES, "slices", "gap"),
    "image": ("path", *RANGES),
    "scan": ("path", "gap"),
}
MODES = ("modes", "decay")
READ_OF_PROBE = {
    "gaussian": ("size", "fwhm", *MODES),
    "airy": ("size", "fwhm", *MODES),
    "hermite": ("size", "fwhm", "order_y", "order_x", *MODES),
    "zone_plate": ("size", "outer_zone_width", "defocus", "central_stop", *MODES),
    "file": ("path", *MODES),
}
#: Planck's constant times the speed of light, in electronvolts times metres (CODATA 2018: exact).
PLANCK_LIGHT = 6.62607015e-34 * 299_792_458 / 1.602176634e-19


@dataclass(frozen=True)
class ObjectSettings:
    """What is looked at; settings that the kind does not read stay at their defaults.

    Attributes
    ----------
    kind : {"star", "field", "leaves", "cells", "image", "scan"}
        A Siemens star; a Gaussian random field; dead leaves; cells; the picture of an image file,
        whose brightness is amplitude and phase; or the object of a scan file, as it is.
    path : str or None
        The file of ``image`` and ``scan``.
    size : int or None
        Rows and columns of what is drawn; None for as many as the windows need.
    feature : float
        Size of the finest details of ``field``, ``leaves`` and ``cells``, in pixels.
    amplitude_low, amplitude_high : float
        Range of the amplitude.
    phase_low, phase_high : float
        Range of the phase, in radians.
    slices : int
        Slices S of a thick object, each drawn anew.
    gap : float
        Metres of free space between slices; the default gives way to what a scan file says.
    """

    kind: str = "star"
    path: str | None = None
    size: int | None = None
    feature: float = 12.0
    amplitude_low: float = 0.6
    amplitude_high: float = 1.0
    phase_low: float = -0.5
    phase_high: float = 0.5
    slices: int = 1
    gap: float = 1e-6

    def __post_init__(self) -> None:
        check_choice("object.kind", self.kind, READ_OF_OBJECT)
        keep_path(self, "object.path")
        if self.size is not None:
            keep_whole(self, "object.size", 1, MOST_PIXELS)
        keep_real(self, "object.feature", "pixels", 1.0)
        keep_real(self, "object.amplitude_low", "an amplitude", 0.0)
        keep_real(self, "object.amplitude_high", "an amplitude", 0.0)
        keep_real(self, "object.phase_low", "radians", -100.0, 100.0)
        keep_real(self, "object.phase_high", "radians", -100.0, 100.0)
        keep_whole(self, "object.slices", 1, 1000)
        keep_real(self, "object.gap", "metres", 0.0, 1.0)
        _check_read("object", self, READ_OF_OBJECT[self.kind])


@dataclass(frozen=True)
class ProbeSettings:
    """What it is lit with; settings that the kind does not read stay at their defaults.

    Attributes
    ----------
    kind : {"gaussian", "airy", "hermite", "zone_plate", "file"}
        A Gaussian beam; the focus of a round lens; a Hermite-Gaussian beam; the focus of a Fresnel
        zone plate; or the probe of a scan file.
    path : str or None
        The file of ``file``.
    size : int
        Size N of probe and patterns in pixels; that of the file, if it comes from one.
    fwhm : float
        Full width at half maximum, in pixels, of the intensity of a Gaussian, of the disc in the
        middle of an Airy pattern, of the Hermite-Gaussian beam of orders 0.
    order_y, order_x : int
        Orders of a Hermite-Gaussian beam: its zeros along each axis.
    outer_zone_width : float
        Metres of the zone plate's outermost zone, which the focus is about as wide as.
    defocus : float
        Metres from the focus to the object.
    central_stop : float
        Diameter of the stop over that of the zone plate.
    modes : int
        Incoherent modes M, made of one; a file's own modes are kept if this is 1.
    decay : float
        Power of a mode over that of the one before it.
    """

    kind: str = "gaussian"
    path: str | None = None
    size: int = 64
    fwhm: float = 16.0
    order_y: int = 1
    order_x: int = 0
    outer_zone_width: float = 50e-9
    defocus: float = 0.0
    central_stop: float = 0.3
    modes: int = 1
    decay: float = 0.3

    def __post_init__(self) -> None:
        check_choice("probe.kind", self.kind, READ_OF_PROBE)
        keep_path(self, "probe.path")
        keep_whole(self, "probe.size", 1, 16384)
        keep_real(self, "probe.fwhm", "pixels")
        keep_whole(self, "probe.order_y", 0, 100)
        keep_whole(self, "probe.order_x", 0, 100)
        keep_real(self, "probe.outer_zone_width", "metres", None, 1.0)
        keep_real(self, "probe.defocus", "metres", -10.0, 10.0)
        keep_real(self, "probe.central_stop", "a share", 0.0, 0.99)
        keep_whole(self, "probe.modes", 1, 100)
        keep_real(self, "probe.decay", "a ratio of powers", None, 1.0)
        _check_read("probe", self, READ_OF_PROBE[self.kind])


@dataclass(frozen=True)
class TrajectorySettings:
    """Where the probe goes.

    Attributes
    ----------
    kind : {"fermat", "spiral", "raster"}
        A Fermat spiral, an Archimedean spiral, or a square grid, which `irregularity` makes a
        jittered grid.
    points : int
        Positions P.
    step : float
        Mean spacing in object pixels: one position for each ``step ** 2``.
    irregularity : float
        Standard deviation of the way of each position from the figure, in steps: it is known,
        and part of the nominal positions.
    error : float
        Standard deviation of the true positions from the nominal ones, in object pixels.
    margin : float
        Object pixels that stay free between windows and the borders of the object.
    """

    kind: str = "fermat"
    points: int = 1000
    step: float = 8.0
    irregularity: float = 0.05
    error: float = 0.0
    margin: float = 2.0

    def __post_init__(self) -> None:
        check_choice("trajectory.kind", self.kind, TRAJECTORIES)
        keep_whole(self, "trajectory.points", 1, MOST_POINTS)
        keep_real(self, "trajectory.step", "object pixels")
        keep_real(self, "trajectory.irregularity", "steps", 0.0, 10.0)
        keep_real(self, "trajectory.error", "object pixels", 0.0)
        keep_real(self, "trajectory.margin", "object pixels", 0.0)


@dataclass(frozen=True)
class BeamSettings:
    """Light and lengths, which patterns depend on where an object is thick, or a probe focused.

    Where object or probe come from a scan file, numbers at their defaults give way to those that
    it says; others stay, with a warning if the file says else.

    Attributes
    ----------
    energy : float
        Electronvolts of a photon.
    pixel_size : float
        Metres between neighbouring samples of the object.
    distance : float
        Metres from the object to the detector.
    near_field : bool
        Whether patterns are those of the near field, where pixels of the detector are as large as
        those of the object; else they are those of the far field.
    """

    energy: float = 8800.0
    pixel_size: float = 1e-8
    distance: float = 2.0
    near_field: bool = False

    def __post_init__(self) -> None:
        keep_real(self, "beam.energy", "electronvolts", None, 1e9)
        keep_real(self, "beam.pixel_size", "metres", None, 1.0)
        keep_real(self, "beam.distance", "metres", None, 1e4)
        keep_truth(self, "beam.near_field")

    @property
    def wavelength(self) -> float:
        """Metres."""
        return PLANCK_LIGHT / self.energy

    def detector_pixel_size(self, size: int) -> float:
        """Metres between pixels of a detector of N x N that sees N samples of the field."""
        if self.near_field:
            return self.pixel_size
        return self.wavelength * self.distance / (size * self.pixel_size)


@dataclass(frozen=True)
class Recipe:
    """Settings of a simulated scan.

    Attributes
    ----------
    object, probe, trajectory, beam, exposure
        Each its own.
    seed : int
        Of the object, the positions and, unless `exposure.seed` is set, the noise.
    """

    object: ObjectSettings = field(default_factory=ObjectSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    trajectory: TrajectorySettings = field(default_factory=TrajectorySettings)
    beam: BeamSettings = field(default_factory=BeamSettings)
    exposure: Exposure = field(default_factory=Exposure)
    seed: int = 0

    def __post_init__(self) -> None:
        keep_whole(self, "seed", 0, MOST_SEED)
        instance_of("object", self.object, ObjectSettings)
        instance_of("probe", self.probe, ProbeSettings)
        instance_of("trajectory", self.trajectory, TrajectorySettings)
        instance_of("beam", self.beam, BeamSettings)
        instance_of("exposure", self.exposure, Exposure)


def _check_read(group: str, settings: Any, read: tuple[str, ...]) -> None:
    """Refuse what the kind does not read, and a path that it lacks."""
    if "path" in read and settings.path is None:
        raise ConfigurationError(f"{group}.path: received None. Expected that of a file.")
    for one in fields(settings):
        value = getattr(settings, one.name)
        if one.name not in ("kind", *read) and value != one.default:
            raise ConfigurationError(
                f"{group}.{one.name}: received {value!r} with {group}.kind={settings.kind}, which "
                f"does not read it. Expected settings of that kind: {', '.join(read)}."
            )
