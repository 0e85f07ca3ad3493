"""Noise, the same for a seed however the patterns are shared out.

A noise model is a dataclass, which an entry point of the group ``ptycho_engine.noises`` names. Its
fields are its options, and it has

``draw(means, rng)``
    Returns what is counted where `means` are expected: both (c, N, N) and float64, of c patterns
    that follow each other; it may use `means` up. Counts are 0 or more. It draws from `rng` pattern
    by pattern, since those of a block of `BLOCK` patterns come in any number of calls.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...culprits import name_culprit
from ...discovery import (
    NOISE,
    NOISE_GROUP,
    PluginSource,
    build_options,
    discover,
    find_source,
    load_source,
)
from ...errors import PluginError, RequestError

Means = NDArray[np.float64]

#: Patterns that share a stream of random numbers: the only thing that ties draws together.
BLOCK = 64


class Draw(Protocol):
    """What `draw` of a noise model takes and returns."""

    def __call__(self, means: Means, rng: np.random.Generator) -> Means:
        """Draw counts about means, (c, N, N) both; the means may be used up."""
        ...


def stream(seed: int, block: int) -> np.random.Generator:
    """Return the random numbers of one block of patterns.

    Parameters
    ----------
    seed : int
        Seed of the whole scan, not negative.
    block : int
        Number of the block: pattern k belongs to ``k // BLOCK``. Its patterns are drawn in order.

    Returns
    -------
    numpy.random.Generator
        A stream of its own: it depends on nothing but the two numbers.
    """
    seeds = np.random.SeedSequence(seed, spawn_key=(block,))
    return np.random.Generator(np.random.PCG64DXSM(seeds))


@dataclass(frozen=True)
class Poisson:
    """Counting noise: each pixel counts what comes by chance, independent of all others."""

    def draw(self, means: Means, rng: np.random.Generator) -> Means:
        """Draw counts (c, N, N) about means.

        Each pattern has a generator of its own, which `rng` seeds with four words.

        Raises
        ------
        RequestError
            If a mean is negative, NaN, or more than 64 bits count.
        """
        from .counting import draw_counts  # imports numba

        counts = np.ascontiguousarray(means, np.float64)
        states = rng.integers(2**64, size=(len(counts), 4), dtype=np.uint64)
        if not draw_counts(counts.reshape(len(counts), -1), states):
            raise RequestError(
                "noise: received a mean that is negative, NaN, or above 9e18. Expected counts. Ask "
                "for fewer photons, or a probe without infinite samples."
            )
        return counts


def list_noises() -> tuple[PluginSource, ...]:
    """List the installed noise models by name, from metadata alone; none is imported."""
    return discover(NOISE_GROUP)


def find_noise(name: str) -> PluginSource:
    """Find a model by name, from metadata alone; UnknownPluginError if there is none."""
    return find_source(NOISE, name, list_noises())


def load_noise(name: str, options: Mapping[str, Any] | None = None) -> Draw:
    """Return what draws, of the model of a name.

    Raises
    ------
    UnknownPluginError, PluginLoadError, PluginError, ConfigurationError
        If the model is unknown, cannot be imported, breaks its contract, or has no such option.
    """
    source = find_noise(name)
    kind = load_source(NOISE, source)
    draws = callable(getattr(kind, "draw", None))
    if not (isinstance(kind, type) and dataclasses.is_dataclass(kind) and draws):
        raise PluginError(
            f"{NOISE} {name!r} ({source.origin}): received a {type(kind).__name__}. Expected a "
            "dataclass with draw(means, rng); ptycho_engine.data.simulation.noise says what it "
            "takes and returns."
        )
    model = build_options(f"{NOISE} {name!r}", kind, options)

    return _Drawn(source, model, dict(options or {}))


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A noise model whose answers are checked."""

    source: PluginSource
    model: Any
    options: dict[str, Any]

    def __call__(self, means: Means, rng: np.random.Generator) -> Means:
        shape, who = means.shape, f"{NOISE} {self.source.name!r} ({self.source.origin})"
        try:
            counts = np.asarray(self.model.draw(means, rng))
        except Exception as error:
            name_culprit(error, NOISE, self.source)
            raise
        if counts.shape != shape or counts.dtype.kind not in "iuf":
            raise PluginError(
                f"{who}: draw returned {counts.dtype} of shape {counts.shape}. Expected real "
                f"numbers of shape {shape}."
            )
        if counts.size and not counts.min() >= 0:
            raise PluginError(
                f"{who}: draw returned the count {counts.min()}. Expected 0 or more of each pixel."
            )
        return counts

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was chosen, not the code that it stands for."""
        return load_noise, (self.source.name, self.options)
