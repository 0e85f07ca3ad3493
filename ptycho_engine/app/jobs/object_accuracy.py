"""How exact an object put together is: a spot of it, computed again from the patches in double."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...geometry import Positions
from ...geometry.kernels import SIGNED
from ...geometry.layouts import Layout
from ...report.html.run_report import Accuracy
from ...request.blocks import Block
from ...request.normalisation import Reassembled, least_coverage
from ...request.patch_weights import PatchWeights
from .accuracy import EFFORT, shares
from .arrangement import Arranged

Array = np.ndarray[Any, Any]

#: Rows and columns of the spot, and positions about which one is looked for.
SIDE, PLACES = 8, 64
#: Samples of patches on it: a second.
SAMPLES = 4_000_000
#: The part of the budget, one in so many, that copies of these may take.
SHARE = 16
#: What an error belongs to.
ROWS = "row of the object", "rows of the object"


@dataclass(eq=False)
class Spot:
    """A square of the object, and copies of the patches that lie on it.

    Attributes
    ----------
    first : ndarray of int, shape (2,)
        Its first row and column.
    numbers : ndarray of int, shape (K,)
        The patches that may reach it.
    patches : dict of int to ndarray, (..., N, N)
        Those that have come, by their number.
    """

    first: Array
    numbers: Array
    patches: dict[int, Array] = field(default_factory=dict)

    def watch(self, blocks: Iterator[Block], layout: Layout) -> Iterator[Block]:
        """Pass blocks on, and keep what lies on the spot."""
        for block in blocks:
            members = block.patches.shape[-1] if layout == "channel" else 1
            here = (self.numbers >= block.start * members) & (self.numbers < block.stop * members)
            for number in self.numbers[here].tolist():
                group, member = divmod(number - block.start * members, members)
                at: Any = (..., group, slice(None), slice(None))
                at += (member,) if layout == "channel" else ()
                self.patches[number] = block.patches[at].copy()
            yield block


def find_spot(arranged: Arranged, dtype: np.dtype[Any], memory_budget: int) -> Spot | None:
    """Find the spot under the most patches of which the reference takes a second at most.

    Parameters
    ----------
    arranged : Arranged
        How patches lie.
    dtype : dtype
        Of the patches.
    memory_budget : int
        Bytes that the run may take; copies of patches take a sixteenth at most.

    Returns
    -------
    Spot or None
        None if there is none; also if windows lie so far outside that a fill folds them back
        anywhere.
    """
    cut, points = arranged.cut, arranged.points  # (P, 2)
    shape = np.array(arranged.shape)
    inside = ((points >= 0) & (points <= shape - 1)).all(axis=1)
    if not inside.any() or (cut.fill != "zeros" and not inside.all()):
        return None
    samples = max(1, cut.patch_size**2 * int(np.prod(arranged.layers)))
    affordable = min(
        SAMPLES // (samples * EFFORT.get(cut.interpolation, 1)),
        memory_budget // SHARE // (samples * dtype.itemsize),
    )
    reach = cut.span + SIDE  # more than any sample of a window is away from its position
    found, most = None, 0
    for place in points[inside][:: -(-int(inside.sum()) // PLACES)]:
        first = np.clip(np.floor(place).astype(int) - SIDE // 2, 0, np.maximum(shape - SIDE, 0))
        numbers = np.flatnonzero((np.abs(points - first) <= reach).all(axis=1))
        if most < len(numbers) <= affordable:
            found, most = Spot(first, numbers), len(numbers)
    return found


def measure_object(
    spot: Spot | None, made: Reassembled, arranged: Arranged, weights: PatchWeights
) -> Accuracy:
    """Compare the spot with the weighted mean that the float64 reference finds there.

    Parameters
    ----------
    spot : Spot or None
        With its patches.
    made : Reassembled
        What was put together.
    arranged : Arranged
        How patches lay.
    weights : PatchWeights
        Of their samples.

    Returns
    -------
    Accuracy
        Of each row; the tolerance is ten times that of a patch, since many are summed.
    """
    from ...testing.reference import TOLERANCE

    tolerance = 10 * TOLERANCE.get(made.object.dtype.name, TOLERANCE["complex64"])
    if spot is None:
        reason = (
            "Not compared: too many patches lie on every place of the object, for a second or for "
            "the memory budget, or windows so far outside that they fold back anywhere."
        )
        return Accuracy((), tolerance, reason, ROWS)
    rows, columns = (slice(first, first + SIDE) for first in spot.first.tolist())
    with np.errstate(invalid="ignore"):  # infinity times 0
        expected = _expected(spot, arranged, weights, made.coverage.dtype)
    if arranged.cut.interpolation in SIGNED:  # whose lobes outside of windows count as nothing
        expected = np.where(made.coverage[rows, columns] > 0, expected, 0)
    error = shares(made.object[..., rows, columns], expected, made.object)
    by_row = error.reshape(-1, *error.shape[-2:]).max(axis=(0, 2))
    errors = tuple((rows.start + number, float(worst)) for number, worst in enumerate(by_row))
    last = columns.start + error.shape[-1] - 1
    note = f"Of each row the samples {columns.start} to {last}, near {len(spot.numbers)} patches."
    return Accuracy(errors, tolerance, note, ROWS)


def _expected(spot: Spot, arranged: Arranged, weights: PatchWeights, real: np.dtype[Any]) -> Array:
    """Return what the reference makes of the patches on the spot, (..., SIDE, SIDE)."""
    from ...testing.reference import reference_placement

    near: Positions = arranged.points[spot.numbers]
    reach = 2 * arranged.cut.span + 2 * SIDE  # no window of those near goes on beyond
    start = np.maximum(spot.first - reach, 0)
    stop = np.minimum(spot.first + reach, arranged.shape)
    cut = arranged.cut
    how = ((int(stop[0] - start[0]), int(stop[1] - start[1])), cut.interpolation, cut.fill)
    patches = np.stack([spot.patches[n] for n in spot.numbers.tolist()], axis=-3)
    counts = np.concatenate([weights.of(n, n + 1) for n in spot.numbers.tolist()])  # (K, N, N)
    exact = np.where(counts == 0, 0, patches.astype(np.result_type(patches, np.float64)) * counts)
    first = spot.first - start
    part = (..., slice(first[0], first[0] + SIDE), slice(first[1], first[1] + SIDE))
    coverage = reference_placement(counts, near - start, *how)[part]
    total = reference_placement(exact, near - start, *how)[part]
    covered = coverage >= least_coverage(real)
    mean: Array = np.divide(total, coverage, out=np.zeros_like(total), where=covered)
    return mean
