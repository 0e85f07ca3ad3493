"""Questions about TensorFlow tensors that do not import TensorFlow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np

from ..errors import AT_CALLER

P = ParamSpec("P")
R = TypeVar("R")


def is_tensor(value: Any) -> bool:
    """Whether `value` is a TensorFlow tensor or variable; without TensorFlow nothing can be.

    Nor while another thread is still importing it: nobody has a tensor then.
    """
    if isinstance(value, np.ndarray):  # the question about tensors takes longer
        return False
    tf = sys.modules.get("tensorflow")
    kinds = getattr(tf, "Tensor", ()), getattr(tf, "Variable", ())
    return isinstance(value, kinds)


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a tensor of a graph under construction, whose numbers are not known."""
    return is_tensor(value) and not hasattr(value, "numpy")


def outside_autograph(function: Callable[P, R]) -> Callable[P, R]:
    """Keep AutoGraph out: there is nothing to convert, and it takes seconds and warns.

    Errors raised on purpose end at the caller's line, as :func:`~ptycho_engine.errors.at_caller`.

    Parameters
    ----------
    function : callable
        One that is called inside ``tf.function``.

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

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        executes_eagerly = getattr(sys.modules.get("tensorflow"), "executing_eagerly", None)
        with AT_CALLER:
            if executes_eagerly is None or executes_eagerly():  # none while it is being imported
                return function(*args, **kwargs)
            return unconverted()(*args, **kwargs)

    return call
