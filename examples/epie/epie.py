"""Reconstruct a simulated scan by ePIE: ``engine.extract`` and its adjoint, ``engine.place``.

The whole algorithm is `reconstruct`, and runs on NumPy arrays and on torch tensors alike::

    python examples/epie/epie.py
    python examples/epie/epie.py --arrays torch --iterations 40 --picture object.png

Source: A. Maiden and J. Rodenburg, Ultramicroscopy 109, 1256 (2009). A patch that lies between
pixels is a weighted sum of samples, so that the update of a patch goes back to the object by the
adjoint of extraction: for whole positions that is the addition of the paper.
"""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ptycho_engine import Engine, Exposure, Recipe, make_scan
from ptycho_engine.data.simulation.recipe import ObjectSettings, ProbeSettings, TrajectorySettings
from ptycho_engine.data.simulation.synthesis import SimulatedScan
from ptycho_engine.geometry import Interpolation


@dataclass(frozen=True)
class Reconstruction:
    """What ePIE found.

    Attributes
    ----------
    object : array of complex numbers, shape (H, W)
        The object; ones where no window lies.
    probe : array of complex numbers, shape (N, N)
        The probe.
    residuals : list of float
        After each pass, the distance of the amplitudes from the measured ones, relative to them.
    """

    object: Any
    probe: Any
    residuals: list[float]


def simulated_scan(points: int = 300, size: int = 64, seed: int = 0) -> SimulatedScan:
    """Simulate a noiseless scan, with its truth.

    Parameters
    ----------
    points : int
        Scan positions.
    size : int
        Size N of the probe and of the patterns.
    seed : int
        For the object and the trajectory.

    Returns
    -------
    SimulatedScan
        With object, probe, positions (P, 2), and a simulation of amplitudes (P, N, N).
    """
    recipe = Recipe(
        object=ObjectSettings(kind="cells"),
        probe=ProbeSettings(size=size, fwhm=size / 3),
        trajectory=TrajectorySettings(points=points, step=size / 10),
        exposure=Exposure(noise=False, normalised=True),
        seed=seed,
    )
    return make_scan(recipe)


def reconstruct(
    amplitudes: Any,
    positions: Any,
    probe: Any,
    shape: tuple[int, int],
    *,
    iterations: int = 30,
    seed: int = 0,
    engine: Engine | None = None,
    interpolation: Interpolation = "bilinear",
    watch: Callable[[int, float], None] = lambda iteration, residual: None,
) -> Reconstruction:
    """Reconstruct object and probe from far-field amplitudes.

    Parameters
    ----------
    amplitudes : array of real numbers, shape (P, N, N)
        Measured, the zero frequency at sample ``N // 2``, in the units of the unitary transform.
    positions : array of float64, shape (P, 2)
        Scan positions (y, x) in pixels of the object.
    probe : array of complex numbers, shape (N, N)
        A first guess.
    shape : (int, int)
        Height and width of the object.
    iterations : int
        Passes over all positions, each in another order.
    seed : int
        For the orders.
    engine : Engine, optional
        Cuts and places patches; by default with the plugin ``numba``.
    interpolation : str
        How samples between pixels are formed.
    watch : callable
        Told the number and the residual of each pass.

    Returns
    -------
    Reconstruction
        In arrays of the kind that came in.
    """
    xp: Any = importlib.import_module("numpy" if isinstance(amplitudes, np.ndarray) else "torch")
    engine = engine or Engine("numba")
    rng = np.random.default_rng(seed)
    measured = xp.fft.ifftshift(amplitudes, (-2, -1))  # (P, N, N), the zero frequency first
    object_ = xp.ones(shape, dtype=probe.dtype)
    total, residuals = float(xp.sum(measured**2)), list[float]()
    for iteration in range(iterations):
        missed = 0.0
        for index in rng.permutation(len(positions)):
            here = positions[index : index + 1]  # (1, 2)
            patch = engine.extract(object_, here, len(probe), interpolation=interpolation)[0]
            exit_wave = patch * probe
            wave = xp.fft.fft2(exit_wave, norm="ortho")
            missed += float(xp.sum((xp.abs(wave) - measured[index]) ** 2))
            corrected = measured[index] * xp.exp(1j * xp.angle(wave))
            change = xp.fft.ifft2(corrected, norm="ortho") - exit_wave
            update = probe.conj() * change / (xp.abs(probe) ** 2).max()
            probe = probe + patch.conj() * change / (xp.abs(patch) ** 2).max()
            object_ = object_ + engine.place(update[None], here, shape, interpolation=interpolation)
        residuals.append((missed / total) ** 0.5)
        watch(iteration, residuals[-1])
    return Reconstruction(object_, probe, residuals)


def relative_error(found: Any, truth: Any, inside: tuple[slice, slice]) -> float:
    """Root mean square error of an object in a region, up to one complex factor, relative to it.

    Object and probe share a factor that no pattern tells, hence the best one is taken.
    """
    found, truth = np.asarray(found)[inside], np.asarray(truth)[inside]
    factor = np.vdot(found, truth) / np.vdot(found, found)
    return float(np.linalg.norm(factor * found - truth) / np.linalg.norm(truth))


def scanned(positions: Any, shape: tuple[int, int], border: int) -> tuple[slice, slice]:
    """Rows and columns between the outermost positions, `border` pixels further in."""
    low = np.ceil(np.min(positions, axis=0)).astype(int) + border
    high = np.floor(np.max(positions, axis=0)).astype(int) - border
    return slice(low[0], high[0]), slice(low[1], high[1])


def draw(found: Any, truth: Any, path: str) -> None:
    """Draw amplitude and phase of the object found, times its best factor, and the true ones."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    found = np.asarray(found)
    found = found * (np.vdot(found, truth) / np.vdot(found, found))
    figure = Figure(figsize=(9, 9), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 2)
    for row, (name, values) in zip(panels, {"found": found, "true": truth}.items(), strict=True):
        for panel, what, part in zip(row, ("amplitude", "phase"), (np.abs, np.angle), strict=True):
            low, high = part(truth).min(), part(truth).max()
            panel.imshow(part(values), cmap="gray", vmin=low, vmax=high)
            panel.set_title(f"{what}, {name}")
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    """Simulate, reconstruct, and say how well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--arrays", choices=("numpy", "torch"), default="numpy")
    parser.add_argument("--points", type=int, default=300, help="scan positions")
    parser.add_argument("--size", type=int, default=64, help="size N of the patterns")
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--picture", metavar="FILE", help="draw the object into this file")
    given = parser.parse_args(arguments)

    scan = simulated_scan(given.points, given.size, given.seed)
    truth, positions = scan.image, scan.positions
    start = scan.probe * np.exp(0.3j * np.hypot(*np.indices(scan.probe.shape) / given.size))
    arrays: tuple[Any, ...] = (scan.simulation.patterns(), positions, start.astype(np.complex64))
    if given.arrays == "torch":
        import torch

        arrays = tuple(map(torch.from_numpy, arrays))
    found = reconstruct(
        *arrays,
        truth.shape,
        iterations=given.iterations,
        seed=given.seed,
        watch=lambda number, residual: print(f"pass {number + 1}: residual {residual:.4f}"),
    )
    inside = scanned(positions, truth.shape, border=given.size // 8)
    print(f"error of the object: {relative_error(found.object, truth, inside):.4f}")
    if given.picture:
        draw(found.object, truth, given.picture)
        print(f"picture: {given.picture}")


if __name__ == "__main__":
    main()
