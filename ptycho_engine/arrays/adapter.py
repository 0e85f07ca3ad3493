"""What the engine asks of an array framework; nothing else in the core knows one by name."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Protocol

import numpy as np

from .forks import refuse_after_fork  # early: it looks at the threads that came along
from .numpy_arrays import NumpyArrays
from .tensors import is_tensor

Array = np.ndarray[Any, Any]


class ArrayAdapter(Protocol):
    """The answers of one framework. Values passed in are its own, or what it converts.

    Attributes
    ----------
    name : str
        The kind of array, as plugins declare it in their capabilities.
    """

    name: str

    def convert(self, value: Any, what: str) -> Any:
        """Return `value` as an array of this framework in native byte order, or refuse it."""

    def shape(self, array: Any) -> tuple[int | None, ...] | None:
        """Return the shape, None for sizes that are not known yet; None for an unknown rank."""

    def dtype(self, array: Any) -> np.dtype[Any]:
        """Return the dtype, as NumPy names it."""

    def dtype_name(self, array: Any) -> str:
        """Return the name of the dtype, also of one that NumPy does not have."""

    def is_real(self, array: Any) -> bool:
        """Whether it holds real numbers, integers included."""

    def is_symbolic(self, array: Any) -> bool:
        """Whether the numbers are not known before a graph runs."""

    def real_pairs(self, positions: Any) -> tuple[Any, Array | None]:
        """Flatten to (P, 2) float64; also the numbers on the host.

        Those of symbolic ones are None, and checked for NaN and infinity as they run.
        """

    def to_numpy(self, array: Any) -> Array:
        """Return the numbers on the host."""

    def from_numpy(self, array: Array) -> Any:
        """Return an array of this framework with these numbers."""

    def arrange(self, patches: Any, layout: str, channels: int) -> Any:
        """Rearrange flat patches into another layout."""

    def flatten(self, patches: Any, layout: str) -> Any:
        """Rearrange patches of a layout into flat ones: the inverse of `arrange`."""


NUMPY = NumpyArrays()


def adapter_of(*values: Any) -> ArrayAdapter:
    """Return the adapter of the framework that `values` belong to.

    Parameters
    ----------
    *values
        Arrays, or whatever NumPy reads as one.

    Returns
    -------
    ArrayAdapter
        Of the first value that belongs to a framework other than NumPy; else NumPy's.
    """
    for value in values:
        if not isinstance(value, np.ndarray) and is_tensor(value):
            return _tensorflow()
    return NUMPY


@lru_cache(maxsize=1)
def _tensorflow() -> ArrayAdapter:
    refuse_after_fork()
    from .tensorflow_arrays import TensorFlowArrays

    return TensorFlowArrays()
