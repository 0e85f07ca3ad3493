"""What the engine asks of an array framework; nothing else in the core knows one by name."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from .forks import refuse_after_fork  # early: it looks at the threads that came along
from .numpy_arrays import NumpyArrays
from .operation import Operation
from .tensors import framework_of

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

    def empty(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
        """Return memory, as NumPy's, that `from_numpy` takes over without a copy."""

    def copied_bytes(self, nbytes: int) -> int:
        """Return the bytes that `from_numpy` takes, for plans, for so many that `empty` made."""

    def from_numpy(self, array: Array) -> Any:
        """Return an array of this framework with these numbers, which nobody changes any more."""

    def arrange(self, patches: Any, layout: str, channels: int) -> Any:
        """Rearrange flat patches into another layout."""

    def is_on_host(self, array: Any) -> bool:
        """Whether the numbers lie in the memory of the host, or are brought there unasked."""

    def differentiable(self, operation: Operation, values: Any, positions: Any) -> Any:
        """Compute what is not written in the framework, so that it can differentiate the result.

        `values` and `positions` are arrays of this framework or of NumPy.
        """

    def flatten(self, patches: Any, layout: str) -> Any:
        """Rearrange patches of a layout into flat ones: the inverse of `arrange`."""


NUMPY = NumpyArrays()
#: Frameworks that compute on devices and take arrays of others there, by DLPack.
DEVICE_FRAMEWORKS = ("jax",)
#: Module and class of the adapter of each of the `FRAMEWORKS`, imported when first needed.
ADAPTERS = {
    "tensorflow": ("tensorflow_arrays", "TensorFlowArrays"),
    "torch": ("torch_arrays", "TorchArrays"),
    "jax": ("jax_arrays", "JaxArrays"),
    "cupy": ("cupy_arrays", "CupyArrays"),
}


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
        framework = framework_of(value)
        if framework is not None:
            return adapter_named(framework)
    return NUMPY


def handed(array: Any, source: ArrayAdapter, target: ArrayAdapter) -> Any:
    """Hand an array to another framework: by NumPy on the host, or on its device by DLPack.

    Parameters
    ----------
    array : array
        Of NumPy, or of the framework of `source`.
    source, target : ArrayAdapter
        Whose it is, and whose it is to be; one of them NumPy's, or both of `DEVICE_FRAMEWORKS`
        or torch's.

    Returns
    -------
    array
        Of the framework of `target`, in the same memory where the framework allows.
    """
    if target is NUMPY:
        return source.to_numpy(array)
    if isinstance(array, np.ndarray):
        return target.from_numpy(array)
    exporter: Any = source
    adopter: Any = target
    return adopter.adopt(exporter.export(array))


@lru_cache
def adapter_named(framework: str) -> ArrayAdapter:
    """Return the adapter of one of the `FRAMEWORKS`, which is imported."""
    if framework == "tensorflow":
        refuse_after_fork()  # before it is imported
    module, kind = ADAPTERS[framework]
    adapter: ArrayAdapter = getattr(import_module(f"{__package__}.{module}"), kind)()
    return adapter
