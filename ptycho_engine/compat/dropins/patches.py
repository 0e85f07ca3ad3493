"""``get_image_patches`` and ``get_relative_coords`` as PtychoPINN has them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays.tensors import is_symbolic, is_tensor
from ...deprecation.table import deprecated
from ...engine import DEFAULT_PLUGIN, Engine
from ...errors import CompatError, MemoryBudgetError
from ...geometry import from_xy
from ...logs import get_logger
from ...request.reach import Reach
from ..params import ambient
from ..params.resolution import warn_compat
from .channels import unmasked

Array = NDArray[Any]

#: Dtypes that legacy padding turns into float32, imaginary part zero.
REAL = ("float16", "bfloat16", "float32", "float64")
COMPLEX = ("complex64", "complex128")


@deprecated("PED002")
def get_image_patches(
    gt_image: Any,
    global_offsets: Any,
    local_offsets: Any,
    N: int | None = None,
    gridsize: int | None = None,
    config: Any = None,
) -> Any:
    """Cut the patches of groups out of an object, with legacy rounding.

    For ``gridsize > 1`` the legacy local offsets are mirrored: member c is cut at the point
    mirror of its scan position about the mean of its group. This function keeps that, since
    legacy data and models rest on it.

    Parameters
    ----------
    gt_image : ndarray or tf.Tensor, shape (H, W)
        The object: complex64, complex128 or floating. Double precision is kept for coordinates
        of complex128 alone; real objects are taken as float32.
    global_offsets : ndarray or tf.Tensor, shape (B, 1, 2, 1) or (B, 1, 2, C)
        Offsets of the groups, [x, y] along axis 2, in object pixels.
    local_offsets : ndarray or tf.Tensor, shape (B, 1, 2, C)
        Offsets of the members, added to those of the groups in their own dtype.
    N : int, optional
        Size of the patches.
    gridsize : int, optional
        Side of a group: C is its square.
    config : object or mapping, optional
        A legacy configuration. `N` and `gridsize` left out come from here, else from
        ``ptycho.params`` if the program has imported it; so does the plugin.

    Returns
    -------
    tf.Tensor of complex64, shape (B, N, N, C)
        The patches. Sample ``N // 2`` sits at the offset; outside the object lies zero. A patch
        at a NaN or infinite offset is NaN.

    Raises
    ------
    CompatError
        If `N` or `gridsize` is nowhere, an argument has another shape or dtype, or the call
        stands inside ``tf.function``.
    """
    n, side = ambient.size("N", N, config), ambient.size("gridsize", gridsize, config)
    return cut_groups(gt_image, global_offsets, local_offsets, n, side, config)


def cut_groups(
    gt_image: Any, global_offsets: Any, local_offsets: Any, n: int, side: int, config: Any = None
) -> Any:
    """Do what `get_image_patches` does, without its warning."""
    image = _object(gt_image)
    xy, groups = _offsets(global_offsets, local_offsets, side**2)
    finite = np.asarray(np.isfinite(xy).all(axis=1))
    positions = from_xy(np.where(finite[:, None], xy, 0)).reshape(groups, side**2, 2)
    engine = Engine(ambient.plugin(config) or DEFAULT_PLUGIN, reason="legacy flags or default")
    _look_at(engine.reach(image, positions.reshape(-1, 2), n, rounding="legacy"))
    try:
        patches = engine.extract(image, positions, n, rounding="legacy", layout="channel")
    except MemoryBudgetError as error:
        error.add_note(
            "Of a legacy function, which has none of these: pass fewer groups at a time."
        )
        raise
    patches = patches.astype(np.complex64)
    nan = complex(np.nan, np.nan if image.dtype.kind == "c" else 0)
    group, member = np.nonzero(~finite.reshape(groups, side**2))
    patches[group, :, :, member] = nan

    import tensorflow as tf

    return tf.convert_to_tensor(patches)


def _look_at(reach: Reach) -> None:
    """Warn of offsets that are hardly meant, as their caller knows them: [x, y].

    The engine itself says nothing of them again, once it was asked how far they reach.
    """
    if not reach.warnings():
        return
    (rows, columns), (height, width) = reach.extent, reach.object_shape
    exchanged = (
        f"; with x and y exchanged, {reach.leaving_swapped or 'none'} would"
        if reach.looks_swapped
        else ""
    )
    get_logger().warning(
        "doubtful_positions",
        reason=f"offsets: {reach.windows} of them extend over {columns:.3g} pixels along x and "
        f"{rows:.3g} along y, and {reach.leaving} of the patches leave the object, {width} wide "
        f"and {height} high, by up to {reach.farthest:.6g} pixels{exchanged}. Expected [x, y] in "
        "pixels of the object, counted from its first pixel. Check their order and unit.",
    )


def _object(image: Any) -> Array:
    array = _eager(image, "gt_image")
    if array.ndim != 2:
        raise CompatError(
            f"gt_image: received shape {array.shape}. Expected (H, W): drop the axis of size one."
        )
    if array.dtype.name in REAL:
        return array.astype(np.float32)
    if array.dtype.name not in COMPLEX:
        raise CompatError(
            f"gt_image: received dtype {array.dtype}. Expected complex64, complex128 or floating."
        )
    return array


def _offsets(global_offsets: Any, local_offsets: Any, channels: int) -> tuple[Array, int]:
    """Return the offsets (B * C, 2) of [x, y] in float32, and the number B of groups."""
    parts = []
    for name, offsets in (("global_offsets", global_offsets), ("local_offsets", local_offsets)):
        array = _eager(offsets, name)
        if array.ndim != 4 or array.shape[1:3] != (1, 2):
            raise CompatError(
                f"{name}: received shape {array.shape}. Expected (B, 1, 2, C), [x, y] on axis 2."
            )
        parts.append(array)
    groups = parts[0].shape[0]
    try:
        total = parts[0] + parts[1]
    except ValueError:
        raise CompatError(
            f"local_offsets: received shape {parts[1].shape}, beside global_offsets of shape "
            f"{parts[0].shape}. Expected the same number of groups and of members, or one."
        ) from None
    with np.errstate(over="ignore"):
        flat = np.moveaxis(total[:, 0].real, 2, 1).astype(np.float32).reshape(-1, 2)
    wanted = groups * channels
    if len(flat) < wanted:
        raise CompatError(
            f"offsets: {len(flat)} for {groups} groups of gridsize**2 = {channels} members. "
            f"Expected {wanted}."
        )
    if len(flat) > wanted:
        warn_compat(
            f"get_image_patches: {len(flat)} offsets for {wanted} patches. As in PtychoPINN the "
            f"first {wanted} are used, whatever their groups: check gridsize."
        )
    return flat[:wanted], groups


def _eager(value: Any, name: str) -> Array:
    if is_tensor(value):
        if is_symbolic(value):
            raise CompatError(
                f"{name}: a tensor inside tf.function. The legacy function runs eagerly only; use "
                "Engine.extract there."
            )
        return np.asarray(value.numpy())
    array = np.asarray(unmasked(name, value))
    if array.dtype.kind not in "biufcV":
        raise CompatError(f"{name}: received dtype {array.dtype}. Expected numbers.")
    return array


@deprecated("PED003")
def get_relative_coords(coords_nn: Any) -> tuple[Array, Array]:
    """Split positions of groups into their means and mirrored offsets.

    Parameters
    ----------
    coords_nn : array_like, shape (M, 1, 2, C)
        Positions, [x, y] along axis 2, in object pixels.

    Returns
    -------
    coords_offsets : ndarray, shape (M, 1, 2, 1)
        Mean of each group; float32 stays float32, integers become float64.
    coords_relative : ndarray, shape (M, 1, 2, C)
        Minus the distance of each member from the mean: the sum of both results is the mirror of
        the position, not the position.

    Raises
    ------
    CompatError
        If the shape is another.
    """
    return split_groups(coords_nn)


def split_groups(coords_nn: Any) -> tuple[Array, Array]:
    """Do what `get_relative_coords` does, without its warning."""
    coords = _eager(coords_nn, "coords_nn")
    if coords.ndim != 4 or coords.shape[1:3] != (1, 2):
        raise CompatError(
            f"coords_nn: received shape {coords.shape}. Expected (M, 1, 2, C), [x, y] on axis 2."
        )
    mean = coords.mean(axis=3, keepdims=True)
    return mean, -(coords - mean)
