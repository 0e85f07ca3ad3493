"""How much each sample of a patch counts where patches overlap."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays.adapter import NUMPY
from ..errors import RequestError
from ..geometry.labels import plain

Array = NDArray[Any]
#: Weights whose signs are checked at a time.
LOOKED_AT = 1024**2


@dataclass(frozen=True, eq=False)
class PatchWeights:
    """Weights of the samples of patches.

    Attributes
    ----------
    values : ndarray, shape (N, N) or (P, N, N)
        Real, finite, 0 or more; one array for all patches, or one for each, as a caller holds it:
        a memory map is read block by block.
    dtype : dtype
        Of what `of` returns.
    border : int
        Samples at each side of a patch that count nothing.
    are_one : bool
        Whether all are 1.
    """

    values: Array
    dtype: np.dtype[Any]
    border: int
    are_one: bool

    @property
    def differ(self) -> bool:
        """Whether patches have weights of their own."""
        return self.values.ndim == 3

    def of(self, start: int, stop: int) -> Array:
        """Return the weights of some patches, an array of its own, (stop - start, N, N)."""
        count, size = stop - start, self.values.shape[-1]
        part = self.values[start:stop] if self.differ else self.values
        found = np.empty((count, size, size), self.dtype)
        found[...] = part
        if self.border:
            inside = np.zeros((size, size), bool)
            inner = slice(self.border, size - self.border)
            inside[inner, inner] = True
            found[:, ~inside] = 0
        return found


def patch_weights(
    size: int,
    count: int,
    dtype: np.dtype[Any],
    *,
    probe: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    border: int = 0,
) -> PatchWeights:
    """Read weights as a caller gives them.

    Parameters
    ----------
    size : int
        Size N of the patches.
    count : int
        Patches P.
    dtype : dtype
        Of the weights: float32 or float64.
    probe : array_like, shape (N, N) or (modes, N, N), optional
        The illumination; samples count by its intensity, summed over modes, the brightest 1.
    weights : array_like, shape (N, N) or (P, N, N), optional
        The weights themselves, in place of a probe.
    border : int
        Samples at each side of a patch that count nothing.

    Raises
    ------
    RequestError
        If one of them cannot be used.
    """
    if probe is not None and weights is not None:
        raise RequestError(
            "weights: received them beside a probe, whose intensity is the weight. Expected one of "
            "both. Leave one out, or pass their product as weights."
        )
    border = _whole_border(border, size)
    if probe is None and weights is None:
        return PatchWeights(np.ones((size, size), dtype), dtype, border, not border)
    name = "weights" if probe is None else "probe"
    given = NUMPY.convert(plain(weights if probe is None else probe, name), name)
    _check(name, given, size, count)
    if probe is None:
        _check_reach(given, dtype)
        return PatchWeights(given, dtype, border, False)
    modulus = np.abs(given.astype(np.result_type(given, np.float64), copy=False))
    if not modulus.any():
        raise RequestError("probe: is zero everywhere. Expected light. Leave it out, or check it.")
    power = np.square(modulus / modulus.max()).reshape(-1, size, size).sum(axis=0)
    return PatchWeights(power / power.max(), dtype, border, False)


def _check(name: str, given: Array, size: int, count: int) -> None:
    """Refuse weights or a probe of another shape or kind."""
    ranks = {(size, size): True, (count, size, size): name == "weights"}
    fits = ranks.get(given.shape, False)
    if name == "probe":
        fits = given.ndim in (2, 3) and given.shape[-2:] == (size, size) and given.size > 0
    kinds = "iuf" if name == "weights" else "iufc"
    if not fits or given.dtype.kind not in kinds:
        several = f"({count}, {size}, {size})" if name == "weights" else f"(modes, {size}, {size})"
        raise RequestError(
            f"{name}: received shape {given.shape}, dtype {given.dtype}. Expected "
            f"{'reals' if name == 'weights' else 'numbers'} of shape ({size}, {size}) or {several}."
        )
    # Weights of each patch are as many numbers as patches hold: not all are looked at at once.
    step = max(1, LOOKED_AT // (size * size))
    for part in (given[i : i + step] for i in range(0, len(given), step)):
        if not np.isfinite(part).all() or (name == "weights" and (part < 0).any()):
            wrong = "NaN or infinite" if not np.isfinite(part).all() else "negative"
            least = " of 0 or more" if name == "weights" else ""
            raise RequestError(
                f"{name}: some values are {wrong}. Expected finite ones{least}. Repair the array."
            )


def _check_reach(weights: Array, dtype: np.dtype[Any]) -> None:
    """Refuse weights whose sums would overflow in the precision of the patches."""
    greatest, limit = float(weights.max(initial=0)), float(np.sqrt(np.finfo(dtype).max))
    if greatest > limit:
        raise RequestError(
            f"weights: received values up to {greatest:.3g}. Expected at most {limit:.3g} for "
            f"patches of this precision ({dtype}). Divide them by their maximum: only ratios count."
        )


def _whole_border(border: Any, size: int) -> int:
    try:
        found = -1 if isinstance(border, bool) else operator.index(border)
    except TypeError:
        found = -1
    if not 0 <= found < (size + 1) // 2:
        raise RequestError(
            f"border: received {border!r}. Expected a number of samples from 0 to "
            f"{(size - 1) // 2}, so that something is left of a patch of {size}."
        )
    return found
