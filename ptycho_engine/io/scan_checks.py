"""What the fields of a scan have to be, whoever made it: its writers count on it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, get_args

import numpy as np

from ..errors import InputFileError, one_line
from ..geometry.labels import METRES, PIXELS, plain
from .patterns import Patterns

#: What the planes of an object are, where it has several.
LayerAxis = Literal["mode", "slice"]
#: What units of positions a scan may have.
Units = Literal["px", "m"]
#: Kinds of numbers that each array may hold.
KINDS = {
    "image": "iufc",
    "probe": "iufc",
    "positions": "iuf",
    "nominal_positions": "iuf",
    "layer_spacing": "iuf",
    "mask": "b",
}
#: Those that are float64 whatever came, and finite.
FLOAT64 = ("positions", "nominal_positions", "layer_spacing")


def checked(name: str, value: Any, source: str) -> Any:
    """Return a field of a scan as its description says it is; integers become float64.

    Parameters
    ----------
    name : str
        The field.
    value : object
        What came; None stays.
    source : str
        Of the scan, for messages.

    Raises
    ------
    InputFileError, RequestError
        If it is not that, and cannot be read as that without a loss.
    """
    if value is None:
        return None
    if name in KINDS:
        return _array(name, value, source)
    if name == "patterns" and not isinstance(value, Patterns):
        raise InputFileError(
            f"{source}: patterns: received {type(value).__name__}. Expected Patterns. Pass "
            "Patterns.of(array)."
        )
    if name == "patterns" and value.dtype.kind not in "iuf":
        raise InputFileError(
            f"{source}: patterns: received dtype {value.dtype}. Expected reals. Convert them."
        )
    if name == "layer_axis" and value not in get_args(LayerAxis):
        raise InputFileError(
            f"{source}: layer_axis: received {one_line(repr(value), 40)}. Expected 'mode', 'slice' "
            "or None."
        )
    if name in ("energy", "distance"):
        return _positive(name, (value,), 1, source)[0]
    if name in ("pixel_size", "detector_pixel_size"):
        pair = value if isinstance(value, Sequence) else np.ravel(value).tolist()
        return _positive(name, pair, 2, source)
    if name == "units" and value not in get_args(Units):
        raise InputFileError(
            f"{source}: units: received {one_line(repr(value), 40)}. Expected 'px' or 'm'. Convert "
            "the positions."
        )
    return value


def _array(name: str, value: Any, source: str) -> Any:
    """Read an array of the kind that a field holds."""
    pairs = name in ("positions", "nominal_positions")
    array = np.asarray(plain(value, name, (*PIXELS, *METRES) if pairs else (), "yx" * pairs))
    if array.dtype.kind not in KINDS[name]:
        expected = "numbers. Convert it"
        if name == "mask":
            expected = "bool, True for good pixels. Pass mask == 1, or mask == 0 where 1 is bad"
        raise InputFileError(
            f"{source}: {name}: received dtype {array.dtype}. Expected {expected}."
        )
    if name in FLOAT64 or array.dtype.kind in "iu":
        array = array.astype(np.float64, copy=False)
    if name in FLOAT64 and not np.isfinite(array).all():
        raise InputFileError(
            f"{source}: {name}: some are NaN or infinite. Expected finite numbers. Remove them, "
            "with the patterns that belong to them."
        )
    return array


def _positive(name: str, values: Any, count: int, source: str) -> tuple[float, ...]:
    """Read finite numbers above zero."""
    try:
        numbers = tuple(float(np.asarray(value).item()) for value in values)
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) != count or not all(0 < number < math.inf for number in numbers):
        received = one_line(repr(values[0] if len(values) == 1 else values), 60)
        expected = "a number" if count == 1 else "a pair of numbers (y, x)"
        raise InputFileError(
            f"{source}: {name}: received {received}. Expected {expected} above zero, or None if "
            "it is not known."
        )
    return numbers
