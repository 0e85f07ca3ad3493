"""How far the plugins are from the float64 reference: two tables.

    python -m benchmarks.accuracy

Errors are the largest of any sample, over the largest magnitude of the object.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence

import numpy as np

from ptycho_engine import Engine
from ptycho_engine.errors import MissingExtraError
from ptycho_engine.geometry import INTERPOLATIONS
from ptycho_engine.testing import reference_patches

from .registry import plugin_names, select_engine
from .table import format_table

DTYPES = ("float32", "complex64", "float64", "complex128")
#: Sides of objects, for the legacy rounding, whose error grows with them.
SIDES = (128, 256, 512, 1024, 2048)


def error(
    engine: Engine,
    dtype: str,
    interpolation: str = "bilinear",
    rounding: str = "exact",
    *,
    side: int = 256,
    size: int = 32,
    count: int = 12,
) -> float:
    """Return the largest error of patches at random positions, some beyond the border.

    Parameters
    ----------
    engine : Engine
        Which cuts them.
    dtype : str
        Of the object, which is noise of unit variance, in its real and imaginary parts each.
    interpolation, rounding : str
        As for ``Engine.extract``; the reference rounds exactly in any case.
    side, size, count : int
        Sides of object and patches, and number of patches.
    """
    rng = np.random.default_rng(side)
    image = rng.normal(size=(side, side)) + 1j * rng.normal(size=(side, side))
    image = (image if np.dtype(dtype).kind == "c" else image.real).astype(dtype)
    # Towards the far corner, where coordinates are largest; a few windows reach over the border.
    positions = rng.uniform(max(0, side - 160), side, (count, 2))
    wide = image.astype(np.complex128 if image.dtype.kind == "c" else np.float64)
    truth = reference_patches(wide, positions, size, interpolation)
    patches = engine.extract(
        image,
        positions,
        size,
        interpolation=interpolation,
        rounding=rounding,  # type: ignore[arg-type]
    )
    return float(np.abs(patches - truth).max() / np.abs(wide).max())


def by_plugin() -> str:
    """Return a table of each plugin that is installed, interpolation and dtype."""
    rows = []
    for plugin in plugin_names():
        try:
            engine = select_engine(plugin)
        except MissingExtraError:
            continue
        for kernel in INTERPOLATIONS:
            if kernel in engine.capabilities.interpolations:
                found = [error(engine, dtype, kernel) for dtype in DTYPES]
                rows.append(
                    [plugin, kernel, *(f"{value:.0e}" if value else "0" for value in found)]
                )
    return format_table(["plugin", "interpolation", *DTYPES], rows, left=2)


def by_side(sides: Sequence[int] = SIDES) -> str:
    """Return a table of exact and legacy rounding, by the side of the object."""
    engine = Engine("numba")
    rows = [
        [
            str(side),
            *(
                f"{error(engine, 'complex64', rounding=rounding, side=side):.1e}"
                for rounding in ("exact", "legacy")
            ),
        ]
        for side in sides
    ]
    return format_table(["side of the object", "exact", "legacy"], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both."""
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args(arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the legacy plugin is deprecated
        print(by_plugin(), by_side(), sep="\n\n")


if __name__ == "__main__":
    main()
