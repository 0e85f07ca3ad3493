"""How much a run measures: sizes and repeats, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .problem import Problem


@dataclass(frozen=True)
class Effort:
    """Sizes and repeats of every section.

    Attributes
    ----------
    problem : Problem
        Of the main table.
    repeats : int
        Turns of the main table.
    seconds : float
        A contender that would take longer than this for one output, and eight times as long as
        a first touch of it, gets fewer patches.
    counts, patch_sizes, object_sizes : tuple of int
        P, N and H of the scaling curves.
    streamed : int
        Last point of the curve of P, cut by streaming.
    curve_bytes : int
        Output of each point of the curves of N and H.
    curve_repeats : int
        Turns of each point of a curve.
    longest : float
        Points of the curve of P that would take more seconds are left out.
    calls : int
        Calls whose latency is taken.
    memory : tuple of Problem
        Where predicted and measured memory are compared.
    stream_counts : tuple of int
        Patches streamed to a Zarr store.
    migrated : int
        Files that the migration command scans.
    grouped : tuple of int
        Points that are grouped: the first into as many groups, others into a tenth of that.
    """

    problem: Problem = field(default_factory=Problem)
    repeats: int = 5
    seconds: float = 0.7
    counts: tuple[int, ...] = (16, 128, 1024, 8192, 32_000)
    streamed: int = 200_000
    patch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256)
    object_sizes: tuple[int, ...] = (256, 512, 1024, 2048, 4096)
    curve_bytes: int = 64 * 1024**2
    curve_repeats: int = 3
    longest: float = 3.0
    calls: int = 100
    memory: tuple[Problem, ...] = (
        Problem(patches=5_000),
        Problem(patches=2_000, object_size=4096),
    )
    stream_counts: tuple[int, ...] = (2_000, 20_000)
    migrated: int = 500
    grouped: tuple[int, ...] = (100_000, 1_000, 10_000, 100_000, 1_000_000)

    def for_problem(self, problem: Problem) -> Effort:
        """Return the same effort for another problem; patches and sizes follow it downwards."""
        largest = max(problem.object_size, problem.patch_size + 1)
        return replace(
            self,
            problem=problem,
            counts=tuple(c for c in self.counts if c <= problem.patches) or (problem.patches,),
            patch_sizes=tuple(n for n in self.patch_sizes if n < largest),
        )


QUICK = Effort(
    problem=Problem(patches=2_000),
    repeats=3,
    seconds=0.3,
    counts=(16, 256, 2_000),
    streamed=10_000,
    patch_sizes=(16, 64, 128),
    object_sizes=(256, 1024, 2048),
    curve_bytes=32 * 1024**2,
    calls=30,
    memory=(Problem(patches=2_000),),
    stream_counts=(500, 2_000),
    migrated=100,
    grouped=(10_000, 1_000, 10_000, 100_000),
)

FULL = Effort(
    repeats=9,
    seconds=3.0,
    counts=(16, 64, 256, 1024, 4096, 20_000, 50_000),
    patch_sizes=(16, 32, 64, 96, 128, 192, 256),
    object_sizes=(256, 512, 1024, 2048, 4096, 8192),
    curve_bytes=512 * 1024**2,
    curve_repeats=5,
    longest=60.0,
    calls=500,
    memory=(
        Problem(patches=1_000, object_size=512),
        Problem(patches=5_000),
        Problem(patches=20_000),
        Problem(patches=5_000, channels=4),
        Problem(patches=5_000, dtype="float32"),
        Problem(patches=2_000, dtype="complex128"),
        Problem(patches=1_000, patch_size=128, dtype="float64"),
        Problem(patches=500, object_size=4096),
        Problem(patches=500, patch_size=256, object_size=4096),
    ),
    stream_counts=(20_000, 100_000, 200_000),
)
