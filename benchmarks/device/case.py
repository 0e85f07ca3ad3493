"""What a carried kernel is given, and what it is to answer: drawn from a seed, with NumPy alone.

Uniform numbers and integers alone are drawn: they are the same bits on every machine.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

#: Kernels of a case: flat patches, groups of `MEMBERS` in the channel layout, and the gradient of
#: flat patches with respect to the object.
KINDS = ("flat", "channel", "gradient")
MEMBERS = 4
#: Patches whose expected values travel along, and rows of each, and rows of the gradient.
CHECKED = 64
ROWS = 128
GRADIENT_ROWS = 64


@dataclass(frozen=True)
class Case:
    """Complex64 patches of one size, in windows inside the object, in random order.

    Attributes
    ----------
    patch_size, patches, object_size : int
        N, P and the side H of the square object; P is a multiple of `MEMBERS`.
    seed : int
        Of the generator.
    """

    patch_size: int
    patches: int
    object_size: int = 1024
    seed: int = 0

    def __post_init__(self) -> None:
        if self.patch_size >= self.object_size:
            raise ValueError(
                f"patch_size: received {self.patch_size}. Expected less than the object's size, "
                f"{self.object_size}: windows lie inside the object. Choose smaller patches."
            )
        if self.patches < MEMBERS or self.patches % MEMBERS:
            raise ValueError(
                f"patches: received {self.patches}. Expected a multiple of {MEMBERS}, the members "
                "of a group. Round it."
            )

    @property
    def patch_bytes(self) -> int:
        """Bytes of all patches: what the kernels write, and the gradient reads."""
        return 8 * self.patches * self.patch_size**2

    @property
    def checked(self) -> np.ndarray:
        """Indices of the patches that are compared, from the first to the last."""
        return np.linspace(0, self.patches - 1, min(CHECKED, self.patches)).astype(int)

    def output_shape(self, kind: str) -> tuple[int, ...]:
        """Shape of what a kernel returns, float32 with real and imaginary parts interleaved."""
        n = self.patch_size
        return {
            "flat": (self.patches, n, 2 * n),
            "channel": (self.patches // MEMBERS, n, 2 * n * MEMBERS),
            "gradient": (self.object_size, 2 * self.object_size),
        }[kind]

    def arguments(self, kind: str, *, checked_only: bool = False) -> tuple[np.ndarray, ...]:
        """What a kernel takes.

        Parameters
        ----------
        kind : {"flat", "channel", "gradient"}
            Which kernel.
        checked_only : bool
            Whether the upstream gradient is zero but for the checked patches.

        Returns
        -------
        tuple of ndarray
            The object (H, 2 H) of float32, or, last, the upstream gradient (P, N, 2 N) of float32;
            first rows and columns (P, 2) of int32, and their fractions (P, 2) of float32.
        """
        windows = self.starts(), self.fractions()
        if kind != "gradient":
            return self.image(), *windows
        return *windows, self.upstream(checked_only)

    def image(self) -> np.ndarray:
        """The object's real view, float32 of shape (H, 2 H), uniform within -1/2 and 1/2."""
        return self._uniform(0, (self.object_size, 2 * self.object_size)) - np.float32(0.5)

    def starts(self) -> np.ndarray:
        """First row and column of each window, int32 of shape (P, 2)."""
        return self._generator(1).integers(
            0, self.object_size - self.patch_size, (self.patches, 2), np.int32
        )

    def fractions(self) -> np.ndarray:
        """How far beyond its first sample each window begins, float32 of shape (P, 2)."""
        return self._uniform(2, (self.patches, 2))

    def positions(self) -> np.ndarray:
        """Positions (y, x) of the patches, float64 of shape (P, 2): sample N // 2 sits there."""
        return self.starts() + self.fractions().astype(np.float64) + self.patch_size // 2

    def upstream(self, checked_only: bool) -> np.ndarray:
        """The upstream gradient, float32 of shape (P, N, 2 N)."""
        shape = self.output_shape("flat")
        values = self.checked_upstream()
        if not checked_only:
            return np.resize(values, shape)
        alone = np.zeros(shape, np.float32)
        alone[self.checked] = values
        return alone

    def checked_upstream(self) -> np.ndarray:
        """The upstream gradient of the checked patches, float32 of shape (64, N, 2 N)."""
        n = self.patch_size
        return self._uniform(3, (len(self.checked), n, 2 * n)) - np.float32(0.5)

    def answer(self, kind: str, output: Any) -> np.ndarray:
        """Take from a kernel's output what is compared, as complex64.

        Parameters
        ----------
        kind : {"flat", "channel", "gradient"}
            Which kernel.
        output : array of float32, shape `output_shape`
            On a device too: no more than what is compared is copied from it.

        Returns
        -------
        ndarray of complex64
            Rows of the checked patches, (64, at most 128, N), or of the gradient, (64, H).
        """
        if kind == "gradient":
            return np.asarray(output[:: self.gradient_step]).view(np.complex64)
        n, checked = self.patch_size, self.checked
        if kind == "flat":
            return self.thin(np.asarray(output[checked]).view(np.complex64))
        groups = np.asarray(output[checked // MEMBERS]).view(np.complex64)
        members = groups.reshape(-1, n, n, MEMBERS)[
            np.arange(len(checked)), :, :, checked % MEMBERS
        ]
        return self.thin(members)

    @property
    def gradient_step(self) -> int:
        """Every so many-th row of the gradient is compared."""
        return max(1, self.object_size // GRADIENT_ROWS)

    def thin(self, patches: np.ndarray) -> np.ndarray:
        """Keep at most 128 rows of each patch, others of the next one: all rows are looked at."""
        step = max(1, math.ceil(self.patch_size / ROWS))
        rows = self.patch_size // step
        return np.stack([p[i % step :: step][:rows] for i, p in enumerate(patches)])

    def checksum(self) -> str:
        """Of what was drawn: another generator elsewhere must not pass for a wrong kernel."""
        value = 0
        for drawn in (self.image(), self.starts(), self.fractions(), self.checked_upstream()):
            value = zlib.crc32(drawn.tobytes(), value)
        return f"{value:08x}"

    def _generator(self, part: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, self.patch_size, part])

    def _uniform(self, part: int, shape: tuple[int, ...]) -> np.ndarray:
        return self._generator(part).random(shape, np.float32)
