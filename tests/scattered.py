"""Points as scans have them, and neighbours by definition: every distance, in float64."""

import numpy as np
from hypothesis import strategies as st

KINDS = {
    "random": lambda rng, count: rng.uniform(-5, 40, (count, 2)),
    "raster": lambda rng, count: np.stack(divmod(np.arange(count), 5), axis=1) * 3.0,
    "tenths": lambda rng, count: rng.integers(0, 4, (count, 2)) * 0.1,
    "collinear": lambda rng, count: np.outer(rng.permutation(count), [0.5, -1.0]),
    "one place": lambda rng, count: np.full((count, 2), 7.25),
    "two places": lambda rng, count: np.repeat([[0.0, 0.0], [3.0, -0.0]], [count - 1, 1], axis=0),
}


@st.composite
def points(draw, least=1, most=40):
    """Positions (P, 2) of some kind, shuffled."""
    count = draw(st.integers(least, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return rng.permutation(KINDS[draw(st.sampled_from(sorted(KINDS)))](rng, count))


def defined_nearest(points, seeds, count):
    """The seed, then the others by squared distance, then by index."""
    away = points[None] - points[seeds][:, None]
    squares = away[..., 0] * away[..., 0] + away[..., 1] * away[..., 1]
    squares[np.arange(len(seeds)), seeds] = -1
    return np.argsort(squares, axis=1, kind="stable")[:, :count]
