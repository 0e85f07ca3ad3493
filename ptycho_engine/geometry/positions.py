"""The geometry contract: axis order, anchor, units and rounding of scan positions.

Said once, here; every reader, kernel and plugin follows it.

* The centre of a pixel has integer coordinates: ``image[i, j]`` sits at ``(y, x) = (i, j)``.
* Positions are float64, shape (P, 2), columns ``(y, x)``, in object pixels.
* The patch of size N at position p has its sample ``N // 2`` exactly at p: its window starts at
  ``p - N // 2``, for even and for odd N, and for every interpolation.

Other programs number their axes, their units and their anchors differently. The functions
below convert by name, so that no caller has to write ``[:, ::-1]`` or ``+ 0.5``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import RequestError, at_caller, one_of
from .labels import METRES, PIXELS, plain

Positions = NDArray[np.float64]

#: Where each named anchor puts the first sample of the window of size n at position p, in pixels.
ANCHORS: dict[str, Callable[[Positions, int], Positions]] = {
    # ours, PtychoPINN, torch-subpixel-crop
    "half": lambda p, n: p - n // 2,
    # the true centre of the window: pty-chi's Fourier patches
    "centre": lambda p, n: p - (n - 1) / 2,
    # pixel edges instead of pixel centres: pty-chi's bilinear patches
    "half_float": lambda p, n: p - n / 2,
    # pixel coordinates as ptychodus exports them, also to PtychoPINN's files
    "ptychodus_until_1.5": lambda p, n: p - n / 2,
    "ptychodus_from_1.6": lambda p, n: p - (n - 1) / 2,
    # the position is the first sample: tike, cdtools
    "corner": lambda p, n: p,
    # whole pixels only, half to even: quantem, py4DSTEM
    "rounded": lambda p, n: np.rint(p) - n // 2,
    # whole pixels only, ties pushed up by 1e-5 pixel: ptypy
    "rounded_ptypy": lambda p, n: np.rint(p + 1e-5) - n // 2,
    # whole pixels only, towards minus infinity: cellmap-data
    "floored": lambda p, n: np.floor(p - n / 2),
}


def pairs(
    values: ArrayLike, what: str, units: tuple[str, ...] = PIXELS, columns: str = "yx"
) -> Positions:
    """Read pairs of coordinates.

    Parameters
    ----------
    values : array_like, shape (..., 2)
        Whatever came.
    what : str
        Its name, for messages.
    units, columns
        As for :func:`ptycho_engine.geometry.labels.plain`.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        A copy.

    Raises
    ------
    RequestError
        If these are no real pairs, or what NumPy would strip of them matters.
    """
    found = np.asarray(plain(values, what, units, columns))
    if found.dtype.kind not in "iuf":
        raise RequestError(
            f"{what}: dtype {found.dtype} holds no coordinates. Expected real numbers of shape "
            "(P, 2) or (B, C, 2). Convert them with numpy.asarray(values, dtype=float)."
        )
    if found.ndim < 1 or found.shape[-1] != 2:
        raise RequestError(
            f"{what}: received shape {found.shape}. Expected (P, 2) or (B, C, 2): two coordinates "
            "along the last axis."
        )
    return found.astype(np.float64)


def _pixel_size(pixel_size: float | tuple[float, float]) -> Positions:
    size = np.asarray(plain(pixel_size, "pixel_size", METRES, "yx"), dtype=np.float64)
    if size.shape not in ((), (1,), (2,)) or not (np.isfinite(size) & (size > 0)).all():
        raise RequestError(
            f"pixel_size: received {pixel_size!r}. Expected metres above zero, one or (y, x)."
        )
    return size


@at_caller
def from_xy(xy: ArrayLike) -> Positions:
    """Turn pixel coordinates in the order (x, y) into positions.

    Parameters
    ----------
    xy : array_like, shape (..., 2)
        Columns (x, y), in object pixels.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        Columns (y, x), in object pixels.

    Raises
    ------
    RequestError
        If the last axis does not hold two real numbers.
    """
    return np.ascontiguousarray(pairs(xy, "xy", columns="xy")[..., ::-1])


@at_caller
def to_xy(positions: ArrayLike) -> Positions:
    """Turn positions into pixel coordinates in the order (x, y): the inverse of `from_xy`."""
    return np.ascontiguousarray(pairs(positions, "positions")[..., ::-1])


@at_caller
def from_metres(
    positions_m: ArrayLike, pixel_size: float | tuple[float, float], origin: ArrayLike = (0.0, 0.0)
) -> Positions:
    """Turn positions in metres into object pixels: ``(positions_m - origin) / pixel_size``.

    Parameters
    ----------
    positions_m : array_like, shape (..., 2)
        Columns (y, x), in metres.
    pixel_size : float or (float, float)
        Size of an object pixel in metres, one for both axes or (y, x).
    origin : array_like, shape (2,)
        Where the centre of pixel [0, 0] lies, (y, x), in metres.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        Columns (y, x), in object pixels.

    Raises
    ------
    RequestError
        If a pixel size is not a positive finite number.
    """
    size = _pixel_size(pixel_size)
    metres = pairs(positions_m, "positions_m", METRES)
    with np.errstate(over="ignore"):  # what becomes infinite is refused where it is used
        return (metres - pairs(origin, "origin", METRES)) / size


@at_caller
def to_metres(
    positions: ArrayLike, pixel_size: float | tuple[float, float], origin: ArrayLike = (0.0, 0.0)
) -> Positions:
    """Turn object pixels into metres: the inverse of `from_metres`."""
    size = _pixel_size(pixel_size)
    return pairs(positions, "positions") * size + pairs(origin, "origin", METRES)


@at_caller
def from_legacy(
    global_offsets: ArrayLike, local_offsets: ArrayLike | None = None, members: int | None = None
) -> Positions:
    """Turn legacy offset arrays into grouped positions.

    The legacy arrays hold ``[x, y]`` on axis 2 and the group member on axis 3; the position of a
    member is the sum of its global and its local offset, formed in the arrays' own dtype as the
    legacy code forms it.

    Parameters
    ----------
    global_offsets : array_like, shape (B, 1, 2, 1) or (B, 1, 2, C)
        Offsets of the groups, in object pixels.
    local_offsets : array_like, shape (B, 1, 2, C), optional
        Offsets of the members within their group, in object pixels.
    members : int, optional
        Size C of a group in the result, as legacy code takes it from ``gridsize ** 2``: of more
        offsets, the first B * C in their order, whatever their groups.

    Returns
    -------
    ndarray of float64, shape (B, C, 2)
        Columns (y, x), in object pixels.

    Raises
    ------
    RequestError
        If a shape is not one of those above, or the offsets are too few for `members`.
    """
    offsets = np.asarray(plain(global_offsets, "global_offsets", PIXELS))
    for name, array in (("global_offsets", offsets), ("local_offsets", local_offsets)):
        shape = np.shape(array) if array is not None else (0, 1, 2, 1)
        if len(shape) != 4 or shape[1:3] != (1, 2):
            raise RequestError(f"{name}: received shape {shape}. Expected (B, 1, 2, C).")
    if local_offsets is not None:
        local = np.asarray(plain(local_offsets, "local_offsets", PIXELS))
        sizes = {offsets.shape[3], local.shape[3]} - {1}
        if len(local) != len(offsets) or len(sizes) > 1:
            raise RequestError(
                f"local_offsets: received shape {local.shape}, for global_offsets of shape "
                f"{offsets.shape}. Expected the same groups and members, or "
                "one member."
            )
        offsets = offsets + local
    positions = from_xy(np.moveaxis(offsets[:, 0], 1, 2))  # (B, 2, C) -> (B, C, 2)
    if members is None:
        return positions
    groups, found, _ = positions.shape
    if not hasattr(members, "__index__") or members < 1 or groups * members > groups * found:
        raise RequestError(
            f"members: received {members!r}, for offsets of shape {offsets.shape}. Expected an "
            f"integer from 1 to {found}, the square of gridsize."
        )
    return positions.reshape(-1, 2)[: groups * members].reshape(groups, members, 2)


@at_caller
def to_legacy(positions: ArrayLike) -> NDArray[np.float64]:
    """Turn grouped positions (B, C, 2) into a legacy (B, 1, 2, C) array of [x, y]."""
    grouped = pairs(positions, "positions")
    if grouped.ndim != 3:
        raise RequestError(f"positions: received shape {grouped.shape}. Expected (B, C, 2).")
    return np.ascontiguousarray(np.moveaxis(to_xy(grouped), 1, 2)[:, None])


@at_caller
def from_anchor(positions: ArrayLike, patch_size: int, anchor: str) -> Positions:
    """Turn positions under another program's anchor into ours, leaving every window in place.

    Parameters
    ----------
    positions : array_like, shape (..., 2)
        Columns (y, x), in object pixels, under `anchor`.
    patch_size : int
        Size N of the patches.
    anchor : str
        One of `ANCHORS`: ``half`` (ours), ``centre``, ``half_float``, ``corner``, ``rounded``,
        ``rounded_ptypy``, ``floored``, ``ptychodus_until_1.5``, ``ptychodus_from_1.6``.

    Returns
    -------
    ndarray of float64, shape (..., 2)
        Positions p' with ``p' - N // 2`` equal to the start of the window under `anchor`.

    Raises
    ------
    RequestError
        If the anchor is not known.
    """
    if anchor not in ANCHORS:
        raise RequestError(one_of("anchor", anchor, ANCHORS))
    start = ANCHORS[anchor](pairs(positions, "positions"), patch_size)
    return start + patch_size // 2


def split(positions: Any, patch_size: int, rounding: str, xp: Any = np) -> tuple[Any, Any]:
    """Split positions into whole window starts and what interpolation needs beside them.

    Parameters
    ----------
    positions : array of float64, shape (P, 2)
        Columns (y, x), in object pixels.
    patch_size : int
        Size N of the patches.
    rounding : {"exact", "legacy"}
        ``exact`` takes the fraction of the float64 position once. ``legacy`` keeps the position
        as float32: the legacy code adds the pixel index in float32 before it takes the fraction,
        which `ptycho_engine.ops.blend` repeats pixel by pixel.
    xp : module
        `numpy`, or `tensorflow.experimental.numpy` for tensors.

    Returns
    -------
    base : array of float64, shape (P, 2)
        Whole-number start of each window.
    offsets : array of float64, shape (P, 2)
        ``exact``: the fraction in [0, 1). ``legacy``: the float32 coordinate of the window's start
        in the object padded by ``N // 2``, which is the position itself.
    """
    if rounding == "exact":
        start = positions - float(patch_size // 2)
        base = xp.floor(start)
        return base, start - base
    smallest, largest = float(np.finfo(np.float32).tiny), float(np.finfo(np.float32).max)
    # Beyond the largest float32 is infinite: stay there. Below the smallest some processors see
    # zero and others do not: let all see zero.
    bounded = xp.minimum(xp.maximum(positions, -largest), largest)
    bounded = xp.where(xp.abs(bounded) < smallest, xp.zeros_like(bounded), bounded)
    rounded = xp.asarray(xp.asarray(bounded, dtype=xp.float32), dtype=xp.float64)
    return xp.floor(rounded) - float(patch_size // 2), rounded
