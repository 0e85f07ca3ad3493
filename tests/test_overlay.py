"""Placement through an engine: whose hook is called, in which layout, and what it may answer."""

import numpy as np
import pytest

from ptycho_engine import Capabilities, Engine, Host, hookimpl
from ptycho_engine.discovery import PluginSource
from ptycho_engine.errors import CapabilityError, MemoryBudgetError, PluginError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.request.extraction import build_request
from ptycho_engine.testing import reference_patches, reference_placement

POSITIONS = np.array([[1.0, 2.0], [3.5, 0.25], [2, 2], [0, 5]])
PATCHES = np.random.default_rng(0).standard_normal((4, 3, 3))
SIZE = (6, 7)
EXPECTED = reference_placement(PATCHES, POSITIONS, SIZE)


class Cutter:
    """Cuts, and nothing else."""

    @hookimpl
    def extract_patches(self, request):
        return reference_patches(request.image, request.positions, request.patch_size)


class Placer(Cutter):
    """Places flat patches by the reference; `answer` turns the object into what it returns."""

    def __init__(self, answer=lambda placed, out: placed):
        self.answer = answer
        self.requests = []

    @hookimpl
    def place_patches(self, request, out):
        self.requests.append(request)
        placed = reference_placement(request.patches, request.positions, request.shape)
        return self.answer(placed, out)

    @hookimpl
    def position_gradient(self, request, cotangent):
        self.requests.append(request)
        assert cotangent.shape == request.output_shape
        return np.stack([cotangent.sum((-2, -1)), request.positions[:, 0]], axis=1)


def source(name, plugin):
    return PluginSource(name, f"{name}_module", "some-dist", "1.0", lambda: plugin)


def added(placed, out):
    out += placed
    return out


@pytest.mark.parametrize("answer", [lambda placed, out: placed, added])
def test_a_plugin_adds_or_lets_the_engine_add(answer):
    engine = Engine(Placer(answer))
    np.testing.assert_allclose(engine.place(PATCHES, POSITIONS, SIZE), EXPECTED)
    for out in (np.ones(SIZE), np.ones((7, 6)).T):
        assert engine.place(PATCHES, POSITIONS, SIZE, out=out) is out
        np.testing.assert_allclose(out, 1 + EXPECTED)


@pytest.mark.parametrize("layout", ["channel", "grid"])
def test_a_plugin_of_flat_patches_serves_every_layout(layout):
    plugin = Placer()
    grouped = {
        "channel": np.moveaxis(PATCHES[None], 1, -1),
        "grid": PATCHES.reshape(1, 2, 2, 3, 3, 1),
    }[layout]
    placed = Engine(plugin).place(grouped, POSITIONS[None], SIZE, layout=layout)
    np.testing.assert_allclose(placed, EXPECTED)
    (request,) = plugin.requests
    assert (request.layout, request.channels) == ("flat", 1)
    np.testing.assert_array_equal(request.patches, PATCHES)


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        (lambda placed, out: None, "None"),
        (lambda placed, out: placed[1:], r"ndarray of shape \(5, 7\)"),
        (lambda placed, out: placed.astype("f4"), r"ndarray of shape \(6, 7\), dtype float32"),
    ],
)
def test_wrong_answers_name_the_hook(answer, received):
    engine = Engine("wrong", host=Host([source("wrong", Placer(answer))]))
    message = rf"wrong \(wrong_module\).*place_patches returned {received}.*Expected shape \(6, 7\)"
    with pytest.raises(PluginError, match=message):
        engine.place(PATCHES, POSITIONS, SIZE)


def test_wrappers_surround_placement():
    host = Host([source("placer", Placer()), source("double", Doubler())])
    engine = Engine("placer", wrappers=["double"], host=host)
    np.testing.assert_allclose(engine.place(PATCHES, POSITIONS, SIZE), 2 * EXPECTED)


class Doubler:
    """Surrounds placement, and answers with another array."""

    @hookimpl(wrapper=True)
    def place_patches(self):
        placed = yield
        return 2 * placed


@pytest.mark.parametrize("plugin", ["numba", Placer(), Placer(added)], ids=["numba", "new", "out"])
def test_a_wrapper_sees_the_sum_of_the_patches_alone(plugin):
    """Whatever a plugin adds to: what stood in an output is no part of it, and counts once."""
    host = Host()
    host.register(Doubler())
    engine = Engine(plugin, host=host)
    np.testing.assert_allclose(engine.place(PATCHES, POSITIONS, SIZE), 2 * EXPECTED)
    out = np.full(SIZE, 5.0)
    engine.place(PATCHES, POSITIONS, SIZE, out=out)
    np.testing.assert_allclose(out, 5 + 2 * EXPECTED)
    made = engine.reassemble(PATCHES, POSITIONS, SIZE)
    np.testing.assert_allclose(
        made.coverage, 2 * reference_placement(np.ones_like(PATCHES), POSITIONS, SIZE)
    )


