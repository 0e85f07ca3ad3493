"""No contender is timed before its patches are compared with the reference."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ptycho_engine.geometry.layouts import flat_to_channel
from ptycho_engine.testing.reference import reference_patches

from .contender import Contender, Cut
from .problem import Problem


@dataclass(frozen=True)
class Verdict:
    """What the comparison found.

    Attributes
    ----------
    accepted : bool
        Whether to time the contender.
    error : float
        Largest error, as a share of the object's largest magnitude.
    text : str
        ``"equal"``, or what is computed instead, or why it is rejected.
    """

    accepted: bool
    error: float
    text: str


def judge(contender: Contender, cut: Cut, problem: Problem, count: int = 32) -> Verdict:
    """Compare the first patches of a problem with the reference.

    Parameters
    ----------
    contender : Contender
        Its tolerance, and what it declares to compute instead.
    cut : callable
        What `contender.load` returned.
    problem : Problem
        Object, positions and layout.
    count : int
        Patches to compare.

    Returns
    -------
    Verdict
        Accepted if equal, or if it differs as declared and agrees at whole-number positions.
    """
    few = replace(problem, patches=min(count, problem.patches))
    error = largest_error(cut, few, few.positions(), contender.takes_out)
    if error <= contender.tolerance:
        return Verdict(True, error, "equal")
    if contender.instead:
        whole = largest_error(cut, few, np.rint(few.positions()), contender.takes_out)
        if whole <= contender.tolerance:
            return Verdict(True, error, contender.instead)
    return Verdict(False, error, "WRONG PATCHES, not timed")


def largest_error(cut: Cut, problem: Problem, positions: np.ndarray, takes_out: bool) -> float:
    """Largest error of a contender, fresh and into an array given, relative to the object."""
    image, n = problem.image(), problem.patch_size
    expected = reference_patches(image, positions.reshape(-1, 2), n)
    if problem.layout == "channel":
        expected = flat_to_channel(expected, problem.channels)
    received = [cut(image, positions, n, None)]
    if takes_out:
        out = np.full(problem.output_shape, np.nan, problem.dtype)
        cut(image, positions, n, out)
        received.append(out)
    errors = []
    for patches in received:
        if patches.shape != expected.shape:
            return float("inf")
        errors.append(float(np.abs(patches - expected).max()))
    # NaN, where `out` was not filled, must not pass for a small error.
    worst = max(float("inf") if np.isnan(error) else error for error in errors)
    return worst / float(np.abs(image).max())
