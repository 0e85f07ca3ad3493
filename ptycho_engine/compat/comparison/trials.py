"""The same patches cut with legacy and with new settings, one difference at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...engine import DEFAULT_PLUGIN, Engine
from ...errors import CompatError
from ...io.scan import CuttableScan, Scan
from .effects import Array, Comparison, Effect


def compare_scan(
    scan: Scan,
    patch_size: int = 64,
    *,
    gridsize: int = 2,
    interpolation: str = "bilinear",
    fill: str = "zeros",
    rounding: str = "exact",
    plugin: str = DEFAULT_PLUGIN,
    limit: int = 500,
) -> Comparison:
    """Cut the same patches with legacy and with new settings.

    Parameters
    ----------
    scan : Scan
        Object and positions.
    patch_size : int
        Size N of the patches.
    gridsize : int
        Side of the groups: each is a position with its nearest neighbours. For 1, no member is
        mirrored.
    interpolation, fill, rounding : str
        The new settings, as :meth:`ptycho_engine.Engine.extract` takes them; legacy ones are
        bilinear, zeros and legacy.
    plugin : str
        What cuts both.
    limit : int
        Patches compared at most, evenly spread over the scan.

    Returns
    -------
    Comparison
        The effect of rounding, of the mirrored group members, of the border rule and of the
        interpolation, and of all together.

    Raises
    ------
    CompatError
        If the scan has too few positions for a group, or `gridsize` or `limit` is below one; if
        its object has layers.
    InputFileError
        If the scan has no object or no positions.
    PtychoEngineError
        If the new settings cannot be used.
    """
    scan = _single_layer(scan)
    members = _grouped(scan.positions, gridsize, limit)
    true = members.reshape(-1, 2)
    mirrored = (2 * members.mean(axis=1, keepdims=True) - members).reshape(-1, 2)
    engine = Engine(plugin, reason="comparison")
    image = engine.prepare(scan.image)
    before = {"interpolation": "bilinear", "fill": "zeros", "rounding": "legacy"}
    after = {"interpolation": interpolation, "fill": fill, "rounding": rounding}

    def effect(name: str, old: str, new: str, *sides: tuple[Array, dict[str, Any]]) -> Effect:
        one, other = (engine.extract(image, where, patch_size, **how) for where, how in sides)
        return _effect(name, old, new, one, other)

    def effects() -> Iterator[Effect]:
        for name, key in (("rounding",) * 2, ("border rule", "fill"), ("interpolation",) * 2):
            if key != "interpolation" or interpolation != "bilinear":
                old = after | {key: before[key]}
                yield effect(name, old[key], after[key], (true, old), (true, after))
        if gridsize > 1:
            sides = (mirrored, after), (true, after)
            yield effect("group members", "mirrored", "true", *sides)
        old_settings = (mirrored if gridsize > 1 else true), before
        yield effect("all together", "legacy", "new", old_settings, (true, after))

    start = true - patch_size // 2
    far = start + (patch_size - 1) > np.asarray(scan.image.shape[-2:]) - 1
    crossing = int(np.count_nonzero(((start < 0) | far).any(axis=1)))
    magnitude = np.abs(scan.image)
    amplitude = float(magnitude[np.isfinite(magnitude)].max(initial=0.0))
    return Comparison(scan, true, patch_size, gridsize, crossing, amplitude, tuple(effects()))


def _single_layer(scan: Scan) -> CuttableScan:
    """Return a scan that legacy code could have cut."""
    scan = scan.for_cutting()
    if scan.layer_axis is not None:
        raise CompatError(
            f"{scan.source}: the object has {len(scan.image)} layers, and legacy objects have one. "
            "Expected an object of shape (H, W). Compare one of its layers."
        )
    return scan


def _grouped(positions: Array, gridsize: int, limit: int) -> Array:
    """Return groups (B, C, 2): positions spread over the scan, each with its nearest neighbours."""
    members = gridsize**2
    if gridsize < 1 or limit < 1 or len(positions) < members:
        raise CompatError(
            f"compare: received gridsize {gridsize}, limit {limit} for {len(positions)} positions. "
            f"Expected both above zero, and at least gridsize**2 positions; try gridsize=1."
        )
    wanted = min(len(positions), max(1, limit // members))
    seeds = np.unique(np.linspace(0, len(positions) - 1, wanted).astype(int))
    groups = np.empty((len(seeds), members, 2))
    for group, seed in zip(groups, seeds, strict=True):
        distance = ((positions - positions[seed]) ** 2).sum(axis=1)
        group[...] = positions[np.argsort(distance, kind="stable")[:members]]
    return groups


def _effect(name: str, legacy: str, new: str, one: Array, other: Array) -> Effect:
    both_nan = np.isnan(one) & np.isnan(other)
    difference = np.where(both_nan, 0, np.abs(one.astype(complex) - other.astype(complex)))
    difference = np.nan_to_num(difference, nan=np.inf)
    largest = difference.max(axis=(1, 2), initial=0.0)
    rms = float(np.sqrt(np.mean(difference**2))) if difference.size else 0.0
    worst = int(largest.argmax()) if largest.any() else None
    pair = None if worst is None else (one[worst].copy(), other[worst].copy())
    return Effect(name, legacy, new, largest, rms, pair)