def test_the_budget_counts_the_array_that_a_wrapper_sees():
    host = Host()
    host.register(Doubler())
    engine = Engine("numba", host=host, memory_budget="1MB")
    out = np.zeros((1000, 1000))
    with pytest.raises(MemoryBudgetError, match=r"object 7\.63 MiB"):
        engine.place(PATCHES, POSITIONS, (1000, 1000), out=out)


def test_an_output_that_is_returned_in_another_shape_and_back_is_itself():
    """Axes of one sample have strides that say nothing."""

    def reshaped(placed, out):
        rows = out.reshape(-1, SIZE[1])
        rows += placed.reshape(rows.shape)
        return rows.reshape(out.shape)

    class Layered(Placer):
        @hookimpl
        def place_patches(self, request, out):
            placed = reference_placement(request.patches, request.positions, request.shape)
            return self.answer(placed, out)

    out = np.ones(SIZE)
    Engine(Layered(reshaped)).place(PATCHES[None], POSITIONS, SIZE, out=out[None])
    np.testing.assert_allclose(out, 1 + EXPECTED)


def test_a_view_of_the_output_that_was_added_to_is_refused():
    engine = Engine(Placer(lambda placed, out: added(placed, out)[::-1]))
    with pytest.raises(PluginError, match="Placer: place_patches returned a view of `out`"):
        engine.place(PATCHES, POSITIONS, SIZE)


def test_a_plugin_that_lacks_a_hook_is_refused_with_those_that_have_it():
    engine = Engine(Cutter())
    assert engine.hooks == {"extract_patches"}
    with pytest.raises(CapabilityError, match=r"Cutter: implements no place_patches.*numba"):
        engine.place(PATCHES, POSITIONS, SIZE)
    request = build_request(np.ones(SIZE), POSITIONS, Cut(3))
    with pytest.raises(CapabilityError, match="Cutter: implements no position_gradient"):
        engine._service.position_gradient(request, PATCHES)


def test_what_a_plugin_does_not_declare_is_not_placed():
    class Narrow(Placer):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(fills=frozenset({"edge"}), dtypes=frozenset({"float32"}))

    engine = Engine(Narrow())
    with pytest.raises(CapabilityError, match="fill 'zeros'"):
        engine.place(PATCHES, POSITIONS, SIZE)
    with pytest.raises(CapabilityError, match="dtype 'float64'"):
        engine.place(PATCHES, POSITIONS, SIZE, fill="edge")


def test_the_budget_counts_the_object_and_not_one_that_is_there():
    """An object of 8 MB: a new one exceeds the budget, one that is there is added to."""
    engine = Engine("numba", memory_budget="1MB")
    with pytest.raises(MemoryBudgetError, match=r"object 7\.63 MiB"):
        engine.place(PATCHES, POSITIONS, (1000, 1000))
    out = np.zeros((1000, 1000))
    np.testing.assert_allclose(
        engine.place(PATCHES, POSITIONS, (1000, 1000), out=out)[:6, :7],
        reference_placement(PATCHES, POSITIONS, (1000, 1000))[:6, :7],
    )
    with pytest.raises(MemoryBudgetError, match="workspace"):  # a canvas beside it
        engine.place(PATCHES, POSITIONS, (1000, 1000), fill="edge", out=out)


def gradient(plugin, cotangent=PATCHES, **how):
    image = np.ones(SIZE)
    layout = how.pop("layout", "flat")
    where = POSITIONS if layout == "flat" else POSITIONS[None]
    request = build_request(image, where, Cut(3, **how), layout=layout)
    return Engine(plugin)._service.position_gradient(request, cotangent)


def test_the_gradient_for_positions_is_asked_for_in_flat_patches():
    plugin = Placer()
    expected = np.stack([PATCHES.sum((1, 2)), POSITIONS[:, 0]], axis=1)
    np.testing.assert_allclose(gradient(plugin), expected)
    channel = np.moveaxis(PATCHES[None], 1, -1)
    np.testing.assert_allclose(gradient(plugin, channel, layout="channel"), expected)
    assert plugin.requests[1].layout == "flat"


@pytest.mark.parametrize("how", [{"interpolation": "nearest"}, {"rounding": "legacy"}])
def test_what_has_no_gradient_for_positions_is_refused(how):
    class Legacy(Placer):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(roundings=frozenset({"exact", "legacy"}))

    with pytest.raises(CapabilityError, match="no gradient"):
        gradient(Legacy(), **how)


def test_a_gradient_of_another_shape_is_refused():
    class Wrong(Placer):
        @hookimpl
        def position_gradient(self):
            return np.zeros((4, 3))

    with pytest.raises(PluginError, match=r"position_gradient returned ndarray of shape \(4, 3\)"):
        gradient(Wrong())
