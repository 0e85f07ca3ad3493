"""The arrays of reconstructions as ptychodus and those who follow it name them.

============================================  ===============================================
key                                           array
============================================  ===============================================
probe_position_x_m, probe_position_y_m        (P,) metres
object                                        (H, W) or (layers, H, W) complex
object_layer_spacing_m                        (layers - 1,) metres; before version 1.2 of
                                              ptychodus object_layer_distance_m, (layers,)
probe                                         (h, w), (modes, h, w) or (shares, modes, h, w)
opr_weights                                   (P, shares): the shares of each position's probe
============================================  ===============================================

Sizes of pixels and the object's centre in metres are numbers beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, OutputError, one_of
from ..geometry import Positions, from_centre, to_centre
from .frames import pixel_size_option
from .hdf5_writing import complex_of
from .keyed_arrays import KeyedArrays
from .scan import CuttableScan, Scan
from .scan_writing import PIXEL_SIZE, SAY_PIXEL_SIZE, numbers_of

Array = NDArray[Any]

OBJECT, PROBE, X, Y = "object", "probe", "probe_position_x_m", "probe_position_y_m"
SPACING, OLD_SPACING = "object_layer_spacing_m", "object_layer_distance_m"
#: Of a probe that varies along the scan: all its shares, in the metadata of a scan, and how much of
#: each there is at each position.
SHARES, WEIGHTS = "opr_probe", "opr_weights"
INDEXES = "probe_position_indexes"
UNITS = ("m", "px")
ENERGIES = ("photon_energy_eV", "probe_energy_eV")
DISTANCE = "detector_object_distance_m"
#: What is loaded of a file, whatever else it holds.
LOADED = (OBJECT, PROBE, X, Y, SPACING, OLD_SPACING, WEIGHTS)
#: Share of the object's size that positions may be apart before metres are doubted.
FAR = 3.0


@dataclass(frozen=True, eq=False)
class Frame:
    """How a file places its coordinates.

    Attributes
    ----------
    pixel_size : (float, float)
        Metres of an object pixel, (y, x); ones where coordinates are pixels.
    middle : (float, float)
        Where the middle of the object lies, (y, x), in metres.
    centre : str
        Which program's middle that is: one of `ptycho_engine.geometry.CENTRES`.
    """

    pixel_size: tuple[float, float]
    middle: tuple[float, float] = (0.0, 0.0)
    centre: str = "ptychodus_from_1.6"

    def place(self, yx: Positions, shape: tuple[int, int], patch_size: int) -> Positions:
        """Turn coordinates (P, 2) of the file, (y, x), into positions in object pixels."""
        offsets = (yx - self.middle) / self.pixel_size
        return from_centre(offsets, shape, patch_size, self.centre)

    def unplace(self, positions: Positions, shape: tuple[int, int], patch_size: int) -> Positions:
        """Turn positions into coordinates: the inverse of `place`."""
        offsets = to_centre(positions, shape, patch_size, self.centre)
        return np.asarray(offsets * self.pixel_size + self.middle)


def check_options(pixel_size: float | None, units: str) -> None:
    """Refuse values that no reader of such files takes.

    Raises
    ------
    ValueError
        With what was expected.
    """
    pixel_size_option(pixel_size)
    if units not in UNITS:
        raise ValueError(one_of("units", units, UNITS))


def chosen(pixel_size: float | None, units: str, swapped: bool) -> dict[str, str]:
    """Return options that are not the defaults, as `Scan.assumptions`."""
    options = {"pixel_size": pixel_size, "units": units, "swapped": swapped}
    return {k: str(v) for k, v in options.items() if v not in (None, "m", False)}


def remedies(group: str, swapped: bool) -> dict[str, str]:
    """Return the settings that put positions right, as `Scan.remedies`."""
    return {
        "swapped": f"{group} scan.swapped={str(not swapped).lower()}",
        "metres": f"{group} scan.pixel_size=METRES",
    }


def is_product(names: set[str]) -> bool:
    """Tell by the names of its arrays whether a file is a product of ptychodus."""
    held = {X, Y, OBJECT, PROBE} <= names
    return held and not {INDEXES, SPACING, OLD_SPACING}.isdisjoint(names)


def read_object(arrays: KeyedArrays) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Read the object and its layers, as arguments of `Scan`; also return doubts about them."""
    image = arrays.array(OBJECT, (2, 3), "iufc", "an object of shape (H, W) or (layers, H, W)")
    image = image.astype(np.result_type(image.dtype, np.float32), copy=False)
    if image.ndim == 2 or len(image) == 1:
        return {"image": image[0] if image.ndim == 3 else image}, ()
    spacing, doubts = _spacing(arrays, len(image))
    return {"image": image, "layer_axis": "slice", "layer_spacing": spacing}, doubts


