"""A network of every layer: it builds without a warning, trains without tracing or keeping anew."""

import re
import warnings

import numpy as np
import pytest
from allocated import allocated_bytes

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

from layer_cases import (
    ALL_PLACEMENTS,
    ELEMENTWISE,
    EXTRACTIONS,
    OPTICS,
    PLACEMENTS,
    TRANSLATIONS,
    cast,
    leaves,
    rebuild,
)

from ptycho_engine import layers
from ptycho_engine.compilations import compilation_counts

MEBI = 1024**2
#: Not layers.
OTHERS = {"PoissonNLL", "register"}
QUIETLY = {"verbose": 0, "shuffle": False}


class Counted(keras.Model):
    """A model that counts how often Python runs its training step: once for each trace."""

    traces = 0

    def train_step(self, data):
        self.traces += 1
        return super().train_step(data)


def every_layer(size=8, side=14, members=2):
    """A network from patterns and positions to expected patterns, with each layer in it."""
    patterns = keras.Input((size, size, members))
    positions = keras.Input((members, 2), dtype="float64")
    scale = layers.IntensityScale(4.0)
    hidden = keras.layers.Conv2D(2 * members, 3, padding="same")(scale.inverse()(patterns))
    amplitude = layers.ScaledTanh(0.5, 0.5)(hidden[..., :members])
    phase = layers.ScaledTanh(np.pi)(hidden[..., members:])
    patches = layers.CentreMask(6)(layers.CombineComplex()([amplitude, phase]))
    patches = layers.Translation(jitter=0.1, seed=0)([patches, positions[:, 0] - side // 2])
    objects = layers.ReassemblePatches((side, side))([patches, positions])
    objects += layers.PlacePatches((side, side))([patches, positions])
    seen = layers.ExtractPatches(size)([objects, positions])
    waves = layers.ProbeIllumination(np.hanning(size)[:, None] * np.hanning(size), True)(seen)
    expected = scale(layers.FarFieldDiffraction("intensity")(waves))
    return Counted([patterns, positions], expected)


def batches(count, batch=16, size=8, side=14, members=2):
    """Batches of counts, at positions of their own, again and again."""
    rng = np.random.default_rng(0)
    patterns = rng.poisson(5, (count, batch, size, size, members)).astype(np.float32)
    positions = side // 2 + rng.uniform(-3, 3, (count, batch, members, 2))
    return tf.data.Dataset.from_tensor_slices(((patterns, positions), patterns)).repeat()


def test_building_a_model_of_every_layer_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = every_layer()
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds >= set(layers.__all__) - OTHERS
    assert len([weight for weight in model.weights if weight.name == "log_scale"]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
def test_steps_trace_nothing_anew_and_keep_no_memory(compiled, scaled):
    """1,000 steps of `fit`, whose patches and objects alone would be 170 MB if kept."""
    model, data, steps = every_layer(), batches(20), scaled(1000)
    model.compile(keras.optimizers.Adam(1e-3), layers.PoissonNLL(), jit_compile=compiled)
    warm = model.fit(data, steps_per_epoch=max(20, steps // 5), **QUIETLY).history["loss"]
    traces, compilations = model.traces, compilation_counts()["xla"]
    before = allocated_bytes()
    losses = model.fit(data, steps_per_epoch=steps, **QUIETLY).history["loss"]
    assert allocated_bytes() - before < MEBI
    assert traces > 0
    assert (model.traces, compilation_counts()["xla"]) == (traces, compilations)
    assert losses[-1] < warm[0]


def entry_parameters(function, *arrays):
    """How many arrays the program takes that XLA compiles of a function."""
    compiled = tf.function(function, jit_compile=True, autograph=False)
    program = compiled.experimental_get_compiler_ir(*arrays)(stage="hlo")
    return len(re.findall(r" parameter\(\d+\)", program[program.index("ENTRY") :]))


EVERY = [*ELEMENTWISE, *OPTICS, *TRANSLATIONS, *EXTRACTIONS, *PLACEMENTS, *ALL_PLACEMENTS]


@pytest.mark.drawn
@pytest.mark.slow_cases(*{case.name for case in EVERY} - {PLACEMENTS[0].name})
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)
def test_gradients_are_compiled_for_all_values_at_once(case):
    """What TensorFlow holds for a constant is no parameter: each step would be compiled anew."""
    arrays = cast(case, "single")
    layer = getattr(layers, case.layer)(**case.arguments)
    inputs = [tf.constant(array) for array in leaves(arrays)]

    def gradients(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            found = layer(rebuild(arrays, iter(inputs)))
            loss = tf.reduce_sum(tf.abs(found) ** 2)
        return tape.gradient(loss, inputs)

    assert entry_parameters(gradients, *inputs) == len(inputs) + len(layer.weights)
