"""A plain definition of the patches, for tests: slow, in double precision, and easy to check.

Written from the geometry contract alone: it shares no code with the kernels that it judges.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Largest error of a patch, as a fraction of the object's largest magnitude, by dtype.
TOLERANCE = {"float32": 1e-6, "complex64": 1e-6, "float64": 1e-12, "complex128": 1e-12}


def reference_patches(
    image: ArrayLike,
    positions: ArrayLike,
    patch_size: int,
    interpolation: str = "bilinear",
    fill: str = "zeros",
    rounding: str = "exact",
) -> NDArray[Any]:
    """Cut patches sample by sample.

    Parameters
    ----------
    image : array_like, shape (..., H, W)
        The object. Its dtype also chooses the precision of ``legacy`` coordinates.
    positions : array_like, shape (P, 2)
        Columns (y, x), in object pixels; sample ``N // 2`` of a patch sits there.
    patch_size : int
        Size N of the patches.
    interpolation : {"bilinear", "nearest", "bicubic", "fourier"}
        Weights of the two neighbours along each axis: ``1 - t`` and ``t``, where `t` is the
        fraction of the coordinate; ``nearest`` first rounds it to 0 or 1, half up. ``bicubic``
        weighs four neighbours by the kernel of Keys (1981, equation 15) at their distances.
        ``fourier`` evaluates the trigonometric polynomial through a window with a margin. Along
        each axis, the window has the ``2 h + 1`` samples around the one at the whole part of the
        position, ``h = N // 2 + m``, where m is the smallest margin from ``N // 8 + 12`` on for
        which ``2 h + 1`` has no prime factors beyond 7. A sample at the distance d from the
        position is first multiplied by a taper: 1 up to ``N / 2``, 0 from h on, and between them
        the polynomial of ninth order with four continuous derivatives.
    fill : {"zeros", "edge", "reflect"}
        What a neighbour outside the object counts as: zero, the nearest sample of the object, or
        its mirror image as ``numpy.pad(mode="reflect")`` makes it.
    rounding : {"exact", "legacy"}
        ``exact`` takes the fraction of the window's start once, in double precision. ``legacy``
        adds the sample's number to the float32 position first, in float32, or in float64 for
        complex128 objects.

    Returns
    -------
    ndarray of float64 or complex128, shape (..., P, N, N)
        The patches. A neighbour without weight is left out, even if it is NaN or infinite;
        ``legacy`` keeps it, as the legacy code does. In ``fourier``, NaN or infinity anywhere in a
        window that is shifted, margin included, makes the whole patch NaN.
    """
    image = np.asarray(image)
    double = image.dtype == np.complex128
    exact_image = image.astype(np.complex128 if image.dtype.kind == "c" else np.float64)
    positions = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    n = patch_size
    patches = np.zeros((*image.shape[:-2], len(positions), n, n), exact_image.dtype)
    for p, position in enumerate(positions):
        if interpolation == "fourier":
            patches[..., p, :, :] = _shifted(exact_image, position, n, fill, rounding, double)
            continue
        rows, columns = (
            _neighbours(float(along), n, size, interpolation, fill, rounding, double)
            for along, size in zip(position, image.shape[-2:], strict=True)
        )
        for row, row_inside, row_weight in rows:
            for column, column_inside, column_weight in columns:
                weight = row_weight[:, None] * column_weight[None, :]
                counts = row_inside[:, None] & column_inside[None, :]
                if rounding == "exact":
                    counts &= weight != 0
                if counts.any():
                    values = exact_image[..., row[:, None], column[None, :]]
                    with np.errstate(invalid="ignore"):  # 0 times infinity, where it counts or not
                        patches[..., p, :, :] += np.where(counts, weight * values, 0)
    return patches


def reference_placement(
    patches: ArrayLike,
    positions: ArrayLike,
    shape: tuple[int, int],
    interpolation: str = "bilinear",
    fill: str = "zeros",
) -> NDArray[Any]:
    """Add patches to an object sample by sample: the adjoint of `reference_patches`, term by term.

    Parameters
    ----------
    patches : array_like, shape (..., P, N, N)
        The patches.
    positions : array_like, shape (P, 2)
        Columns (y, x), in object pixels.
    shape : (int, int)
        Height and width of the object.
    interpolation, fill : str
        As of `reference_patches`: what that reads with a weight is here added with it.

    Returns
    -------
    ndarray of float64 or complex128, shape (..., H, W)
        The object.
    """
    patches = np.asarray(patches)
    patches = patches.astype(np.complex128 if patches.dtype.kind == "c" else np.float64)
    positions = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    n = patches.shape[-1]
    image = np.zeros((*patches.shape[:-3], *shape), patches.dtype)
    for p, position in enumerate(positions):
        patch = patches[..., p, :, :]
        if interpolation == "fourier":
            (rows, left), (columns, right) = (
                _window_line(_split(float(along), 0, n, "exact", False), n, size, fill)
                for along, size in zip(position, shape, strict=True)
            )
            at: Any = (..., np.array(rows)[:, None], np.array(columns))
            np.add.at(image, at, left.T @ patch @ right)
            continue
        neighbours = (
            _neighbours(float(along), n, size, interpolation, fill, "exact", False)
            for along, size in zip(position, shape, strict=True)
        )
        for (row, row_inside, v), (column, column_inside, w) in product(*neighbours):
            weight = v[:, None] * w[None, :]
            counts = row_inside[:, None] & column_inside[None, :] & (weight != 0)
            if counts.any():
                at = (..., row[:, None], column[None, :])
                with np.errstate(invalid="ignore"):
                    np.add.at(image, at, np.where(counts, weight * patch, 0))
    return image


def tolerance(image: NDArray[Any]) -> float:
    """Largest error allowed in patches of `image`: `TOLERANCE` times its largest magnitude.

    Parameters
    ----------
    image : ndarray
        The object; NaN and infinite samples do not count.

    Returns
    -------
    float
        The bound, in units of the object; never quite zero.
    """
    magnitude = np.abs(image[np.isfinite(image)])
    amplitude = float(magnitude.max(initial=np.finfo(image.dtype).tiny))
    return TOLERANCE[image.dtype.name] * amplitude


def assert_close(actual: Any, expected: ArrayLike, image: NDArray[Any]) -> None:
    """Assert that patches of `image` agree within `tolerance`, in shape and in dtype's kind."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert actual.dtype.kind == expected.dtype.kind
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance(image))


