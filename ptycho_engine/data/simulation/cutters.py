"""Patches at some of the positions of a scan: through an engine, or by the native kernel alone."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...engine import Engine
from ...errors import MemoryBudgetError
from ...geometry import Positions
from ...geometry.cut import Cut
from ...memory import format_bytes
from ...native.kernels import cut
from ...native.taps import tap_weights
from ...request.extraction import build_request
from ...request.prepared import PreparedObject
from ...request.windows import all_inside, find_windows, pad, padded_bytes

Array = NDArray[Any]
#: Which positions of a scan.
Places = NDArray[np.intp]


def check_room(needed: int, budget: int) -> None:
    """Refuse a simulation beyond the memory budget.

    Raises
    ------
    MemoryBudgetError
        With both numbers, in bytes.
    """
    if needed > budget:
        raise MemoryBudgetError(
            f"simulation: needs {format_bytes(needed)} with one pattern at a time, and the "
            f"memory budget is {format_bytes(budget)}. Ask for fewer patterns at a time, as "
            "blocks() does, or raise memory_budget."
        )


class Cutter(Protocol):
    """Cuts patches at some of the positions; from several threads, too."""

    @property
    def held_bytes(self) -> int:
        """Bytes that it takes, apart from the object and from patches."""

    def __call__(self, places: Places, out: Array) -> None:
        """Fill `out`, (S, c, N, N) and contiguous, with the patches at c places of the scan."""


class EngineCutter:
    """Lets an engine cut them, whatever its plugin; each call costs its share of Python.

    Parameters
    ----------
    engine : Engine
        Cuts them.
    prepared : PreparedObject
        The object, (S, H, W).
    positions : ndarray of float64, shape (P, 2)
        Where to cut; checked already.
    what : Cut
        What.
    """

    def __init__(
        self, engine: Engine, prepared: PreparedObject, positions: Positions, what: Cut
    ) -> None:
        self._engine, self._prepared, self._positions = engine, prepared, positions
        self._size = what.patch_size
        self._how: dict[str, Any] = {"interpolation": what.interpolation, "fill": what.fill}
        plan = engine.plan(prepared, positions, self._size, **self._how)
        self.held_bytes = plan.workspace_bytes

    def __call__(self, places: Places, out: Array) -> None:
        """Fill `out`, (S, c, N, N) and contiguous, with the patches at c places of the scan."""
        positions = self._positions[places]
        self._engine.extract(self._prepared, positions, self._size, **self._how, out=out)


class NativeCutter:
    """Cuts them with the kernel of the plugin ``numba``, in windows that are found once.

    Parameters
    ----------
    prepared : PreparedObject
        The object, (S, H, W).
    positions : ndarray of float64, shape (P, 2)
        Where to cut; checked already.
    what : Cut
        What; its kernel is separable.
    budget : int
        Bytes that it may hold.

    Raises
    ------
    MemoryBudgetError
        If a padded copy of the object exceeds them, before it is made.
    """

    def __init__(
        self, prepared: PreparedObject, positions: Positions, what: Cut, budget: int
    ) -> None:
        request = build_request(prepared, positions, what)
        found = find_windows(request)
        starts, slices = found.starts, list[Array](prepared.image)
        copies = not (all_inside(request) and prepared.image.flags.carray)
        if not copies:
            starts = starts - np.int32(found.padding.before)
        self._windows = starts, *tap_weights(request, found)
        self.held_bytes = sum(array.nbytes for array in self._windows)
        if copies:
            self.held_bytes += len(slices) * padded_bytes(request)
            check_room(self.held_bytes, budget)
            slices = [pad(image, found.padding, request.fill) for image in slices]
        self._slices = [image.view(request.real_dtype) for image in slices]

    def __call__(self, places: Places, out: Array) -> None:
        """Fill `out`, (S, c, N, N) and contiguous, with the patches at c places of the scan."""
        windows = [array[places] for array in self._windows]
        every = np.arange(len(places))
        for image, patches in zip(self._slices, out, strict=True):
            cut(image, *windows, patches, 1, False, False, every)
