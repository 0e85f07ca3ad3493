"""From positions to windows of a padded object: the one place that knows the fill rules.

A kernel that cuts windows out of the padded object at the starts given here needs no bounds
check and no mask. Windows wholly outside are moved, along with the rule of the fill, to where the
padding shows the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import geometry
from ..geometry.cut import Cut
from ..geometry.kernels import KERNELS
from .extraction import ExtractionRequest
from .located import LocatedRequest
from .prepared import CopyKey

T = TypeVar("T")

#: Bytes of rows that are copied at once while an object is padded; the caches hold them.
PIECE_BYTES = 2**18


class Padding(NamedTuple):
    """How far the object is continued beyond its borders, in pixels.

    Attributes
    ----------
    before : int
        Rows above and columns to the left.
    after : (int, int)
        Rows below and columns to the right.
    """

    before: int
    after: tuple[Any, Any]

    def padded_shape(self, shape: tuple[Any, Any]) -> tuple[Any, Any]:
        """Height and width of the padded object."""
        return (
            self.before + shape[0] + self.after[0],
            self.before + shape[1] + self.after[1],
        )


@dataclass(frozen=True)
class Windows:
    """Where the windows of a request lie in the padded object.

    Attributes
    ----------
    starts : ndarray of int32, shape (P, 2)
        Index (row, column) of the first sample that the kernel needs.
    offsets : ndarray, shape (P, 2), the request's `offset_dtype`
        What :func:`ptycho_engine.geometry.split` gives beside the whole part.
    padding : Padding
        The padding that `starts` refer to.
    """

    starts: NDArray[np.int32]
    offsets: NDArray[Any]
    padding: Padding

    def down_the_object(self, members: int) -> NDArray[np.intp]:
        """Order the groups by their first row, so that the object's rows stay in the caches.

        Parameters
        ----------
        members : int
            Windows C of a group.

        Returns
        -------
        ndarray of int, shape (P / C,)
            Indices of the groups.
        """
        # 16 bits are sorted ten times faster. Objects of more rows are gone down more than once.
        rows = self.starts[::members, 0].astype(np.uint16)
        return np.argsort(rows, kind="stable")


def locate(positions: Any, shape: tuple[Any, Any], cut: Cut, xp: Any = np) -> tuple[Any, Any]:
    """Place windows relative to an object of `shape`, moving those wholly outside next to it.

    Parameters
    ----------
    positions : array of float64, shape (P, 2)
        Columns (y, x), in object pixels.
    shape : (int, int)
        Height and width of the object.
    cut : Cut
        What is cut there; its fill is not ``"error"``.
    xp : module
        `numpy`, or `tensorflow.experimental.numpy` for tensors.

    Returns
    -------
    first : array of float64, shape (P, 2)
        Whole-number index of the first sample needed, relative to the object.
    offsets : array of float64, shape (P, 2)
        As `geometry.split` gives them, snapped to 0 or 1 for an exact ``nearest``; zero for
        windows moved beside the object, where no weight depends on them.
    """
    kernel = KERNELS[cut.interpolation]
    base, offsets = geometry.split(positions, cut.patch_size, cut.rounding, xp)
    size = xp.asarray(shape, dtype=xp.float64)  # (2,)
    beside = xp.maximum(base, -float(cut.patch_size + cut.after))
    beside = xp.minimum(beside, size + float(cut.before))
    moved = xp.not_equal(beside, base)  # of tensors, `!=` may ask whether they are one object
    if cut.fill == "reflect":
        beside = xp.where(moved, xp.mod(base, xp.maximum(2.0 * (size - 1.0), 1.0)), base)
    elif kernel.weights is not None:
        # Samples beyond the border do not change with the fraction; a taper does.
        offsets = xp.where(moved, 0.0, offsets)
    if kernel.snaps and cut.rounding == "exact":
        # Here, where the fraction is float64: rounded to float32, 0.5 - 1e-9 would snap up.
        offsets = xp.where(offsets >= 0.5, xp.ones_like(offsets), xp.zeros_like(offsets))
    return beside - float(cut.before), offsets


def padding_for(shape: tuple[Any, Any], cut: Cut, far: bool, xp: Any = np) -> Padding:
    """Choose the padding that holds every window which `locate` can return.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the object.
    cut : Cut
        What is cut.
    far : bool
        Whether windows may be moved; only ``reflect`` then needs more, a whole mirrored period.
    xp : module
        `numpy`, or `tensorflow.experimental.numpy` if the shape is known at run time only.

    Returns
    -------
    Padding
        The padding.
    """
    beside = cut.span
    if cut.fill != "reflect" or not far:
        return Padding(beside, (beside, beside))
    # The last folded window starts at 2 * (size - 1) - 1.
    below, right = (beside + xp.maximum(size - 2, 0) for size in shape)
    return Padding(beside, (below, right))


def source_index(index: Any, size: Any, fill: str, xp: Any = np) -> Any:
    """Index of the object's sample that a row or column repeats (``edge``, ``reflect``).

    Parameters
    ----------
    index : array of int
        Rows or columns relative to the object, beyond its borders too.
    size : int
        Height or width of the object, at least 1.
    fill : {"edge", "reflect"}
        The rule; ``reflect`` does not repeat the border sample.
    xp : module
        `numpy`, or `tensorflow.experimental.numpy` for tensors.

    Returns
    -------
    array of int, shape of `index`
        Indices into the object.
    """
    if fill == "edge":
        return xp.minimum(xp.maximum(index, 0), size - 1)
    folded = xp.mod(index, xp.maximum(2 * (size - 1), 1))
    return xp.minimum(folded, 2 * (size - 1) - folded)


def pad(
    image: NDArray[Any],
    padding: Padding,
    fill: str,
    empty: Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]] = np.empty,
) -> NDArray[Any]:
    """Continue an object beyond its borders.

    Parameters
    ----------
    image : ndarray, shape (..., H, W)
        The object.
    padding : Padding
        How far.
    fill : {"zeros", "edge", "reflect"}
        With what.
    empty : callable
        Allocates the result from its shape and dtype.

    Returns
    -------
    ndarray, shape (..., before + H + after, before + W + after)
        A contiguous copy.
    """
    height, width = image.shape[-2:]
    padded = empty((*image.shape[:-2], *padding.padded_shape((height, width))), image.dtype)
    first, (below, right) = padding.before, padding.after
    rows, columns = slice(first, first + height), slice(first, first + width)
    padded[..., rows, columns] = image
    if fill == "zeros":
        padded[..., rows, :first] = padded[..., rows, columns.stop :] = 0
        padded[..., :first, :] = padded[..., rows.stop :, :] = 0
        return padded
    for outside in (slice(0, first), slice(columns.stop, columns.stop + right)):
        index = source_index(np.arange(outside.start, outside.stop) - first, width, fill)
        for a, b in _pieces(0, height, image[..., :1, :1].nbytes * len(index)):
            padded[..., first + a : first + b, outside] = image[..., a:b, index]
    for outside in (slice(0, first), slice(rows.stop, rows.stop + below)):
        for a, b in _pieces(outside.start, outside.stop, padded[..., :1, :].nbytes):
            index = first + source_index(np.arange(a, b) - first, height, fill)
            padded[..., a:b, :] = padded[..., index, :]
    return padded


def _pieces(start: int, stop: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """Divide rows into runs whose copies are small: NumPy makes one of what it picks by index."""
    step = max(1, PIECE_BYTES // max(1, row_bytes))
    return ((first, min(first + step, stop)) for first in range(start, stop, step))


def fold(padded: NDArray[Any], padding: Padding, fill: str, out: NDArray[Any]) -> NDArray[Any]:
    """Add what lies in a padded object to the object: the adjoint of `pad`.

    Parameters
    ----------
    padded : ndarray, shape (..., before + H + after, before + W + after)
        What `pad` would have made; it is used up.
    padding : Padding
        How far.
    fill : {"zeros", "edge", "reflect"}
        With what `pad` continues: what lies beyond the border goes to the sample that is repeated
        there, if there is one.
    out : ndarray, shape (..., H, W)
        Is added to.

    Returns
    -------
    ndarray
        `out`.
    """
    height, width = out.shape[-2:]
    first, (below, right) = padding.before, padding.after
    rows, columns = slice(first, first + height), slice(first, first + width)
    if fill != "zeros":  # in the opposite order of `pad`, one line at a time: some meet in one
        for here in (*range(first), *range(rows.stop, rows.stop + below)):
            there = first + int(source_index(here - first, height, fill))
            padded[..., there, :] += padded[..., here, :]
        for here in (*range(first), *range(columns.stop, columns.stop + right)):
            there = first + int(source_index(here - first, width, fill))
            padded[..., rows, there] += padded[..., rows, here]
    out += padded[..., rows, columns]
    return out


def _found_once(find: Callable[[LocatedRequest], T]) -> Callable[[LocatedRequest], T]:
    """Keep what is found on its request: plan, engine and plugin ask for the same."""

    @wraps(find)
    def kept(request: LocatedRequest) -> T:
        found: T | None = request.found.get(find)
        if found is None:
            found = request.found[find] = find(request)
        return found

    return kept


@_found_once
def find_windows(request: LocatedRequest) -> Windows:
    """Windows of a NumPy request, and the padding that they need.

    Parameters
    ----------
    request : LocatedRequest
        A validated request whose arrays are NumPy's.

    Returns
    -------
    Windows
        Starts, offsets and padding.
    """
    first, offsets = locate(request.positions, request.shape, request.cut)
    padding = padding_of(request)
    starts = (first + padding.before).astype(np.int32)
    return Windows(starts, offsets.astype(request.offset_dtype), padding)


@_found_once
def all_inside(request: LocatedRequest) -> bool:
    """Tell whether every window of a NumPy request, neighbours included, lies inside the object."""
    if request.patch_count == 0:
        return False
    cut, (height, width) = request.cut, request.shape
    (top, left), (bottom, right) = (_extremes(request) - cut.before).tolist()
    inside = top >= 0 and left >= 0 and bottom + cut.span <= height and right + cut.span <= width
    return bool(inside)


def is_spread(request: LocatedRequest) -> bool:
    """Tell whether the positions of a NumPy request surely extend over more than a pixel."""
    return request.patch_count > 0 and bool(np.ptp(_extremes(request), axis=0).max() > 1)


@_found_once
def padding_of(request: LocatedRequest) -> Padding:
    """Return the padding that the windows of a request need; of tensors, that they may need."""
    far = request.fill == "reflect" and _may_be_far(request)
    return padding_for(_planned(request), request.cut, far)


def _planned(request: LocatedRequest) -> tuple[int, int]:
    """Height and width for plans: 1 where they are unknown, or nothing."""
    height, width = request.shape
    return height or 1, width or 1


@_found_once
def padded_bytes(request: LocatedRequest) -> int:
    """Bytes of one padded slice of the object of a request, at most."""
    rows, columns = padding_of(request).padded_shape(_planned(request))
    return int(rows * columns) * request.dtype.itemsize


def copied_bytes(request: ExtractionRequest, owner: str, nbytes: int | None = None) -> int:
    """Bytes of padded copies while a request is served, those kept of other requests included.

    Parameters
    ----------
    request : ExtractionRequest
        The request.
    owner : str
        Who makes the copies, as in their `CopyKey`: nobody uses those of another.
    nbytes : int, optional
        Bytes of the copy of one slice, if it is larger than the padded slice.

    Returns
    -------
    int
        Bytes of one copy for each slice, and of what else the object keeps.
    """
    needed = {CopyKey(owner, index, padding_of(request), request.fill) for index in request.slices}
    return request.prepared.bytes_with(needed, nbytes or padded_bytes(request))


def _may_be_far(request: LocatedRequest) -> bool:
    """Tell whether `locate` moves windows of a request; always so if positions are no numbers."""
    if request.is_tensor or not isinstance(request.positions, np.ndarray):
        return True
    if request.patch_count == 0:
        return False
    cut, (first, last) = request.cut, _extremes(request)
    low, high = -(cut.patch_size + cut.after), np.add(request.shape, cut.before)
    return bool((first < low).any() or (last > high).any())


@_found_once
def _extremes(request: LocatedRequest) -> NDArray[np.float64]:
    """Whole parts of the first and of the last window starts, in rows and in columns: (2, 2)."""
    # By column: along an axis of two, NumPy takes ten times as long.
    rows, columns = request.positions.T
    reach = np.array([[rows.min(), columns.min()], [rows.max(), columns.max()]])
    starts: NDArray[np.float64] = geometry.split(reach, request.patch_size, request.rounding)[0]
    return starts