def _neighbours(
    position: float,
    patch_size: int,
    size: int,
    interpolation: str,
    fill: str,
    rounding: str,
    double: bool,
) -> list[tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.float64]]]:
    """Return, along one axis and for every neighbour of each sample: index, inside, weight."""
    wholes, fractions = [], []
    for r in range(patch_size):
        whole, fraction = _split(position, r, patch_size, rounding, double)
        if interpolation == "nearest":
            fraction = 1.0 if fraction >= 0.5 else 0.0
        wholes.append(whole)
        fractions.append(fraction)
    found = []
    for beside in (-1, 0, 1, 2) if interpolation == "bicubic" else (0, 1):
        samples = [_sample(whole + beside, size, fill) for whole in wholes]
        index = np.array([0 if i is None else i for i in samples], dtype=np.intp)
        inside = np.array([i is not None for i in samples])
        weight = np.array([_weight(t, beside, interpolation) for t in fractions])
        found.append((index, inside, weight))
    return found


def _weight(t: float, beside: int, interpolation: str) -> float:
    """Weight of the neighbour `beside` pixels from the whole part, for the fraction `t`."""
    distance = abs(t - beside)
    if interpolation != "bicubic":
        return 1.0 - distance
    if distance < 1:
        return 1.5 * distance**3 - 2.5 * distance**2 + 1
    return -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2 if distance < 2 else 0.0


