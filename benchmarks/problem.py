"""What is cut out of what: the problem that every contender of a table gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ptycho_engine.geometry.layouts import output_shape


@dataclass(frozen=True)
class Problem:
    """Random object, random positions whose windows lie inside it.

    Attributes
    ----------
    patches, patch_size, object_size
        P, N and the side of the square object.
    channels : int
        Members of a group: 1 for flat patches, otherwise the channel layout.
    dtype : str
        Of the object.
    seed : int
        Of the generator.
    """

    patches: int = 20_000
    patch_size: int = 64
    object_size: int = 1024
    channels: int = 1
    dtype: str = "complex64"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.patch_size >= self.object_size:
            raise ValueError(
                f"patch_size: received {self.patch_size}. Expected less than the object's size, "
                f"{self.object_size}: peers know no border."
            )

    @property
    def layout(self) -> str:
        return "flat" if self.channels == 1 else "channel"

    @property
    def output_shape(self) -> tuple[int, ...]:
        groups = self.patches // self.channels
        return output_shape(self.layout, groups, self.channels, self.patch_size)

    @property
    def output_bytes(self) -> int:
        return int(np.prod(self.output_shape)) * np.dtype(self.dtype).itemsize

    @property
    def fresh_bytes(self) -> int:
        """What a call allocates: the output, and room for a padded object."""
        return self.output_bytes + 2 * self.object_size**2 * np.dtype(self.dtype).itemsize

    def image(self) -> np.ndarray:
        """Noise of unit variance: every sample differs from its neighbours."""
        rng = np.random.default_rng(self.seed)
        shape, dtype = (self.object_size, self.object_size), np.dtype(self.dtype)
        real = np.float64 if dtype.itemsize // (1 + (dtype.kind == "c")) == 8 else np.float32
        if dtype.kind != "c":
            return rng.standard_normal(shape, real)
        pairs = rng.standard_normal((*shape, 2), real)
        pairs *= np.sqrt(0.5)
        return pairs.view(dtype)[..., 0]

    def positions(self) -> np.ndarray:
        """Positions (y, x), (P, 2) or (P / C, C, 2), in random order: no help to a cache."""
        rng = np.random.default_rng(self.seed + 1)
        low = self.patch_size // 2
        high = low + self.object_size - self.patch_size
        count = self.patches // self.channels * self.channels
        positions = rng.uniform(low, high, (count, 2))
        return positions if self.channels == 1 else positions.reshape(-1, self.channels, 2)

    def describe(self) -> str:
        n, size = self.patch_size, self.object_size
        return (
            f"{self.patches:,} patches of {n} x {n} {self.dtype} out of {size} x {size}, "
            f"{self.output_bytes / 1e6:,.0f} MB"
        )
