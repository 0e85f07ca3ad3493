"""Diffraction patterns against what they cannot do without: their transforms, and their draws.

``scipy.fft`` transforms arrays that stay in the caches, in place, in as many threads; NumPy's
``Generator.poisson`` draws from the same means, in one call.
"""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, replace
from statistics import median
from typing import Any

import numpy as np
import scipy.fft

from ptycho_engine.data.simulation.exposure import Exposure
from ptycho_engine.data.simulation.simulation import CHUNK_SAMPLES, Simulation
from ptycho_engine.workers import core_count, share

from ..problem import Problem
from ..settings import Settings, progress
from ..table import format_table, number
from ..timing import Action, best_ratio, in_turn, once, ratio
from ..worker import WorkerError, measure

PHOTONS = 1e6
#: Patterns of which noise is drawn, at most: it takes as long as thirty times as many without.
NOISY = 2_000
FFT, POISSON, WITHOUT = "scipy.fft", "Generator.poisson", "without noise"


def run(settings: Settings) -> dict[str, Any]:
    """Measure in a process of its own."""
    effort = settings.effort
    progress("simulation")
    task = {"problem": asdict(effort.problem), "repeats": effort.repeats}
    try:
        return measure("simulation", task, settings.device)
    except WorkerError as error:
        progress(str(error))
        return {"problem": asdict(effort.problem), "rows": []}


def work(task: dict[str, Any]) -> dict[str, Any]:
    """Time patterns with and without a photon scale, and with noise, beside their limits."""
    problem = replace(Problem(**task["problem"]), channels=1)
    count, n = problem.patches, problem.patch_size
    noisy = min(NOISY, count)
    out = np.empty((count, n, n), np.float32)
    actions: dict[str, tuple[Action, str, int]] = {
        "amplitudes": (_patterns(problem, Exposure(None, noise=False), out), FFT, count),
        "scaled": (_patterns(problem, Exposure(PHOTONS, noise=False), out), FFT, count),
        "noise": (_patterns(problem, Exposure(PHOTONS), out[:noisy]), POISSON, noisy),
    }
    means = _means(problem, noisy)
    others: dict[str, Action] = {
        FFT: _transforms(count, n),
        POISSON: lambda: np.random.default_rng(0).poisson(means),
        WITHOUT: _patterns(problem, Exposure(PHOTONS, noise=False), out[:noisy]),
    }
    every = {name: action for name, (action, _, _) in actions.items()} | others
    for action in every.values():
        once(action)
    seconds = in_turn(every, task["repeats"])
    pairs = zip(seconds["noise"], seconds[WITHOUT], strict=True)
    seconds["noise alone"] = [noise - without for noise, without in pairs]
    timed = {name: (limit, patterns) for name, (_, limit, patterns) in actions.items()}
    rows = [
        {
            "what": name,
            "limit": limit,
            "patterns": patterns,
            "microseconds": 1e6 * median(seconds[name]) / patterns,
            "to_limit": ratio(seconds[name], seconds[limit]),
            "to_limit_best": best_ratio(seconds[name], seconds[limit]),
        }
        for name, (limit, patterns) in (timed | {"noise alone": (POISSON, noisy)}).items()
    ]
    return {"problem": asdict(problem), "rows": rows}


def _patterns(problem: Problem, exposure: Exposure, out: np.ndarray) -> Action:
    """Return a call that computes patterns anew, photon scale and all."""
    image, positions, probe = problem.image(), problem.positions()[: len(out)], _probe(problem)
    return lambda: Simulation(image, positions, probe, exposure).patterns(out=out)


def _probe(problem: Problem) -> np.ndarray:
    axis = np.arange(problem.patch_size) - problem.patch_size / 2
    squared = axis[:, None] ** 2 + axis[None, :] ** 2
    return np.exp(-8 * squared / problem.patch_size**2).astype(np.complex64)


def _means(problem: Problem, count: int) -> np.ndarray:
    exposure = Exposure(PHOTONS, noise=False, quantity="intensity")
    positions = problem.positions()[:count]
    return Simulation(problem.image(), positions, _probe(problem), exposure).patterns()


def _transforms(count: int, n: int) -> Action:
    """Return a call that transforms as many arrays, again and again the same few."""
    chunk = max(1, CHUNK_SAMPLES // n**2)  # which caches hold
    free: deque[np.ndarray] = deque()

    def transform(first: int) -> None:
        try:
            room = free.pop()
        except IndexError:
            room = np.zeros((chunk, n, n), np.complex64)
        scipy.fft.fft2(room[: min(chunk, count - first)], overwrite_x=True)
        free.append(room)

    return lambda: share(transform, range(0, count, chunk), core_count())


def report(result: dict[str, Any]) -> str:
    """Make the table."""
    problem = Problem(**result["problem"])
    n = problem.patch_size
    header = ("", "patterns", "us/pattern", "/ limit", "best", "limit")
    rows = [
        (
            row["what"],
            f"{row['patterns']:,}",
            number(row["microseconds"]),
            number(row["to_limit"]),
            number(row["to_limit_best"]),
            row["limit"],
        )
        for row in result["rows"]
    ] or [("simulation", *("-",) * 4, "failed")]
    title = (
        f"Simulation: patterns of {n} x {n} out of {problem.object_size} x {problem.object_size}, "
        "one probe, into a reused output;\n"
        "scaled: to a number of photons, which is a pass of its own; noise: Poisson's, scaled;\n"
        "alone: less what the same takes without;\n"
        "/ limit: time over that of scipy.fft alone, in place, in the caches, in as many threads,\n"
        "or of NumPy's Generator.poisson of the same means"
    )
    return f"{title}\n\n{format_table(header, rows)}"
