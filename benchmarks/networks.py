"""One small physics-informed network, with layers of this package and the legacy way.

Both guess amplitude and phase of each patch from its pattern, put the patches of a group together
to their common object, cut what each member sees of it, and propagate that to the detector. The
legacy way moves whole padded canvases, and cuts their centres; its shifts are ours.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

#: Reach of the object beyond a patch on either side, as a share of the patch.
MARGIN = 4
FILTERS = 16


def frame_side(size: int) -> int:
    """Rows and columns of the object of a group."""
    return size + 2 * (size // MARGIN)


def probe_of(size: int) -> np.ndarray:
    """A smooth spot, (N, N)."""
    along = np.hanning(size + 2)[1:-1]
    return (along[:, None] * along).astype(np.complex64)


def build(kind: str, size: int, members: int, compiled: bool) -> Any:
    """Return the network, ready to be trained; both kinds begin with the same weights.

    Parameters
    ----------
    kind : {"layers", "legacy"}
        Which way.
    size, members : int
        N and C of the patterns (B, N, N, C).
    compiled : bool
        Whether XLA compiles its steps.
    """
    from ptycho_engine import layers

    layers.register()  # imports Keras
    import keras

    keras.utils.set_random_seed(0)
    patterns = keras.Input((size, size, members))
    positions = keras.Input((members, 2), dtype="float64")  # in the object of the group
    guessed = _guess(keras, patterns, members)
    loss: Any
    if kind == "layers":
        intensities, loss = _with_layers(guessed, positions, size), layers.PoissonNLL()
    else:
        intensities, loss = _with_canvases(keras, guessed, positions, size), _poisson
    model = keras.Model([patterns, positions], intensities)
    model.compile(keras.optimizers.Adam(1e-3), loss, jit_compile=compiled)
    return model


def _guess(keras: Any, patterns: Any, members: int) -> tuple[Any, Any]:
    """Return what becomes amplitude and phase, (B, N, N, C) each."""

    def convolve(values: Any, filters: int, **how: Any) -> Any:
        return keras.layers.Conv2D(filters, 3, padding="same", **how)(values)

    values = convolve(keras.ops.sqrt(patterns), FILTERS, strides=2, activation="relu")
    values = convolve(values, 2 * FILTERS, strides=2, activation="relu")
    for filters in (2 * FILTERS, FILTERS):
        values = convolve(keras.layers.UpSampling2D()(values), filters, activation="relu")
    return convolve(values, members), convolve(values, members)


def _with_layers(guessed: tuple[Any, Any], positions: Any, size: int) -> Any:
    from ptycho_engine import layers

    side = frame_side(size)
    amplitude = layers.ScaledTanh(0.5, 0.5)(guessed[0])
    phase = layers.ScaledTanh(math.pi)(guessed[1])
    patches = layers.CombineComplex()([amplitude, phase])
    objects = layers.ReassemblePatches((side, side))([patches, positions])
    seen = layers.ExtractPatches(size)([objects, positions])
    waves = layers.ProbeIllumination(probe_of(size))(seen)
    return layers.FarFieldDiffraction("intensity")(waves)


def _with_canvases(keras: Any, guessed: tuple[Any, Any], positions: Any, size: int) -> Any:
    import tensorflow as tf

    from ptycho_engine import translate

    members, side = guessed[0].shape[-1], frame_side(size)
    before = side // 2 - size // 2
    border = [before, side - size - before]

    def combine(first: Any, second: Any) -> Any:
        amplitude, phase = 0.5 * tf.tanh(first) + 0.5, math.pi * tf.tanh(second)
        return tf.complex(amplitude * tf.cos(phase), amplitude * tf.sin(phase))

    def moved(canvases: Any, shifts: Any) -> Any:  # (B, M, M, C), each by its own
        flat = tf.reshape(tf.transpose(canvases, (0, 3, 1, 2)), (-1, side, side, 1))
        flat = translate(flat, tf.reshape(shifts, (-1, 2)))
        return tf.transpose(tf.reshape(flat, (-1, members, side, side)), (0, 2, 3, 1))

    def put_together(patches: Any, where: Any) -> Any:
        canvases = tf.pad(patches, [[0, 0], border, border, [0, 0]])
        ones = tf.pad(tf.ones_like(tf.math.real(patches)), [[0, 0], border, border, [0, 0]])
        total, coverage = (
            tf.reduce_sum(moved(x, where - side // 2), axis=-1) for x in (canvases, ones)
        )
        return tf.math.divide_no_nan(total, tf.cast(coverage, total.dtype))  # (B, M, M)

    def cut(objects: Any, where: Any) -> Any:
        canvases = moved(tf.repeat(objects[..., None], members, axis=-1), side // 2 - where)
        return canvases[:, before : before + size, before : before + size]

    def diffract(waves: Any) -> Any:
        fields = tf.signal.fft2d(tf.transpose(waves, (0, 3, 1, 2)))
        intensities = tf.abs(tf.signal.fftshift(fields, axes=(2, 3))) ** 2 / size**2
        return tf.transpose(intensities, (0, 2, 3, 1))

    def physics(values: Any) -> Any:
        *parts, where = values
        seen = cut(put_together(combine(*parts), where), where)
        return diffract(seen * probe_of(size)[..., None])

    # One for all: between layers of Lambda, Keras takes complex numbers for real ones.
    return keras.layers.Lambda(physics, autocast=False)([*guessed, positions])


def _poisson(counts: Any, rates: Any) -> Any:
    import tensorflow as tf

    return tf.reduce_mean(rates - counts * tf.math.log(rates + 1e-6))


def batch_of(count: int, size: int, members: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return inputs and targets of a step: counts, at positions whose windows lie inside."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(5, (count, size, size, members)).astype(np.float32)
    reach = size // MARGIN - 1
    positions = frame_side(size) // 2 + rng.uniform(-reach, reach, (count, members, 2))
    return [counts, positions], counts
