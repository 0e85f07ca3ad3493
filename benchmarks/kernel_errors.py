"""How far each interpolation is from the truth, and what it costs: a table.

    python -m benchmarks.kernel_errors

The truth is a periodic image whose spectrum ends at a given frequency, shifted exactly; errors are
root mean square values over those of the image. Times are those of the same plugin, in one run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ptycho_engine import Engine
from ptycho_engine.geometry import INTERPOLATIONS

from .table import format_table, number

#: Where spectra end, in cycles per pixel; 0.5 is Nyquist's frequency.
BANDS = (0.05, 0.1, 0.2, 0.3, 0.4)
#: Side of the periodic image, and of a patch, in pixels.
SIDE, SIZE = 256, 64
TURNS = 9

Complex = NDArray[np.complex128]


def band_limited(band: float, rng: np.random.Generator, side: int = SIDE) -> Complex:
    """Draw the spectrum, (side, side), of a periodic image: white up to `band`, and 0 beyond."""
    frequency = np.fft.fftfreq(side)
    inside = np.hypot(*np.meshgrid(frequency, frequency, indexing="ij")) <= band
    noise = rng.normal(size=(side, side)) + 1j * rng.normal(size=(side, side))
    return np.asarray(np.where(inside, noise, 0))


def shifted_patch(spectrum: Complex, position: NDArray[np.float64], size: int) -> Complex:
    """Cut the patch (size, size) whose sample ``size // 2`` lies at `position`, exactly."""
    side = len(spectrum)
    y, x = np.exp(2j * np.pi * np.outer(position - side // 2, np.fft.fftfreq(side)))
    low = side // 2 - size // 2
    moved: Complex = np.fft.ifft2(spectrum * y[:, None] * x)
    return moved[low : low + size, low : low + size]


def errors(engine: Engine, band: float, count: int = 40, seed: int = 0) -> dict[str, float]:
    """Return the relative error of each interpolation that the plugin of `engine` knows."""
    rng = np.random.default_rng(seed)
    spectrum = band_limited(band, rng)
    image = np.fft.ifft2(spectrum)
    reach = SIDE // 2 - SIZE
    positions = SIDE // 2 + rng.uniform(-reach, reach, (count, 2))
    truth = np.stack([shifted_patch(spectrum, position, SIZE) for position in positions])
    return {
        kernel: float(
            np.linalg.norm(engine.extract(image, positions, SIZE, interpolation=kernel) - truth)
            / np.linalg.norm(truth)
        )
        for kernel in known(engine)
    }


def known(engine: Engine) -> list[str]:
    """Name the interpolations of a plugin, in our order."""
    return [name for name in INTERPOLATIONS if name in engine.capabilities.interpolations]


def times(engine: Engine, patches: int = 4000, turns: int = TURNS) -> dict[str, float]:
    """Return the time of each interpolation over that of bilinear, patches into a reused output."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(512, 512)).astype(np.complex64)
    positions = rng.uniform(100, 412, (patches, 2))
    out = np.empty((patches, SIZE, SIZE), np.complex64)
    cuts: dict[str, Callable[[], object]] = {
        kernel: lambda kernel=kernel: engine.extract(  # type: ignore[misc]
            image, positions, SIZE, interpolation=kernel, out=out
        )
        for kernel in known(engine)
    }
    for cut in cuts.values():
        cut()
    taken: dict[str, list[float]] = {kernel: [] for kernel in cuts}
    for _ in range(turns):
        for kernel, cut in cuts.items():
            start = time.perf_counter()
            cut()
            taken[kernel].append(time.perf_counter() - start)
    ratios = zip(*taken.values(), strict=True)
    index = list(cuts).index("bilinear")
    scaled = [[one / turn[index] for one in turn] for turn in ratios]
    return {kernel: statistics.median(row[i] for row in scaled) for i, kernel in enumerate(cuts)}


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--plugin", default="chunked_xla", help="which cuts all that it knows")
    parser.add_argument("--fast", default="numba", help="another, of which times are shown")
    parser.add_argument("--turns", type=int, default=TURNS, help="times that each is timed")
    given = parser.parse_args(arguments)
    engine, fast = Engine(given.plugin), Engine(given.fast)
    found = [errors(engine, band) for band in BANDS]
    columns = [times(each, turns=given.turns) for each in (engine, fast)]
    header = [
        "",
        *(f"{band} c/px" for band in BANDS),
        f"time, {given.plugin}",
        f"time, {given.fast}",
    ]
    rows = [
        [kernel, *(f"{of[kernel]:.1e}" for of in found), *(number(c.get(kernel)) for c in columns)]
        for kernel in known(engine)
    ]
    print(format_table(header, rows))


if __name__ == "__main__":
    main()
