"""Others that add patches to an object, NumPy in and NumPy out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

#: Of patches (P, N, N), positions (P, 2) whose windows lie inside, and the object's side.
Add = Callable[[np.ndarray, np.ndarray, int], np.ndarray]
#: Patches a call: indices of every sample are made, eight bytes each.
BATCH = 256


@dataclass(frozen=True)
class Adder:
    """One that adds patches to an object.

    Attributes
    ----------
    name : str
        As the table calls it.
    load : callable
        Imports what it needs and returns the function that adds; raises if it is not installed.
    whole : bool
        Whether it takes positions to the nearest pixel.
    """

    name: str
    load: Callable[[], Add]
    whole: bool = False


def taps(positions: np.ndarray, n: int) -> tuple[np.ndarray, list[tuple[int, int, np.ndarray]]]:
    """Return first rows and columns (P, 2), and of each tap its row, column and weights (P,)."""
    start = positions - n // 2
    whole = np.floor(start)
    v, u = (start - whole).astype(np.float32).T
    weights = [(a, b, (v if a else 1 - v) * (u if b else 1 - u)) for a in (0, 1) for b in (0, 1)]
    return whole.astype(np.int64), weights


def numpy_loop() -> Add:
    def add(patches, positions, side):
        image, n = np.zeros((side + 1, side + 1), patches.dtype), patches.shape[-1]
        starts, weighted = taps(positions, n)
        for a, b, weights in weighted:
            for (y, x), weight, patch in zip(
                starts + np.array([a, b]), weights, patches, strict=True
            ):
                image[y : y + n, x : x + n] += weight * patch
        return image[:side, :side]

    return add


def torch_indexed(way: str) -> Add:
    """Every sample of every tap by its index: torch has no window scatter."""
    import torch

    def add(patches, positions, side):
        n, wide = patches.shape[-1], side + 1
        image = torch.zeros(wide * wide, dtype=torch.complex64)
        pairs = torch.view_as_real(image)
        offsets = torch.arange(n)[:, None] * wide + torch.arange(n)
        with torch.inference_mode():
            for first in range(0, len(patches), BATCH):
                batch = slice(first, first + BATCH)
                values = torch.from_numpy(patches[batch])
                starts, weighted = taps(positions[batch], n)
                for a, b, weights in weighted:
                    corner = torch.from_numpy((starts[:, 0] + a) * wide + starts[:, 1] + b)
                    index = (corner[:, None, None] + offsets).reshape(-1)
                    added = (torch.from_numpy(weights)[:, None, None] * values).reshape(-1)
                    if way == "index_put_":
                        image.index_put_((index,), added, accumulate=True)
                    elif way == "index_add_":
                        image.index_add_(0, index, added)
                    else:
                        both = index[:, None].expand(-1, 2)
                        pairs.scatter_add_(0, both, torch.view_as_real(added))
        return image.reshape(wide, wide)[:side, :side].numpy()

    return add


def jax_windows() -> Add:
    """A window scatter a patch, on the real view."""
    import jax
    import jax.numpy as jnp

    numbers = jax.lax.ScatterDimensionNumbers((1, 2), (), (0, 1))

    @partial(jax.jit, donate_argnums=0)
    def add_batch(image, patches, starts, fractions):
        count, n, width = patches.shape
        v, u = fractions[:, :, None, None].swapaxes(0, 1)  # (P, 1, 1) each
        across = jnp.zeros((count, n, width + 2), patches.dtype)
        across = across.at[:, :, :width].add((1 - u) * patches).at[:, :, 2:].add(u * patches)
        window = jnp.zeros((count, n + 1, width + 2), patches.dtype)
        window = window.at[:, :n].add((1 - v) * across).at[:, 1:].add(v * across)
        mode = jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS
        return jax.lax.scatter_add(image, starts, window, numbers, mode=mode)

    def add(patches, positions, side):
        n = patches.shape[-1]
        image = jnp.zeros((side + 1, 2 * side + 2), jnp.float32)
        start = positions - n // 2
        whole = np.floor(start)
        fractions = (start - whole).astype(np.float32)
        starts = (whole * [1, 2]).astype(np.int32)
        for first in range(0, len(patches), BATCH):
            batch = slice(first, first + BATCH)
            numbers = patches[batch].view(np.float32)
            image = add_batch(image, numbers, starts[batch], fractions[batch])
        return np.ascontiguousarray(image).view(np.complex64)[:side, :side]

    return add


def ptychi_integer() -> Add:
    import torch
    from ptychi.image_proc import place_patches_integer

    def add(patches, positions, side):
        n = patches.shape[-1]
        centres = torch.from_numpy(np.rint(positions) - n // 2 + (n - 1) / 2)
        image = torch.zeros((side, side), dtype=torch.complex64)
        with torch.inference_mode():
            return place_patches_integer(image, centres, torch.from_numpy(patches)).numpy()

    return add


ADDERS = (
    Adder("NumPy loop", numpy_loop),
    *(
        Adder(f"torch {way}", partial(torch_indexed, way))
        for way in ("scatter_add_", "index_add_", "index_put_")
    ),
    Adder("jax window scatter", jax_windows),
    Adder("pty-chi integer", ptychi_integer, whole=True),
)
