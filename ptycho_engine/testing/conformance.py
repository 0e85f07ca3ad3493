"""What every plugin must do: a test class to inherit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ..engine import Engine
from ..errors import CapabilityError, ConfigurationError, MemoryBudgetError
from ..geometry import ROUNDINGS, layouts
from ..geometry.kernels import KERNELS
from ..host.capabilities import Capabilities
from ..request.planning import Plan
from .jax_conformance import JaxConformance
from .placement_conformance import PlacementConformance
from .reference import assert_close, reference_patches, tolerance
from .strategies import Case, cases

Array = NDArray[Any]
PAD_MODES = {"zeros": "constant", "edge": "edge", "reflect": "reflect"}
#: Of smooth kernels: how much a sample changes at most as a patch of 4 x 4 moves along each axis by
#: a pixel, as a multiple of the object's amplitude.
SLOPES = {"bilinear": 2, "bicubic": 4, "fourier": 24}


class PluginConformance(PlacementConformance, JaxConformance):
    """Inherit this class, set `plugin`, and pytest runs the suite on your plugin.

    What the plugin does not declare is not asked of it, except that it must be refused.

    Attributes
    ----------
    plugin : str or object
        Name of an installed plugin, or an object with functions marked by
        ``ptycho_engine.hookimpl``.
    options : mapping, optional
        Options of the plugin; a small chunk size makes a short test cross chunks.
    max_examples : int
        Examples of the property tests.
    """

    max_examples: ClassVar[int] = 25

    @pytest.fixture
    def engine(self) -> Engine:
        """Return an engine with the plugin."""
        return self.make_engine()

    def test_declares_capabilities(self, engine: Engine) -> None:
        """Every value declared is one that a request can have."""
        declared, known = engine.capabilities, Capabilities()
        assert declared.interpolations
        assert declared.interpolations <= set(KERNELS)
        assert declared.fills <= set(PAD_MODES)
        assert declared.roundings <= set(ROUNDINGS)
        assert declared.dtypes <= known.dtypes
        assert declared.layouts <= set(layouts.LAYOUTS)
        assert "flat" in declared.layouts
        assert declared.gradients <= {"image", "positions"}
        through = {"image": "place_patches", "positions": "position_gradient"}
        hooks = {through[gradient] for gradient in declared.gradients}
        assert declared.arrays > {"numpy"} or hooks <= engine._plugin.hooks

    def test_equals_reference(self, engine: Engine) -> None:
        """Patches are those of the plain definition, whatever is asked."""

        def check(case: Case) -> None:
            patches = engine.extract(case.image, case.positions, case.patch_size, **case.how)
            expected = reference_patches(case.image, case.positions, case.patch_size, **case.how)
            assert patches.dtype == case.image.dtype
            assert patches.shape == expected.shape
            assert_close(patches, expected, case.image)

        self._for_all(check, engine)

    def test_inputs_stay(self, engine: Engine) -> None:
        """Neither the object nor the positions are written to, and every call gives the same."""
        image, positions = self.image(engine), self.positions()
        before = image.copy(), positions.copy()
        first = self.extract(engine, image, positions)
        np.testing.assert_array_equal(self.extract(engine, image, positions), first)
        np.testing.assert_array_equal(image, before[0])
        np.testing.assert_array_equal(positions, before[1])

    def test_dtype_is_kept(self, engine: Engine) -> None:
        """Patches have the dtype of the object."""
        for dtype in sorted(engine.capabilities.dtypes):
            patches = self.extract(engine, self.image(engine, dtype), self.positions())
            assert patches.dtype == dtype

    def test_whole_positions_copy(self, engine: Engine) -> None:
        """At whole positions a patch is the object itself, bit for bit, down to the smallest."""
        positions = np.array([[4, 6], [0, 0], [8, 11], [-3, 5], [12, -4], [3, 20]])
        for how in self.ways(engine):
            image = self.image(engine)
            mode: Any = PAD_MODES[how["fill"]]
            padded = np.pad(image, 20, mode=mode)
            expected = [padded[y + 18 : y + 22, x + 18 : x + 22] for y, x in positions]
            np.testing.assert_array_equal(engine.extract(image, positions, 4, **how), expected)
        for how in self.ways(engine, rounding="exact", fill="zeros"):
            tiny = np.full_like(image, np.finfo(image.dtype).smallest_subnormal)
            tiny[::2] *= -7
            patches = engine.extract(tiny, positions[:1], 4, **how)
            np.testing.assert_array_equal(patches[0], tiny[2:6, 4:8])

    def test_nan_stays_where_it_is(self, engine: Engine) -> None:
        """NaN and infinity beside a whole position do not reach its samples."""
        if "exact" not in engine.capabilities.roundings:
            pytest.skip('legacy rounding multiplies them by zero; "exact" is not declared')
        image = self.image(engine, shape=(9, 60))
        image[4, 6], image[5, 3] = np.nan, np.inf
        for how in self.ways(engine, rounding="exact"):
            beside = 9.5 if how["interpolation"] != "fourier" else 40.5  # beyond its margin
            patches = engine.extract(image, [[2, 4], [5, 5], [7, beside]], 4, **how)
            np.testing.assert_array_equal(patches[0], image[0:4, 2:6])
            np.testing.assert_array_equal(patches[1], image[3:7, 3:7])
            assert np.isfinite(patches[2]).all()

    def test_smooth_kernels_do_not_jump(self, engine: Engine) -> None:
        """A step of 1e-9 pixels changes a patch by no more than its slope, wherever it begins."""
        ways = [
            how for how in self.ways(engine, rounding="exact") if how["interpolation"] in SLOPES
        ]
        if not ways:
            pytest.skip("declares no smooth kernel in the exact rounding")
        image = self.image(engine, max(engine.capabilities.dtypes))
        along = st.integers(-40, 40).map(lambda twice: twice / 2) | st.floats(-20, 20)
        step = st.sampled_from([0.0, 1e-9, -1e-9]) | st.floats(-1e-9, 1e-9)
        pairs = st.lists(st.tuples(along, along, step, step), min_size=8, max_size=8)

        def check(drawn: list[tuple[float, float, float, float]]) -> None:
            here = np.array(drawn)[:, :2]
            there = here + np.array(drawn)[:, 2:]
            distance = np.abs(there - here).sum(axis=1)[:, None, None]
            for how in ways:
                patches = engine.extract(image, np.concatenate([here, there]), 4, **how)
                found = np.abs(patches[8:].astype(complex) - patches[:8])
                slope = SLOPES[how["interpolation"]] * float(np.abs(image).max())
                assert (found <= slope * distance + tolerance(image)).all()

        run = given(pairs)(check)
        settings(max_examples=self.max_examples, deadline=None)(run)()

    def test_no_positions(self, engine: Engine) -> None:
        """Nothing asked, nothing cut: an empty array of the right shape."""
        image = self.image(engine, lead=(2,))
        for layout, shape in (("flat", (0, 2)), ("channel", (0, 4, 2)), ("grid", (0, 4, 2))):
            patches = self.extract(engine, image, np.empty(shape), layout=layout)
            channels = 1 if layout == "flat" else 4
            assert patches.shape == (2, *layouts.output_shape(layout, 0, channels, 4))

    def test_patch_larger_than_object(self, engine: Engine) -> None:
        """A patch may contain the whole object."""
        image, positions = self.image(engine)[:3, :5], np.array([[1.25, 2.5], [-3.0, 7.75]])
        for how in self.ways(engine):
            expected = reference_patches(image, positions, 12, **how)
            patches = engine.extract(image, positions, 12, **how)
            assert_close(patches, expected, image)

    def test_leading_axes(self, engine: Engine) -> None:
        """The same windows are cut from every mode and slice."""
        image, positions = self.image(engine, lead=(2, 3)), self.positions()
        patches = self.extract(engine, image, positions)
        assert patches.shape == (2, 3, len(positions), 4, 4)
        for index in np.ndindex(2, 3):
            alone = self.extract(engine, image[index], positions)
            assert_close(patches[index], alone, image)

    def test_layouts(self, engine: Engine) -> None:
        """Channel and grid patches are the flat ones in another order."""
        positions = self.positions().reshape(2, 4, 2)
        for lead in ((), (2,)):
            image = self.image(engine, lead=lead)
            flat = self.extract(engine, image, positions.reshape(-1, 2))
            channel = self.extract(engine, image, positions, layout="channel")
            grid = self.extract(engine, image, positions, layout="grid")
            assert channel.shape == (*lead, 2, 4, 4, 4)
            assert grid.shape == (*lead, 2, 2, 2, 4, 4, 1)
            assert_close(channel, layouts.flat_to_channel(flat, 4), image)
            assert_close(grid, layouts.flat_to_grid(flat, 2), image)

    def test_any_memory(self, engine: Engine) -> None:
        """Strided, big-endian and read-only objects give what contiguous ones give."""
        image, positions = self.image(engine), self.positions()
        expected = self.extract(engine, image, positions)
        read_only, strided = image.copy(), np.zeros((18, 36), image.dtype)[::2, ::-3]
        read_only.flags.writeable = False
        strided[...] = image
        big_endian = image.astype(image.dtype.newbyteorder(">"))
        for other in (strided, np.asfortranarray(image), big_endian, read_only):
            patches = self.extract(engine, other, positions)
            assert patches.dtype == image.dtype
            np.testing.assert_array_equal(patches, expected)
        swapped = np.asfortranarray(positions).astype(">f8")
        np.testing.assert_array_equal(self.extract(engine, image, swapped), expected)

    def test_out(self, engine: Engine) -> None:
        """Patches land in the array given, contiguous or not, and only there."""
        image, positions = self.image(engine), self.positions().reshape(2, 4, 2)
        for layout in layouts.LAYOUTS:
            where = positions.reshape(-1, 2) if layout == "flat" else positions
            expected = self.extract(engine, image, where, layout=layout)
            out = np.full_like(expected, 7)
            assert self.extract(engine, image, where, layout=layout, out=out) is out
            np.testing.assert_array_equal(out, expected)
            around = np.full((*expected.shape[:-2], 9, 2 * expected.shape[-1]), 7, image.dtype)
            view = around[..., 1 : 1 + expected.shape[-2], ::2]
            assert self.extract(engine, image, where, layout=layout, out=view) is view
            np.testing.assert_array_equal(view, expected)
            view[...] = 7
            assert (around == 7).all()

    def test_stream(self, engine: Engine) -> None:
        """The blocks of a stream are the patches of `extract`, in order, each its own array."""
        image = self.image(engine, lead=(2,))
        grouped = self.positions().reshape(4, 2, 2)
        for layout, where in (("flat", grouped.reshape(-1, 2)), ("channel", grouped)):
            axis = -3 if layout == "flat" else -4
            how = self.how(engine) | {"layout": layout}
            expected = engine.extract(image, where, 4, **how)
            for size in (1, 3, None):
                blocks = list(engine.stream(image, where, 4, block_size=size, **how))
                joined = np.concatenate([block.patches for block in blocks], axis=axis)
                assert_close(joined, expected, image)
                assert [block.start for block in blocks] == list(range(0, len(where), size or 99))
                assert blocks[-1].stop == len(where)

    def test_plan(self, engine: Engine) -> None:
        """A plan covers the patches in whole groups, and a small budget is refused before work."""
        image, positions = self.image(engine), self.positions().reshape(2, 4, 2)
        how = self.how(engine) | {"layout": "channel"}
        plan = engine.plan(image, positions, 4, **how)
        assert isinstance(plan, Plan)
        assert plan.chunk_size % 4 == 0
        assert plan.chunk_size * plan.chunk_count >= 8
        assert plan.output_bytes == engine.extract(image, positions, 4, **how).nbytes
        with pytest.raises(MemoryBudgetError):
            self.make_engine(memory_budget=16).extract(image, positions, 4, **how)

    def test_refuses_unknown_option(self) -> None:
        """A misspelled option is named, not ignored."""
        options = {**(self.options or {}), "no_such_option": 1}
        with pytest.raises(ConfigurationError, match="no_such_option"):
            Engine(self.plugin, options=options)

    def test_refuses_what_it_does_not_declare(self, engine: Engine) -> None:
        """Requests beyond the capabilities end in a `CapabilityError`."""
        declared, known, how = engine.capabilities, Capabilities(), self.how(engine)
        refused = 0
        for what, values, served in (
            ("interpolation", frozenset(KERNELS), declared.interpolations),
            ("fill", known.fills, declared.fills),
            ("rounding", frozenset(ROUNDINGS), declared.roundings),
        ):
            for value in values - served:
                with pytest.raises(CapabilityError, match=value):
                    engine.extract(self.image(engine), self.positions(), 4, **how | {what: value})
                refused += 1
        for dtype in known.dtypes - declared.dtypes:
            with pytest.raises(CapabilityError, match=dtype):
                engine.extract(self.image(engine, dtype), self.positions(), 4, **how)
            refused += 1
        if not refused:
            pytest.skip("serves every request")

    def ways(self, engine: Engine, **fixed: str) -> Iterator[dict[str, Any]]:
        """Every way of cutting that the plugin declares, but for what is `fixed`."""
        served = engine.capabilities
        values = (served.interpolations, served.fills, served.roundings)
        for chosen in product(*map(sorted, values)):
            way = dict(zip(("interpolation", "fill", "rounding"), chosen, strict=True))
            if way | fixed == way:
                yield way

    def _for_all(self, check: Callable[[Case], None], engine: Engine) -> None:
        run = given(cases(engine.capabilities))(check)
        slow = [HealthCheck.too_slow]
        settings(max_examples=self.max_examples, deadline=None, suppress_health_check=slow)(run)()
