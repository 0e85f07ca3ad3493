"""Questions about the arrays of frameworks that import none of them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import AT_CALLER, at_caller

P = ParamSpec("P")
R = TypeVar("R")


#: Frameworks other than NumPy by the name of their module, and their classes of arrays.
FRAMEWORKS = {
    "tensorflow": ("Tensor", "Variable"),
    "torch": ("Tensor",),
    "jax": ("Array",),
    "cupy": ("ndarray",),
}


def framework_of(value: Any) -> str | None:
    """Name the framework that an array belongs to; None for NumPy's, and for what is no array.

    A framework that is not imported, or that another thread is still importing, has no arrays yet.
    """
    if isinstance(value, np.ndarray):  # the question about tensors takes longer
        return None
    return next((name for name in FRAMEWORKS if isinstance(value, _kinds(name))), None)


def is_tensor(value: Any) -> bool:
    """Whether `value` is a TensorFlow tensor or variable; without TensorFlow nothing can be."""
    return not isinstance(value, np.ndarray) and isinstance(value, _kinds("tensorflow"))


def _kinds(framework: str) -> tuple[Any, ...]:
    module = sys.modules.get(framework)
    return tuple(getattr(module, kind, ()) for kind in FRAMEWORKS[framework])


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a tensor of a graph under construction, whose numbers are not known."""
    return is_tensor(value) and not hasattr(value, "numpy")


def outside_autograph(function: Callable[P, R]) -> Callable[P, R]:
    """Keep AutoGraph and ``torch.compile`` out: what they would trace is no arithmetic of tensors.

    AutoGraph finds nothing to convert, and takes seconds; torch's graphs break here, and go on
    after the call. Errors raised on purpose end at the caller's line, as
    :func:`~ptycho_engine.errors.at_caller`.

    Parameters
    ----------
    function : callable
        One that is called inside ``tf.function``, or in what torch compiles.

    Returns
    -------
    callable
        The same, run as it is written.
    """

    @lru_cache(maxsize=1)
    def unconverted() -> Callable[P, R]:
        plain: Callable[P, R] = sys.modules["tensorflow"].autograph.experimental.do_not_convert(
            function
        )
        return plain

    uncompiled: list[Callable[P, R]] = []  # torch traces it: an lru_cache would make it warn

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        executes_eagerly = getattr(sys.modules.get("tensorflow"), "executing_eagerly", None)
        if executes_eagerly is not None and not executes_eagerly():  # none while it is imported
            with AT_CALLER:
                return unconverted()(*args, **kwargs)
        if "torch._dynamo" in sys.modules:  # nothing was compiled before it was imported
            if not uncompiled:
                uncompiled.append(sys.modules["torch"].compiler.disable(at_caller(function)))
            return uncompiled[0](*args, **kwargs)
        with AT_CALLER:
            return function(*args, **kwargs)

    vars(call)["autograph_info__"] = {}  # the mark of what AutoGraph has made: it leaves that alone
    return call
