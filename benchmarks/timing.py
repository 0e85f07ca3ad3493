"""Times and ratios on a machine that others use too.

Everything that is compared runs in one process, in turn, several times over; a ratio is the median
of the ratios within each turn. What slows one turn down slows all of it down.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import median

Action = Callable[[], object]


def once(action: Action) -> float:
    """Seconds of one call; letting go of its result does not count."""
    start = time.perf_counter()
    result = action()
    seconds = time.perf_counter() - start
    del result
    return seconds


def in_turn(
    actions: Mapping[str, Action], repeats: int, before: Mapping[str, Action] | None = None
) -> dict[str, list[float]]:
    """Seconds of every action, `repeats` times; each turn begins with another action.

    Parameters
    ----------
    actions : mapping of str to callable
        What to time.
    repeats : int
        Turns.
    before : mapping of str to callable, optional
        Called before the action of that name, untimed.

    Returns
    -------
    dict of str to list of float
        Seconds by turn.
    """
    names = list(actions)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(repeats):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            if before and name in before:
                before[name]()
            seconds[name].append(once(actions[name]))
    return seconds


def ratio(seconds: Sequence[float], others: Sequence[float]) -> float:
    """Median over the turns of one time divided by another."""
    return median(own / other for own, other in zip(seconds, others, strict=True))


def best_ratio(seconds: Sequence[float], others: Sequence[float]) -> float:
    """Ratio of the shortest times: what remains where the machine was least disturbed."""
    return min(seconds) / min(others)


def affordable(action: Callable[[int], object], most: int, seconds: float) -> int:
    """Largest number of patches, up to `most`, that one call cuts in about `seconds`.

    The number grows until a call takes half of that, so that fixed costs are not scaled up.

    Parameters
    ----------
    action : callable
        Cuts so many patches.
    most : int
        The number wanted.
    seconds : float
        What one call may take.

    Returns
    -------
    int
        `most`, or fewer, rounded down to two digits.
    """
    count = min(16, most)
    while True:
        call = partial(action, count)
        once(call)  # may compile for this number of patches
        taken = once(call)
        if taken > seconds / 2 or count == most:
            break
        count = min(most, 4 * count)
    wanted = int(count * seconds / taken)
    if wanted >= most:
        return most
    digits = max(0, len(str(wanted)) - 2)
    return max(1, wanted // 10**digits * 10**digits)
