"""The part of the conformance suite that concerns jax arrays, traced or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from ..engine import Engine
from ..errors import CapabilityError
from .reference import assert_close, tolerance

Array = NDArray[Any]
#: What jax computes in unless it is told otherwise.
SINGLE = frozenset({"float32", "complex64"})


class JaxConformance:
    """Arrays of jax in, arrays of jax out; inherited by `PluginConformance`."""

    plugin: ClassVar[str | object]

    if TYPE_CHECKING:  # of `TensorConformance`

        def extract(self, engine: Engine, image: Any, positions: Any, **more: Any) -> Any:
            """Cut patches of 4 x 4."""

        @staticmethod
        def image(
            engine: Engine,
            dtype: str | None = None,
            lead: tuple[int, ...] = (),
            shape: tuple[int, ...] = (9, 12),
            seed: int = 0,
        ) -> Array:
            """Return noise."""

        @staticmethod
        def positions() -> Array:
            """Return eight positions."""

    def test_jax_arrays(self, engine: Engine) -> None:
        """Arrays of jax give what NumPy's give, as an array of jax, whatever the plugin declares.

        Positions are split in double precision, whatever jax computes in.
        """
        jax, dtype = self._jax_for(engine)
        positions = self.positions().reshape(2, 4, 2) + 1e-7
        for layout, where in (("flat", positions.reshape(-1, 2)), ("channel", positions)):
            image = self.image(engine, dtype, lead=(2,))
            expected = self.extract(engine, image, where, layout=layout)
            patches = self.extract(engine, jax.numpy.asarray(image), where, layout=layout)
            assert isinstance(patches, jax.Array)
            assert_close(patches, expected, image)

    def test_traced_by_jax(self, engine: Engine) -> None:
        """Inside ``jax.jit``: the same patches, NaN where a position is; or a refusal."""
        jax, dtype = self._jax_for(engine)
        image, positions = self.image(engine, dtype), self.positions().astype(np.float32)
        expected = self.extract(engine, image, positions)
        positions[5, 0] = np.nan
        cut = jax.jit(lambda image, positions: self.extract(engine, image, positions))
        if "jax" not in engine.capabilities.arrays:
            with pytest.raises(CapabilityError, match=r"jax\.jit"):
                cut(image, positions)
            return
        patches = np.asarray(cut(image, positions))
        assert np.isnan(patches[5]).all()
        others = np.arange(len(positions)) != 5
        assert_close(patches[others], expected[others], image)

    def test_jax_gradient_of_image(self, engine: Engine) -> None:
        """What jax derives for the object is the adjoint: ``<A x, y> = <x, A* y>``."""
        jax, dtype = self._jax_for(engine, "image")
        image, positions = self.image(engine, dtype), self.positions()
        patches = self.extract(engine, image, positions)
        upstream = self.image(engine, dtype, shape=patches.shape, seed=1)
        cut = jax.vjp(lambda image: self.extract(engine, image, positions), image)[1]
        adjoint = np.asarray(cut(jax.numpy.asarray(upstream.conj()))[0]).conj()
        left, right = np.vdot(patches, upstream), np.vdot(image, adjoint)
        assert abs(left - right) <= 50 * tolerance(image) * np.abs(upstream).max()

    def test_jax_gradient_of_positions(self, engine: Engine) -> None:
        """What jax derives for positions is the slope, also where a position is whole."""
        jax, _ = self._jax_for(engine, "positions")
        served = engine.capabilities
        if "float32" not in served.dtypes or "bilinear" not in served.interpolations:
            pytest.skip("declares no float32, or no bilinear interpolation")
        image = self.image(engine, "float32")
        positions = np.array([[4.25, 5.5], [3.0, 6.0], [-0.75, 2.125]])
        step = 2.0**-5  # bilinear patches change linearly up to the next pixel

        def total(where: Any) -> Any:
            patches = engine.extract(image, where, 4, interpolation="bilinear")
            return patches.sum(axis=(1, 2), dtype=np.float32)

        slopes = np.asarray(jax.jacobian(total)(jax.numpy.float32(positions)))
        gradient = slopes[np.arange(3), np.arange(3)]
        for axis in (0, 1):
            after, before = total(positions + step * np.eye(2)[axis]), total(positions)
            bound = 16 * 8 * tolerance(image) / step
            expected = (after.astype(np.float64) - before) / step
            np.testing.assert_allclose(gradient[:, axis], expected, rtol=0, atol=bound)

    @staticmethod
    def _jax_for(engine: Engine, gradient: str | None = None) -> tuple[Any, str]:
        """Return jax, and a dtype of single precision that the plugin declares."""
        served = engine.capabilities
        if gradient and (gradient not in served.gradients or "jax" not in served.arrays):
            pytest.skip(f"declares no gradient for {gradient} of jax arrays")
        single = served.dtypes & SINGLE
        if not single:
            pytest.skip("declares no dtype of single precision")
        return pytest.importorskip("jax"), min(single)
