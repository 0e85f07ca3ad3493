"""The part of the conformance suite that concerns TensorFlow tensors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from ..engine import Engine
from ..errors import CapabilityError
from .reference import assert_close, tolerance

Array = NDArray[Any]


class TensorConformance:
    """Tensors in, tensors out; inherited by `PluginConformance`."""

    plugin: ClassVar[str | object]
    options: ClassVar[Mapping[str, Any] | None] = None

    def make_engine(self, **arguments: Any) -> Engine:
        """Return an engine with the plugin; `arguments` are those of `Engine`."""
        return Engine(self.plugin, options=self.options, **arguments)

    def test_eager_tensors(self, engine: Engine) -> None:
        """Eager tensors give what arrays give, as a tensor, whatever the plugin declares."""
        tf = pytest.importorskip("tensorflow")
        positions = self.positions().reshape(2, 4, 2)
        for layout, where in (("flat", positions.reshape(-1, 2)), ("channel", positions)):
            image = self.image(engine, lead=(2,))
            expected = self.extract(engine, image, where, layout=layout)
            tensors = tf.constant(image), tf.constant(where)
            patches = self.extract(engine, *tensors, layout=layout)
            assert isinstance(patches, tf.Tensor)
            assert_close(patches, expected, image)

    def test_inside_function(self, engine: Engine) -> None:
        """Inside ``tf.function``: the same patches for any number of positions, or a refusal."""
        tf = pytest.importorskip("tensorflow")
        image = self.image(engine)
        signature = [tf.TensorSpec(image.shape, image.dtype), tf.TensorSpec((None, 2), tf.float64)]
        # AutoGraph would raise its own class, with the same message.
        cut = tf.function(partial(self.extract, engine), input_signature=signature, autograph=False)
        if "tensorflow" not in engine.capabilities.arrays:
            with pytest.raises(CapabilityError):
                cut(image, self.positions())
            return
        for count in (8, 3, 0):
            positions = self.positions()[:count]
            expected = self.extract(engine, image, positions)
            assert_close(cut(image, positions), expected, image)

    def test_refused_inside_compiled_function(self, engine: Engine) -> None:
        """XLA cannot raise: patches of NaN positions are NaN in every sample, others as ever."""
        tf = pytest.importorskip("tensorflow")
        if "tensorflow" not in engine.capabilities.arrays:
            pytest.skip("does not compute on tensors")
        image, positions = self.image(engine), self.positions()[:3]
        expected = self.extract(engine, image, positions)
        positions[1, 0] = np.nan
        cut = tf.function(partial(self.extract, engine), jit_compile=True, autograph=False)
        patches = cut(tf.constant(image), tf.constant(positions)).numpy()
        assert np.isnan(patches[1]).all()
        assert_close(patches[[0, 2]], expected[[0, 2]], image)

    def test_gradient_of_image(self, engine: Engine) -> None:
        """The gradient for the object is the adjoint: ``<A x, y> = <x, A* y>``."""
        tf = self._tensorflow_for("image", engine)
        for dtype in sorted(engine.capabilities.dtypes):
            image = tf.constant(self.image(engine, dtype))
            with tf.GradientTape() as tape:
                tape.watch(image)
                patches = self.extract(engine, image, self.positions())
                upstream = self.image(engine, dtype, shape=tuple(patches.shape), seed=1)
                loss = tf.math.real(tf.reduce_sum(tf.math.conj(upstream) * patches))
            adjoint = tape.gradient(loss, image).numpy()
            left = np.vdot(upstream, patches).real
            right = np.vdot(adjoint, image).real
            assert abs(left - right) <= 50 * tolerance(image.numpy()) * np.abs(upstream).max()

    def test_gradient_of_positions(self, engine: Engine) -> None:
        """The gradient for the positions is the slope, also where a position is whole."""
        tf = self._tensorflow_for("positions", engine)
        dtype = max(engine.capabilities.dtypes & {"float32", "float64"}, default=None)
        if dtype is None or "bilinear" not in engine.capabilities.interpolations:
            pytest.skip("declares no real dtype, or no bilinear interpolation")
        image = self.image(engine, dtype)
        positions = np.array([[4.25, 5.5], [3.0, 6.0], [-0.75, 2.125]])
        step = 2.0**-5  # bilinear patches change linearly up to the next pixel
        for fill in sorted(engine.capabilities.fills):
            how = self.how(engine) | {"interpolation": "bilinear", "fill": fill}
            with tf.GradientTape() as tape:
                where = tf.Variable(positions)
                total = tf.reduce_sum(engine.extract(tf.constant(image), where, 4, **how), (1, 2))
            gradient = tf.convert_to_tensor(tape.gradient(total, where)).numpy()
            for axis in (0, 1):
                moved = positions + step * np.eye(2)[axis]
                after = engine.extract(image, moved, 4, **how).sum(axis=(1, 2), dtype=np.float64)
                before = engine.extract(image, positions, 4, **how)
                slope = (after - before.sum(axis=(1, 2), dtype=np.float64)) / step
                bound = 16 * 8 * tolerance(image) / step
                np.testing.assert_allclose(gradient[:, axis], slope, rtol=0, atol=bound)

    def how(self, engine: Engine) -> dict[str, Any]:
        """One way of cutting that the plugin declares, the defaults if it does."""
        served = engine.capabilities
        return {
            name: default if default in values else min(values)
            for name, default, values in (
                ("interpolation", "bilinear", served.interpolations),
                ("fill", "zeros", served.fills),
                ("rounding", "exact", served.roundings),
            )
        }

    def extract(self, engine: Engine, image: Any, positions: Any, **more: Any) -> Any:
        """Cut patches of 4 x 4 in the way of `how`."""
        return engine.extract(image, positions, 4, **self.how(engine), **more)

    @staticmethod
    def positions() -> Array:
        """Eight positions for an object of 9 x 12: inside, on the border, and outside."""
        inside = [[4.25, 5.5], [3.0, 6.0], [2.875, 7.125], [6.5, 2.25]]
        beyond = [[-0.5, 3.0], [8.75, 11.5], [1e6, 2.0], [-5.0, -40.25]]
        return np.array(inside + beyond)

    @staticmethod
    def image(
        engine: Engine,
        dtype: str | None = None,
        lead: tuple[int, ...] = (),
        shape: tuple[int, ...] = (9, 12),
        seed: int = 0,
    ) -> Array:
        """Noise of unit variance, in float32 if the plugin declares it."""
        served = engine.capabilities.dtypes
        kind = np.dtype(dtype or ("float32" if "float32" in served else min(served)))
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((*lead, *shape)) + 1j * rng.standard_normal((*lead, *shape))
        return (noise if kind.kind == "c" else noise.real).astype(kind)

    @staticmethod
    def _tensorflow_for(gradient: str, engine: Engine) -> Any:
        served = engine.capabilities
        served_here = "tensorflow" in served.arrays or served.arrays == {"numpy"}  # by its hooks
        if gradient not in served.gradients or not served_here:
            pytest.skip(f"declares no gradient for {gradient} of tensors")
        return pytest.importorskip("tensorflow")
