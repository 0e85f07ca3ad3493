"""In which order items come, and who gets which of them."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ItemError, RequestError

Indices = NDArray[np.int64]
#: The largest seed.
MOST_SEED = 2**64 - 1


def epoch_order(length: int, seed: int | None = None, epoch: int = 0) -> Indices:
    """Return the numbers 0 to ``length - 1`` in the order of one epoch.

    Parameters
    ----------
    length : int
        How many items there are.
    seed : int, optional
        Of the shuffling; without one they stay in order.
    epoch : int
        Each epoch of a seed has an order of its own.

    Returns
    -------
    ndarray of int64, shape (length,)
        Every number once.

    Raises
    ------
    RequestError
        If a number is none, or negative.
    """
    epoch = whole("epoch", epoch)
    if seed is None:
        return np.arange(length, dtype=np.int64)
    sequence = np.random.SeedSequence((whole("seed", seed), epoch))
    return np.random.default_rng(sequence).permutation(length)


def by_scan(order: Indices, scans: Indices, at_once: int, seed: int, epoch: int) -> Indices:
    """Let a shuffled order go through a few scans at a time, since few are open.

    Parameters
    ----------
    order : ndarray of int64, shape (length,)
        An order of items.
    scans : ndarray of int64, shape (length,)
        The scan of each item, by its number.
    at_once : int
        How many scans at a time; all of them, if there are no more.
    seed, epoch : int
        Which scans go together is drawn anew in each epoch.

    Returns
    -------
    ndarray of int64, shape (length,)
        The same numbers: the items of some scans, shuffled, then those of some others.
    """
    count = int(scans.max()) + 1 if len(scans) else 0
    if count <= at_once:
        return order
    turn = epoch_order(count, seed, epoch) // at_once  # of each scan
    return order[np.argsort(turn[scans[order]], kind="stable")]


def shard_of(order: Indices, index: int, count: int) -> Indices:
    """Return the share of one of several workers: every `count`-th of an order.

    Parameters
    ----------
    order : ndarray of int64, shape (length,)
        The same for all of them.
    index, count : int
        Which worker, from 0 on, and how many there are.

    Returns
    -------
    ndarray of int64
        Shares are disjoint, cover the order, and differ in length by 1 at most.

    Raises
    ------
    RequestError
        If there is no such worker.
    """
    index, count = whole("index", index), whole("count", count, 1)
    if index >= count:
        raise RequestError(f"index: received {index}. Expected 0 to {count - 1} of {count} shards.")
    return order[index::count]


def read_shard(shard: object) -> tuple[Any, Any]:
    """Read the index and the count of a share, which `shard_of` checks, or raise RequestError."""
    if not isinstance(shard, Sequence) or isinstance(shard, str) or len(shard) != 2:
        raise RequestError(f"shard: received {shard!r}. Expected (index, count).")
    return shard[0], shard[1]


def item_number(key: object, length: int) -> int:
    """Read the number of an item, or of a batch; negative ones count from the end.

    Raises
    ------
    RequestError
        If it is no number.
    ItemError
        If there are not so many.
    """
    try:
        number = operator.index(key)  # type: ignore[arg-type]
    except TypeError:  # arrays have an __index__, and refuse it unless they are whole numbers
        number = None
    if number is None or isinstance(key, bool | np.bool_):
        raise RequestError(f"item: received {key!r}. Expected a whole number, or several.")
    if not -length <= number < length:
        raise ItemError(
            f"item: received {number}. Expected 0 to {length - 1} of {length}, or from the end -1 "
            f"to -{length}."
        )
    return number + length if number < 0 else number


def is_number(value: object) -> bool:
    """Whether something is a real number, and no truth value."""
    return isinstance(value, Real) and not isinstance(value, bool)


def whole(name: str, value: object, least: int = 0) -> int:
    """Read a whole number from `least` to `MOST_SEED`, or raise RequestError."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = least - 1
    if isinstance(value, bool | np.bool_) or not least <= number <= MOST_SEED:
        raise RequestError(f"{name}: received {value!r}. Expected a whole number from {least} on.")
    return number


def read_numbers(numbers: Any, length: int) -> Indices:
    """Read numbers of items.

    Parameters
    ----------
    numbers : array_like of int, shape (B,)
        What came.
    length : int
        How many items there are.

    Raises
    ------
    RequestError
        If these are no numbers.
    ItemError
        If there is no item of one of them.
    """
    wanted = np.asarray(numbers)
    if wanted.ndim != 1 or (wanted.size and wanted.dtype.kind not in "iu"):
        raise RequestError(
            f"items: received shape {wanted.shape}, dtype {wanted.dtype}. Expected whole numbers, "
            "(B,)."
        )
    if wanted.size and not 0 <= wanted.min() <= wanted.max() < length:
        bad = wanted[(wanted < 0) | (wanted >= length)][0]
        raise ItemError(
            f"items: received the number {bad}. Expected 0 to {length - 1}, of {length} items."
        )
    return wanted.astype(np.int64)
