"""Hypothesis strategies for objects, positions and ways of cutting them.

XLA compiles once for each shape, for a few tenths of a second: give `images` and `cases` a small
set of shapes where that matters. Values vary freely.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from numpy.typing import NDArray

from ..geometry import ROUNDINGS
from ..host.capabilities import Capabilities
from ..request.checks import NARROW

Shape = tuple[int, int]

#: A few shapes and patch sizes, odd and even, with a row, a pixel, and patches beyond both.
SHAPES: tuple[Shape, ...] = ((9, 12), (1, 5), (16, 7), (1, 1))
PATCH_SIZES: tuple[int, ...] = (1, 4, 7, 12)


def shapes(largest: int = 20) -> SearchStrategy[Shape]:
    """Heights and widths from 1 to `largest`."""
    side = st.integers(1, largest)
    return st.tuples(side, side)


@st.composite
def images(
    draw: st.DrawFn,
    dtypes: Collection[str] = ("float32", "float64", "complex64", "complex128"),
    shape: SearchStrategy[Shape] | None = None,
    leading: Sequence[tuple[int, ...]] = ((), (2,)),
) -> NDArray[Any]:
    """Draw a finite object: noise of some scale, a ramp, a lone pixel, or a constant.

    Parameters
    ----------
    draw : callable
        Given by Hypothesis.
    dtypes : collection of str
        Dtypes to choose from.
    shape : strategy, optional
        Strategy of (H, W); `shapes` by default.
    leading : sequence of tuple of int
        Leading axes to choose from; narrow objects have none.

    Returns
    -------
    ndarray, shape (..., H, W)
        The object.
    """
    dtype = np.dtype(draw(st.sampled_from(sorted(dtypes))))
    height, width = draw(shapes() if shape is None else shape)
    narrow = width <= NARROW  # behind leading axes refused for most patches, as channels
    whole = (*(() if narrow else draw(st.sampled_from(leading))), height, width)
    kind = draw(st.sampled_from(["noise", "ramp", "pixel", "constant"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if kind == "noise":
        image = rng.standard_normal(whole) + 1j * rng.standard_normal(whole)
        image *= draw(st.sampled_from([1.0, 1e-3, 1e5]))
    elif kind == "ramp":
        image = np.arange(np.prod(whole)).reshape(whole) * (1 - 0.5j)
    elif kind == "pixel":
        image = np.zeros(whole, complex)
        image[tuple(rng.integers(0, whole))] = 1 + 2j
    else:
        image = np.full(whole, 0.5 - 3j)
    return (image if dtype.kind == "c" else image.real).astype(dtype)


def coordinates(size: int, patch_size: int) -> SearchStrategy[float]:
    """Coordinates along an axis of `size` pixels: inside, across the border, outside, far away."""
    reach = size + patch_size + 3
    near = st.floats(-float(reach), float(reach))
    inside = st.floats(0.0, float(max(size - 1, 0)))
    halves = st.integers(-2 * reach, 2 * reach).map(lambda twice: twice / 2)
    borders = st.sampled_from([-patch_size / 2, size - 1 + patch_size / 2, -0.0, float(size)])
    distances = [1e6, 1e6 + 0.25, 3e9, 1e300]
    far = st.sampled_from([sign * distance for distance in distances for sign in (1, -1)])
    return st.one_of(inside, halves, near, borders, far)


@st.composite
def positions(
    draw: st.DrawFn,
    shape: Shape,
    patch_size: int,
    counts: SearchStrategy[int] | None = None,
) -> NDArray[np.float64]:
    """Draw scan positions for an object of `shape`.

    Parameters
    ----------
    draw : callable
        Given by Hypothesis.
    shape : (int, int)
        Height and width of the object.
    patch_size : int
        Size N of the patches.
    counts : strategy, optional
        Strategy of the number P; 0 to 8 by default.

    Returns
    -------
    ndarray of float64, shape (P, 2)
        Columns (y, x).
    """
    count = draw(st.integers(0, 8) if counts is None else counts)
    pair = st.tuples(*(coordinates(size, patch_size) for size in shape))
    return np.array([draw(pair) for _ in range(count)], dtype=np.float64).reshape(-1, 2)


@dataclass(frozen=True)
class Case:
    """An object, flat positions, a patch size, and how to cut.

    Attributes
    ----------
    image : ndarray, shape (..., H, W)
        The object.
    positions : ndarray of float64, shape (P, 2)
        Columns (y, x).
    patch_size : int
        Size N of the patches.
    how : dict
        Interpolation, fill and rounding, by the names that `Engine.extract` knows.
    """

    image: NDArray[Any]
    positions: NDArray[np.float64]
    patch_size: int
    how: dict[str, Any] = field(default_factory=dict)


@st.composite
def cases(
    draw: st.DrawFn,
    capabilities: Capabilities | None = None,
    shape: SearchStrategy[Shape] | None = None,
    patch_sizes: SearchStrategy[int] | None = None,
) -> Case:
    """Draw an extraction that a plugin with these capabilities serves.

    Parameters
    ----------
    draw : callable
        Given by Hypothesis.
    capabilities : Capabilities, optional
        What may be asked for; the defaults of the class, in every rounding, if not given.
    shape, patch_sizes : strategy, optional
        Strategies of (H, W) and N; by default one of `SHAPES` and of `PATCH_SIZES`.

    Returns
    -------
    Case
        The extraction.
    """
    served = capabilities or Capabilities(roundings=frozenset(ROUNDINGS))
    how = {
        name: draw(st.sampled_from(sorted(options)))
        for name, options in (
            ("interpolation", served.interpolations),
            ("fill", served.fills),
            ("rounding", served.roundings),
        )
    }
    image = draw(images(served.dtypes, st.sampled_from(SHAPES) if shape is None else shape))
    patch_size = draw(st.sampled_from(PATCH_SIZES) if patch_sizes is None else patch_sizes)
    height, width = image.shape[-2:]
    where = draw(positions((height, width), patch_size))
    return Case(image, where, patch_size, how)