def _shifted(
    image: NDArray[Any],
    position: NDArray[np.float64],
    n: int,
    fill: str,
    rounding: str,
    double: bool,
) -> NDArray[Any]:
    """Evaluate the trigonometric polynomial through the tapered window of one position."""
    splits = [_split(float(along), 0, n, rounding, double) for along in position]
    window, lines = image, []
    for axis, split in zip((-2, -1), splits, strict=True):
        samples, weights = _window_line(split, n, image.shape[axis], fill)
        counts: NDArray[np.bool_] = (weights != 0).sum(axis=0) > 0
        window = np.take(window, samples, axis)
        window = np.where(counts[:, None] if axis == -2 else counts, window, 0)
        lines.append(weights)
    if all(t == 0 for _, t in splits):
        first = _half_window(n) - n // 2
        return window[..., first : first + n, first : first + n]
    finite = np.isfinite(window).all(axis=(-2, -1), keepdims=True)
    rows, columns = lines
    shifted = rows @ np.where(finite, window, 0) @ columns.T
    return np.where(finite, shifted, np.nan)


def _window_line(
    split: tuple[int, float], n: int, size: int, fill: str
) -> tuple[list[int], NDArray[np.float64]]:
    """Return the samples (L,) of a window along one axis, and their weights (N, L) in a patch."""
    start, t = split
    half = _half_window(n)
    around = np.arange(-half, half + 1)  # L = 2 half + 1 samples
    samples = [_sample(start + n // 2 + int(k), size, fill) for k in around]
    tapers = np.array([_taper(abs(k - t), n / 2, half) for k in around])
    tapers *= [i is not None for i in samples]
    steps = np.arange(n)[:, None] - n // 2 - around  # (N, L), few of them distinct
    least, most = int(steps.min()), int(steps.max())
    weights = _dirichlet(np.arange(least, most + 1) + t, half)[steps - least] * tapers
    return [i or 0 for i in samples], weights


def _half_window(n: int) -> int:
    """Count the samples on either side of the one at the whole part of a position."""
    half = n // 2 + n // 8 + 12
    while (3 * 5 * 7) ** 30 % (2 * half + 1):  # another prime factor is left
        half += 1
    return half


def _taper(distance: float, flat: float, end: float) -> float:
    """Weight of a sample: 1 up to `flat`, 0 from `end` on, and smooth between them."""
    u = min(max((end - distance) / (end - flat), 0.0), 1.0)
    # The integral of (u (1 - u))**4 from 0 to u, which is 1 / 630 at u = 1.
    return 630 * (u**5 / 5 - 4 * u**6 / 6 + 6 * u**7 / 7 - 4 * u**8 / 8 + u**9 / 9)


def _dirichlet(distance: NDArray[Any], half: int) -> NDArray[np.float64]:
    """Periodic sinc of ``2 half + 1`` samples: the mean of all waves, at a distance in samples."""
    waves = np.arange(-half, half + 1)
    length = 2 * half + 1
    mean: NDArray[np.float64] = np.cos(2 * np.pi / length * distance[..., None] * waves).mean(-1)
    return mean


def _split(position: float, r: int, n: int, rounding: str, double: bool) -> tuple[int, float]:
    """Whole part and fraction of the coordinate of sample `r`; whole parts are exact integers."""
    if rounding == "exact":
        start = position - n // 2
        return math.floor(start) + r, start - math.floor(start)
    largest = float(np.finfo(np.float32).max)
    rounded = np.float32(min(max(position, -largest), largest))
    real = np.float64 if double else np.float32
    coordinate = real(r) + real(rounded)  # in the object padded by N // 2
    fraction = coordinate - (real(r) + real(np.floor(rounded)))
    return int(np.floor(float(rounded)) - n // 2) + r, float(fraction)


def _sample(index: int, size: int, fill: str) -> int | None:
    """Return the sample of the object that stands at `index`, or None for a zero."""
    if 0 <= index < size:
        return index
    if fill == "zeros":
        return None
    if fill == "edge":
        return min(max(index, 0), size - 1)
    if size == 1:
        return 0
    period = 2 * (size - 1)
    return min(index % period, period - index % period)
