"""Keras on TensorFlow, or a refusal: every module of the layers takes both from here."""

from __future__ import annotations

import os
import sys

from ..errors import ConfigurationError
from ..extras import require


def _refuse(backend: str) -> None:
    raise ConfigurationError(
        f"ptycho_engine.layers: Keras runs on the backend {backend!r}. Expected 'tensorflow': set "
        "KERAS_BACKEND=tensorflow before Keras is imported. For torch there is "
        "ptycho_engine.layers.torch."
    )


require("tensorflow", "ptycho_engine.layers")
# Keras would import the other framework to tell.
chosen = os.environ.get("KERAS_BACKEND") or "tensorflow"
if "keras" not in sys.modules and chosen != "tensorflow":
    _refuse(chosen)

import keras  # noqa: E402

if keras.config.backend() != "tensorflow":
    _refuse(keras.config.backend())

import tensorflow as tf  # noqa: E402

#: Registers a class as ``ptycho_engine>NAME``.
registered = keras.saving.register_keras_serializable(package="ptycho_engine")

__all__ = ["keras", "registered", "tf"]
