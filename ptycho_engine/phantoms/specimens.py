"""Objects: drawings from 0 to 1, and what they do to light.

A drawing is an array of shape (H, W); edges are a pixel wide, so that nothing aliases.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPOKES = 36
RINGS = 7
#: Share of an object that cells cover, more or less.
COVERED = 0.6

Floats = NDArray[np.float64]


def transmission(
    absorbing: Floats,
    retarding: Floats,
    amplitude: tuple[float, float],
    phase: tuple[float, float],
) -> NDArray[np.complex64]:
    """Turn drawings into a complex object.

    Parameters
    ----------
    absorbing, retarding : ndarray of float64, shape (H, W)
        From 0 to 1: how much of amplitude and of phase is there.
    amplitude, phase : (float, float)
        What 0 and 1 stand for, the phase in radians.

    Returns
    -------
    ndarray of complex64, shape (H, W)
        ``amplitude * exp(i phase)``.
    """
    (a, b), (p, q) = amplitude, phase
    field = (a + (b - a) * absorbing) * np.exp(1j * (p + (q - p) * retarding))
    image: NDArray[np.complex64] = field.astype(np.complex64)
    return image


def siemens_star(shape: tuple[int, int]) -> Floats:
    """Spokes broken by rings: edges one pixel wide and details down to a pixel.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.

    Returns
    -------
    ndarray of float64, shape (H, W)
        From 0 to 1.
    """
    y, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    y, x = y[:, None], x[None, :]
    radius = np.hypot(y, x)
    outer = 0.46 * min(shape)
    # The distance to the nearest edge of a spoke, in pixels, ramps from 0 to 1 across the edge.
    along = np.sin(SPOKES * np.arctan2(y, x)) * radius / SPOKES
    spokes = (along + 0.5).clip(0, 1)
    period = outer / RINGS
    gap = np.abs((radius + period / 2) % period - period / 2) - 0.06 * period
    inside = (outer - radius + 0.5).clip(0, 1)
    centre = (radius - SPOKES / 6 + 0.5).clip(0, 1)  # closer in, spokes are finer than pixels
    star: Floats = spokes * (gap + 0.5).clip(0, 1) * inside * centre
    return star


def gaussian_field(shape: tuple[int, int], feature: float, rng: np.random.Generator) -> Floats:
    """Draw a periodic Gaussian random field without details finer than about `feature` pixels.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    feature : float
        Size of what it shows, in pixels: four standard deviations of a Gaussian blur.
    rng : numpy.random.Generator
        Source of the noise.

    Returns
    -------
    ndarray of float64, shape (H, W)
        Of mean 0 and variance 1: no drawing yet.
    """
    noise = np.fft.rfft2(rng.standard_normal(shape))
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    sigma = feature / 4
    noise *= np.exp(-2 * (math.pi * sigma) ** 2 * (fy**2 + fx**2))  # a Gaussian blur
    noise[0, 0] = 0
    texture = np.fft.irfft2(noise, s=shape)
    scaled: Floats = texture / max(texture.std(), np.finfo(np.float64).tiny)  # 0 for a single pixel
    return scaled


def _star(
    shape: tuple[int, int], feature: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    star = siemens_star(shape)
    return 1 - star, star  # spokes absorb and retard


def _field(
    shape: tuple[int, int], feature: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Two independent fields, from -3 to 3 of their deviations."""
    a, b = (gaussian_field(shape, feature, rng).clip(-3, 3) / 6 + 0.5 for _ in range(2))
    return a, b


