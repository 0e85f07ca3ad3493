"""What writers of scans share: arrays through a store, patterns block by block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError, one_line
from ..logs import get_logger
from .objects.urls import Location
from .optics import Pair, far_field_pixel
from .patterns import SAY_QUANTITY, Patterns, Quantity
from .scan import Scan
from .specs import ArraySpec
from .store import Store

Array = NDArray[Any]
#: The remedy of a scan whose maker has a key of its own for the size of a pixel.
PIXEL_SIZE = "pixel_size"
SAY_PIXEL_SIZE = (
    "Set the option of the reader: scan.object_pixel_size=METRES for npz and mat, else "
    "scan.pixel_size=METRES."
)


@dataclass(frozen=True, eq=False)
class Named:
    """An array with names for its axes, or none, and the units of its values."""

    values: Array
    axes: tuple[str, ...] = ()
    units: str = ""


def write_arrays(
    path: Path,
    scan: Scan,
    arrays: Mapping[str, Named],
    *,
    patterns: tuple[str, Quantity | None],
    axes: tuple[str, ...] = (),
    chunk: int | None = None,
    geometry: Mapping[str, Any] | None = None,
    more: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Write arrays of a scan, then its patterns, as an output that appears whole or not at all.

    Parameters
    ----------
    path : Path
        Where nothing stands; its suffix names the container.
    scan : Scan
        Whose patterns are written, if it has any, and whose source and assumptions are recorded.
    arrays : mapping of str to Named
        What is in memory, by name.
    patterns : (str, Quantity or None)
        Name of the patterns, and what they are in this format; None for what they are.
    axes : tuple of str
        Names of the axes of the patterns.
    chunk : int, optional
        Patterns that a reader gets at once, where the container has chunks.
    geometry : mapping, optional
        Says more of what the numbers mean.
    more : mapping of str to mapping, optional
        Further records.

    Raises
    ------
    OutputError
        If it cannot be written, or if it is not known what the patterns are.
    """
    specs = {name: ArraySpec.of(a.values, a.axes, a.units) for name, a in arrays.items()}
    name, quantity = patterns
    stack = None if scan.patterns is None else in_quantity(path, scan.patterns, quantity)
    if stack is not None:
        chunks = None if chunk is None else (chunk, *(max(1, n) for n in stack.shape[1:]))
        specs[name] = ArraySpec(stack.shape, stack.dtype, axes, chunks=chunks)
    store = Store.create(
        path,
        specs,
        geometry={"axis_order": "y, x", "units": "object pixels", **(geometry or {})},
        provenance={"scan": scan.source, "assumptions": scan.assumptions},
        more=more,
    )
    with store:
        for key, array in arrays.items():
            store.write(key, (), array.values.astype(specs[key].dtype, copy=False))
        if stack is not None:
            write_patterns(store, name, stack)


def write_patterns(store: Store, name: str, patterns: Patterns) -> None:
    """Write patterns block by block, or let their writer do it."""
    if not patterns.shape[0]:
        store.write(name, (), np.empty(patterns.shape, patterns.dtype))
    elif patterns.writer is not None:
        patterns.writer(store, name, replace(patterns, writer=None))
        return
    for start, stop, block in patterns.blocks():
        store.write(name, slice(start, stop), block)


def in_quantity(path: Path, patterns: Patterns, quantity: Quantity | None) -> Patterns:
    """Return patterns as a format wants them.

    Raises
    ------
    OutputError
        If it is not known what they are.
    """
    if quantity is None:
        return patterns
    if patterns.quantity is None:
        raise OutputError(
            f"{path}: {patterns.source} does not say whether its patterns are amplitude or "
            f"intensity, and the format holds {quantity}. Expected to know. {SAY_QUANTITY}"
        )
    return patterns.as_quantity(quantity)


