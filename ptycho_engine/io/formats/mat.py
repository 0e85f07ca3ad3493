"""MATLAB files, in which every program has names of its own: read only.

Each part of a scan is found by the name that an option gives, else by the first of the names that
programs use, in MATLAB's order of axes:

=============  =====================================================  ==============================
option         array                                                  names that are looked for
=============  =====================================================  ==============================
object         (H, W), or (H, W, layers) with ``layers``              object, obj, objectGuess
probe          (N, N) or (N, N, modes)                                probe, probeGuess, probes
positions      (P, 2) or (2, P), pixels                               positions, probe_positions
x, y           (P,) each, instead of positions                        xcoords, ycoords; ppX, ppY
patterns       (H, W, P), or (P, H, W) with ``points=first``          dp, diffraction, diff3d, fmag
mask           (H, W), where one is good                              valid_mask, fmask
=============  =====================================================  ==============================

In version 7.3 the members of structures go by their path: ``outputs/object``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, one_line, one_of
from ...geometry import Positions
from ..frames import FrameOptions, place
from ..hdf5_quantities import check_finite
from ..matlab_file import MatlabFile
from ..patterns import Patterns, quantity_option
from ..reading import claiming, looks_like
from ..scan import LayerAxis, Scan

Array = NDArray[Any]

#: Names of each part, the likeliest first.
NAMES = {
    "object": ("object", "obj", "objectGuess", "outputs/object_roi", "outputs/object"),
    "probe": ("probe", "probeGuess", "probes", "outputs/probes"),
    "positions": ("positions", "probe_positions", "outputs/probe_positions"),
    "x": ("xcoords", "ppX", "x"),
    "y": ("ycoords", "ppY", "y"),
    "patterns": ("dp", "diffraction", "diff3d", "patterns", "fmag"),
    "mask": ("valid_mask", "fmask"),  # of others nobody knows the sense
}
#: Patterns that are amplitudes by their name.
AMPLITUDES = ("diff3d", "fmag")
POINTS, GOOD = ("last", "first"), ("nonzero", "zero")


@dataclass(frozen=True)
class Options(FrameOptions):
    """Options of the format: names of arrays, and what they mean.

    Attributes
    ----------
    object, probe, positions, x, y, patterns, mask : str, optional
        Name of the array that holds each part; looked for by default.
    quantity : {"amplitude", "intensity"}, optional
        What a sample of a pattern is; by default amplitude under the names ``diff3d`` and
        ``fmag``, else intensity.
    points : {"last", "first"}
        Which axis of the patterns counts the points.
    layers : {"mode", "slice"}
        What the planes of an object are, where there are several.
    good : {"nonzero", "zero"}
        Which values of the mask are good pixels.
    one_based : bool
        Whether the first pixel is at 1, as MATLAB counts, rather than at 0; not with a `centre`.
    """

    object: str | None = None
    probe: str | None = None
    positions: str | None = None
    x: str | None = None
    y: str | None = None
    patterns: str | None = None
    mask: str | None = None
    quantity: str | None = None
    points: str = "last"
    layers: str = "mode"
    good: str = "nonzero"
    one_based: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        quantity_option(self.quantity)
        for name, values in (
            ("points", POINTS),
            ("layers", get_args(LayerAxis)),
            ("good", GOOD),
        ):
            if getattr(self, name) not in values:
                raise ValueError(one_of(name, getattr(self, name), values))
        if not isinstance(self.one_based, bool):
            raise ValueError(f"one_based: received {self.one_based!r}. Expected true or false.")
        if self.one_based and self.centre is not None:
            raise ValueError(
                f"one_based and centre: received both, the centre {self.centre!r}. Expected one of "
                "them: what counts from the middle has no first pixel."
            )


@claiming
def recognise(path: Path) -> bool:
    """Tell whether a file is a MATLAB file that holds a part of a scan by its usual name.

    Programs write such files without MATLAB's mark; then the suffix has to say it, as the names
    are those of other formats too.
    """
    if path.suffix.lower() != ".mat" and looks_like(path) != "a MATLAB file":
        return False
    file = MatlabFile.open(path)
    return any(name in file.headers for names in NAMES.values() for name in names)


def needed_bytes(path: Path, options: Options) -> int:
    """Return what `read` takes, of the sizes that the headers claim.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no MATLAB file.
    """
    file = MatlabFile.open(path)
    # Headers of version 5 do not tell complex numbers; what is read is copied into C's order.
    copies = dict.fromkeys(NAMES, 4) | {"patterns": 0 if file.is_hdf5 else 2}
    found = {part: _find(file, options, part) for part in NAMES}
    return sum(copies[part] * file.headers[name].nbytes for part, name in found.items() if name)


def read(path: Path, options: Options) -> Scan:
    """Read a scan.

    Raises
    ------
    InputFileError
        If the file is missing, damaged or no MATLAB file; if it has no part of a scan under the
        names that are looked for, or not the one that an option names; if an array has another
        rank or dtype than it should; if a position is NaN or infinite.
    """
    file = MatlabFile.open(path)
    names = {part: _find(file, options, part) for part in NAMES}
    if not any(names.values()):
        raise InputFileError(
            f"{path}: has no part of a scan under a usual name. Found: {file.listing()}. Expected "
            "an object, a probe, positions or patterns. Name them with scan.object=NAME, "
            "scan.positions=NAME and so on."
        )
    image = _planes(file, names["object"], "object")
    probe = _planes(file, names["probe"], "probe")
    xy = _coordinates(file, names)
    patterns, assumed = _patterns(file, names["patterns"], options, None if xy is None else len(xy))
    positions = None
    if xy is not None:
        size = patterns.shape[-1] if patterns else None if probe is None else probe.shape[-1]
        shape = (1, 1) if image is None else (image.shape[-2], image.shape[-1])
        if image is None and options.centre is not None:
            raise InputFileError(
                f"{path}: its positions are to count from the middle of an object, and it has "
                "none. Expected one. Set scan.object=NAME, or leave scan.centre out."
            )
        pixels = xy / options.pixel_size - int(options.one_based)
        positions = place(pixels, replace(options, pixel_size=1.0), shape, size, path)
    taken = {part: name for part, name in names.items() if name is not None}
    return Scan(
        image=image,
        positions=positions,
        source=str(path),
        probe=probe,
        patterns=patterns,
        mask=_mask(file, names["mask"], options),
        layer_axis=options.layers if image is not None and image.ndim == 3 else None,  # type: ignore[arg-type]
        pixel_size=options.object_pixel,
        remedies=options.remedies("scan=mat"),
        assumptions=options.assumptions() | taken | assumed | {"one_based": str(options.one_based)},
    )


def _find(file: MatlabFile, options: Options, part: str) -> str | None:
    """Return the name of the array that holds a part, or None."""
    chosen = getattr(options, part)
    if chosen is not None and chosen not in file.headers:
        raise InputFileError(
            f"{file.path}: has no array {chosen!r}. Found: {file.listing()}. Expected the {part} "
            f"there. Set scan.{part} to a name that there is."
        )
    return chosen or next((name for name in NAMES[part] if name in file.headers), None)


def _planes(file: MatlabFile, name: str | None, what: str) -> Array | None:
    """Load an object or a probe with its planes first."""
    if name is None:
        return None
    header = file.headers[name]
    if len(header.shape) not in (2, 3):
        raise InputFileError(
            f"{file.path}: {name!r} has shape {header.shape}. Expected the {what}, (H, W) or "
            f"(H, W, n). Set scan.{what} to another name."
        )
    found = file.load(name)
    found = np.moveaxis(found, -1, 0) if found.ndim == 3 else found
    return np.ascontiguousarray(found, np.result_type(found.dtype, np.float32))


def _patterns(
    file: MatlabFile, name: str | None, options: Options, count: int | None
) -> tuple[Patterns | None, dict[str, str]]:
    """Describe the patterns, and what was assumed of them, of so many positions."""
    if name is None:
        return None, {}
    header = file.headers[name]
    one = len(header.shape) == 2 and count == 1  # MATLAB drops a last axis of length 1
    if (len(header.shape) != 3 and not one) or header.dtype.kind not in "iuf":
        raise InputFileError(
            f"{file.path}: {name!r} has shape {header.shape}, dtype {header.dtype}. Expected real "
            "patterns, (H, W, P). Set scan.patterns to another name."
        )
    quantity: Any = options.quantity or ("amplitude" if name in AMPLITUDES else "intensity")
    if one:
        stack = Patterns.of(file.load(name)[None], quantity, str(file.path))
    else:
        stack = file.patterns(name, options.points == "last", quantity)
    reason = "as chosen" if options.quantity else "by its name"
    return stack, {"quantity": f"{quantity}, {reason}", "points": options.points}


def _mask(file: MatlabFile, name: str | None, options: Options) -> Array | None:
    """Return which pixels are good."""
    if name is None:
        return None
    if len(file.headers[name].shape) != 2:
        raise InputFileError(
            f"{file.path}: {name!r} has shape {file.headers[name].shape}. Expected one mask for "
            "all patterns, (H, W). Set scan.mask to another name."
        )
    good: Array = (file.load(name) != 0) == (options.good == "nonzero")
    return np.ascontiguousarray(good)


def _coordinates(file: MatlabFile, names: dict[str, str | None]) -> Positions | None:
    """Return columns (x, y) as the file has them, or None."""
    if names["positions"] is not None:
        name = names["positions"]
        found = _real(file, name)
        if found.ndim != 2 or 2 not in found.shape:
            raise InputFileError(
                f"{file.path}: {name!r} has shape {found.shape}. Expected positions, (P, 2) or "
                "(2, P). Set scan.positions, or scan.x and scan.y, to other names."
            )
        xy = found if found.shape[1] == 2 else found.T
    elif names["x"] is not None and names["y"] is not None:
        name = f"{names['x']}, {names['y']}"
        x, y = (_real(file, key).reshape(-1) for key in (names["x"], names["y"]))
        if len(x) != len(y):
            raise InputFileError(
                f"{file.path}: {one_line(name, 80)!r} hold {len(x)} and {len(y)} entries. Expected "
                "one of each for a position. Set scan.x and scan.y to other names."
            )
        xy = np.stack([x, y], axis=1)
    else:
        return None
    check_finite(file.path, name, xy)
    return np.ascontiguousarray(xy, np.float64)


def _real(file: MatlabFile, name: str) -> Array:
    found = file.load(name)
    if found.dtype.kind not in "iuf":
        raise InputFileError(
            f"{file.path}: {name!r} holds {found.dtype}. Expected real coordinates. Set "
            "scan.positions, or scan.x and scan.y, to other names."
        )
    return found.astype(np.float64)
