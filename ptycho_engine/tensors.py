"""Questions about TensorFlow tensors that do not import TensorFlow."""

from __future__ import annotations

import sys
from typing import Any


def is_tensor(value: Any) -> bool:
    """Whether `value` is a TensorFlow tensor or variable; without TensorFlow nothing can be."""
    tf = sys.modules.get("tensorflow")
    return tf is not None and isinstance(value, tf.Tensor | tf.Variable)


def is_symbolic(value: Any) -> bool:
    """Whether `value` is a tensor of a graph under construction, whose numbers are not known."""
    return is_tensor(value) and not hasattr(value, "numpy")
