"""How patterns are recorded: photons, counting noise, and what the detector makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigurationError
from ...phantoms.numbers import MOST_SEED
from .plain_settings import check_choice, keep_real, keep_truth, keep_whole

Quantity = Literal["amplitude", "intensity"]
QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
#: The most that an unsigned integer of 16, of 32 bits counts.
MOST_16, MOST_32 = 2**16 - 1, 2**32 - 1
#: More photons than NumPy draws.
MOST_PHOTONS = 1e18

Array = NDArray[Any]


@dataclass(frozen=True)
class Exposure:
    """Settings of an exposure, plain values alone.

    Attributes
    ----------
    photons : float or None
        Mean number of photons that reach the detector in a pattern, over the whole scan; None
        takes the probe as it is: its squared amplitude then counts photons.
    noise : bool
        Whether counts are drawn, rather than expected.
    seed : int or None
        Of the noise, not negative; the same seed gives the same patterns. None follows from the
        seed of the recipe, and is 0 without one.
    quantity : {"amplitude", "intensity"}
        What is returned: the square root of counts, or counts.
    normalised : bool
        Whether amplitudes are divided by the photon scale s at the end, intensities by its
        square: patterns of the probe as it is, with the noise of so many photons. PtychoPINN's
        simulated amplitudes are.
    background : float
        Mean counts of each pixel beside the pattern's own, added before the noise.
    saturation : float or None
        Counts beyond which a pixel shows these; None for none.
    integers : bool
        Whether counts are whole numbers without noise, too, and the saturation with them.
        Intensities that are not normalised then have the dtype uint16 or, unless the saturation
        fits that, uint32; without a saturation, counts beyond its range are refused.
    model : str
        From which distribution: ``"poisson"``, or what another distribution of Python code
        installs as an entry point of ``ptycho_engine.noises``.
    options : dict
        Options of the model, if it has any.

    Raises
    ------
    ConfigurationError
        If a value cannot be used.
    """

    photons: float | None = 1e6
    noise: bool = True
    seed: int | None = None
    quantity: str = "amplitude"
    normalised: bool = False
    background: float = 0.0
    saturation: float | None = None
    integers: bool = False
    model: str = "poisson"
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("exposure.quantity", self.quantity, QUANTITIES)
        for name in ("noise", "normalised", "integers"):
            keep_truth(self, f"exposure.{name}")
        if self.seed is not None:
            keep_whole(self, "exposure.seed", 0, MOST_SEED)
        if self.photons is not None:
            what = "photons of a pattern, or null"
            keep_real(self, "exposure.photons", what, most=MOST_PHOTONS)
        keep_real(self, "exposure.background", "counts of a pixel", 0.0, MOST_PHOTONS)
        if self.saturation is not None:
            most = MOST_32 if self.returns_integers else MOST_PHOTONS
            keep_real(self, "exposure.saturation", "counts of a pixel, or null", 1.0, most)
        if self.integers and self.saturation is not None and self.saturation % 1:
            raise ConfigurationError(
                f"exposure.saturation: received {self.saturation} beside exposure.integers=true. "
                "Expected a whole number of counts."
            )

    @property
    def is_plain(self) -> bool:
        """Whether patterns leave the detector as they reach it."""
        counts = self.noise or self.integers or self.saturation is not None
        return not counts and not self.background

    @property
    def needs_scale(self) -> bool:
        """Whether patterns depend on the photon scale: what is plain and normalised does not."""
        return not (self.is_plain and self.normalised)

    @property
    def returns_integers(self) -> bool:
        """Whether patterns are arrays of integers, rather than of floats."""
        return self.integers and not self.normalised and self.quantity == "intensity"

    @property
    def dtype_of_counts(self) -> np.dtype[Any] | None:
        """Unsigned integers, if that is what is returned."""
        if not self.returns_integers:
            return None
        return np.dtype(np.uint16 if (self.saturation or MOST_32) <= MOST_16 else np.uint32)

    def record(
        self,
        mean: Array,
        out: Array,
        scale: float,
        draw: Callable[[Array], Array] | None,
        mask: Array | None = None,
    ) -> None:
        """Make patterns of the counts that are expected.

        Parameters
        ----------
        mean : ndarray of float, shape (c, N, N)
            Mean counts of the exit wave; used up.
        out : ndarray, shape (c, N, N)
            Receives the patterns.
        scale : float
            The photon scale s that `mean` has, by which `normalised` divides; 1 if it has none.
        draw : callable or None
            From means (c, N, N) in float64, which it may use up, to counts; None for no noise.
        mask : ndarray of bool, shape (N, N), optional
            False where the detector sees nothing: those pixels are 0.

        Raises
        ------
        ConfigurationError
            If a pixel counts more than the integers that are returned can be.
        """
        if self.background:
            mean += mean.dtype.type(self.background)
        counts = mean if draw is None else draw(mean.astype(np.float64, copy=False))
        if self.integers and counts.dtype.kind == "f":
            np.rint(counts, out=counts)
        if self.saturation is not None:
            np.minimum(counts, self.saturation, out=counts, casting="unsafe")
        if mask is not None:
            counts *= mask
        if self.returns_integers and self.saturation is None:
            _check_counts(counts)
        np.copyto(out, counts, casting="unsafe")
        if self.quantity == "amplitude":
            np.sqrt(out, out=out)
        if self.normalised:
            out /= out.dtype.type(scale if self.quantity == "amplitude" else scale**2)


def _check_counts(counts: Array) -> None:
    most = counts.max(initial=0)
    if most > MOST_32:
        raise ConfigurationError(
            f"exposure.integers: a pixel counts {most:.4g}. Expected at most {MOST_32}, what "
            "integers of 32 bits hold. Set exposure.saturation, ask for fewer photons, or set "
            "exposure.integers=false."
        )
