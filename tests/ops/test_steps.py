"""Steps of a training-like loop: cut, compare, differentiate, again and again."""

import numpy as np
import pytest
from allocated import allocated_bytes

tf = pytest.importorskip("tensorflow")

from ptycho_engine import Engine
from ptycho_engine.compilations import compilation_counts

MEBI = 1024**2


def training_step(engine, image, positions, targets, n):
    """Move an object and its positions against their gradients; return the loss."""
    with tf.GradientTape() as tape:
        patches = engine.extract(image, positions, n)
        loss = tf.reduce_mean(tf.abs(patches - targets) ** 2)
    of_image, of_positions = tape.gradient(loss, [image, positions])
    image.assign_sub(0.1 * of_image)
    positions.assign_sub(0.1 * of_positions)
    return loss


def beginning(count, n, dtype="float32", shape=(40, 44)):
    rng = np.random.default_rng(0)
    image = tf.Variable(rng.normal(size=shape).astype(dtype))
    positions = tf.Variable(rng.uniform(5, 35, (count, 2)))
    return image, positions, tf.constant(rng.normal(size=(count, n, n)).astype(dtype))


@pytest.mark.slow_cases("eager")
@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_steps_compile_nothing_anew(mode):
    """After the first step nothing is traced, whatever the positions; a patch size of its own."""
    n, count = 13, 6
    engine, state, traces = Engine("chunked_xla"), beginning(count, n), []

    def step():
        traces.append(None)
        return training_step(engine, *state, n)

    if mode == "graph":
        step = tf.function(step, autograph=False, jit_compile=False)
    step()
    before, traced = compilation_counts()["xla"], len(traces)
    assert before > 0
    losses = [float(step()) for _ in range(5)]
    assert compilation_counts()["xla"] == before
    assert len(traces) == traced + (5 if mode == "eager" else 0)
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.drawn
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched"])
@pytest.mark.parametrize("mode", ["eager", "graph", "outer_jit"])
def test_memory_stays_flat_over_many_steps(plugin, mode, scaled):
    """1,000 steps, which would keep 128 MiB of patches alone if one kept its own."""
    n, count = 32, 32
    engine, state = Engine(plugin), beginning(count, n, shape=(60, 64))

    def step():
        return training_step(engine, *state, n)

    if mode != "eager":
        step = tf.function(step, autograph=False, jit_compile=mode == "outer_jit")
    steps = scaled(1000)
    for _ in range(max(20, steps // 5)):
        step()
    before = allocated_bytes()
    for _ in range(steps):
        step()
    assert allocated_bytes() - before < MEBI
