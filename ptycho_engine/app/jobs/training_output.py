"""The output of a training job: begun or resumed, filled with patches and patterns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.pattern_power import refuse_unusable
from ...engine import Engine
from ...errors import MemoryBudgetError
from ...geometry.cut import Cut
from ...geometry.layouts import flat_to_channel
from ...io.patterns import BLOCK_BYTES, Patterns
from ...io.specs import ArraySpec
from ...io.store import Store
from ...lazy import Cutter
from ...memory import format_bytes, parse_bytes
from ...request.blocks import Block
from .patch_output import Progress
from .training_set import Make, TrainingSet

Array = NDArray[Any]


@dataclass(frozen=True)
class GroupBlocks:
    """How groups come in blocks.

    Attributes
    ----------
    groups : int
        Groups of a block, whole chunks of them.
    held : int
        Bytes that their patterns, and what is made of them, take beside the patches.
    """

    groups: int
    held: int


def plan_blocks(content: TrainingSet, chunk: int, budget: int | None) -> GroupBlocks:
    """Choose blocks: about 16 MiB of each array, within a quarter of the budget.

    Parameters
    ----------
    content : TrainingSet
        What is written.
    chunk : int
        Groups that are written at once: those of a chunk, or of a shard.
    budget : int or None
        Bytes that are left; None for half of what is free.

    Raises
    ------
    MemoryBudgetError
        If the patterns of one chunk do not fit.
    """
    budget = budget or parse_bytes(None)
    beside = content.bytes_beside()
    most = min(BLOCK_BYTES // max(1, *content.group_bytes.values()), budget // (4 * max(1, beside)))
    groups = max(1, most // chunk) * chunk
    if groups * beside >= budget:
        raise MemoryBudgetError(
            f"{groups} groups, one chunk or shard, take {format_bytes(groups * beside)} beside "
            f"their patches, and {format_bytes(budget)} of the memory budget are left. Expected "
            "room for them. Choose a smaller output.chunk or output.shard, or raise memory_budget."
        )
    return GroupBlocks(groups, groups * beside)


def begin_training(
    create: Callable[..., Store], content: TrainingSet, specs: dict[str, ArraySpec]
) -> Store:
    """Begin an output, or resume one; what is in memory is written already."""
    store = create(arrays=specs)
    try:
        missing = [name for name in content.held if not store.is_finished(name, ())]
        for name in missing:
            values = content.held[name].values
            store.write(name, (), np.asarray(values, specs[name].dtype))
        if missing:
            store.finish(())
    except BaseException:
        store.discard()
        raise
    return store


@dataclass(frozen=True, eq=False)
class GroupMaker:
    """Makes the arrays of a few groups, wherever it is sent.

    Attributes
    ----------
    cutter : Cutter
        What cuts, in the channel layout.
    patterns : Patterns or None
        The patterns of the scan, which are read where this is.
    good : ndarray of bool or None
        The good pixels; None if all are.
    made_of : dict of str to callable
        What makes each array.
    """

    cutter: Cutter
    patterns: Patterns | None
    good: NDArray[np.bool_] | None
    made_of: dict[str, Make]

    def __call__(self, given: tuple[Array, Array]) -> dict[str, Array]:
        """Return arrays of places (b, C, 2) and indices (b, C) by their names."""
        places, indices = given
        patches = np.moveaxis(self.cutter(places), -4, 0)
        read = read_groups(self.patterns, self.good, indices)
        return {name: make(patches, read) for name, make in self.made_of.items()}


def read_groups(
    patterns: Patterns | None, good: NDArray[np.bool_] | None, indices: Array
) -> Array | None:
    """Read the patterns of groups, indices (b, C), as (b, H, W, C).

    Raises
    ------
    InputFileError
        If a good pixel is NaN or infinite.
    """
    if patterns is None:
        return None
    numbers = indices.reshape(-1)
    taken = patterns.take(numbers)
    refuse_unusable(taken, good, patterns.source, numbers)
    return flat_to_channel(taken, indices.shape[1])


@dataclass(frozen=True, eq=False)
class Filling:
    """What fills an output.

    Attributes
    ----------
    store : Store
        The output.
    content : TrainingSet
        Its arrays.
    engine : Engine
        What cuts patches.
    image : ndarray
        The object.
    places : ndarray of float64, shape (B, C, 2)
        Where patches are cut.
    indices : ndarray of int64, shape (B, C)
        Whose patterns belong to them.
    cut : Cut
        What is cut.
    patterns : Patterns or None
        The patterns of the scan.
    good : ndarray of bool or None
        The good pixels of a pattern; None if all are.
    groups : int
        Groups of a block.
    watched : callable
        Passes on the blocks that are cut in this process, and keeps what is to be shown of them.
    """

    store: Store
    content: TrainingSet
    engine: Engine
    image: Array
    places: Array
    indices: Array
    cut: Cut
    patterns: Patterns | None
    good: NDArray[np.bool_] | None
    groups: int
    watched: Callable[[Iterator[Block]], Iterator[Block]] = iter

    def missing(self) -> list[tuple[int, int]]:
        """Ranges of groups that are still to come, in any of the arrays."""
        ranges = {r for name in self.content.streamed for r in self.store.missing(name)}
        merged: list[tuple[int, int]] = []
        for start, stop in sorted(ranges):
            if merged and start <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(stop, merged[-1][1])
            else:
                merged.append((start, stop))
        return merged

    def blocks(self) -> Iterator[Block]:
        """Cut the patches that are missing, block by block: (b, [layers,] N, N, C)."""
        for first, last in self.missing():
            cut = self.engine.stream(
                self.image,
                self.places[first:last],
                **asdict(self.cut),
                layout="channel",
                block_size=self.groups,
            )
            for block in cut:
                patches = np.moveaxis(block.patches, -4, 0)
                yield Block(first + block.start, first + block.stop, patches)

    def write(self, block: Block) -> float:
        """Write a block of groups to each array; return the seconds that writing took."""
        region = slice(block.start, block.stop)
        read = read_groups(self.patterns, self.good, self.indices[region])
        seconds = 0.0
        for name, (_, make) in self.content.streamed.items():
            if not self.store.is_finished(name, region):
                values = make(block.patches, read)
                begun = time.perf_counter()
                self.store.write(name, region, values)
                seconds += time.perf_counter() - begun
        self.store.finish(region)
        return seconds

    def fill(self, progress: Progress | None) -> float:
        """Write everything that is missing; return the seconds that writing took."""
        blocks = self.blocks()
        if progress is not None:
            blocks = progress(blocks, sum(stop - start for start, stop in self.missing()))
        seconds = sum(self.write(block) for block in self.watched(blocks))
        started = time.perf_counter()
        self.write_points()
        return seconds + time.perf_counter() - started

    def maker(self) -> GroupMaker:
        """Return what makes the groups elsewhere."""
        made_of = {name: make for name, (_, make) in self.content.streamed.items()}
        cutter = Cutter(self.engine, self.image, self.cut, "channel")
        return GroupMaker(cutter, self.patterns, self.good, made_of)

    def write_points(self) -> None:
        """Write what comes by point: patterns as the scan has them, block by block."""
        for name, patterns in self.content.points.items():
            for start, stop, block in patterns.blocks():
                self.store.write(name, slice(start, stop), block)
