"""From a recipe to a scan: an object, a probe, positions, and patterns when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...display import Shown
from ...engine import Engine
from ...errors import ConfigurationError, at_caller
from ...geometry import Positions
from ...io.objects.mirror import local_copy, named
from ...io.objects.urls import location
from ...memory import check_reading
from ...phantoms.probes import airy, gaussian, hermite_gauss, orthogonal_modes, zone_plate_focus
from ...phantoms.specimens import SPECIMENS, transmission
from ...phantoms.trajectories import TRAJECTORIES, needed_size, place_inside
from .drawings import read_drawing
from .illumination import object_samples, probe_samples
from .plain_settings import instance_of
from .propagation import NearField, SliceGap
from .recipe import BeamSettings, ObjectSettings, ProbeSettings, Recipe
from .scan_sources import read_files
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
        What it was made of, with the light and the lengths of scan files that it names, and the
        seed of the noise.
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
    image: ArrayLike | None = None,
    probe: ArrayLike | None = None,
    engine: Engine | None = None,
    memory_budget: int | str | None = None,
) -> SimulatedScan:
    """Make a whole scan; its patterns wait until they are asked for.

    Parameters
    ----------
    recipe : Recipe, optional
        What to make; the default is a Siemens star under a Gaussian beam.
    image, probe : array_like, optional
        Take these in place of what the recipe says; neither must be changed in place while the
        scan is used.
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
    RequestError
        If `image` or `probe` is none.
    InputFileError
        If a file cannot be read, or does not hold what is wanted of it, such as an object of which
        only the modes are known.
    MemoryBudgetError
        If it takes more than the budget.

    Examples
    --------
    >>> from ptycho_engine.data.simulation.recipe import TrajectorySettings
    >>> scan = make_scan(Recipe(trajectory=TrajectorySettings(points=5)))
    >>> scan.simulation.patterns().shape
    (5, 64, 64)
    """
    recipe = Recipe() if recipe is None else instance_of("recipe", recipe, Recipe)
    image = None if image is None else object_samples(image)
    probe = None if probe is None else probe_samples(probe)
    # Each has a stream of its own: other positions leave the object as it is.
    *streams, noise = np.random.SeedSequence(recipe.seed).spawn(4)
    drawing, way, mistakes = map(np.random.default_rng, streams)
    given = read_files(recipe, image is None, probe is None, memory_budget)
    recipe = _with_noise_seed(given.recipe, noise)
    if probe is None:
        probe = make_probe(recipe.probe, recipe.beam, given.probe)
    size, settings = probe.shape[-1], recipe.trajectory
    check_reading("simulation: making positions", POINT_BYTES * settings.points, memory_budget)
    figure = TRAJECTORIES[settings.kind](settings.points, settings.step, way, settings.irregularity)
    # None is wrong by more than three deviations, so that the margin can be kept.
    wrong = mistakes.standard_normal(figure.shape).clip(-3, 3) * settings.error
    needed = needed_size(figure + wrong, size, settings.margin)
    if image is None:
        image = given.image
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


def _with_noise_seed(recipe: Recipe, noise: np.random.SeedSequence) -> Recipe:
    """Write the seed of the noise into the recipe, where it follows from that of the whole."""
    exposure = recipe.exposure
    if not exposure.noise or exposure.seed is not None:
        return recipe
    seed = int(noise.generate_state(1, np.uint64)[0])
    return replace(recipe, exposure=replace(exposure, seed=seed))


def make_object(
    settings: ObjectSettings,
    needed: tuple[int, int],
    rng: np.random.Generator,
    memory_budget: int | str | None = None,
) -> Array:
    """Draw an object, or read that of a picture.

    Parameters
    ----------
    settings : ObjectSettings
        What it is; not the object of a scan file, which `read_files` reads.
    needed : (int, int)
        Rows and columns of what is drawn, unless the settings say.
    rng : numpy.random.Generator
        Of what is drawn.
    memory_budget : int or str, optional
        Bytes that this may take.

    Returns
    -------
    ndarray of complex64, shape (H, W) or (S, H, W)
        The object.
    """
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


def make_probe(settings: ProbeSettings, beam: BeamSettings, of_file: Array | None = None) -> Array:
    """Make a probe, and modes of it.

    Parameters
    ----------
    settings : ProbeSettings
        What it is.
    beam : BeamSettings
        Light and pixel size, for a zone plate.
    of_file : ndarray, shape (N, N) or (M, N, N), optional
        The probe that `read_files` has read.

    Returns
    -------
    ndarray of complex, shape (N, N) or (M, N, N)
        The probe, or its modes.
    """
    if of_file is not None:
        probe = of_file
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
