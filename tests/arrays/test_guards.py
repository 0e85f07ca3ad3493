"""What a graph refuses as it runs; XLA cannot raise, and shows NaN in place of a patch."""

import re

import numpy as np
import pytest

from ptycho_engine import Engine
from ptycho_engine.errors import OutOfBoundsError, RequestError

tf = pytest.importorskip("tensorflow")

pytestmark = pytest.mark.filterwarnings("ignore:The plugin 'iterative':FutureWarning")

WHERE = np.array([[20.5, 20.25], [19.0, 21.0], [18.25, 21.5], [20.0, 20.0]])
BAD = [
    ("zeros", [np.nan, 3.0], "NaN or infinite: .* [1] [4] [1] [nan 3]"),
    ("zeros", [3.0, -np.inf], "NaN or infinite: .* [1] [4] [1] [3 -inf]"),
    ("error", [1.25, 2.5], "windows leave the object: .* [1] [4] [1] [1.25 2.5]"),
    ("error", [20.0, 1e300], "windows leave the object: .* [1] [4] [1] [20 1e+300]"),
]
SERVED = [("chunked_xla", "bilinear"), ("batched", "fourier"), ("iterative", "nearest")]


def cut_with(plugin, bad, dtype="float64", layout="flat", **how):
    image = np.random.default_rng(0).standard_normal((40, 42)).astype(dtype)
    positions = WHERE.copy()
    positions[1] = bad
    grouped = (lambda x: x) if layout == "flat" else (lambda x: x[:, None])
    engine = Engine(plugin)

    def cut(image, positions):
        return engine.extract(image, positions, 4, layout=layout, **how)

    return cut, tf.constant(image), grouped(positions), cut(image, grouped(WHERE))


@pytest.mark.drawn
@pytest.mark.slow_cases("channel", "batched", "bad1", "bad3")
@pytest.mark.parametrize(("plugin", "interpolation"), SERVED)
@pytest.mark.parametrize("layout", ["flat", "channel"])
@pytest.mark.parametrize(("fill", "bad", "said"), BAD)
def test_compiled_by_the_caller_patches_of_bad_positions_are_nan(
    plugin, interpolation, layout, fill, bad, said
):
    how = {"interpolation": interpolation, "fill": fill, "layout": layout}
    cut, image, positions, expected = cut_with(plugin, bad, "complex128", **how)
    found = tf.function(cut, jit_compile=True, autograph=False)(image, tf.constant(positions))
    parts = found.numpy().view(np.float64).reshape(4, -1)
    assert np.isnan(parts[1]).all()
    others = [0, 2, 3]
    np.testing.assert_allclose(found.numpy()[others], expected[others], rtol=0, atol=1e-12)


@pytest.mark.drawn
@pytest.mark.slow_cases("batched", "bad1", "bad3")
@pytest.mark.parametrize(("plugin", "interpolation"), SERVED)
@pytest.mark.parametrize(("fill", "bad", "said"), BAD)
def test_graphs_raise_with_the_numbers(plugin, interpolation, fill, bad, said):
    how = {"interpolation": interpolation, "fill": fill}
    cut, image, positions, expected = cut_with(plugin, bad, **how)
    signature = [tf.TensorSpec((None, None), tf.float64), tf.TensorSpec((None, 2), tf.float64)]
    graph = tf.function(cut, input_signature=signature, autograph=False)
    pattern = ".*".join(map(re.escape, said.split(".*")))
    with pytest.raises(tf.errors.InvalidArgumentError, match=pattern):
        graph(image, positions)
    np.testing.assert_allclose(graph(image, WHERE), expected, rtol=0, atol=1e-12)
    assert graph(image, np.empty((0, 2))).shape == (0, 4, 4)


@pytest.mark.parametrize(("fill", "bad", "said"), BAD)
def test_eager_tensors_raise_with_the_numbers(fill, bad, said):
    cut, image, positions, _ = cut_with("batched", bad, fill=fill)
    with pytest.raises((RequestError, OutOfBoundsError), match=r"1 of 4 .* at index 1"):
        cut(image, tf.constant(positions))


def test_a_refused_position_spoils_no_gradient_but_its_own():
    cut, image, positions, _ = cut_with("chunked_xla", [np.nan, 3.0])

    @tf.function(jit_compile=True, autograph=False)
    def slopes(image, positions):
        with tf.GradientTape() as tape:
            tape.watch([image, positions])
            total = tf.reduce_sum(tf.gather(cut(image, positions), [0, 2, 3]))
        return tape.gradient(total, [image, positions])

    for found, clean in zip(
        slopes(image, tf.constant(positions)), slopes(image, tf.constant(WHERE)), strict=True
    ):
        good = found.shape[0] == 4 and [0, 2, 3]
        found, clean = (x.numpy()[good] if good else x.numpy() for x in (found, clean))
        np.testing.assert_allclose(found, clean, rtol=0, atol=1e-12)
