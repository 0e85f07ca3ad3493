"""Modes of TensorFlow that a caller may be in, and that ours must not depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import tensorflow as tf

from ..errors import CapabilityError

P = ParamSpec("P")
R = TypeVar("R")


def at_once(work: Callable[P, R]) -> Callable[P, R]:
    """Compute with arrays at once, also while a function or a ``tf.Graph`` is being built.

    Parameters
    ----------
    work : callable
        Computes eagerly.

    Returns
    -------
    callable
        The same; inside ``tf.Graph().as_default()`` it runs in a thread of its own, which has no
        graph.

    Raises
    ------
    CapabilityError
        When called, if eager execution is switched off for the whole process.
    """

    @wraps(work)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        with tf.init_scope():
            if tf.executing_eagerly():
                return work(*args, **kwargs)
        with ThreadPoolExecutor(1) as pool:
            if not pool.submit(tf.executing_eagerly).result():
                raise CapabilityError(
                    "NumPy arrays: TensorFlow's eager execution is switched off in this process "
                    "(tf.compat.v1.disable_eager_execution or disable_v2_behavior), and this "
                    "plugin computes eagerly. Leave it on, pass tensors of your graph, or choose "
                    'the plugin "numba".'
                )
            return pool.submit(work, *args, **kwargs).result()

    return call


@contextmanager
def unobserved() -> Iterator[bool]:
    """Trace without what observes each operation, as ``tf.debugging.enable_check_numerics`` does.

    What it adds to a graph cannot be compiled by XLA, and would stay in it. TensorFlow has no
    public way to do so; where there is no other, nothing happens.

    Yields
    ------
    bool
        Whether anything did observe.
    """
    context: Any = None
    try:
        from tensorflow.python.eager import context as contexts

        context = contexts.context()
        observers = list(context.op_callbacks)
    except (ImportError, AttributeError):
        observers = []
    for observer in observers:
        context.remove_op_callback(observer)
    try:
        yield bool(observers)
    finally:
        for observer in observers:
            context.add_op_callback(observer)


def is_watched(tensor: tf.Tensor) -> bool:
    """Tell whether a gradient tape may ask for the gradient of an eager tensor.

    TensorFlow has no public way to find out; without the other, the answer is yes.
    """
    try:
        from tensorflow.python.eager import record

        return bool(record.should_record_backprop([tensor]))
    except (ImportError, AttributeError):
        return True


def is_pushed_forward(tensor: tf.Tensor) -> bool:
    """Tell whether a ``tf.autodiff.ForwardAccumulator`` follows an eager tensor.

    TensorFlow has no public way to find out either; without the other, the answer is no.
    """
    try:
        from tensorflow.python.eager import forwardprop_util

        return bool(forwardprop_util.pack_tangents([tensor]).tangents)
    except (ImportError, AttributeError):
        return False
