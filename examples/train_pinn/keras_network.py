"""The network in Keras: patterns in, patches out, and the patterns that these would make."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from architecture import KERNEL, convolutions, first_weights
from numpy.typing import NDArray
from settings import Settings

from ptycho_engine import layers


def build_model(
    settings: Settings, probe: NDArray[np.complex64], scale: float, frame: int
) -> keras.Model:
    """Build the autoencoder.

    Parameters
    ----------
    settings : Settings
        Of the run.
    probe : ndarray, shape (N, N)
        The illumination.
    scale : float
        What the probe is multiplied by to count photons; it is trained, too.
    frame : int
        Rows and columns M of the object of a group.

    Returns
    -------
    keras.Model
        From ``patterns`` (B, N, N, C), in counts, and ``positions`` (B, C, 2) to the expected
        ``intensity`` (B, N, N, C) in counts, and ``amplitude`` and ``phase`` of the patches.
    """
    size, channels = settings.size, settings.channels
    patterns = keras.Input((size, size, channels), name="patterns")
    positions = keras.Input((channels, 2), dtype="float64", name="positions")

    intensity_scale = layers.IntensityScale(scale, name="scale")
    amplitude, phase = _network(intensity_scale.inverse()(keras.ops.sqrt(patterns)), settings)
    patches = layers.CombineComplex()([amplitude, phase])

    # Patches of a group are views of one object: they meet where they overlap.
    centre = keras.ops.mean(positions, axis=1, keepdims=True)
    local = positions - centre + float(frame // 2)
    weights = np.abs(probe) ** 2
    between = {"interpolation": settings.interpolation}
    group = layers.ReassemblePatches((frame, frame), weights=weights, **between)([patches, local])
    seen = layers.ExtractPatches(size, **between)([group, local])
    waves = layers.ProbeIllumination(probe)(seen)
    expected = intensity_scale(layers.FarFieldDiffraction()(waves))
    outputs = {
        "intensity": keras.layers.Activation("linear", name="intensity")(expected**2),
        "amplitude": amplitude,
        "phase": phase,
    }
    model = keras.Model({"patterns": patterns, "positions": positions}, outputs)
    drawn = first_weights(channels, settings.filters, settings.seed)
    for name, values in drawn.items():
        model.get_layer(f"{name}_convolution").set_weights(values)
    return model


def _network(inputs: Any, settings: Settings) -> tuple[Any, Any]:
    """Return amplitude and phase (B, N, N, C) for amplitudes of patterns (B, N, N, C)."""

    def convolve(name: str, values: Any, activation: str | None = "relu") -> Any:
        filters = convolutions(settings.channels, settings.filters)[name][1]
        layer = keras.layers.Conv2D(
            filters, KERNEL, padding="same", activation=activation, name=f"{name}_convolution"
        )
        return layer(values)

    values = _halved(convolve("encode_1", inputs))
    values = _halved(convolve("encode_2", values))
    values = keras.layers.UpSampling2D()(convolve("bottom", values))
    values = keras.layers.UpSampling2D()(convolve("decode_1", values))
    values = convolve("decode_2", values)
    amplitude = layers.ScaledTanh(0.5, 0.5, name="amplitude")(convolve("amplitude", values, None))
    phase = layers.ScaledTanh(np.pi, 0.0, name="phase")(convolve("phase", values, None))
    return amplitude, phase


def _halved(values: Any) -> Any:
    """Average two by two: XLA spends minutes on folding the pooling layers of Keras."""
    _, rows, columns, channels = values.shape
    apart = keras.ops.reshape(values, (-1, rows // 2, 2, columns // 2, 2, channels))
    return keras.ops.mean(apart, axis=(2, 4))
