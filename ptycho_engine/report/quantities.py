"""What a picture shows of complex numbers: amplitude and phase, each with its colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .scales import Scale

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

Array = np.ndarray[Any, Any]

#: What is not finite.
BAD = "#ff1f1f"


@dataclass(frozen=True)
class Quantity:
    """A real quantity of an image.

    Attributes
    ----------
    name, unit : str
        For titles and the colour bar.
    of : callable
        From an image to the quantity.
    scale : Scale
        From its values to colours.
    colours : str
        matplotlib's name of the colours.
    ticks : mapping of float to str, optional
        What the colour bar marks.
    """

    name: str
    unit: str
    of: Callable[[Array], Array]
    scale: Scale
    colours: str
    ticks: dict[float, str] | None = None

    def colour_map(self) -> Colormap:
        """Return the colours, with one for what is not finite."""
        import matplotlib

        return matplotlib.colormaps[self.colours].with_extremes(bad=BAD)


def quantities_of(image: Array, patches: Sequence[Array]) -> list[Quantity]:
    """Return what is shown of an object and its patches, on one scale each.

    Parameters
    ----------
    image, patches : ndarray
        Real or complex.

    Returns
    -------
    list of Quantity
        Amplitude and phase; of a real object its value.
    """
    arrays = [image, *patches]
    if not np.iscomplexobj(image):
        scale = Scale.of(np.concatenate([array.ravel() for array in arrays]))
        return [Quantity("value", "", np.asarray, scale, "gray")]
    scale = Scale.of(np.concatenate([_amplitude(array).ravel() for array in arrays]))
    turn = {-np.pi: "\u2212π", 0.0: "0", np.pi: "π"}
    cycle = Scale(-np.pi, np.pi, "neither")
    # Light about 0, where most phases are, and dark at the ends, which are one.
    phase = Quantity("phase", "rad", np.angle, cycle, "twilight_shifted", turn)
    return [Quantity("amplitude", "", _amplitude, scale, "gray"), phase]


def _amplitude(image: Array) -> Array:
    """Return amplitudes in double precision: single has none of its own largest numbers."""
    amplitude: Array = np.abs(image, dtype=np.float64)
    return amplitude
