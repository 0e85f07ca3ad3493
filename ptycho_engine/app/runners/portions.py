"""What is shared out: arrays of an output, made portion by portion along their first axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from ...io.delegation import Delegate

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Work:
    """What is to be made.

    Attributes
    ----------
    arrays : tuple of str
        Arrays of the output, of one length.
    missing : sequence of (int, int)
        Ranges of them that are still to come, ascending and apart from each other.
    given : callable
        What a task is given for a range: small, and picklable.
    make : callable
        From that to the values of each array. Picklable; sent once to each worker.
    """

    arrays: tuple[str, ...]
    missing: list[tuple[int, int]]
    given: Callable[[int, int], Any]
    make: Callable[[Any], Mapping[str, Array]]

    @property
    def count(self) -> int:
        """Entries that are still to come."""
        return sum(stop - start for start, stop in self.missing)


@dataclass(frozen=True)
class Portion:
    """What one task makes: a range of whole files, of which some may stand there already.

    Attributes
    ----------
    start, stop : int
        The range.
    missing : tuple of (int, int)
        Ranges within it that are still to come.
    """

    start: int
    stop: int
    missing: tuple[tuple[int, int], ...]


def portion_size(delegate: Delegate, arrays: Iterable[str], wanted: int, slots: int) -> int:
    """Choose the entries of a portion: whole files, and enough portions for all.

    Parameters
    ----------
    delegate : Delegate
        Knows the files.
    arrays : iterable of str
        What is made.
    wanted : int
        Bytes of a portion.
    slots : int
        Tasks that run at the same time.
    """
    names = tuple(arrays)
    specs = [delegate.arrays[name] for name in names]
    count = max(1, specs[0].shape[0])
    step = delegate.step(names)
    each = max(1, sum(spec.nbytes for spec in specs) // count)
    return max(1, min(wanted // each, count // (4 * slots)) // step) * step


def portions_of(missing: Iterable[tuple[int, int]], size: int, count: int) -> list[Portion]:
    """Cut ranges at the multiples of a size.

    Parameters
    ----------
    missing : iterable of (int, int)
        The ranges.
    size : int
        Entries of a portion, whole files.
    count : int
        Entries in all.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    for start, stop in missing:
        for first in range(start // size * size, stop, size):
            found.setdefault(first, []).append((max(start, first), min(stop, first + size)))
    return [
        Portion(first, min(first + size, count), tuple(parts)) for first, parts in found.items()
    ]
