"""Options of a reader whose files do not say in which frame their coordinates are."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from ..errors import InputFileError, one_of
from ..geometry import ANCHORS, CENTRES, Positions, from_anchor, from_centre, from_xy


def pixel_size_option(value: float | None, name: str = "pixel_size") -> None:
    """Refuse a value of a reader's option of a name, in metres, that is none.

    Raises
    ------
    ValueError
        With what was expected.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: received {value}. Expected metres above zero.")


@dataclass(frozen=True)
class FrameOptions:
    """How coordinates become positions (y, x) in object pixels.

    Attributes
    ----------
    swapped : bool
        Whether x and y are exchanged.
    pixel_size : float
        What coordinates are divided by: the size of an object pixel, if they are metres.
    object_pixel_size : float, optional
        Metres of an object pixel, which the format does not hold; `pixel_size` by default, if
        coordinates are divided by it.
    centre : str, optional
        The program and version whose coordinates count from the middle of the object, or
        ``middle``: one of `ptycho_engine.geometry.CENTRES`.
    anchor : str, optional
        The program and version whose pixel coordinates these are: one of
        `ptycho_engine.geometry.ANCHORS`. ``half``, which is PtychoPINN's, by default.
    """

    swapped: bool = False
    pixel_size: float = 1.0
    object_pixel_size: float | None = None
    centre: str | None = None
    anchor: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.swapped, bool):
            raise ValueError(f"swapped: received {self.swapped!r}. Expected true or false.")
        if not (math.isfinite(self.pixel_size) and self.pixel_size > 0):
            raise ValueError(
                f"pixel_size: received {self.pixel_size}. Expected a finite number above zero."
            )
        pixel_size_option(self.object_pixel_size, "object_pixel_size")
        for name, options in (("centre", CENTRES), ("anchor", ANCHORS)):
            value = getattr(self, name)
            if value is not None and value not in options:
                raise ValueError(one_of(name, value, options))
        if self.centre is not None and self.anchor is not None:
            raise ValueError(
                f"centre and anchor: received {self.centre!r} and {self.anchor!r}. Expected one of "
                "them: a centre implies the anchor of its program."
            )

    @property
    def is_plain(self) -> bool:
        """Whether coordinates are taken as they are."""
        moved = self.swapped or self.pixel_size != 1 or self.centre is not None
        return not moved and self.anchor in (None, "half")

    @property
    def object_pixel(self) -> tuple[float, float] | None:
        """Metres of an object pixel, (y, x), as far as it is known."""
        size = self.object_pixel_size
        if size is None and self.pixel_size != 1:
            size = self.pixel_size
        return None if size is None else (size, size)

    def assumptions(self) -> dict[str, str]:
        """Return what was chosen, as `Scan.assumptions`."""
        chosen = {entry.name: getattr(self, entry.name) for entry in fields(FrameOptions)}
        return {k: str(v) for k, v in chosen.items() if v != getattr(FrameOptions, k)}

    def remedies(self, group: str) -> dict[str, str]:
        """Return the settings that put positions right, as `Scan.remedies`.

        Parameters
        ----------
        group : str
            What chooses the reader, for instance ``"scan=npz"``.
        """
        return {
            "swapped": f"{group} scan.swapped={str(not self.swapped).lower()}",
            "metres": f"{group} scan.pixel_size=METRES",
            "centred": f"{group} scan.centre=middle",
        }


def place(
    xy: Positions,
    options: FrameOptions,
    object_shape: tuple[int, ...] | None,
    patch_size: int | None,
    path: Path,
) -> Positions:
    """Turn the coordinates of a file into positions.

    Parameters
    ----------
    xy : ndarray of float64, shape (P, 2)
        Columns (x, y), as the file has them.
    options : FrameOptions
        Their frame.
    object_shape : (int, int) or None
        Height and width of the object; None if the file has none.
    patch_size : int or None
        Size N of the patterns, which anchors refer to; None if the file has neither patterns nor
        a probe.
    path : Path
        The file, for messages.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        Columns (y, x), in object pixels.

    Raises
    ------
    InputFileError
        If an anchor needs the size of the patterns, or a centre that of the object, and nothing in
        the file tells it.
    """
    positions = np.ascontiguousarray(xy) if options.swapped else from_xy(xy)
    if options.is_plain:
        return positions
    if options.pixel_size != 1:
        positions = positions / options.pixel_size
    named = options.centre or options.anchor
    if named in (None, "half", "middle"):
        size = 1  # it cancels
    elif patch_size is None:
        raise InputFileError(
            f"{path}: {named} places windows by their size, and there are neither patterns nor a "
            "probe to tell it. Expected 'diff3d' or 'probeGuess'. Add one, or convert the "
            "coordinates with geometry.from_anchor or geometry.from_centre."
        )
    else:
        size = patch_size
    if options.centre is not None:
        if object_shape is None:
            raise InputFileError(
                f"{path}: {named} counts from the middle of the object, and there is no object. "
                "Expected 'objectGuess'. Add it, or convert the coordinates with "
                "geometry.from_centre."
            )
        return from_centre(positions, (object_shape[-2], object_shape[-1]), size, options.centre)
    return from_anchor(positions, size, options.anchor or "half")
