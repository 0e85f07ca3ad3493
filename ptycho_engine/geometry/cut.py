"""What is cut at a position: said once, shared by all that cut or place patches."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from ..errors import RequestError, one_of
from .kernels import KERNELS

Interpolation = Literal["nearest", "bilinear", "bicubic", "fourier"]
Fill = Literal["zeros", "edge", "reflect", "error"]
Rounding = Literal["exact", "legacy"]

INTERPOLATIONS: tuple[Interpolation, ...] = get_args(Interpolation)
FILLS: tuple[Fill, ...] = get_args(Fill)
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)


@dataclass(frozen=True)
class Cut:
    """What is cut at a position.

    Attributes
    ----------
    patch_size : int
        Size N of the patches in pixels, at least 1; one larger than the object is legal.
    interpolation : {"nearest", "bilinear", "bicubic", "fourier"}
        How samples between pixels are formed, see :mod:`ptycho_engine.geometry.kernels`.
    fill : {"zeros", "edge", "reflect", "error"}
        What lies outside the object; ``error`` refuses windows that leave it.
    rounding : {"exact", "legacy"}
        How a position is split into a whole and a fractional part.

    Raises
    ------
    RequestError
        If one of them is none of these.
    """

    patch_size: int
    interpolation: Interpolation = "bilinear"
    fill: Fill = "zeros"
    rounding: Rounding = "exact"

    def __post_init__(self) -> None:
        for name, value, options in (
            ("interpolation", self.interpolation, INTERPOLATIONS),
            ("fill", self.fill, FILLS),
            ("rounding", self.rounding, ROUNDINGS),
        ):
            if value not in options:
                raise RequestError(one_of(name, value, options))
        if type(self.patch_size) is not int or self.patch_size < 1:
            object.__setattr__(self, "patch_size", _whole_size(self.patch_size))

    @property
    def span(self) -> int:
        """Rows and columns of a window, with the neighbours that the kernel needs.

        Also the pixels of padding after which a window touches no sample of the object.
        """
        return self.before + self.patch_size + self.after

    @property
    def before(self) -> int:
        """Samples that the kernel needs before the first of a patch."""
        return KERNELS[self.interpolation].reach(self.patch_size)[0]

    @property
    def after(self) -> int:
        """Samples that the kernel needs after the last of a patch."""
        return KERNELS[self.interpolation].reach(self.patch_size)[1]


def _whole_size(patch_size: Any) -> int:
    try:
        size = None if isinstance(patch_size, bool | np.bool_) else operator.index(patch_size)
    except TypeError:
        size = None
    if size is None or size < 1:
        raise RequestError(f"patch_size: received {patch_size!r}. Expected an integer above zero.")
    return size
