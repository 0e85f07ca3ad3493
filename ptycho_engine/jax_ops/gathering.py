"""Windows of a padded object: the only module that knows how jax gathers them.

Nothing is clamped or checked: :mod:`ptycho_engine.request.windows` returns only windows that lie
inside the padded object, so that the gather is promised as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

#: First row and column of a tap, counted from the start of its window.
Tap = tuple[int, int]

WHOLE_WINDOWS = lax.GatherDimensionNumbers(
    offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(0, 1)
)


def gather(image: jax.Array, starts: jax.Array, rows: int, columns: int) -> jax.Array:
    """Cut windows (P, rows, columns) out of an array (H, W) at starts (P, 2) of int32."""
    inside = lax.GatherScatterMode.PROMISE_IN_BOUNDS
    return lax.gather(image, starts, WHOLE_WINDOWS, (rows, columns), mode=inside)


@partial(jax.custom_jvp, nondiff_argnums=(2, 3, 4))
def gather_taps(
    image: jax.Array, starts: jax.Array, rows: int, columns: int, taps: Sequence[Tap]
) -> list[jax.Array]:
    """Cut the samples of every tap of a kernel.

    Parameters
    ----------
    image : jax.Array, shape (H, W)
        The padded object, or its real view.
    starts : jax.Array of int32, shape (P, 2)
        First row and column of each window.
    rows, columns : int
        Shape of the taps.
    taps : sequence of (int, int)
        Where each lies within its window.

    Returns
    -------
    list of jax.Array, shape (P, rows, columns)
        The samples. One gather for each tap, since XLA fuses those into the sum that follows; their
        derivative takes one of whole windows, whose adjoint is a single scatter, the slow part.
    """
    return [gather(image, starts + jnp.array(tap, starts.dtype), rows, columns) for tap in taps]


@gather_taps.defjvp
def _derivative_of_taps(
    rows: int,
    columns: int,
    taps: Sequence[Tap],
    primals: tuple[jax.Array, jax.Array],
    tangents: tuple[jax.Array, jax.Array],
) -> tuple[list[jax.Array], list[jax.Array]]:
    image, starts = primals
    most_rows, most_columns = (max(tap[axis] for tap in taps) for axis in (0, 1))
    windows = gather(tangents[0], starts, rows + most_rows, columns + most_columns)
    slopes = [windows[:, y : y + rows, x : x + columns] for y, x in taps]
    return gather_taps(image, starts, rows, columns, taps), slopes


@jax.custom_jvp
def copy_where(still: jax.Array, copies: jax.Array, patches: jax.Array) -> jax.Array:
    """Take copies in place of computed patches that equal them, but for the smallest numbers.

    Its derivative is that of `patches`: at a whole pixel too, a patch changes with its position.
    """
    return jnp.where(still, copies, patches)


@copy_where.defjvp
def _derivative_of_copy(
    primals: tuple[jax.Array, ...], tangents: tuple[jax.Array, ...]
) -> tuple[jax.Array, jax.Array]:
    return copy_where(*primals), tangents[2]


@jax.custom_jvp
def weighed(sample: jax.Array, weight: jax.Array) -> jax.Array:
    """Multiply samples by weights; without weight nothing is left of them, be they NaN or infinite.

    The derivative passes along the weight: where that is zero, its slope is not.
    """
    return jnp.where(weight == 0, jnp.zeros((), sample.dtype), weight * sample)


@weighed.defjvp
def _derivative_of_weighed(
    primals: tuple[jax.Array, jax.Array], tangents: tuple[jax.Array, jax.Array]
) -> tuple[jax.Array, jax.Array]:
    sample, weight = primals
    return weighed(sample, weight), weighed(tangents[0], weight) + tangents[1] * sample
