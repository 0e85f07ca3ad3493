"""What a framework needs to know of a computation that it did not make, to differentiate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Operation:
    """Of values, which are an object or patches, and positions; linear in the values.

    The functions take and return arrays of the framework that differentiates. Gradients are those
    of a real loss L, ``dL/dRe + i dL/dIm`` of complex numbers.

    Attributes
    ----------
    forward : callable
        Returns the result for the values and positions that there are.
    adjoint : callable
        From positions and the gradient of the result to that of the values.
    position_gradient : callable
        From values, positions and the gradient of the result to that of the positions: float64,
        shape (P, 2).
    steady : bool
        Whether values stay as they are until a gradient is asked for, also where the framework
        cannot tell: a caller has promised it of a prepared object.
    """

    forward: Callable[[], Any]
    adjoint: Callable[[Any, Any], Any]
    position_gradient: Callable[[Any, Any, Any], Any]
    steady: bool = False
