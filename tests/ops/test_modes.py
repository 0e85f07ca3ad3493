"""Whatever mode of TensorFlow the caller is in, patches are the same; each in its own process."""

import textwrap

import pytest
from processes import run_python

pytest.importorskip("tensorflow")

BEGIN = """
import numpy as np, tensorflow as tf
from ptycho_engine import Engine
from ptycho_engine.errors import CapabilityError
from ptycho_engine.testing import assert_close, reference_patches

image = np.random.default_rng(0).standard_normal((40, 42))
positions = np.array([[20.5, 20.25], [19.0, 21.0], [-1.25, 3.5], [100.5, -70.0], [20.25, 1e6]])

def expected(**how):
    return reference_patches(image, positions, 4, **how)
"""


def run(code):
    done = run_python("-c", BEGIN + textwrap.dedent(code))
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
def test_tensors_are_compared_by_value_in_v1_sessions(fill):
    run(
        f"fill = {fill!r}\n"
        + textwrap.dedent("""
        ramp = np.arange(100.0).reshape(10, 10)
        for plugin in "chunked_xla", "batched":
            engine = Engine(plugin)
            with tf.Graph().as_default():
                where = tf.compat.v1.placeholder(tf.float64, (None, 2))
                cut = engine.extract(tf.constant(ramp), where, 1)
                (slope,) = tf.gradients(tf.reduce_sum(cut), where)
                with tf.compat.v1.Session() as session:
                    found, slopes = session.run([cut, slope], {where: [[4.5, 4.25]]})
            assert found.item() == 49.25, found
            np.testing.assert_allclose(slopes, [[10, 1]], rtol=0, atol=1e-12)
        for kernel in "nearest", "bilinear", "bicubic", "fourier":
            how = {"interpolation": kernel, "fill": fill}
            with tf.Graph().as_default():
                source = tf.compat.v1.placeholder(tf.float64, (None, None))
                cut = Engine("batched").extract(source, positions, 4, **how)
                with tf.compat.v1.Session() as session:
                    found = session.run(cut, {source: image})
            assert_close(found, expected(**how), image)
    """)
    )


@pytest.mark.slow
def test_tensors_are_compared_by_value_where_equality_is_identity():
    run("""
        tf.compat.v1.disable_tensor_equality()
        for plugin in "chunked_xla", "batched", "iterative":
            for rounding in "exact", "legacy":
                how = {"fill": "edge", "rounding": rounding}
                where = tf.Variable(positions)
                with tf.GradientTape() as tape:
                    cut = Engine(plugin).extract(tf.constant(image), where, 4, **how)
                    total = tf.reduce_sum(cut[:1])
                assert_close(cut.numpy(), expected(**how), image)
                if plugin != "iterative":
                    step = 1e-6 * np.eye(2)
                    sums = [
                        [reference_patches(image, positions[:1] + s * h, 4, fill="edge").sum()
                         for s in (1, -1)] for h in step
                    ]
                    slopes = [(after - before) / 2e-6 for after, before in sums]
                    found = tf.convert_to_tensor(tape.gradient(total, where)).numpy()
                    np.testing.assert_allclose(found[0], slopes, rtol=0, atol=1e-6)
                    assert (found[1:] == 0).all()
        cut = tf.function(lambda where: Engine("batched").extract(image, where, 4, fill="error"))
        assert np.isfinite(cut(tf.constant([[2.0, 2.5], [38.0, 39.5]], tf.float64))).all()
        try:
            cut(tf.constant([[1.5, 2.5]], tf.float64))
        except tf.errors.InvalidArgumentError:
            pass
        else:
            raise AssertionError("a window leaves the object")
    """)


@pytest.mark.slow_cases("batched", "iterative")
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "iterative"])
def test_arrays_are_cut_while_a_graph_is_built(plugin):
    run(f"""
        engine = Engine("{plugin}")
        with tf.Graph().as_default():
            assert_close(engine.extract(image, positions, 4), expected(), image)
            prepared = engine.prepare(image)
            for _ in range(2):
                assert_close(engine.extract(prepared, positions, 4), expected(), image)
            blocks = [block.patches for block in engine.stream(image, positions, 4, block_size=2)]
            assert_close(np.concatenate(blocks), expected(), image)
        assert_close(engine.extract(prepared, positions, 4), expected(), image)
    """)


@pytest.mark.slow
def test_eager_execution_switched_off_is_a_clear_refusal():
    run("""
        tf.compat.v1.disable_eager_execution()
        for plugin in "chunked_xla", "batched", "iterative":
            try:
                Engine(plugin).extract(image, positions, 4)
            except CapabilityError as error:
                assert "disable_eager_execution" in str(error) and "numba" in str(error), error
            else:
                raise AssertionError(plugin)
        assert_close(Engine("numba").extract(image, positions, 4), expected(), image)
        where = tf.compat.v1.placeholder(tf.float64, (None, 2))
        cut = Engine("chunked_xla").extract(image, where, 4)
        found = tf.compat.v1.Session().run(cut, {where: positions})
        assert_close(found, expected(), image)
    """)


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["chunked_xla", "batched", "iterative"])
def test_numerics_may_be_checked(plugin):
    run(f"""
        tf.debugging.enable_check_numerics()
        engine = Engine("{plugin}")
        source, where = tf.constant(image), tf.constant(positions)
        assert_close(engine.extract(image, positions, 4), expected(), image)
        assert_close(engine.extract(source, where, 4).numpy(), expected(), image)
        cut = tf.function(lambda where: engine.extract(source, where, 4), autograph=False)
        assert_close(cut(where).numpy(), expected(), image)
        if "{plugin}" != "iterative":
            with tf.GradientTape() as tape:
                tape.watch(where)
                total = tf.reduce_sum(engine.extract(source, where, 4))
            slopes = tape.gradient(total, where)
            assert np.isfinite(slopes).all()

            def graded(source, where):
                with tf.GradientTape() as tape:
                    tape.watch([source, where])
                    total = tf.reduce_sum(engine.extract(source, where, 4))
                return tape.gradient(total, [source, where])

            of_source, of_where = tf.function(graded, autograph=False)(source, where)
            assert_close(of_where.numpy(), slopes.numpy(), image)
            assert np.isfinite(of_source).all() and np.abs(of_source).max() > 0
        try:  # it is still on
            tf.math.log(tf.constant(-1.0))
        except tf.errors.InvalidArgumentError:
            pass
        else:
            raise AssertionError("checks no more")
    """)
