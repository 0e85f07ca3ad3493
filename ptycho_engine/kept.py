"""Values that are computed when they are first asked for, without a lock."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

T = TypeVar("T")


def kept(compute: Callable[[Any], T]) -> Callable[[Any], T]:
    """Let an instance keep what a method without arguments returns; stands below ``@property``.

    `functools.cached_property` holds one lock for all instances up to Python 3.11. A process that
    was forked while a thread computed the value of any of them would wait for that lock for ever.
    Threads that ask at once may compute it twice; all get what was kept first.
    """
    key = f"kept {compute.__name__}"

    @wraps(compute)
    def look(instance: Any) -> T:
        held: dict[str, Any] = vars(instance)
        if key not in held:
            held.setdefault(key, compute(instance))
        value: T = held[key]
        return value

    return look
