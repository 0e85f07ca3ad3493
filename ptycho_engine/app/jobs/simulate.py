"""A simulated scan, of which everything is known, written in any format that can be written.

Examples
--------
>>> import tempfile
>>> from pathlib import Path
>>> from ptycho_engine.data.simulation.recipe import Recipe, TrajectorySettings
>>> recipe = Recipe(trajectory=TrajectorySettings(points=5))
>>> with tempfile.TemporaryDirectory() as folder:
...     run(SimulationJob(recipe, Path(folder, "scan.npz"))).patterns
5
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import partial
from typing import Any, cast

import numpy as np

from ...data.simulation.recipe import Recipe
from ...data.simulation.simulation import Simulation
from ...data.simulation.synthesis import SimulatedScan, make_scan
from ...io.patterns import Patterns, Quantity, Ranges
from ...io.scan import Scan
from ...io.scan_files import find_writer
from ...logs import get_logger
from ..runners.local import LocalRunner
from ..runners.runner import Runner
from .scan_output import Counting, WrittenScan, uncounted, write_and_compare
from .scan_report import ScanOrder
from .simulation_job import SimulationJob


def run(
    job: SimulationJob,
    *,
    counting: Counting = uncounted,
    waiting: Callable[[str], AbstractContextManager[Any]] = nullcontext,
    runner: Runner | None = None,
) -> WrittenScan:
    """Simulate a scan. Patterns are computed and written block by block.

    Parameters
    ----------
    job : SimulationJob
        What.
    counting, waiting : callable, optional
        Show how far it is.
    runner : Runner, optional
        Where patterns are computed; in this process by default.

    Raises
    ------
    PtychoEngineError
        Of the class that says what is wrong; nothing is left behind then.
    """
    runner = runner or LocalRunner()
    format = find_writer(job.output, job.format).source
    runner.check(job.output, format)
    order = ScanOrder("simulated", job.settings(), job.origins, job.report)
    with runner:
        return write_and_compare(
            job.output,
            lambda: _made(job, waiting),
            format.name,
            counting,
            order,
            runner.writable,
        )


def _made(job: SimulationJob, waiting: Callable[[str], AbstractContextManager[Any]]) -> Scan:
    """Make the scan, its patterns computed when they are read."""
    with waiting("making object and positions"):
        made = make_scan(job.recipe, memory_budget=job.memory_budget)
        scan = as_scan(made)
    log_simulation(made)
    return scan


def as_scan(made: SimulatedScan) -> Scan:
    """Return a simulated scan as readers return scans; its patterns are computed when read.

    The probe has the photon scale in it, unless patterns are normalised: so that patterns are the
    far field of what the scan holds. Positions are the true ones.
    """
    simulation, beam, image = made.simulation, made.recipe.beam, made.image
    exposure, size = simulation.exposure, made.probe.shape[-1]
    scaled = exposure.photons is not None and not exposure.normalised
    slices = len(image) if image.ndim == 3 else 1
    detector = beam.detector_pixel_size(size)
    return Scan(
        image=image,
        positions=made.positions,
        source=described(made.recipe),
        probe=made.probe * simulation.scale if scaled else made.probe,
        patterns=Patterns(
            cast(tuple[int, int, int], simulation.shape),
            simulation.dtype,
            partial(_compute, simulation),
            cast(Quantity, exposure.quantity),
            "simulation",
        ),
        nominal_positions=made.nominal_positions,
        layer_axis="slice" if image.ndim == 3 else None,
        layer_spacing=np.full(slices - 1, made.recipe.object.gap) if image.ndim == 3 else None,
        pixel_size=(beam.pixel_size, beam.pixel_size),
        detector_pixel_size=(detector, detector),
        energy=beam.energy,
        distance=beam.distance,
        assumptions={"propagation": "near"} if beam.near_field else {},
        metadata={"_metadata": {"recipe": asdict(made.recipe)}},
    )


def _compute(simulation: Simulation, ranges: Ranges, into: np.ndarray[Any, Any]) -> None:
    """Fill an array with the patterns of some ranges."""
    at = 0
    for start, stop in ranges:
        simulation.patterns(start, stop, out=into[at : at + stop - start])
        at += stop - start


def described(recipe: Recipe) -> str:
    """Say how a scan was made: what differs from the defaults."""
    usual, made = asdict(Recipe()), asdict(recipe)
    said = [] if recipe.seed == 0 else [f"seed={recipe.seed}"]
    for name, part in made.items():
        if isinstance(part, dict):
            differing = {k: v for k, v in part.items() if v != usual[name][k]}
            said += [f"{name}.{k}={json.dumps(v)}" for k, v in differing.items()]
    return f"simulated({', '.join(said)})"


def log_simulation(made: SimulatedScan) -> None:
    """Say what is about to be made."""
    get_logger().info(
        "simulation",
        object=list(made.image.shape),
        kind=made.recipe.object.kind,
        patterns=made.simulation.shape[0],
        size=made.simulation.shape[-1],
        photons=made.recipe.exposure.photons,
    )
