"""An object that stays the same over many calls, with what plugins derive from it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class PreparedObject:
    """An object together with its padded copies, made when first needed.

    Every request carries one, so that the blocks of a stream share a padding pass. Made by
    :meth:`ptycho_engine.Engine.prepare`, it also serves many calls, which must come one at a time.

    Parameters
    ----------
    image : ndarray or tf.Tensor, shape (..., H, W)
        The object, validated; it must not be changed in place while this is in use.
    shared : bool
        Whether many calls are to share it, so that even a kernel for a few patches pays off.
    """

    def __init__(self, image: Any, *, shared: bool = False) -> None:
        self.image = image
        self.shared = shared
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return what `make` returned when it was first called under `key`."""
        if key not in self._made:
            self._made[key] = make()
        made: T = self._made[key]
        return made
