"""The part of the conformance suite that concerns placement, the adjoint of extraction."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ..engine import Engine
from ..errors import CapabilityError, MemoryBudgetError, RequestError
from ..geometry import layouts
from .reference import TOLERANCE, reference_placement, tolerance
from .strategies import Case, cases
from .tensor_conformance import TensorConformance

Array = NDArray[Any]
#: Largest difference of the two sides of ``<A x, y> = <x, A* y>``, by dtype, as a fraction of
#: ``|A x| |y|``.
ADJOINT = {"float32": 1e-5, "complex64": 1e-5, "float64": 1e-12, "complex128": 1e-12}


class PlacementConformance(TensorConformance):
    """Patches back into objects; inherited by `PluginConformance`.

    A plugin without `place_patches` is asked for nothing but its refusal.
    """

    placement_examples: ClassVar[int] = 15

    @pytest.fixture
    def placer(self, engine: Engine) -> Engine:
        """Return an engine with the plugin, if it places patches."""
        if "place_patches" not in engine.hooks:
            pytest.skip("implements no place_patches")
        return engine

    def test_placement_is_served_or_refused(self, engine: Engine) -> None:
        """A plugin without the hook is refused by name, one with it places no patches."""
        if "place_patches" in engine.hooks:
            placed = self.place(engine, self.image(engine, shape=(0, 4, 4)), np.empty((0, 2)))
            np.testing.assert_array_equal(placed, np.zeros((9, 12)))
            return
        with pytest.raises(CapabilityError, match=f"{engine.plugin}.*place_patches"):
            self.place(engine, self.image(engine, shape=(8, 4, 4)), self.positions())

    def test_placement_equals_reference_and_is_the_adjoint(self, placer: Engine) -> None:
        """The object is that of the plain definition, and ``<A x, y> = <x, A* y>``."""

        def check(case: Case, seed: int) -> None:
            how = {name: case.how[name] for name in ("interpolation", "fill")}
            image, positions = case.image, case.positions
            cut = placer.extract(image, positions, case.patch_size, **how)
            patches = self.image(placer, image.dtype.name, shape=cut.shape, seed=seed)
            size = image.shape[-2:]
            placed = placer.place(patches, positions, size, **how)
            assert placed.dtype == image.dtype
            expected = reference_placement(patches, positions, size, **how)
            bound = tolerance(patches) * (1 + self.overlap(case))
            np.testing.assert_allclose(placed, expected, rtol=0, atol=bound)
            double = np.complex128
            ours = np.vdot(cut.astype(double), patches), np.vdot(image.astype(double), placed)
            scale = np.linalg.norm(cut.astype(double)) * np.linalg.norm(patches)
            weakest = TOLERANCE[image.dtype.name] * np.linalg.norm(image) * np.linalg.norm(patches)
            assert abs(ours[0] - ours[1]) <= ADJOINT[image.dtype.name] * scale + weakest

        run = given(self._exact_cases(placer), st.integers(0, 99))(check)
        slow = [HealthCheck.too_slow]
        limits = settings(
            max_examples=self.placement_examples, deadline=None, suppress_health_check=slow
        )
        limits(run)()

    def test_placement_layouts_and_leading_axes(self, placer: Engine) -> None:
        """Channel and grid patches land where flat ones do, in every mode and slice."""
        positions = self.positions().reshape(2, 4, 2)
        for lead in ((), (2, 3)):
            flat = self.image(placer, shape=(*lead, 8, 4, 4))
            expected = self.place(placer, flat, positions.reshape(-1, 2))
            assert expected.shape == (*lead, 9, 12)
            channel, grid = layouts.flat_to_channel(flat, 4), layouts.flat_to_grid(flat, 2)
            for layout, patches in (("channel", channel), ("grid", grid)):
                placed = self.place(placer, patches, positions, layout=layout)
                np.testing.assert_allclose(placed, expected, rtol=0, atol=8 * tolerance(flat))
            for index in np.ndindex(lead):
                alone = self.place(placer, flat[index], positions.reshape(-1, 2))
                np.testing.assert_allclose(expected[index], alone, rtol=0, atol=8 * tolerance(flat))

    def test_placement_adds(self, placer: Engine) -> None:
        """What `out` holds is added to, contiguous or not, and nothing beside it changes."""
        patches, positions = self.image(placer, shape=(2, 8, 4, 4)), self.positions()
        before, placed = self.image(placer, lead=(2,)), self.place(placer, patches, positions)
        expected, bound = before + placed, 8 * tolerance(patches)
        around = np.full((2, 11, 26), 7, before.dtype)
        for out in (before.copy(), around[:, 1:10, 1:25:2]):
            out[...] = before
            assert self.place(placer, patches, positions, out=out) is out
            np.testing.assert_allclose(out, expected, rtol=0, atol=bound)
            out[...] = 7
        assert (around == 7).all()
        for empty in (np.empty((2, 0, 4, 4), before.dtype),):
            kept = before.copy()
            self.place(placer, empty, np.empty((0, 2)), out=kept)
            np.testing.assert_array_equal(kept, before)

    def test_placed_patches_stay(self, placer: Engine) -> None:
        """Strided, big-endian and read-only patches give what others give, and stay as they are."""
        patches, positions = self.image(placer, shape=(8, 4, 4)), self.positions()
        expected, before = self.place(placer, patches, positions), patches.copy()
        strided, read_only = np.zeros((8, 8, 12), patches.dtype)[:, ::2, ::-3], patches.copy()
        strided[...] = patches
        read_only.flags.writeable = False
        swapped = patches.astype(patches.dtype.newbyteorder(">"))
        for other in (strided, np.asfortranarray(patches), swapped, read_only):
            np.testing.assert_array_equal(self.place(placer, other, positions), expected)
        np.testing.assert_array_equal(patches, before)

    def test_placement_of_nan_stays_where_it_lands(self, placer: Engine) -> None:
        """At a whole position a sample goes to one pixel, even if it is NaN or infinite."""
        patches = self.image(placer, shape=(1, 4, 4))
        patches[0, 1, 2], patches[0, 3, 0] = np.nan, np.inf
        placed = self.place(placer, patches, [[4, 6]])
        np.testing.assert_array_equal(placed[2:6, 4:8], patches[0])
        assert np.isfinite(placed).sum() == placed.size - 2

    def test_placement_within_the_budget(self, placer: Engine) -> None:
        """What exceeds the budget is refused before any work."""
        patches = self.image(placer, shape=(8, 4, 4))
        small = self.make_engine(memory_budget=16)
        with pytest.raises(MemoryBudgetError, match="object"):
            self.place(small, patches, self.positions())

    def test_placement_refuses(self, placer: Engine) -> None:
        """Patches, shapes and outputs that do not fit are refused before any work."""
        patches, positions = self.image(placer, shape=(8, 4, 4)), self.positions()
        with pytest.raises(RequestError, match="shape"):
            self.place(placer, patches[:5], positions)
        with pytest.raises(RequestError, match="out"):
            self.place(placer, patches, positions, out=np.zeros((3, 3), patches.dtype))

    def test_eager_tensors_are_placed(self, placer: Engine) -> None:
        """Eager tensors give what arrays give, as a tensor, whatever the plugin declares."""
        tf = pytest.importorskip("tensorflow")
        positions = self.positions().reshape(2, 4, 2)
        flat = self.image(placer, shape=(2, 8, 4, 4))
        for layout, patches in (("flat", flat), ("channel", layouts.flat_to_channel(flat, 4))):
            where = positions if layout == "channel" else positions.reshape(-1, 2)
            expected = self.place(placer, patches, where, layout=layout)
            tensors = tf.constant(patches), tf.constant(where)
            placed = self.place(placer, *tensors, layout=layout)
            assert isinstance(placed, tf.Tensor)
            np.testing.assert_allclose(placed, expected, rtol=0, atol=8 * tolerance(flat))

    def place(self, engine: Engine, patches: Any, positions: Any, **more: Any) -> Any:
        """Place patches in an object of 9 x 12, in the way of `how`."""
        how = self.how(engine)
        del how["rounding"]
        return engine.place(patches, positions, (9, 12), **how, **more)

    @staticmethod
    def overlap(case: Case) -> int:
        """Bound the number of samples that land on one pixel, folded ones included."""
        return len(case.positions) * case.patch_size**2

    @staticmethod
    def _exact_cases(engine: Engine) -> st.SearchStrategy[Case]:
        return cases(engine.capabilities).filter(lambda case: case.how["rounding"] == "exact")
