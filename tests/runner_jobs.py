"""Small jobs that every runner does with the same bytes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from ptycho_engine.app.jobs import extract, simulate, train
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.simulation_job import SimulationJob
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.simulation.recipe import Recipe, TrajectorySettings
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.objects.urls import location
from ptycho_engine.io.scan_files import ScanSource

POINTS = 600
#: Bytes of a chunk of a few patches, for `io.containers.zarr.CHUNK_BYTES`.
CHUNK_BYTES = 20 * 2 * 12 * 12 * 8


def write_scan_file(path):
    """Write a scan of patterns and an object of two modes."""
    rng = np.random.default_rng(2)
    image = np.exp(1j * rng.normal(size=(72, 72))).astype(np.complex64)
    np.savez(
        path, xcoords=rng.uniform(10, 60, POINTS), ycoords=rng.uniform(10, 60, POINTS),
        objectGuess=image, diff3d=rng.uniform(size=(POINTS, 12, 12)).astype(np.float32),
        probeGuess=image[:12, :12],
    )  # fmt: skip


def extraction(output, **changes):
    scan, output = ScanSource("npz", Path("scan.npz")), location(output)
    job = ExtractionJob(scan, Cut(12), output, plugin="numba", picture=False, report=False)
    return replace(job, **changes)


def training(output, **changes):
    groups = GroupSettings(members=4, count=300, strategy="random_of_k")
    scan, output = ScanSource("npz", Path("scan.npz")), location(output)
    job = TrainingJob(scan, groups, output, plugin="numba", chunk=8, picture=False, report=False)
    return replace(job, **changes)


def simulation(output):
    recipe = Recipe(trajectory=TrajectorySettings(points=150))
    exposure = replace(recipe.exposure, photons=1e4)
    return SimulationJob(replace(recipe, exposure=exposure), location(output))


#: What runs a job, and what makes one for an output.
JOBS = (
    (extract.run, extraction),
    (train.run, training),
    (train.run, lambda output: training(output, keys="ptychopinn", shard=16)),
    (simulate.run, simulation),
)
