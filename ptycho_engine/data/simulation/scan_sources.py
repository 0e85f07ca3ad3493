"""Objects and probes of scan files, with what these files say about light and lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from ...errors import InputFileError
from ...io.scan import Scan
from ...io.scan_files import read_scan
from ...logs import get_logger
from .recipe import BeamSettings, ObjectSettings, Recipe

Array = NDArray[Any]

#: Files hold float32, and other digits of Planck's constant: numbers this close are the same.
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class FromFiles:
    """What a recipe takes from scan files.

    Attributes
    ----------
    recipe : Recipe
        The recipe, with their light and lengths.
    image : ndarray, shape (H, W) or (S, H, W), or None
        The object, or its slices; None if it comes from no scan file.
    probe : ndarray, shape (N, N) or (M, N, N), or None
        The probe, or its modes; None if it comes from no scan file.
    """

    recipe: Recipe
    image: Array | None = None
    probe: Array | None = None


def read_files(
    recipe: Recipe, image: bool = True, probe: bool = True, memory_budget: int | str | None = None
) -> FromFiles:
    """Read what a recipe takes from scan files.

    Object and probe of a file are arrays of pixels: light and lengths belong to them. Settings
    left at their defaults become those of the file, that of the object if there are two; others
    stay, and what the file says else is logged as a warning, as are defaults that no file replaces.

    Parameters
    ----------
    recipe : Recipe
        The recipe.
    image, probe : bool
        Whether object and probe are wanted; one that is not is not read.
    memory_budget : int or str, optional
        Bytes that reading a file may take.

    Returns
    -------
    FromFiles
        The recipe as it is, and no array, if it names no scan file.

    Raises
    ------
    InputFileError
        If a file cannot be read, or does not hold what is wanted of it; if its object has modes,
        or slices or pixels that the settings cannot describe.
    ConfigurationError
        If it says lengths that settings cannot be.
    MemoryBudgetError
        If reading takes more than the budget.
    """
    of_object = recipe.object.path if image and recipe.object.kind == "scan" else None
    of_probe = recipe.probe.path if probe and recipe.probe.kind == "file" else None
    paths = dict.fromkeys(path for path in (of_object, of_probe) if path is not None)
    scans = {path: read_scan("file", path, memory_budget=memory_budget) for path in paths}
    found = FromFiles(replace(recipe, beam=_beam(recipe.beam, scans)) if scans else recipe)
    if of_object is not None:
        slices = _object(of_object, scans[of_object])
        gap = _gap(recipe.object, of_object, scans[of_object], len(slices))
        found = replace(
            found,
            image=slices[0] if len(slices) == 1 else slices,
            recipe=replace(found.recipe, object=replace(recipe.object, gap=gap)),
        )
    if of_probe is not None:
        modes = scans[of_probe].probe
        if modes is None:
            raise InputFileError(f"{of_probe}: holds no probe. Expected a scan file with one.")
        found = replace(found, probe=modes)
    return found


def _object(path: str, scan: Scan) -> Array:
    """Return the slices of an object, (S, H, W)."""
    if scan.image is None:
        raise InputFileError(f"{path}: holds no object. Expected a scan file with one.")
    slices = scan.image[None] if scan.image.ndim == 2 else scan.image
    if scan.layer_axis == "mode" and len(slices) > 1:
        raise InputFileError(
            f"{path}: its object has {len(slices)} modes, which add up incoherently. Expected one "
            "layer, or slices, which light passes one after the other. Write one mode as a scan of "
            "its own: dataclasses.replace(scan, image=scan.image[0], layer_axis=None)."
        )
    return slices


def _gap(settings: ObjectSettings, path: str, scan: Scan, slices: int) -> float:
    """Return the metres between slices."""
    if slices == 1:
        return settings.gap
    is_usual = settings.gap == ObjectSettings().gap
    if scan.layer_spacing is None:
        _warn(
            f"{path}: does not say how far apart its {slices} slices are. They are simulated "
            f"{settings.gap:g} m apart. Set object.gap to change that."
        )
        return settings.gap
    least, most = float(scan.layer_spacing.min()), float(scan.layer_spacing.max())
    if is_usual and not _same(least, most):
        raise InputFileError(
            f"{path}: its slices are {least:g} to {most:g} m apart. Expected the same distance "
            "between all. Set object.gap=METRES to simulate them so."
        )
    return _settled("object.gap", settings.gap, is_usual, [(path, (least, most))])


def _beam(beam: BeamSettings, scans: dict[str, Scan]) -> BeamSettings:
    """Return light and lengths, as settings and files say them."""
    usual = BeamSettings()
    found: dict[str, Any] = {}
    untold = []
    for name, unit in (("energy", "eV"), ("pixel_size", "m"), ("distance", "m")):
        told = ((path, getattr(scan, name)) for path, scan in scans.items())
        said = [
            (path, number if isinstance(number, tuple) else (number,))
            for path, number in told
            if number is not None
        ]
        value = getattr(beam, name)
        is_usual = value == getattr(usual, name)
        if is_usual and said and not _same(said[0][1][0], said[0][1][-1]):  # (y, x)
            path, (height, width) = said[0]
            raise InputFileError(
                f"{path}: its pixels are {height:g} x {width:g} m. Expected square ones. Set "
                f"beam.{name}=METRES to simulate square pixels of that size."
            )
        found[name] = _settled(f"beam.{name}", value, is_usual, said)
        if is_usual and not said:
            untold.append(f"beam.{name}={value:g} {unit}")
    if untold:
        _warn(
            f"{', '.join(scans)}: nothing there replaces {', '.join(untold)}: the defaults are "
            "simulated, and written as if they were known. Set them to what they are."
        )
    for path, scan in scans.items():
        if scan.is_near and not beam.near_field:
            _warn(
                f"{path}: is of a near field, and patterns are simulated in the far one. Set "
                "beam.near_field=true to change that."
            )
    return replace(beam, **found)


def _settled(
    name: str, value: float, is_usual: bool, said: Sequence[tuple[str, tuple[float, ...]]]
) -> float:
    """Choose between a setting and what files say, and tell which it is."""
    if is_usual and said:
        path, (value, *_) = said[0]
        get_logger().info("taken_from_file", source=path, **{name: value})
    for path, numbers in said:
        if not all(_same(number, value) for number in numbers):
            texts = dict.fromkeys(f"{number:.6g}" for number in numbers)
            _warn(
                f"{path}: {name} is {' and '.join(texts)} there, and {value:.6g} is simulated. "
                f"Set {name} to choose another."
            )
    return value


def _same(a: float, b: float) -> bool:
    return math.isclose(a, b, rel_tol=TOLERANCE)


def _warn(text: str) -> None:
    get_logger().warning("doubtful_scan", reason=text)
