"""A scan as readers return it: an object, the positions on it, and what else its file holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..display import Shown, Words
from ..errors import InputFileError, one_line
from ..geometry import Positions, from_metres
from .patterns import Patterns
from .scan_checks import LayerAxis as LayerAxis
from .scan_checks import Units, checked

Array = NDArray[Any]
#: Planck's constant times the speed of light, in electronvolts times metres (CODATA 2018: exact).
PLANCK_LIGHT = 6.62607015e-34 * 299_792_458 / 1.602176634e-19


@dataclass(frozen=True, eq=False, repr=False)
class Scan(Shown):
    """What a reader found; what its file does not say is None.

    Attributes
    ----------
    image : ndarray, shape (H, W) or (layers, H, W), optional
        The object, real or complex.
    positions : ndarray of float64, shape (P, 2), optional
        Scan positions (y, x), finite; in object pixels, unless `units` says metres.
    source : str
        Where the scan came from: the path of a file, or how it was made.
    probe : ndarray, shape (N, N) or (modes, N, N), optional
        The illumination.
    patterns : Patterns, optional
        The diffraction patterns, one for each position; they stay in the file until they are read.
    nominal_positions : ndarray of float64, shape (P, 2), optional
        Where the positions were before a refinement, in the same units.
    units : {"px", "m"}
        Of the positions: metres where the file has no size of an object pixel.
    layer_axis : {"mode", "slice"}, optional
        What the first axis of an object of rank 3 is.
    layer_spacing : ndarray of float64, shape (layers - 1,), optional
        Metres from each slice to the next.
    pixel_size : (float, float), optional
        Metres between neighbouring samples of the object, (y, x).
    detector_pixel_size : (float, float), optional
        Metres between neighbouring pixels of the detector, (y, x).
    energy : float, optional
        Electronvolts of a photon.
    distance : float, optional
        Metres from the sample to the detector.
    mask : ndarray of bool, shape (H, W), optional
        Which pixels of the detector are good: True is good.
    metadata : dict
        What else the source says, under the names that it uses.
    warnings : tuple of str
        What is doubtful about the source; logged once it is read, and kept with outputs.
    remedies : dict of str to str
        The settings of the reader that put positions right which are ``swapped`` (x, y), in
        ``metres``, or ``centred`` at the object's middle: what a warning says to set.
    assumptions : dict of str to str
        What the file leaves open and an option decided, by the name of the option; kept with
        outputs.

    Raises
    ------
    InputFileError, RequestError
        If the shapes do not fit each other, or a field is not what is said here.
    """

    image: Array | None
    positions: Positions | None
    source: str
    probe: Array | None = None
    patterns: Patterns | None = None
    _: KW_ONLY
    nominal_positions: Positions | None = None
    units: Units = "px"
    layer_axis: LayerAxis | None = None
    layer_spacing: Array | None = None
    pixel_size: tuple[float, float] | None = None
    detector_pixel_size: tuple[float, float] | None = None
    energy: float | None = None
    distance: float | None = None
    mask: Array | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    remedies: dict[str, str] = field(default_factory=dict)
    assumptions: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = checked(entry.name, getattr(self, entry.name), self.source)
            object.__setattr__(self, entry.name, value)
        wrong = next(self._contradictions(), None)
        if wrong is not None:
            name, received, expected = wrong
            raise InputFileError(
                f"{self.source}: {name} has shape {received}. Expected {expected}. Check what the "
                "reader takes from the file."
            )

    def _contradictions(self) -> Iterator[tuple[str, tuple[int, ...], str]]:
        """Yield names of arrays whose shape does not fit, with what was expected."""
        image, positions, patterns, probe = self.image, self.positions, self.patterns, self.probe
        if image is not None and image.ndim != (2 if self.layer_axis is None else 3):
            layout = "(H, W)" if self.layer_axis is None else f"({self.layer_axis}s, H, W)"
            yield "the object", image.shape, f"{layout} for the layer axis {self.layer_axis}"
        for name, pairs in (
            ("positions", positions),
            ("nominal positions", self.nominal_positions),
        ):
            like = pairs if positions is None else positions
            if pairs is not None and like is not None and pairs.shape != (*like.shape[:1], 2):
                yield name, pairs.shape, "(P, 2), columns (y, x)"
        if probe is not None and probe.ndim not in (2, 3):
            yield "the probe", probe.shape, "(N, N) or (modes, N, N)"
        if patterns is not None and positions is not None and patterns.shape[0] != len(positions):
            yield (
                "the stack of patterns",
                patterns.shape,
                f"one for each of {len(positions)} positions",
            )
        if patterns is not None and self.mask is not None and self.mask.shape != patterns.shape[1:]:
            yield "the mask", self.mask.shape, f"{patterns.shape[1:]} as the patterns"
        layers = 1 if self.layer_axis is None or image is None else len(image)
        if self.layer_spacing is not None and self.layer_spacing.shape != (layers - 1,):
            yield "the layer spacing", self.layer_spacing.shape, f"({layers - 1},)"

    @property
    def wavelength(self) -> float | None:
        """Metres of a photon's wavelength, if its energy is known."""
        return None if self.energy is None else PLANCK_LIGHT / self.energy

    @property
    def is_near(self) -> bool:
        """Whether the detector is known to be in the near field."""
        return self.assumptions.get("propagation", "far").startswith("near")

    @property
    def held_bytes(self) -> int:
        """Bytes of the arrays that are in memory: the patterns are not."""
        held = [getattr(self, entry.name) for entry in fields(self)] + [*self.metadata.values()]
        return sum(array.nbytes for array in held if isinstance(array, np.ndarray))

    def in_pixels(self, pixel_size: float | tuple[float, float] | None = None) -> Scan:
        """Return the scan with its positions in object pixels.

        Metres are counted from the centre of pixel [0, 0], as `geometry.from_metres` does it.

        Parameters
        ----------
        pixel_size : float or (float, float), optional
            Metres of an object pixel, (y, x); that of the scan by default.

        Raises
        ------
        InputFileError
            If the positions are in metres, and neither says how large a pixel is.
        RequestError
            If the pixel size is not positive and finite.
        """
        if self.units == "px":
            return self
        size = self.pixel_size if pixel_size is None else pixel_size
        if size is None:
            raise InputFileError(
                f"{self.source}: its positions are in metres, and nothing in the file tells the "
                "size of an object pixel. Expected it, for positions in pixels. Set the option "
                "pixel_size of the reader, or call Scan.in_pixels(METRES)."
            )
        old = {"positions": self.positions, "nominal_positions": self.nominal_positions}
        new = {name: None if p is None else from_metres(p, size) for name, p in old.items()}
        pair = size if isinstance(size, tuple) else (float(size), float(size))
        return replace(self, **new, units="px", pixel_size=pair)  # type: ignore[arg-type]

    def with_one_layer(self) -> Scan:
        """Return the scan with an object of a single layer as (H, W); others stay."""
        if self.image is None or self.image.ndim == 2 or len(self.image) != 1:
            return self
        return replace(self, image=self.image[0], layer_axis=None, layer_spacing=None)

    def for_cutting(self) -> CuttableScan:
        """Return the scan as one that has what patches are cut from.

        Raises
        ------
        InputFileError
            If it has no object or no positions, or those are in metres of unknown pixels.
        """
        lacks = [
            word
            for word, array in (("object", self.image), ("positions", self.positions))
            if array is None
        ]
        if lacks:
            raise InputFileError(
                f"{self.source}: holds no {' and no '.join(lacks)}, and patches are cut from an "
                f"object at positions. It holds: {one_line(self._holds()) or 'nothing'}. Choose a "
                "file with both, for instance a reconstruction of this scan."
            )
        scan = self.in_pixels()
        return CuttableScan(**{entry.name: getattr(scan, entry.name) for entry in fields(scan)})

    def _holds(self) -> str:
        """Say in words what there is."""
        shown = self._shown().items()
        return ", ".join(f"{name} ({value})" for name, value in shown if name not in NO_CONTENT)

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows: also how far the positions reach."""
        shown = super()._shown()
        if self.units == "px":
            del shown["units"]
        if self.positions is not None and len(self.positions):
            (top, left), (bottom, right) = self.positions.min(axis=0), self.positions.max(axis=0)
            shown["positions"] = Words(
                f"{len(self.positions):,}, y {top:.6g} to {bottom:.6g}, x {left:.6g} to {right:.6g}"
            )
        return shown


#: Fields that say something about the others.
NO_CONTENT = ("source", "units", "warnings", "remedies", "assumptions", "metadata")


@dataclass(frozen=True, eq=False, repr=False)
class CuttableScan(Scan):
    """A scan that has an object, and positions on it in object pixels; made by `for_cutting`."""

    image: Array
    positions: Positions

    @property
    def layer_axes(self) -> tuple[str, ...]:
        """Name of the axis before (y, x) in its object, if there is one."""
        return () if self.layer_axis is None else (self.layer_axis,)