def _spacing(arrays: KeyedArrays, layers: int) -> tuple[Array | None, tuple[str, ...]]:
    key = SPACING if SPACING in arrays.names else OLD_SPACING
    if key not in arrays.names:
        return None, ()
    spacing = arrays.array(key, (1,), "iuf", f"{layers - 1} distances between layers, in metres")
    if key == OLD_SPACING and len(spacing) == layers:
        spacing = spacing[:-1]  # the last layer has none behind it: infinity
    if len(spacing):
        return spacing.astype(np.float64), ()
    return None, (
        f"{arrays.path}: {key!r} is empty, and the object has {layers} layers: how far they lie "
        f"apart is not known. Expected {layers - 1} distances, in metres. Set layer_spacing with "
        "dataclasses.replace(scan, ...).",
    )


def read_probe(arrays: KeyedArrays) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the probe, as arguments of `Scan`, and what a scan has no place for, by key."""
    if PROBE not in arrays.names:
        return {}, {}
    probe = arrays.array(PROBE, (2, 3, 4), "iufc", "a probe of two to four axes")
    more: dict[str, Any] = {}
    if WEIGHTS in arrays.names:
        more[WEIGHTS] = arrays.array(WEIGHTS, (2,), "f", "weights of shape (P, shares)")
    elif isinstance(weights := arrays.said(f"{PROBE}_{WEIGHTS}"), np.ndarray):
        more[WEIGHTS] = weights  # as version 1.2 of ptychodus has it
    if probe.ndim == 4:
        if not len(probe):
            raise InputFileError(
                f"{arrays.path}: {PROBE!r} has shape {probe.shape}. Expected at least one share. "
                "Write the file again."
            )
        if len(probe) > 1 or WEIGHTS in more:  # one alone tells which probe the weights are of
            more[SHARES] = probe
        probe = probe[0]
    return {"probe": probe[0] if probe.ndim == 3 and len(probe) == 1 else probe}, more


def shares_of(scan: Scan, probe: Array) -> tuple[Array, dict[str, Array], tuple[str, ...]]:
    """Return the probe to write with its shares, their weights, and metadata that are left out.

    Shares that were read belong to the probe that was read with them, not to one that took its
    place since; weights to the positions that were read with them, not to some of these.

    Parameters
    ----------
    scan : Scan
        What is written.
    probe : ndarray, shape (N, N) or (modes, N, N)
        Its probe.
    """
    held = [key for key in (SHARES, WEIGHTS) if key in scan.metadata]
    count = 0 if scan.positions is None else len(scan.positions)
    fitting = numbers_of(scan.metadata.get(WEIGHTS), (count, None), "f")
    weights = {} if fitting is None else {WEIGHTS: fitting}
    lost = tuple(key for key in held if key == WEIGHTS and fitting is None)
    if SHARES not in held:
        return probe, weights, lost
    shares = numbers_of(scan.metadata[SHARES], (None,) * 4, "iufc")
    modes = probe if probe.ndim == 3 else probe[None]
    if shares is not None and len(shares) and np.array_equal(shares[0], modes):
        return shares, weights, lost
    return probe, {}, tuple(held)


def pixel_size_of(arrays: KeyedArrays, chosen: float | None) -> tuple[float, float]:
    """Return metres of an object pixel, (y, x); as chosen, or of the file.

    Raises
    ------
    InputFileError
        If the file has none above zero, and none was chosen.
    """
    if chosen is not None:
        return chosen, chosen
    height = arrays.positive("object_pixel_height_m")
    width = arrays.positive("object_pixel_width_m")
    if height is None or width is None:
        raise InputFileError(
            f"{arrays.path}: does not tell the size of an object pixel (pixel_height_m, "
            "pixel_width_m). Expected metres above zero. Set scan.pixel_size=METRES."
        )
    return height, width


def middle_of(arrays: KeyedArrays) -> tuple[float, float]:
    """Return where the middle of the object lies, (y, x), in metres."""
    y, x = (arrays.number(f"object_center_{axis}_m") for axis in "yx")
    return y or 0.0, x or 0.0


def patch_size_of(arrays: KeyedArrays, probe: Array | None) -> int:
    """Return the size of the windows, which the places of an object's middle refer to.

    Raises
    ------
    InputFileError
        If there is no probe to tell it.
    """
    if probe is None:
        raise InputFileError(
            f"{arrays.path}: {PROBE!r} is missing, and windows are placed by its size. Expected a "
            "probe. Add it, or choose another reader."
        )
    return int(probe.shape[-1])


def doubts_of(path: object, positions: Positions, shape: tuple[int, int]) -> tuple[str, ...]:
    """Say so if positions in pixels are spread as only another unit would have it."""
    if len(positions) < 2:
        return ()
    spread = float(np.ptp(positions, axis=0).max())
    if 1 <= spread <= FAR * max(shape):
        return ()
    return (
        f"{path}: its positions spread over {spread:.3g} pixels of an object of {shape[0]} x "
        f"{shape[1]}. Expected metres; some programs write pixels under the same names. Set "
        "scan.units=px if these are pixels.",
    )


def needed_by(arrays: KeyedArrays, keys: tuple[str, ...] = LOADED) -> int:
    """Return what loading arrays takes, with the copies on the way."""
    needed = 0
    for key in set(keys).intersection(arrays.names):
        header = arrays.header(key)
        needed += header.nbytes
        if key in (X, Y):
            needed += 5 * 8 * header.size
        elif key == OBJECT:
            needed += header.nbytes + 8 * header.size  # widened, or made of pairs
        else:
            needed += header.nbytes
    return needed


def object_and_probe(path: object, scan: Scan) -> tuple[CuttableScan, Array, Array]:
    """Return a scan that can be written as a product, its object and probe as complex numbers.

    Raises
    ------
    OutputError, InputFileError
        As `check_product`.
    """
    cuttable = check_product(path, scan)
    assert cuttable.probe is not None
    return cuttable, complex_of(cuttable.image), complex_of(cuttable.probe)


def check_product(path: object, scan: Scan, *needed: str) -> CuttableScan:
    """Return a scan that has what a product must have: also the fields that are needed beside.

    Raises
    ------
    OutputError
        If it lacks a probe, a pixel size or what else is needed, or its layers are modes.
    InputFileError
        If it has no object or no positions.
    """
    scan = scan.with_one_layer()
    cuttable = scan.for_cutting()
    lacks = [name for name in ("probe", "pixel_size", *needed) if getattr(scan, name) is None]
    if lacks:
        raise OutputError(
            f"{path}: {scan.source} has no {' and no '.join(lacks)}, which the format needs. "
            f"Expected {'it' if len(lacks) == 1 else 'all of them'}. {_advice(lacks, scan)}"
        )
    if scan.layer_axis == "mode":
        raise OutputError(
            f"{path}: the object has {len(cuttable.image)} modes, and the layers of the format are "
            "slices. Expected one mode, or slices. Choose another format."
        )
    return cuttable


def _advice(lacks: list[str], scan: Scan) -> str:
    """Say how to go on where a scan lacks something: an option tells the size of a pixel alone."""
    if lacks == [PIXEL_SIZE]:
        return scan.remedies.get(PIXEL_SIZE, SAY_PIXEL_SIZE)
    return (
        "Choose another format, or set what is missing in Python: dataclasses.replace(scan, ...)."
    )


def layer_spacing_of(path: object, scan: CuttableScan) -> Array:
    """Return metres between the slices of an object, none for a single one.

    Raises
    ------
    OutputError
        If they are not known.
    """
    if scan.layer_axis is None:
        return np.empty(0)
    if scan.layer_spacing is None:
        raise OutputError(
            f"{path}: {scan.source} does not tell how far its slices lie apart, which the format "
            "needs. Expected layer_spacing. Set it with dataclasses.replace(scan, ...)."
        )
    return scan.layer_spacing


def indexes_of(scan: Scan, count: int) -> Array:
    """Return the number of each position's pattern: as the file had it, else in a row.

    Numbers that name a pattern twice tell nothing: PtychoPINN's are zeros where nobody set them.
    """
    index = numbers_of(scan.metadata.get("scan_index"), (count,), "iu")
    return np.arange(count) if index is None or len(np.unique(index)) < count else index


def texts_of(metadata: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """Return the entries of metadata under some keys, those that are there."""
    return {key: metadata[key] for key in keys if key in metadata}
