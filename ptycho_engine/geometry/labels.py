"""What `numpy.asarray` would strip: masks, units, names of columns and of axes.

Libraries are known by their attributes, so that none is imported: NumPy's masked arrays and named
tuples, frames and series (pandas, polars), arrays of xarray, pint, astropy and unyt, data sets of
HDF5 and Zarr.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import chain
from numbers import Real
from typing import Any

import numpy as np

from ..errors import RequestError

#: Units that coordinates may have, the first for messages.
PIXELS = ("object pixels", "object pixel", "pixels", "pixel", "px", "pix")
METRES = ("m", "metres", "metre", "meters", "meter")
#: Units of plain numbers.
NO_UNIT = ("", "1", "dimensionless")

#: The axis that a column of coordinates belongs to, by its name.
AXES = {"y": "y", "row": "y", "x": "x", "col": "x", "column": "x"}


def plain(values: Any, what: str, units: Collection[str] = (), columns: str = "") -> Any:
    """Return what `numpy.asarray` reads without a loss.

    Parameters
    ----------
    values : array_like
        Whatever came.
    what : str
        Its name, for messages.
    units : sequence of str
        Units that it may have; plain numbers it may always be.
    columns : {"", "yx", "xy"}
        The order of the columns of coordinates. Those named otherwise round are exchanged.

    Returns
    -------
    array_like
        `values`, with its columns in order.

    Raises
    ------
    RequestError
        If values are masked, the unit is another, or columns or axes have other names.
    """
    if _is_plain(type(values)):
        return values
    if _is_list(values):
        kinds = set(map(type, values))
        if kinds <= {list, tuple}:  # of pairs: look at all numbers at once
            kinds = set(map(type, chain.from_iterable(values)))
        if all(map(_is_plain, kinds)):
            return values
    refuse_masked(values, what)
    if _is_list(values):
        return [plain(row, what, units, columns) for row in values]
    if not hasattr(values, "iloc"):  # of frames and series, attributes are columns
        _refuse_unit(getattr(values, "unit", getattr(values, "units", None)), what, units)
        values = getattr(values, "magnitude", values)  # pint warns if NumPy takes it
    if not columns:
        _refuse_transposed(values, what)
        return values
    notes: Any = getattr(values, "attrs", None)
    if hasattr(notes, "get"):
        _refuse_unit(notes.get("units", notes.get("unit")), what, units)
    return _in_order(values, what, columns)


def _is_list(values: Any) -> bool:
    return isinstance(values, list | tuple) and not hasattr(values, "_fields")


def _is_plain(kind: type) -> bool:
    """Tell whether values of a type carry nothing beside their numbers."""
    return kind is np.ndarray or issubclass(kind, int | float | complex | np.generic)


def refuse_masked(values: Any, what: str) -> None:
    """Refuse values some of which are masked.

    Raises
    ------
    RequestError
        With their number.
    """
    count = _count_masked(values)
    if count:
        raise RequestError(
            f"{what}: {count} values are masked, and a mask would be lost. Expected values without "
            f"one. Leave them out, or fill them with {what}.filled(value)."
        )


def _count_masked(values: Any) -> int:
    if _is_plain(type(values)) or hasattr(values, "iloc"):
        return 0
    if _is_list(values):
        return sum(map(_count_masked, values))
    mask = getattr(values, "mask", None)
    return 0 if mask is None or callable(mask) else int(np.count_nonzero(mask))


def _refuse_unit(unit: Any, what: str, allowed: Collection[str]) -> None:
    name = unit.decode() if isinstance(unit, bytes) else str(unit)
    if unit is None or callable(unit) or name.strip().lower() in (*allowed, *NO_UNIT):
        return
    expected = next(iter(allowed), "none")
    how = ", for lengths with geometry.from_metres," if expected in PIXELS else ""
    raise RequestError(
        f"{what}: received the unit {name!r}. Expected {expected}. Convert them{how} and pass "
        "plain numbers."
    )


def _refuse_transposed(values: Any, what: str) -> None:
    dims = getattr(values, "dims", None)
    if not isinstance(dims, tuple):
        return
    axes = [AXES.get(str(name).lower()) for name in dims]
    if {"y", "x"} <= set(axes) and axes[-2:] != ["y", "x"]:
        y, x = dims[axes.index("y")], dims[axes.index("x")]
        raise RequestError(
            f"{what}: received the axes {dims}. Expected {y!r} and {x!r} at the end. Move "
            f"them with {what}.transpose(..., {y!r}, {x!r})."
        )


def _in_order(values: Any, what: str, columns: str) -> Any:
    names, values = _column_names(values), _numbers(values)
    if len(names) != 2 or all(isinstance(name, Real) for name in names):  # numbered, not named
        return values
    axes = [AXES.get(str(name).strip().lower(), "?") for name in names]
    if sorted(axes) != ["x", "y"]:
        raise RequestError(
            f"{what}: received columns {', '.join(map(repr, names))}. Expected y and x, in object "
            f"pixels. Pass them without names, in the order ({', '.join(columns)})."
        )
    array = np.asarray(values)
    return array if "".join(axes) == columns else array[..., ::-1]


def _numbers(values: Any) -> Any:
    """Read nullable columns of a frame, objects to NumPy, with NaN where they hold nothing."""
    if not hasattr(values, "iloc") or values.ndim != 2:
        return values
    kinds = {getattr(dtype, "kind", "O") for dtype in values.dtypes}
    return values.to_numpy(np.float64, na_value=np.nan) if kinds <= set("iuf") else values


def _column_names(values: Any) -> list[Any]:
    """Names along the last axis; empty if it has none."""
    names: Iterable[Any] | None = getattr(values, "_fields", None)
    for attribute in ("columns", "column_names", "index"):
        found = getattr(values, attribute, None)
        if names is None and found is not None and not callable(found):
            names = found
    dims = getattr(values, "dims", None)
    if isinstance(dims, tuple) and dims and dims[-1] in values.coords:
        names = values.coords[dims[-1]].values.tolist()
    return [] if names is None else list(names)