def dead_leaves(
    shape: tuple[int, int], feature: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Opaque discs that fell on each other, of all sizes, each of one amplitude and one phase.

    Their radii r, from half a feature to a quarter of the object, have the density ``r ** -3``,
    for which the picture looks the same at every scale (A. B. Lee, D. Mumford and J. Huang,
    "Occlusion models for natural images", Int. J. Computer Vision 41, 35 (2001)).

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    feature : float
        Diameter of the smallest disc, in pixels.
    rng : numpy.random.Generator
        Source of places, radii and levels.

    Returns
    -------
    (ndarray, ndarray) of float64, shape (H, W)
        Drawings of amplitude and of phase, from 0 to 1.
    """
    smallest = feature / 2
    largest = max(1.5 * smallest, max(shape) / 4)
    mean_square = 2 * math.log(largest / smallest) / (smallest**-2 - largest**-2)
    count = math.ceil(6 * shape[0] * shape[1] / (math.pi * mean_square))  # bare: exp(-6)
    share = rng.random(count)  # radii by inversion of their distribution
    radii = (smallest**-2 - share * (smallest**-2 - largest**-2)) ** -0.5
    places = rng.uniform(-smallest, np.array(shape) + smallest, (count, 2))
    levels = rng.random((count, 2))
    drawings = np.full((2, *shape), 0.5)
    for place, radius, level in zip(places, radii.tolist(), levels, strict=True):
        window, y, x = _around(place, radius, shape)
        disc = (radius + 0.5 - np.hypot(y, x)).clip(0, 1)
        drawings[(slice(None), *window)] += disc * (
            level[:, None, None] - drawings[(slice(None), *window)]
        )
    return drawings[0], drawings[1]


def cells(
    shape: tuple[int, int], feature: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Scattered cells: projected ellipsoids with a denser nucleus, on clear ground.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns.
    feature : float
        Mean diameter of a nucleus, in pixels; a cell has three times that.
    rng : numpy.random.Generator
        Source of places, sizes and directions.

    Returns
    -------
    (ndarray, ndarray) of float64, shape (H, W)
        Drawings from 0 to 1: amplitude, 1 where nothing is, and phase, 0 there.
    """
    count = math.ceil(COVERED * shape[0] * shape[1] / (math.pi * (1.5 * feature) ** 2))
    places = rng.uniform(0, np.array(shape), (count, 2))
    radii = 1.5 * feature * rng.uniform(0.7, 1.3, (count, 2))
    angles, shifts = rng.uniform(0, math.pi, count), rng.uniform(-0.3, 0.3, (count, 2))
    thick = np.zeros(shape)
    for place, (a, b), angle, shift in zip(places, radii, angles.tolist(), shifts, strict=True):
        window, y, x = _around(place, max(a, b), shape)
        u = (math.cos(angle) * y + math.sin(angle) * x) / a
        v = (math.cos(angle) * x - math.sin(angle) * y) / b
        body = np.sqrt((1 - u**2 - v**2).clip(0))
        nucleus = np.sqrt((1 - ((u - shift[0]) ** 2 + (v - shift[1]) ** 2) * 9).clip(0))
        thick[window] += 0.4 * body + 0.3 * nucleus * (body > 0)
    thick = thick.clip(0, 1)
    return 1 - thick, thick


Drawer = Callable[[tuple[int, int], float, np.random.Generator], tuple[Floats, Floats]]
#: What draws amplitude and phase, from a shape, the size of a feature in pixels and a generator.
SPECIMENS: dict[str, Drawer] = {
    "star": _star,
    "field": _field,
    "leaves": dead_leaves,
    "cells": cells,
}


def _around(
    place: NDArray[Any], radius: float, shape: tuple[int, int]
) -> tuple[tuple[slice, slice], Floats, Floats]:
    """Find the part of a drawing within a radius, and its coordinates from the place."""
    first = np.floor(place - radius - 1).astype(int).clip(0)
    last = np.minimum(np.ceil(place + radius + 2).astype(int), shape).clip(0)
    rows, columns = (slice(int(a), max(int(a), int(b))) for a, b in zip(first, last, strict=True))
    y = np.arange(rows.start, rows.stop) - place[0]
    x = np.arange(columns.start, columns.stop) - place[1]
    return (rows, columns), y[:, None], x[None, :]