def pixel_for_metres(path: Path, scan: Scan, holder: str) -> Pair | None:
    """Return the size of an object pixel, with which positions become metres.

    Parameters
    ----------
    path : Path
        What is written.
    scan : Scan
        The scan: its size of a pixel, else that of a far field.
    holder : str
        What holds metres.

    Raises
    ------
    OutputError
        If it is not known, and there are positions in pixels.
    """
    shape = () if scan.patterns is None else scan.patterns.shape
    far = far_field_pixel(scan.energy, scan.distance, scan.detector_pixel_size, shape)
    pixel = scan.pixel_size or far
    placed = scan.positions is not None or scan.nominal_positions is not None
    if pixel is None and scan.units == "px" and placed:
        raise OutputError(
            f"{path}: the positions of {scan.source} are in object pixels of unknown size, and "
            f"{holder} holds metres. Expected Scan.pixel_size. "
            f"{scan.remedies.get(PIXEL_SIZE, SAY_PIXEL_SIZE)}"
        )
    return pixel


def numbers_of(value: Any, shape: tuple[int | None, ...], kinds: str) -> Array | None:
    """Return what metadata hold as an array, if it is one of numbers that fits the scan.

    Parameters
    ----------
    value : object
        Whatever stands in the metadata; None if nothing does.
    shape : tuple of (int or None)
        Length of each axis; None for any.
    kinds : str
        What the numbers may be, as NumPy names kinds.
    """
    array = _array_of(value)
    if array is None or array.dtype.kind not in kinds or array.ndim != len(shape):
        return None
    fits = all(n in (None, size) for n, size in zip(shape, array.shape, strict=True))
    return array if fits else None


def check_storable(path: Path, scan: Scan, told: Iterable[str], arrays: Iterable[str]) -> None:
    """Refuse metadata that HDF5 does not take, and NumPy would pickle.

    Parameters
    ----------
    path : Path
        What is to be written.
    scan : Scan
        The scan.
    told : iterable of str
        Keys of the metadata that are written as numbers or texts, where there are any.
    arrays : iterable of str
        Keys of those that are written as arrays of numbers.

    Raises
    ------
    OutputError
        With the first that is neither numbers nor a text.
    """
    wanted = dict.fromkeys(told, "a number or a text") | dict.fromkeys(arrays, "numbers")
    for key, expected in wanted.items():
        value = scan.metadata.get(key, 0)
        array = _array_of(value)
        if array is not None and array.dtype.kind in "biufc":
            continue
        if expected == "numbers" or not (is_text(value) or isinstance(value, bytes)):
            raise OutputError(
                f"{path}: the metadata {key!r} are {one_line(repr(value), 60)}, of type "
                f"{type(value).__name__}. Expected {expected}. Convert what Scan.metadata holds, "
                "or leave it out."
            )


def _array_of(value: Any) -> Array | None:
    try:
        return np.asarray(value)
    except ValueError:  # lists of different lengths
        return None


def is_text(value: Any) -> bool:
    """Whether a value is a text that HDF5 takes: no zeros in it, nor half a letter."""
    if not isinstance(value, str) or "\0" in value:
        return False
    return not any("\ud800" <= letter <= "\udfff" for letter in value)


def report_dropped(
    path: Location,
    scan: Scan,
    fields: Iterable[str],
    metadata: Iterable[str] = (),
    *,
    keeps_near: bool = False,
) -> None:
    """Say what a scan holds that a format has no place for, once it is written.

    Parameters
    ----------
    path : Path or ObjectUrl
        What was written.
    scan : Scan
        The scan.
    fields : iterable of str
        Attributes that the format has no place for.
    metadata : iterable of str
        Keys of the metadata that were not written.
    keeps_near : bool
        Whether the format says whether the detector is in the near field.
    """
    dropped = [name for name in fields if getattr(scan, name) is not None]
    dropped += [key for key in metadata if key in scan.metadata]
    if scan.is_near and not keeps_near:
        dropped.append("propagation")
    if dropped:
        get_logger().warning("not_in_this_format", path=str(path), dropped=dropped)
