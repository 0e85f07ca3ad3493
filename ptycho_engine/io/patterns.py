"""Diffraction patterns that stay where they are until a range of them is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..display import Shown
from ..errors import InputFileError, RequestError, one_line, one_of
from ..memory import check_reading
from .pattern_changes import (
    load_as,
    load_joined,
    load_mapped,
    load_picked,
    load_watched,
    stream_as,
    stream_joined,
    stream_mapped,
    stream_watched,
)

if TYPE_CHECKING:
    from .store import Store

Array = NDArray[Any]
#: Ranges (start, stop) of patterns, ascending, apart from each other and none of them empty.
Ranges = Sequence[tuple[int, int]]
#: What a sample of a pattern is: the square root of counts, or counts.
Quantity = Literal["amplitude", "intensity"]
QUANTITIES: tuple[str, ...] = get_args(Quantity)
SAY_QUANTITY = (
    "Set the option quantity of the reader: scan.quantity=amplitude, or scan.quantity=intensity."
)
#: Bytes of a block that `Patterns.blocks` reads.
BLOCK_BYTES = 16 * 1024**2


class Loader(Protocol):
    """Fills an array with ranges of the patterns of a source, one range after the other.

    It is a function of a module, or a `functools.partial` of one: other processes get it pickled,
    so that it keeps a path rather than an open file: the one that its format was given, or derived
    from it, which finds the copy of an object on another machine. What it raises are errors of the
    engine. One that has ``mapped()`` returns there a loader that keeps its file mapped, or None.
    """

    def __call__(self, ranges: Ranges, into: Array) -> None:
        """Fill `into`, (count, H, W), contiguous, in the dtype of the patterns."""


class Streamer(Protocol):
    """Yields all patterns of a source in one pass, some at a time; picklable as a loader is."""

    def __call__(self, step: int) -> Iterator[Array]:
        """Yield arrays of up to `step` patterns, (count, H, W), in the dtype of the patterns."""


@dataclass(frozen=True, eq=False, repr=False)
class Patterns(Shown):
    """The patterns of a scan, one for each position.

    Attributes
    ----------
    shape : (int, int, int)
        (P, H, W).
    dtype : dtype
        Real; of what `read` returns, in native byte order.
    load : Loader
        What reads them.
    quantity : {"amplitude", "intensity"}, optional
        What a sample is: the square root of counts, or counts; None if the source does not say.
    source : str
        Where they lie, for messages.
    stream : Streamer, optional
        What reads all of them in one pass, where ranges one by one would take several.
    writer : callable, optional
        Who writes them into an array of a store in place of this process: given the store, the
        name of the array, and the patterns without a writer.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    load: Loader
    quantity: Quantity | None = None
    source: str = "patterns"
    stream: Streamer | None = None
    writer: Callable[[Store, str, Patterns], None] | None = None

    def __post_init__(self) -> None:
        if self.quantity is not None and self.quantity not in QUANTITIES:
            raise RequestError(one_of("quantity", self.quantity, QUANTITIES))

    @classmethod
    def of(
        cls, array: Array, quantity: Quantity | None = None, source: str = "patterns in memory"
    ) -> Patterns:
        """Take patterns that are in memory, an array (P, H, W)."""
        count, height, width = array.shape
        native = array.astype(array.dtype.newbyteorder("="), copy=False)
        shape = (count, height, width)
        return cls(shape, native.dtype, partial(fill_ranges, native), quantity, source)

    @classmethod
    def joined(cls, parts: Iterable[Patterns]) -> Patterns:
        """Put the patterns of several sources one after the other.

        Parameters
        ----------
        parts : iterable of Patterns
            At least one; of one size, dtype and quantity.

        Raises
        ------
        InputFileError
            If they differ, or there are none.
        """
        parts = tuple(parts)
        if not parts:
            raise InputFileError("patterns: received no files. Expected at least one. Check paths.")
        first = parts[0]
        for part in parts[1:]:
            if part._kind() != first._kind():
                raise InputFileError(
                    f"{part.source}: holds patterns of {part._kind()}. Expected those of "
                    f"{first._kind()}, as in {first.source}. Read the files as scans of their own."
                )
        shape = (sum(part.shape[0] for part in parts), *first.shape[1:])
        load, stream = partial(load_joined, parts), partial(stream_joined, parts)
        return replace(first, shape=shape, load=load, stream=stream)

    def _kind(self) -> str:
        return f"{self.shape[1]} x {self.shape[2]} {self.dtype} ({self.quantity or 'unknown'})"

    @property
    def nbytes(self) -> int:
        """Bytes of all patterns."""
        return math.prod(self.shape) * self.dtype.itemsize

    def read(self, start: int = 0, stop: int | None = None) -> Array:
        """Read a range of the patterns.

        Parameters
        ----------
        start, stop : int
            The range; to the end by default.

        Returns
        -------
        ndarray, shape (stop - start, H, W)
            Contiguous.

        Raises
        ------
        RequestError
            If the range leaves the patterns.
        MemoryBudgetError
            If they take more than half of the memory that is free.
        InputFileError
            If the file is damaged, or is another by now.
        """
        count = self.shape[0]
        stop = count if stop is None else stop
        if not 0 <= start <= stop <= count:
            raise RequestError(
                f"{self.source}: received the range {start} to {stop}. Expected one within the "
                f"{count} patterns."
            )
        return self.read_ranges([(start, stop)] if start < stop else [])

    def take(self, indices: ArrayLike) -> Array:
        """Read patterns by index, in any order and as often as asked for.

        Parameters
        ----------
        indices : array_like of int, shape (K,)
            Each from 0 to P - 1.

        Returns
        -------
        ndarray, shape (K, H, W)
            Contiguous.

        Raises
        ------
        RequestError
            If an index is none of a pattern.
        MemoryBudgetError, InputFileError
            As `read`.
        """
        wanted = self._checked(indices)
        found, inverse = np.unique(wanted, return_inverse=True)
        # Where the run of neighbours ends: the next index is not the one that follows.
        ends = np.flatnonzero(np.diff(found, append=-1) != 1)
        starts = np.concatenate([[0], ends[:-1] + 1])[: len(ends)]
        ranges = list(zip(found[starts].tolist(), (found[ends] + 1).tolist(), strict=True))
        in_order = len(found) == len(wanted) and bool((np.diff(wanted) > 0).all())
        if in_order:
            return self.read_ranges(ranges)
        check_reading(self._what, (len(found) + len(wanted)) * self._pattern_bytes)
        return np.ascontiguousarray(self.read_ranges(ranges)[inverse])

    def _checked(self, indices: ArrayLike) -> NDArray[np.intp]:
        """Refuse what are no indices of patterns."""
        wanted = np.asarray(indices)
        count = self.shape[0]
        if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
            raise RequestError(
                f"{self.source}: received indices of shape {wanted.shape}, dtype {wanted.dtype}. "
                "Expected integers of shape (K,)."
            )
        wanted = wanted.astype(np.intp)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < count:
            bad = wanted[(wanted < 0) | (wanted >= count)][0]
            raise RequestError(
                f"{self.source}: received the index {bad}. Expected indices from 0 to {count - 1}."
            )
        return wanted

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[tuple[int, int, Array]]:
        """Read all patterns, some at a time.

        Parameters
        ----------
        size : int
            Bytes of a block at most; at least one pattern is read.

        Yields
        ------
        start, stop : int
            The range.
        patterns : ndarray, shape (stop - start, H, W)
            What lies there.
        """
        step, start = self.step(size), 0
        for block in self.in_steps(step):
            yield start, start + len(block), block
            start += len(block)

    def step(self, size: int | None = None) -> int:
        """Return how many patterns a block of so many bytes, or a usual one, holds: at least 1."""
        return max(1, (BLOCK_BYTES if size is None else size) // max(1, self._pattern_bytes))

    def in_steps(self, step: int) -> Iterator[Array]:
        """Yield all patterns, up to so many at a time."""
        count = self.shape[0]
        if self.stream is None:
            return (self.read(start, min(start + step, count)) for start in range(0, count, step))
        check_reading(self._what, min(step, count) * self._pattern_bytes)
        return self.stream(step)

    def opened(self) -> Patterns:
        """Return patterns whose file stays mapped, so that reading them takes no more than a copy.

        Whoever asks lets go of them in time, and hands them to no other process. Patterns that do
        not lie in their file in one piece are returned as they are.
        """
        mapped = getattr(self.load, "mapped", None)
        stack = None if mapped is None else mapped()
        return self if stack is None else replace(self, load=stack)

    def as_quantity(self, quantity: Quantity) -> Patterns:
        """Return the patterns as amplitude, or as intensity, computed when they are read.

        Amplitude is the square root of intensity. What is negative, as background that was
        subtracted may leave, becomes zero.

        Raises
        ------
        RequestError
            If the source does not say what they are, or there is no such quantity.
        """
        if quantity not in QUANTITIES:
            raise RequestError(one_of("quantity", quantity, QUANTITIES))
        if self.quantity == quantity:
            return self
        if self.quantity is None:
            raise RequestError(
                f"{self.source}: does not say whether the patterns are amplitude or intensity. "
                f"Expected to be told. {SAY_QUANTITY}"
            )
        dtype = np.result_type(self.dtype, np.float32)
        stream = None if self.stream is None else partial(stream_as, self, dtype)
        load = partial(load_as, self)
        return replace(self, dtype=dtype, load=load, quantity=quantity, stream=stream)

    def watched(self, told: Callable[[int], None]) -> Patterns:
        """Return the patterns; a function is told how many have been read, each time."""
        stream = None if self.stream is None else partial(stream_watched, self, told)
        return replace(self, load=partial(load_watched, self, told), stream=stream)

    def mapped(
        self, change: Callable[[Array], Array], frame: tuple[int, int], dtype: np.dtype[Any]
    ) -> Patterns:
        """Return patterns that are changed when they are read, some megabytes at a time.

        Parameters
        ----------
        change : callable
            Takes patterns (count, H, W), which it may overwrite, and returns what they become,
            (count, height, width). A function of a module, or a `functools.partial` of one: other
            processes get it pickled.
        frame : (int, int)
            Height and width of what they become.
        dtype : dtype
            Of what they become.
        """
        load = partial(load_mapped, self, change)
        stream = None if self.stream is None else partial(stream_mapped, self, change)
        shape = (self.shape[0], *frame)
        return replace(self, shape=shape, dtype=np.dtype(dtype), load=load, stream=stream)

    def picked(self, indices: ArrayLike) -> Patterns:
        """Return some of the patterns, in any order, read when they are asked for.

        Raises
        ------
        RequestError
            As `take`.
        """
        wanted = self._checked(indices)
        shape = (len(wanted), *self.shape[1:])
        return replace(self, shape=shape, load=partial(load_picked, self, wanted), stream=None)

    @property
    def _pattern_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    @property
    def _what(self) -> str:
        return f"{self.source}: reading the patterns"

    def read_ranges(self, ranges: Ranges) -> Array:
        """Read ranges of the patterns, one after the other, as `read`."""
        count = sum(stop - start for start, stop in ranges)
        check_reading(self._what, count * self._pattern_bytes)
        patterns = np.empty((count, *self.shape[1:]), self.dtype)
        if patterns.size:
            self.load(ranges, patterns)
        return patterns

    def _shown(self) -> dict[str, object]:
        return {key: value for key, value in super()._shown().items() if key != "dtype"} | {
            "dtype": str(self.dtype)
        }


def quantity_option(value: str | None) -> None:
    """Refuse a value of a reader's option `quantity` that is none.

    Raises
    ------
    ValueError
        With the values that there are.
    """
    if value is not None and value not in QUANTITIES:
        raise ValueError(
            f"quantity: received {one_line(value, 60)!r}. Expected {' or '.join(QUANTITIES)}."
        )


def fill_ranges(stack: Array, ranges: Ranges, into: Array) -> None:
    """Fill an array with ranges of a stack (P, H, W), one after the other: for loaders."""
    at = 0
    for start, stop in ranges:
        into[at : at + stop - start] = stack[start:stop]
        at += stop - start
