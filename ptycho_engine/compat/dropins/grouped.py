"""``RawData.generate_grouped_data`` as PtychoPINN has it, as a function of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...deprecation.table import deprecated
from ...errors import CompatError
from ..params import ambient
from .channels import unmasked
from .neighbours import group_indices
from .patches import cut_groups, split_groups

Array = NDArray[Any]


@deprecated("PED029")
def generate_grouped_data(
    raw_data: Any,
    N: int,
    K: int = 4,
    nsamples: int = 1,
    dataset_path: str | None = None,
    seed: int | None = None,
    sequential_sampling: bool = False,
    gridsize: int | None = None,
    enable_oversampling: bool = False,
    neighbor_pool_size: int | None = None,
    config: Any = None,
    rng: Any = None,
) -> dict[str, Any]:
    """Group the points of a scan, and gather what belongs to each group.

    Parameters
    ----------
    raw_data : object
        A ``RawData`` of PtychoPINN, or what has its attributes: ``xcoords``, ``ycoords``,
        ``diff3d`` (n, N, N) or (n, N, N, 1); and if it has them ``xcoords_start``,
        ``ycoords_start``, ``objectGuess``, ``sample_indices``, and ``Y``, shaped as ``diff3d``.
    N : int
        Size of the patterns and patches. Patterns are not cropped to it.
    K : int
        Neighbours of a point, from which its group is drawn.
    nsamples : int
        Groups wanted; no more than points, unless oversampling.
    dataset_path : str, optional
        Without effect, as in legacy code.
    seed : int, optional
        Seed of the draws. Left out, the global stream of NumPy goes on. Unlike legacy code, a
        seed does not touch the global stream.
    sequential_sampling : bool
        Take the first points, and 0 for the seed; but with more groups than points `seed` counts.
    gridsize : int, optional
        Side of a group; left out, as in :func:`get_image_patches`.
    enable_oversampling : bool
        Whether `nsamples` may exceed the points.
    neighbor_pool_size : int, optional
        Takes the place of `K` for oversampling.
    config : object or mapping, optional
        A legacy configuration, as some versions of PtychoPINN take it: `gridsize`, if left out,
        comes from here first. What else those versions did with it is not repeated.
    rng : numpy.random.Generator or RandomState, optional
        Draws in place of `seed`, as in later versions; their groups are not repeated.

    Returns
    -------
    dict of str to object
        ``diffraction`` and ``X_full`` (B, N, N, C), the latter normalised in float32;
        ``coords_nn`` and ``coords_relative`` (B, 1, 2, C), ``coords_offsets`` (B, 1, 2, 1), and
        the same of the start coordinates; ``nn_indices`` (B, C); ``Y``, the patches of the group:
        those of the data, else cut from the object at mirrored positions, else None;
        ``objectGuess``; a copy of ``sample_indices`` if the data has them.

    Raises
    ------
    CompatError
        If the data lacks what is needed or has another shape, there are too few points for the
        groups, or both `seed` and `rng` are given.
    """
    if seed is not None and rng is not None:
        raise CompatError(f"rng: received beside seed={seed}. Expected one of them.")
    side = ambient.size("gridsize", gridsize, config)
    points = _points(raw_data, "xcoords", "ycoords")
    diffraction = _needed(raw_data, "diff3d")
    indices = group_indices(
        points,
        side**2,
        nsamples,
        K,
        seed=seed,
        rng=rng,
        sequential=sequential_sampling,
        oversampling=enable_oversampling,
        pool_size=neighbor_pool_size,
    )
    started = getattr(raw_data, "xcoords_start", None) is not None
    start = _points(raw_data, "xcoords_start", "ycoords_start") if started else points
    coords, starts = _members(points, indices), _members(start, indices)
    members = _images("diff3d", diffraction, indices)
    grouped = {
        "diffraction": members,
        "X_full": _normalised(members, N),
        **_named("coords", coords),
        **_named("coords_start", starts),
        "nn_indices": indices,
        "Y": _ground_truth(raw_data, coords, indices, N, side),
        "objectGuess": getattr(raw_data, "objectGuess", None),
    }
    sampled = getattr(raw_data, "sample_indices", None)
    return grouped if sampled is None else {**grouped, "sample_indices": np.array(sampled)}


def _needed(raw_data: Any, name: str) -> Any:
    value = getattr(raw_data, name, None)
    if value is None:
        raise CompatError(
            f"raw_data: a {type(raw_data).__name__} without {name}. Expected a RawData, or an "
            "object with xcoords, ycoords and diff3d."
        )
    return unmasked(name, value)


def _points(raw_data: Any, x: str, y: str) -> Array:
    return np.stack([np.asarray(_needed(raw_data, name)) for name in (x, y)], axis=1)


def _images(name: str, given: Any, indices: Array) -> Array:
    """Return the images of groups (B, N, N, C)."""
    images = np.asarray(unmasked(name, given))
    flat = images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images
    last = int(indices.max(initial=-1))
    if flat.ndim != 3 or len(flat) <= last:
        raise CompatError(
            f"{name}: received shape {images.shape}. Expected (n, N, N) or (n, N, N, 1) with n of "
            f"at least {last + 1}: one for each point."
        )
    return np.moveaxis(flat[indices], 1, -1)


def _members(points: Array, indices: Array) -> Array:
    """Return the points of groups (B, 1, 2, C), in the memory order that legacy sums rest on."""
    return np.ascontiguousarray(np.moveaxis(points[indices], 1, -1)[:, None])


def _named(name: str, coords: Array) -> dict[str, Array]:
    means, relative = split_groups(coords)
    return {f"{name}_nn": coords, f"{name}_offsets": means, f"{name}_relative": relative}


def _normalised(members: Array, n: int) -> Array:
    """Scale amplitudes so that a pattern has (n / 2)**2 in the mean over groups and members."""
    power = np.sum(members.astype(np.float64) ** 2, axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.sqrt((n / 2) ** 2 / np.mean(power)) if power.size else np.float64(1)
        return (members * factor).astype(np.float32)


def _ground_truth(raw_data: Any, coords: Array, indices: Array, n: int, side: int) -> Any:
    known = getattr(raw_data, "Y", None)
    if known is not None:
        return _images("Y", known, indices)
    image = getattr(raw_data, "objectGuess", None)
    return None if image is None else cut_groups(image, *split_groups(coords), n, side)
