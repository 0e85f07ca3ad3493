"""What it costs to round scan positions to whole pixels, in a reconstruction that has converged.

A scan is simulated with patches that are shifted as band-limited images, and reconstructed by ePIE
three times: at the true positions, with bicubic and with bilinear patches, and at these positions
rounded to whole pixels::

    python examples/epie/rounding.py
    python examples/epie/rounding.py --case 32 4 --updates 5000

Object and probe share a factor, a shift and a slope of the phase that no pattern tells: errors are
those that remain when the best of each was taken out of the object.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Any

import numpy as np
from epie import reconstruct
from numpy.typing import NDArray
from scipy.optimize import minimize

from ptycho_engine import Engine, Exposure, Recipe, Simulation, make_scan
from ptycho_engine.data.simulation.recipe import ObjectSettings, ProbeSettings, TrajectorySettings
from ptycho_engine.geometry import Interpolation

#: Sizes N of the patches, and steps of the scan, in pixels.
CASES = ((32, 3), (32, 6), (64, 4), (64, 8), (64, 16))
#: Side of the square that is scanned, in pixels.
FIELD = 112

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class Cost:
    """Errors of one reconstruction.

    Attributes
    ----------
    residual : float
        Distance of the amplitudes from the measured ones, relative to them.
    object_error, patch_error : float
        Root mean square error of the object where there is at least a quarter of the most light,
        and of the patches cut out of it at the positions that were used, weighed by the probe's
        amplitude; both relative.
    """

    residual: float
    object_error: float
    patch_error: float


def measure(
    size: int, step: float, updates: int = 20_000, seed: int = 0, field: float = FIELD
) -> dict[str, Cost]:
    """Reconstruct one simulated scan at exact and at rounded positions.

    Parameters
    ----------
    size : int
        Size N of probe, patches and patterns.
    step : float
        Mean spacing of the positions, in pixels.
    updates : int
        Updates by one pattern that a reconstruction makes, at least.
    seed : int
        Of the scan, and of the orders of the patterns.
    field : float
        Side of the square that is scanned, in pixels.

    Returns
    -------
    dict of str to Cost
        Under ``exact, bicubic``, ``exact, bilinear`` and ``rounded``.
    """
    scan = make_scan(
        Recipe(
            object=ObjectSettings(kind="cells", feature=6.0),
            probe=ProbeSettings(kind="zone_plate", size=size, defocus=120e-6 * size / 64),
            trajectory=TrajectorySettings(
                points=round((field / step) ** 2), step=step, margin=size / 4 + 16
            ),
            seed=seed,
        )
    )
    truth, true = scan.image, scan.positions
    shifting = Engine("auto")  # knows the Fourier kernel, which numba does not
    noiseless = Exposure(noise=False, normalised=True)
    simulation = Simulation(
        truth, true, scan.probe, noiseless, interpolation="fourier", engine=shifting
    )
    amplitudes = simulation.patterns()
    true_patches = shifting.extract(truth, true, size, interpolation="fourier")
    light = np.abs(scan.probe)
    lit = shifting.place(np.broadcast_to(light**2, amplitudes.shape), true, truth.shape)
    seen = lit > lit.max() / 4
    start = scan.probe * np.exp(0.3j * np.hypot(*np.indices(scan.probe.shape) / size))
    ways: dict[str, tuple[Any, Interpolation]] = {
        "exact, bicubic": (true, "bicubic"),
        "exact, bilinear": (true, "bilinear"),
        "rounded": (np.rint(true), "bilinear"),
    }
    costs = {}
    for name, (positions, kernel) in ways.items():
        found = reconstruct(
            amplitudes, positions, start.astype(np.complex64), truth.shape,
            iterations=-(-updates // len(true)), seed=seed, interpolation=kernel,
        )  # fmt: skip
        aligned, object_error = align(found.object, truth, seen)
        patches = Engine("numba").extract(aligned, positions, size, interpolation=kernel)
        missed = np.linalg.norm((patches - true_patches) * light)
        patch_error = float(missed / np.linalg.norm(true_patches * light))
        costs[name] = Cost(found.residuals[-1], object_error, patch_error)
    return costs


def align(found: Any, truth: Any, seen: Any) -> tuple[Complex, float]:
    """Take the best shift, slope of the phase and factor out of an object.

    Parameters
    ----------
    found, truth : array of complex numbers, shape (H, W)
        Objects.
    seen : ndarray of bool, shape (H, W)
        The samples that are compared.

    Returns
    -------
    aligned : ndarray of complex128, shape (H, W)
        The object found, without them.
    error : float
        Its root mean square error, relative to the truth.
    """
    found, truth = np.asarray(found, complex), np.asarray(truth, complex)
    rows, columns = np.indices(truth.shape)
    frequencies = [np.fft.fftfreq(length) for length in truth.shape]

    def moved(numbers: Any) -> Complex:
        down, right, *slopes = numbers  # pixels, pixels, radians in 100 pixels
        slope = np.exp(0.01j * (slopes[0] * rows + slopes[1] * columns))
        shift = np.exp(2j * np.pi * np.add.outer(frequencies[0] * down, frequencies[1] * right))
        image = np.fft.ifft2(np.fft.fft2(found * slope) * shift)
        factor = np.vdot(image[seen], truth[seen]) / np.vdot(image[seen], image[seen])
        return np.asarray(factor * image)

    def error(numbers: Any) -> float:
        missed = np.linalg.norm(moved(numbers)[seen] - truth[seen])
        return float(missed / np.linalg.norm(truth[seen]))

    corners = np.vstack([np.zeros(4), 0.3 * np.eye(4)])
    best = minimize(
        error, corners[0], method="Nelder-Mead", options={"initial_simplex": corners, "xatol": 1e-3}
    )
    return moved(best.x), float(best.fun)


def main(arguments: list[str] | None = None) -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--case", nargs=2, type=int, action="append", metavar=("N", "STEP"))
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--field", type=float, default=FIELD, help="side of the scan, pixels")
    given = parser.parse_args(arguments)
    print("| N | step | positions | residual | object | patches |")
    print("|---|---|---|---|---|---|")
    for size, step in given.case or CASES:
        for name, cost in measure(size, step, given.updates, field=given.field).items():
            numbers = (cost.residual, cost.object_error, cost.patch_error)
            shares = " | ".join(f"{100 * number:.2f} %" for number in numbers)
            print(f"| {size} | {step} | {name} | {shares} |", flush=True)


if __name__ == "__main__":
    main()
