"""Items that are seen anew in every epoch: flipped, turned, with fresh counting noise.

A symmetry is a number of three bits: 4 transposes, then 2 flips rows, then 1 flips columns. Patches
and probes are flipped about the middle of their window. Their position is then that of the same
window in the flipped object; the pattern, a far field with its zero frequency at sample ``N // 2``,
is flipped about that sample, with its one row or column at minus the highest frequency, if the
size is even, left in place: what the discrete Fourier transform of the flipped exit wave gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputFileError, RequestError
from ...geometry import Positions
from ..simulation.exposure import MOST_PHOTONS
from .columns import Column
from .ordering import Indices, is_number, whole

if TYPE_CHECKING:
    from .entries import Entry

Array = NDArray[Any]
Codes = NDArray[np.uint8]
Flags = NDArray[np.bool_]
#: Samples that noise is drawn about at a time, and bytes of items that are turned at a time.
DRAWN, TURNED_BYTES = 1 << 16, 1 << 18

TRANSPOSE, FLIP_ROWS, FLIP_COLUMNS = 4, 2, 1
#: The symmetries that are drawn, by (flips, turns).
SYMMETRIES = {
    (False, False): (0,),
    (True, False): (0, 1, 2, 3),
    (False, True): (0, 5, 3, 6),  # 0, 90, 180 and 270 degrees
    (True, True): (0, 1, 2, 3, 4, 5, 6, 7),
}


@dataclass(frozen=True)
class Augmentation:
    """What is changed of items, anew in each epoch.

    Attributes
    ----------
    flips : bool
        Whether rows and columns may run backwards.
    turns : bool
        Whether items may be turned by quarters.
    noise : bool
        Whether counts are drawn from the Poisson distribution about what the patterns say.
    photons : float, optional
        Mean counts in a pattern of each scan; by default the squared amplitudes, or the
        intensities, are counts as they are.
    seed : int
        Of all of it. What an item gets depends on this, the epoch and its number alone.

    Raises
    ------
    RequestError
        If a value cannot be used.
    """

    flips: bool = False
    turns: bool = False
    noise: bool = False
    photons: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        whole("augmentation.seed", self.seed)
        for name in ("flips", "turns", "noise"):
            if not isinstance(getattr(self, name), bool | np.bool_):
                raise RequestError(
                    f"augmentation.{name}: received {getattr(self, name)!r}. Expected True or "
                    "False."
                )
        if self.photons is not None and not (
            self.noise and is_number(self.photons) and 0 < self.photons <= MOST_PHOTONS
        ):
            raise RequestError(
                f"augmentation.photons: received {self.photons!r} with noise={self.noise}. "
                f"Expected mean counts of a pattern, above zero and at most {MOST_PHOTONS:g}, with "
                "noise=True."
            )

    @property
    def moves(self) -> bool:
        """Whether items are flipped or turned."""
        return self.flips or self.turns

    @property
    def symmetries(self) -> tuple[int, ...]:
        """Those that are drawn from."""
        return SYMMETRIES[self.flips, self.turns]

    def check(self, columns: Mapping[str, Column], entries: Sequence[Entry]) -> None:
        """Refuse columns that it cannot change.

        Raises
        ------
        RequestError
            If what is to be turned is not square, or the size of the object is not known.
        """
        for name in ("patterns", "probe"):
            shape = columns[name].shape if name in columns else (0, 0)
            height, width = shape[-2:] if name == "probe" else shape[:2]
            if self.turns and height != width:
                raise RequestError(
                    f"augmentation.turns: {name} have shape {height} x {width}. Expected squares. "
                    "Leave turns out."
                )
        for entry in entries:
            if self.moves and "positions" in columns and entry.object_size is None:
                raise RequestError(
                    f"augmentation: positions in a flipped or turned object follow from its size, "
                    f"which {entry.source} does not tell. Expected one. Leave out the field "
                    "'positions', or flips and turns."
                )

    def codes(self, items: Indices, epoch: int) -> Codes:
        """Draw the symmetry of each item.

        Parameters
        ----------
        items : ndarray of int64, shape (B,)
            Numbers of items.
        epoch : int
            The epoch.

        Returns
        -------
        ndarray of uint8, shape (B,)
        """
        choices = np.array(self.symmetries, np.uint8)
        seed: NDArray[np.uint64] = np.array([self.seed], np.uint64)
        of_epoch = mixed(mixed(seed) + np.uint64(epoch))
        drawn = mixed(of_epoch + items.astype(np.uint64))
        codes: Codes = choices[(drawn >> np.uint64(61)) % np.uint64(len(choices))]
        return codes

    def add_noise(
        self, patterns: Array, items: Indices, epoch: int, counts: float, good: Flags | None = None
    ) -> None:
        """Replace intensities by counts that are drawn about what they stand for, in their unit.

        Parameters
        ----------
        patterns : ndarray of float32 or float64, shape (B, H, W) or (B, H, W, C), in C order
            Intensities, zero or above.
        items : ndarray of int64, shape (B,)
            Numbers of items.
        epoch : int
            The epoch.
        counts : float
            How many counts an intensity of 1 stands for.
        good : ndarray of bool, shape (H, W), optional
            The pixels that are drawn about; the others stay as they are.
        """
        pixels = math.prod(patterns.shape[1:3])
        flat = patterns.reshape(len(patterns), pixels, math.prod(patterns.shape[3:]))  # a view
        step = max(1, DRAWN // max(1, flat.shape[2]))
        where: list[Any] = [np.s_[start : start + step] for start in range(0, pixels, step)]
        if good is not None:
            chosen = np.flatnonzero(good)
            where = [chosen[part] for part in where]
        for row, item in zip(flat, items.tolist(), strict=True):
            place = np.array([0, 0, epoch, item], np.uint64)  # beyond 2**63, too
            bits = np.random.Philox(key=self.seed, counter=place)
            draw = np.random.Generator(bits).poisson
            for part in where:
                row[part] = draw(row[part] * np.float64(counts)) / np.float64(counts)


def check_countable(patterns: Array, counts: float, source: str, good: Flags | None = None) -> None:
    """Refuse intensities about which no counts can be drawn.

    Parameters
    ----------
    patterns, counts, good
        As for :meth:`Augmentation.add_noise`.
    source : str
        Where they come from, for messages.

    Raises
    ------
    InputFileError
        If a good one is NaN, or stands for more counts than NumPy draws.
    """
    shown: Any = True if good is None else good.reshape(*good.shape, *[1] * (patterns.ndim - 3))
    most = float(patterns.max(initial=0, where=shown)) * counts  # NaN, if one is
    if not most <= MOST_PHOTONS:
        raise InputFileError(
            f"{source}: a pattern holds a sample that stands for {most:g} counts, about which no "
            f"noise can be drawn. Expected at most {MOST_PHOTONS:g}, and no NaN. Declare the pixel "
            "bad in the scan's mask, repair the pattern, leave it out, or set noise=False."
        )


def mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix the bits of numbers, so that neighbours look unrelated.

    It is the step of SplitMix64: G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014.
    """
    z: NDArray[np.uint64] = numbers + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def turned(array: Array, codes: Codes, axes: tuple[int, int], periodic: bool = False) -> Array:
    """Apply to each item its symmetry.

    Parameters
    ----------
    array : ndarray, shape (B, ...)
        Patches, probes or patterns; square if any code transposes.
    codes : ndarray of uint8, shape (B,)
        The symmetries.
    axes : (int, int)
        The axes of rows and columns, counted from the end.
    periodic : bool
        Whether samples are frequencies, and flipped about sample ``N // 2``.

    Returns
    -------
    ndarray, as `array`
        A copy in C order, or `array` itself where nothing changes. Little else is allocated.
    """
    if not codes.any():
        return array
    result = np.empty(array.shape, array.dtype)
    step = max(1, TURNED_BYTES // max(1, array[:1].nbytes))
    for code in np.unique(codes).tolist():
        rows = np.flatnonzero(codes == code)
        for start in range(0, len(rows), step):
            # One row is a view, so that items of any size are copied once.
            some = rows[start : start + step] if step > 1 else np.s_[rows[start] : rows[start] + 1]
            part = np.swapaxes(array[some], *axes) if code & TRANSPOSE else array[some]
            for into, origin in _pieces(code, part.shape, axes, periodic):
                result[(some, *into[1:])] = part[origin]
    return result


def _pieces(
    code: int, shape: tuple[int, ...], axes: tuple[int, int], periodic: bool
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Say which part of a flipped array is which part of the other."""
    ways: list[list[tuple[slice, slice]]] = []
    for bit, axis in ((FLIP_ROWS, axes[0]), (FLIP_COLUMNS, axes[1])):
        if not code & bit:
            ways.append([(slice(None), slice(None))])
        elif periodic and shape[axis] % 2 == 0:  # minus the highest frequency stays
            ways.append([(slice(1), slice(1)), (slice(1, None), slice(None, 0, -1))])
        else:
            ways.append([(slice(None), slice(None, None, -1))])
    for rows in ways[0]:
        for columns in ways[1]:
            pair = []
            for of_rows, of_columns in zip(rows, columns, strict=True):
                index = [slice(None)] * len(shape)
                index[axes[0]], index[axes[1]] = of_rows, of_columns
                pair.append(tuple(index))
            yield pair[0], pair[1]


def turned_positions(
    positions: Positions, codes: Codes, object_size: tuple[int, int], patch_size: int
) -> Positions:
    """Return where the windows of items lie in the flipped, turned object.

    Parameters
    ----------
    positions : ndarray of float64, shape (B, 2) or (B, C, 2)
        Positions (y, x), in object pixels.
    codes : ndarray of uint8, shape (B,)
        The symmetries.
    object_size : (int, int)
        Height and width of the object before.
    patch_size : int
        Size N of the windows.

    Returns
    -------
    ndarray of float64, as `positions`
        Those at which the flipped, turned object has the flipped, turned patches.
    """
    result = positions.copy()
    for code in np.unique(codes).tolist():
        rows, size = codes == code, object_size
        part = result[rows]
        if code & TRANSPOSE:
            part, size = part[..., ::-1].copy(), object_size[::-1]
        for bit, axis in ((FLIP_ROWS, 0), (FLIP_COLUMNS, 1)):
            if code & bit:
                part[..., axis] = size[axis] - patch_size % 2 - part[..., axis]
        result[rows] = part
    return result
