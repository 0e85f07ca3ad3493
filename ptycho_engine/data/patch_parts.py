"""The arrays that patches are made of: one, or two reals that make complex numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..io.stacks import ALONE, Stacks

Array = NDArray[Any]
#: Arrays of patches: ours, those of training data under PtychoPINN's names, the one of a .npy file.
WHOLE = ("patches", "Y", ALONE)
#: Pairs, and whether they are polar.
PAIRS = (("amplitude", "phase", True), ("real", "imag", False), ("Y_I", "Y_phi", True))


class Named(Protocol):
    """What names arrays."""

    @property
    def patches(self) -> str | None: ...  # noqa: D102
    @property
    def amplitude(self) -> str | None: ...  # noqa: D102
    @property
    def phase(self) -> str | None: ...  # noqa: D102
    @property
    def real(self) -> str | None: ...  # noqa: D102
    @property
    def imag(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class PatchParts:
    """Patches that are made of one array or two as they are read.

    Attributes
    ----------
    shape : tuple of int
        Of the patches.
    dtype : dtype
        Of the patches: single or double precision.
    said : str
        The arrays, in words.
    in_steps : callable
        Of a number: blocks of so many entries along the first axis, of this shape and dtype.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    said: str
    in_steps: Callable[[int], Iterator[Array]]

    def without_channel(self) -> PatchParts:
        """Drop a last axis of length 1."""
        return replace(
            self,
            shape=self.shape[:-1],
            in_steps=lambda step: (block[..., 0] for block in self.in_steps(step)),
        )

    def of_pairs(self) -> PatchParts:
        """Take a last axis of length 2 for real and imaginary part."""
        dtype = complex_of(self.dtype)
        return replace(
            self,
            shape=self.shape[:-1],
            dtype=dtype,
            said=f"{self.said} (real, imaginary)",
            in_steps=lambda step: (
                np.ascontiguousarray(block).view(dtype)[..., 0] for block in self.in_steps(step)
            ),
        )


def complex_of(real: np.dtype[Any]) -> np.dtype[Any]:
    """Return the complex dtype of a precision."""
    return np.dtype(np.complex64 if real.itemsize <= 4 else np.complex128)


def find_parts(file: Stacks, source: Named) -> PatchParts:
    """Find the patches of a file.

    Raises
    ------
    InputFileError
        If there are none, or what is named cannot be patches.
    """
    if source.patches is not None:
        return _one(file, source.patches)
    for first, second, polar in (
        (source.amplitude, source.phase, True),
        (source.real, source.imag, False),
    ):
        if first is not None and second is not None:
            return _two(file, first, second, polar)
        if first is not None or second is not None:
            keys = "amplitude and phase" if polar else "real and imag"
            raise InputFileError(
                f"{file.path}: received one of patches.{keys.replace('and ', 'and patches.')}. "
                "Expected both, or patches.patches=NAME for an array alone."
            )
    for name in WHOLE:
        if name in file.names:
            return _one(file, name)
    for first, second, polar in PAIRS:
        if first in file.names and second in file.names:
            return _two(file, first, second, polar)
    raise InputFileError(
        f"{file.path}: holds no patches under a known name. Found: "
        f"{one_line(', '.join(file.names)) or 'nothing'}. Expected {', '.join(WHOLE)}, or a pair "
        f"such as {PAIRS[0][0]} and {PAIRS[0][1]}. Name them: patches.patches=NAME, or "
        "patches.amplitude=NAME patches.phase=NAME."
    )


def _single(file: Stacks, name: str, kinds: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of an array of patches, half precision as single."""
    header = file.header(name)
    dtype = header.dtype.newbyteorder("=")
    if len(header.shape) < 3 or dtype.kind not in kinds or dtype.itemsize > 16:
        what = "real" if kinds == "f" else "real or complex"
        raise InputFileError(
            f"{file.path}: {name!r} has shape {one_line(header.shape, 60)}, dtype "
            f"{one_line(dtype, 60)}. Expected {what} floating patches, (P, N, N) or (B, N, N, C). "
            "Name another array, or convert it."
        )
    return header.shape, np.dtype(np.float32) if dtype.itemsize == 2 else dtype


def _one(file: Stacks, name: str) -> PatchParts:
    shape, dtype = _single(file, name, "fc")
    return PatchParts(
        shape,
        dtype,
        name,
        lambda step: (b.astype(dtype, copy=False) for b in file.in_steps(name, step)),
    )


def _two(file: Stacks, first: str, second: str, polar: bool) -> PatchParts:
    """Describe patches of two arrays, which are read in step."""
    (shape, one), (other, two) = _single(file, first, "f"), _single(file, second, "f")
    if shape != other:
        raise InputFileError(
            f"{file.path}: {first!r} has shape {one_line(shape, 60)}, and {second!r} "
            f"{one_line(other, 60)}. Expected one shape. Name two arrays that belong together."
        )
    dtype = complex_of(np.result_type(one, two))

    def in_steps(step: int) -> Iterator[Array]:
        pairs = zip(file.in_steps(first, step), file.in_steps(second, step), strict=True)
        for a, b in pairs:
            made = np.empty(a.shape, dtype)
            if polar:
                real = made.real.dtype
                angle = b.astype(real, copy=False)
                np.multiply(a, np.cos(angle), out=made.real, casting="same_kind")
                np.multiply(a, np.sin(angle), out=made.imag, casting="same_kind")
            else:
                made.real, made.imag = a, b
            yield made

    words = "amplitude and phase" if polar else "real and imaginary part"
    return PatchParts(shape, dtype, f"{first} and {second} ({words})", in_steps)
