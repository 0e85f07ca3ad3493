"""From a recipe to a scan: an object, a probe, positions, and patterns when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...display import Shown
from ...engine import Engine
from ...errors import ConfigurationError, InputFileError, at_caller
from ...geometry import Positions
from ...io.objects.mirror import local_copy, named
from ...io.objects.urls import location
from ...io.scan_files import read_scan
from ...memory import check_reading
from ...phantoms.probes import airy, gaussian, hermite_gauss, orthogonal_modes, zone_plate_focus
from ...phantoms.specimens import SPECIMENS, transmission
from ...phantoms.trajectories import TRAJECTORIES, needed_size, place_inside
from .drawings import read_drawing
from .propagation import NearField, SliceGap
from .recipe import BeamSettings, ObjectSettings, ProbeSettings, Recipe
from .simulation import Simulation

#: Most bytes that a pixel takes while an object is drawn, and a position while it is made.
PIXEL_BYTES, POINT_BYTES = 96, 128

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class SimulatedScan(Shown):
    """A scan of which everything is known.

    Attributes
    ----------
    recipe : Recipe
        What it was made of.
    image : ndarray of complex, shape (H, W) or (S, H, W)
        The object, or its slices.
    probe : ndarray of complex, shape (N, N) or (M, N, N)
        The illumination, or its modes; the photon scale, `simulation.scale`, is not in it.
    positions : ndarray of float64, shape (P, 2)
        Where the probe truly was, (y, x) in object pixels.
    nominal_positions : ndarray of float64, shape (P, 2)
        Where it was meant to be; the same, unless `trajectory.error` is above zero.
    simulation : Simulation
        The patterns: computed block by block when they are asked for.
    """

    recipe: Recipe
    image: Array
    probe: Array
    positions: Positions
    nominal_positions: Positions
    simulation: Simulation


@at_caller
def make_scan(
    recipe: Recipe | None = None,
    *,
    image: Array | None = None,
    probe: Array | None = None,
    engine: Engine | None = None,
    memory_budget: int | str | None = None,
) -> SimulatedScan:
    """Make a whole scan; its patterns wait until they are asked for.

    Parameters
    ----------
    recipe : Recipe, optional
        What to make; the default is a Siemens star under a Gaussian beam.
    image, probe : ndarray, optional
        Take these in place of what the recipe says.
    engine, memory_budget
        As for :class:`~ptycho_engine.Simulation`.

    Returns
    -------
    SimulatedScan
        The same for the same recipe.

    Raises
    ------
    ConfigurationError
        If the recipe describes no scan, such as one that leaves the object.
    InputFileError
        If a file cannot be read, or does not hold what is wanted of it.
    MemoryBudgetError
        If it takes more than the budget.

    Examples
    --------
    >>> from ptycho_engine.data.simulation.recipe import TrajectorySettings
    >>> scan = make_scan(Recipe(trajectory=TrajectorySettings(points=5)))
    >>> scan.simulation.patterns().shape
    (5, 64, 64)
    """
    recipe = recipe or Recipe()
    # Each has a stream of its own: other positions leave the object as it is.
    drawing, way, mistakes = (
        np.random.default_rng(seed) for seed in np.random.SeedSequence(recipe.seed).spawn(3)
    )
    if probe is None:
        probe = make_probe(recipe.probe, recipe.beam, memory_budget)
    size, settings = probe.shape[-1], recipe.trajectory
    check_reading("simulation: making positions", POINT_BYTES * settings.points, memory_budget)
    figure = TRAJECTORIES[settings.kind](settings.points, settings.step, way, settings.irregularity)
    # None is wrong by more than three deviations, so that the margin can be kept.
    wrong = mistakes.standard_normal(figure.shape).clip(-3, 3) * settings.error
    needed = needed_size(figure + wrong, size, settings.margin)
    if image is None:
        image = make_object(recipe.object, needed, drawing, memory_budget)
    height, width = image.shape[-2:]
    positions = place_inside(figure + wrong, (height, width), size, settings.margin)
    beam = recipe.beam
    gap = SliceGap(recipe.object.gap, beam.wavelength, beam.pixel_size)
    near = NearField(beam.distance, beam.wavelength, beam.pixel_size) if beam.near_field else None
    simulation = Simulation(
        image,
        positions,
        probe,
        recipe.exposure,
        gap=gap,
        near_field=near,
        engine=engine,
        memory_budget=memory_budget,
    )
    return SimulatedScan(recipe, image, probe, positions, positions - wrong, simulation)


def make_object(
    settings: ObjectSettings,
    needed: tuple[int, int],
    rng: np.random.Generator,
    memory_budget: int | str | None = None,
) -> Array:
    """Draw or read an object.

    Parameters
    ----------
    settings : ObjectSettings
        What it is.
    needed : (int, int)
        Rows and columns of what is drawn, unless the settings say.
    rng : numpy.random.Generator
        Of what is drawn.
    memory_budget : int or str, optional
        Bytes that this may take.

    Returns
    -------
    ndarray of complex64, shape (H, W) or (S, H, W)
        The object; that of a scan file in its own dtype.
    """
    if settings.kind == "scan":
        return _read(settings.path, "object", memory_budget)
    amplitude = settings.amplitude_low, settings.amplitude_high
    phase = settings.phase_low, settings.phase_high
    if settings.kind == "image":
        assert settings.path is not None  # as the settings have checked
        place = location(settings.path)
        copy = local_copy(place)
        with named(place, copy):
            drawing = read_drawing(copy, memory_budget)
        return transmission(drawing, drawing, amplitude, phase)
    shape = needed if settings.size is None else (settings.size, settings.size)
    pixels = shape[0] * shape[1]
    taken = pixels * (PIXEL_BYTES + 8 * settings.slices)
    check_reading("simulation: drawing the object", taken, memory_budget)
    draw = SPECIMENS[settings.kind]
    slices = [
        transmission(*draw(shape, settings.feature, rng), amplitude, phase)
        for _ in range(settings.slices)
    ]
    return slices[0] if len(slices) == 1 else np.stack(slices)


def make_probe(
    settings: ProbeSettings, beam: BeamSettings, memory_budget: int | str | None = None
) -> Array:
    """Make or read a probe, and modes of it.

    Parameters
    ----------
    settings : ProbeSettings
        What it is.
    beam : BeamSettings
        Light and pixel size, for a zone plate.
    memory_budget : int or str, optional
        Bytes that reading may take.

    Returns
    -------
    ndarray of complex, shape (N, N) or (M, N, N)
        The probe, or its modes.
    """
    if settings.kind == "file":
        probe = _read(settings.path, "probe", memory_budget)
    elif settings.kind == "zone_plate":
        probe = zone_plate_focus(
            settings.size,
            beam.pixel_size,
            beam.wavelength,
            settings.outer_zone_width,
            settings.defocus,
            settings.central_stop,
        )
    elif settings.kind == "airy":
        probe = airy(settings.size, settings.fwhm)
    elif settings.kind == "hermite":
        probe = hermite_gauss(settings.size, settings.fwhm, settings.order_y, settings.order_x)
    else:
        probe = gaussian(settings.size, settings.fwhm)
    if settings.modes == 1:
        return probe
    if probe.ndim != 2:
        raise ConfigurationError(
            f"probe.modes: received {settings.modes} for a probe of {len(probe)} modes of its own. "
            "Expected 1, which keeps them."
        )
    return orthogonal_modes(probe, settings.modes, settings.decay)


def _read(path: str | None, what: str, memory_budget: int | str | None) -> Array:
    """Read the object or the probe of a scan file."""
    assert path is not None  # as the settings have checked
    scan = read_scan("file", path, memory_budget=memory_budget)
    found = scan.image if what == "object" else scan.probe
    if found is None:
        raise InputFileError(f"{path}: holds no {what}. Expected a scan file with one.")
    return np.asarray(found)
