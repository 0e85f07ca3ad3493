"""Find where the probe really was: gradient descent on the positions of a scan.

The gradient of the likelihood of the measured counts goes through the far field, the probe and the
patches to the positions at which these are cut::

    python examples/refine_positions/refine_positions.py
    python examples/refine_positions/refine_positions.py --photons 1e4 --picture positions.png

The object and the probe are known here, as from an earlier reconstruction; positions alone are not.
The error that remains is compared with the least that the noise allows any unbiased estimate: the
bound of Cramer and Rao.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from ptycho_engine import Engine, Exposure, Recipe, Simulation, make_scan
from ptycho_engine.data.simulation.recipe import ObjectSettings, ProbeSettings, TrajectorySettings
from ptycho_engine.layers import FarFieldDiffraction, PoissonNLL, ProbeIllumination

Pairs = NDArray[np.float64]
#: Smooth, so that the likelihood has no kinks where a position crosses a pixel.
KERNEL = "bicubic"


@dataclass(frozen=True)
class Measurement:
    """Counts, and what is known about how they came about.

    Attributes
    ----------
    object : ndarray of complex64, shape (H, W)
        The object.
    probe : ndarray of complex64, shape (N, N)
        The probe; its squared amplitude counts photons.
    counts : ndarray of float32, shape (P, N, N)
        The patterns.
    true, believed : ndarray of float64, shape (P, 2)
        Positions (y, x), in pixels.
    """

    object: NDArray[np.complex64]
    probe: NDArray[np.complex64]
    counts: NDArray[np.float32]
    true: Pairs
    believed: Pairs


def measure(
    points: int = 200,
    size: int = 64,
    photons: float | None = None,
    error: float = 3.0,
    seed: int = 0,
) -> Measurement:
    """Simulate a scan whose positions are off by up to `error` pixels.

    Parameters
    ----------
    points, size : int
        Scan positions, and the size N of the patterns.
    photons : float, optional
        Mean counts of a pattern, with noise; without it, 1e6 and no noise.
    error : float
        Pixels: positions believed lie in a disc about the true ones, each place as likely.
    seed : int
        For everything that is drawn.
    """
    recipe = Recipe(
        object=ObjectSettings(kind="field", feature=16.0),
        probe=ProbeSettings(size=size, fwhm=size / 3),
        trajectory=TrajectorySettings(points=points, step=8.0, margin=2 * error + 2),
        seed=seed,
    )
    scan = make_scan(recipe)
    exposure = Exposure(
        photons=photons or 1e6, noise=photons is not None, seed=seed, quantity="intensity"
    )
    simulation = Simulation(scan.image, scan.positions, scan.probe, exposure, interpolation=KERNEL)
    rng = np.random.default_rng(seed)
    angle, radius = rng.uniform(0, 2 * np.pi, points), error * np.sqrt(rng.uniform(0, 1, points))
    moved = radius[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)  # (P, 2)
    return Measurement(
        scan.image.astype(np.complex64),
        (scan.probe * simulation.scale).astype(np.complex64),
        simulation.patterns().astype(np.float32),
        scan.positions,
        scan.positions + moved,
    )


class Model:
    """Expected counts of patterns at any positions."""

    def __init__(self, measured: Measurement, plugin: str = "chunked_xla") -> None:
        self.engine = Engine(plugin)
        self.object = tf.constant(measured.object)
        self.size = len(measured.probe)
        self.illuminate = ProbeIllumination(measured.probe)
        self.diffract = FarFieldDiffraction(output="intensity")

    def __call__(self, positions: Any) -> Any:
        """Return the patterns (P, N, N, 1) at positions (P, 2)."""
        patches = self.engine.extract(
            self.object, positions[:, None], self.size, interpolation=KERNEL, layout="channel"
        )
        return self.diffract(self.illuminate(patches))


def refine(
    measured: Measurement,
    *,
    steps: int = 150,
    rate: float = 0.2,
    plugin: str = "chunked_xla",
    watch: Callable[[int, Pairs], None] = lambda step, positions: None,
) -> Pairs:
    """Refine positions by Adam, its rate falling to 0 along a cosine.

    Parameters
    ----------
    measured : Measurement
        Its true positions are not looked at.
    steps : int
        Gradient steps.
    rate : float
        Pixels that a position moves in the first steps.
    plugin : str
        Cuts the patches and gives the gradient.
    watch : callable
        Told the number of steps done and the positions, every tenth.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        The positions.
    """
    model, loss = Model(measured, plugin), PoissonNLL()
    counts = tf.constant(measured.counts[..., None])
    positions = tf.Variable(measured.believed)
    schedule = tf.keras.optimizers.schedules.CosineDecay(rate, steps)
    optimiser = tf.keras.optimizers.Adam(schedule)

    @tf.function
    def step() -> None:
        with tf.GradientTape() as tape:
            value = loss(counts, model(positions))
        optimiser.apply_gradients([(tape.gradient(value, positions), positions)])

    for number in range(steps):
        step()
        if number % 10 == 9:
            watch(number + 1, positions.numpy())
    return np.asarray(positions.numpy())


def rms(errors: Pairs) -> float:
    """Root mean square of a coordinate."""
    return float(np.sqrt(np.mean(errors**2)))


def bound(measured: Measurement, step: float = 1e-2) -> float:
    """Least rms error of a coordinate that counting noise allows.

    The Fisher information of a position is ``4 sum_k da_k da_k^T``, a being the square root of the
    expected counts; its inverse bounds the covariance of any unbiased estimate.
    """
    model = Model(measured)
    slopes = [
        (np.sqrt(model(measured.true + step * axis)) - np.sqrt(model(measured.true - step * axis)))
        / (2 * step)
        for axis in np.eye(2)
    ]
    information = 4 * np.einsum("apijc,bpijc->pab", slopes, slopes)  # (P, 2, 2)
    return float(np.sqrt(np.trace(np.linalg.inv(information), axis1=1, axis2=2).mean() / 2))


def draw(measured: Measurement, found: Pairs, path: str) -> None:
    """Draw where positions were believed, found, and true, over the object."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 8), layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    panel.imshow(np.angle(measured.object), cmap="gray")
    panel.plot(*measured.believed.T[::-1], "x", color="tab:orange", label="believed")
    panel.plot(*measured.true.T[::-1], "o", mfc="none", color="tab:blue", label="true")
    panel.plot(*found.T[::-1], ".", color="tab:green", label="found")
    panel.legend()
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    """Simulate, refine, and say how far positions are from the true ones."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--points", type=int, default=200, help="scan positions")
    parser.add_argument("--size", type=int, default=64, help="size N of the patterns")
    parser.add_argument("--photons", type=float, help="mean counts, with noise; none without")
    parser.add_argument("--error", type=float, default=3.0, help="pixels, at most")
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", metavar="FILE", help="draw the positions into this file")
    given = parser.parse_args(arguments)

    measured = measure(given.points, given.size, given.photons, given.error, given.seed)
    print(f"believed: rms error {rms(measured.believed - measured.true):.4f} pixels")
    found = refine(
        measured,
        steps=given.steps,
        watch=lambda step, at: print(f"step {step}: {rms(at - measured.true):.4f}"),
    )
    print(f"found: rms error {rms(found - measured.true):.4f} pixels")
    if given.photons:
        print(f"bound of the noise: {bound(measured):.4f} pixels")
    if given.picture:
        draw(measured, found, given.picture)
        print(f"picture: {given.picture}")


if __name__ == "__main__":
    main()
