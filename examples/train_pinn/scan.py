"""The simulated scan, and the datasets that are made of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from settings import Settings

from ptycho_engine import (
    Engine,
    Exposure,
    GroupSettings,
    PatchDataset,
    Patterns,
    Recipe,
    Scan,
    Simulation,
    make_groups,
    make_scan,
)
from ptycho_engine.data.simulation.recipe import ObjectSettings, ProbeSettings, TrajectorySettings


@dataclass(frozen=True)
class TrainingScan:
    """A scan with its truth, and what a network is trained and judged with.

    Attributes
    ----------
    scan : Scan
        Object, probe, positions, and patterns in counts.
    photon_scale : float
        What the probe is multiplied by to count photons.
    train, test : PatchDataset
        Groups of patterns (B, N, N, C) with their positions (B, C, 2); their windows share no
        pixel of the object.
    frame : int
        Rows and columns of an object that holds the windows of any group about its centre.
    """

    scan: Scan
    photon_scale: float
    train: PatchDataset
    test: PatchDataset
    frame: int


def make_training_scan(settings: Settings) -> TrainingScan:
    """Simulate a scan and divide it.

    Raises
    ------
    SystemExit
        If it has too few positions to train with or to judge by.
    """
    recipe = Recipe(
        object=ObjectSettings(kind="cells", feature=settings.size / 8),
        # A curved wave front, over a third of the window: a flat one does not tell an object from
        # its twin.
        probe=ProbeSettings(
            kind="zone_plate", size=settings.size, defocus=120e-6 * settings.size / 64
        ),
        trajectory=TrajectorySettings(
            kind="raster", points=settings.points, step=settings.step, irregularity=0.2
        ),
        seed=settings.seed,
    )
    made = make_scan(recipe)
    simulation = Simulation(
        made.image,
        made.positions,
        made.probe,
        Exposure(photons=settings.photons, seed=settings.seed, quantity="intensity"),
        engine=Engine(settings.made_with),
    )
    counts = Patterns.of(simulation.patterns(), "intensity")
    scan = Scan(made.image, made.positions, "simulated", made.probe, counts)
    groups = make_groups(
        scan.positions, GroupSettings(members=settings.channels, seed=settings.seed)
    )
    dataset = PatchDataset(
        scan, settings.size, groups=groups.indices, fields=["patterns", "positions"]
    )
    split = dataset.split(0.35)
    if len(split.train) < settings.batch_size or not len(split.test):
        raise SystemExit(
            f"points: received {settings.points}, which leave {len(split.train)} groups to train "
            f"with and {len(split.test)} to test, whose windows share no pixel. Expected at least "
            f"batch_size={settings.batch_size}, and 1. Raise points, or lower size or batch_size."
        )
    reach = np.abs(groups.relative).max()
    frame = settings.size + 2 * int(np.ceil(reach))
    return TrainingScan(scan, float(simulation.scale), split.train, split.test, frame)


def seen_positions(positions: NDArray[np.float64], settings: Settings) -> NDArray[np.float64]:
    """Return the positions (..., 2) as the network takes them."""
    return np.round(positions) if settings.positions == "rounded" else positions
