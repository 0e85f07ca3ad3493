"""The host: discovery without imports, selection by name, wrappers, and every broken contract."""

import importlib.metadata
import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from ptycho_engine import (
    Capabilities,
    Engine,
    Host,
    Plan,
    PluginSource,
    discovery,
    hookimpl,
    list_plugins,
)
from ptycho_engine.errors import (
    CapabilityError,
    ConfigurationError,
    PluginError,
    PluginLoadError,
    UnknownPluginError,
)
from ptycho_engine.host import hookspecs
from ptycho_engine.testing import reference_patches

IMAGE = np.arange(108, dtype=np.float32).reshape(9, 12)
POSITIONS = np.array([[4.0, 6.0], [2.5, 3.25], [8.0, -1.0], [5.0, 5.0]])


class Cutter:
    """A plugin that serves flat patches, in NumPy."""

    def __init__(self, answer=None):
        self.calls = 0
        self.answer = answer

    @hookimpl
    def extract_patches(self, request, out):
        self.calls += 1
        if self.answer is not None:
            return self.answer(request)
        how = (request.interpolation, request.fill, request.rounding)
        return reference_patches(request.image, request.positions, request.patch_size, *how).astype(
            request.dtype
        )


class Doubler:
    """A wrapper: twice the patches."""

    def __init__(self):
        self.calls = 0

    @hookimpl(wrapper=True)
    def extract_patches(self, request):
        self.calls += 1
        patches = yield
        return 2 * patches


@dataclass
class Unhashable:
    size: int = 1

    @hookimpl
    def extract_patches(self, request):
        raise AssertionError


def source(name, plugin, distribution="dist"):
    def load():
        if isinstance(plugin, Exception):
            raise plugin
        return plugin

    return PluginSource(name, f"{name}_module", distribution, "1.0", load)


def expected(size=4, **how):
    return reference_patches(IMAGE, POSITIONS, size, **how).astype(np.float32)


# -- discovery -------------------------------------------------------------------------------


@pytest.fixture
def entry_points(monkeypatch):
    """Let these entry points be the ones that are installed."""

    def install(*pairs):
        points = [
            importlib.metadata.EntryPoint(name, value, discovery.ENTRY_POINT_GROUP)
            for name, value in pairs
        ]
        monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: points)
        discovery.discover.cache_clear()

    yield install
    monkeypatch.undo()
    discovery.discover.cache_clear()


@pytest.fixture(params=["RuntimeError", "SystemExit"])
def broken_module(tmp_path, monkeypatch, request):
    """A module on the path that cannot be imported."""
    code = f"raise {request.param}('no driver')\n"
    (tmp_path / "broken_plugin_of_a_test.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    return "broken_plugin_of_a_test"


def test_discovery_imports_nothing(entry_points, broken_module):
    entry_points(("broken", broken_module), ("missing", "no_such_module_anywhere"))
    assert [(s.name, s.target) for s in list_plugins()] == [
        ("broken", broken_module),
        ("missing", "no_such_module_anywhere"),
    ]
    host = Host()
    assert [s.name for s in host.sources] == ["broken", "missing"]
    assert broken_module not in sys.modules


def test_installed_plugins_come_from_entry_points():
    built_in = {s.name: s for s in list_plugins() if s.distribution == "ptycho_engine"}
    assert set(built_in) >= {"batched", "chunked_xla", "iterative"}
    assert built_in["batched"].target == "ptycho_engine.plugins.batched"
    assert built_in["batched"].version == importlib.metadata.version("ptycho_engine")


def test_a_plugin_that_cannot_be_imported_hurts_only_itself(entry_points, broken_module):
    entry_points(
        ("broken", broken_module),
        ("missing", "no_such_module_anywhere"),
        ("batched", "ptycho_engine.plugins.batched"),
    )
    with pytest.raises(PluginLoadError, match=r"'broken'.*E\w+: no driver.*other plugins"):
        Engine("broken")
    with pytest.raises(ImportError, match="no_such_module_anywhere"):
        Engine("missing")
    np.testing.assert_allclose(Engine("batched").extract(IMAGE, POSITIONS, 4), expected(), 1e-5)


# -- selection -------------------------------------------------------------------------------


def test_only_the_selected_plugin_is_called():
    one, other = Cutter(), Cutter(lambda r: np.full(r.output_shape, 7, r.dtype))
    host = Host([source("one", one), source("other", other)])
    patches = Engine("one", host=host).extract(IMAGE, POSITIONS, 4)
    np.testing.assert_array_equal(patches, expected())
    host.activate("other")  # registered last, which pluggy would call first
    Engine("one", host=host).extract(IMAGE, POSITIONS, 4)
    assert (one.calls, other.calls) == (2, 0)
    assert (Engine("other", host=host).extract(IMAGE, POSITIONS, 4) == 7).all()
    assert (one.calls, other.calls) == (2, 1)


def test_an_engine_is_not_changed_by_what_its_host_takes_in_later():
    host = Host([source("one", Cutter()), source("double", Doubler())])
    engine = Engine("one", host=host)
    host.register(Cutter(lambda r: np.full(r.output_shape, 7, r.dtype)), "other")
    host.activate_wrappers(["double"])
    assert (Engine("other", host=host).extract(IMAGE, POSITIONS, 4) == 14).all()
    np.testing.assert_array_equal(engine.extract(IMAGE, POSITIONS, 4), expected())


def test_a_host_is_not_changed_by_an_engine():
    host = Host([source("cutter", Cutter()), source("double", Doubler())])
    Engine("cutter", wrappers=["double"], host=host)
    patches = Engine("cutter", host=host).extract(IMAGE, POSITIONS, 4)
    np.testing.assert_array_equal(patches, expected())


def test_capabilities_are_sets_of_names():
    assert Capabilities(fills=["zeros", "edge"]).fills == frozenset({"zeros", "edge"})
    with pytest.raises(PluginError, match=r"interpolations: received the text 'bilinear'"):
        Capabilities(interpolations="bilinear")


@pytest.mark.parametrize("options", [dict, {"gain": 1}, Unhashable()])
def test_options_are_a_dataclass(options):
    assert Capabilities(options=Unhashable).options is Unhashable
    with pytest.raises(PluginError, match=r"options: received .*Expected a dataclass"):
        Capabilities(options=options)


def test_hooks_of_other_plugins_do_not_leak():
    class Planner(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(fills=frozenset({"zeros"}))

        @hookimpl
        def plan_extraction(self, request, memory_budget):
            return Plan("planner", 1, 1, 0, 0, memory_budget)

    host = Host([source("plain", Cutter()), source("planner", Planner())])
    host.activate("planner")
    engine = Engine("plain", host=host)
    assert engine.capabilities == Capabilities()
    assert engine.plan(IMAGE, POSITIONS, 4).plugin == "plain"
    assert Engine("planner", host=host).plan(IMAGE, POSITIONS, 4).plugin == "planner"


class Planner(Cutter):
    """A plugin that implements every hook, and answers with its own words."""

    def __init__(self, word):
        super().__init__(answer=lambda request: f"{word} extract_patches")
        self.word = word

    @hookimpl
    def plugin_capabilities(self):
        return f"{self.word} plugin_capabilities"

    @hookimpl
    def plan_extraction(self):
        return f"{self.word} plan_extraction"

    @hookimpl
    def place_patches(self):
        return f"{self.word} place_patches"

    @hookimpl
    def plan_placement(self):
        return f"{self.word} plan_placement"

    @hookimpl
    def position_gradient(self):
        return f"{self.word} position_gradient"


ARGUMENTS = {
    "extract_patches": {"request": None, "options": None, "plan": None, "out": None},
    "plugin_capabilities": {},
    "plan_extraction": {"request": None, "options": None, "memory_budget": 0},
    "place_patches": {"request": None, "options": None, "plan": None, "out": None},
    "plan_placement": {"request": None, "options": None, "memory_budget": 0},
    "position_gradient": {"request": None, "cotangent": None, "options": None, "plan": None},
}


def test_every_hook_is_selected_by_name():
    assert set(ARGUMENTS) == {
        n for n, f in vars(hookspecs).items() if hasattr(f, "ptycho_engine_spec")
    }
    host = Host([source("one", Planner("one")), source("other", Planner("other"))])
    for name in ("one", "other", "one"):
        for hook, arguments in ARGUMENTS.items():
            answer = host.caller(name, hook, required=True)(**arguments)
            assert answer == f"{name} {hook}"


def test_a_hook_that_is_required_is_refused_where_it_is_missing():
    host = Host([source("cutter", Cutter())])
    assert (
        host.caller("cutter", "plan_extraction")(request=None, options=None, memory_budget=0)
        is None
    )
    with pytest.raises(PluginError, match="implements no plan_extraction"):
        host.caller("cutter", "plan_extraction", required=True)


def test_unknown_name_lists_and_suggests():
    host = Host([source("batched", Cutter()), source("chunked_xla", Cutter())])
    with pytest.raises(UnknownPluginError) as caught:
        Engine("chunked_xl", host=host)
    message = str(caught.value)
    assert "'chunked_xl'" in message
    assert "Did you mean 'chunked_xla'?" in message
    assert "Available: batched, chunked_xla" in message
    assert isinstance(caught.value, LookupError)


def test_unknown_name_without_any_plugin():
    with pytest.raises(UnknownPluginError, match="Available: none"):
        Host([]).select("batched")


def test_a_name_taken_twice_is_refused_and_others_work():
    host = Host(
        [
            source("twin", Cutter(), "first-dist"),
            source("twin", Cutter(), "second-dist"),
            source("single", Cutter()),
        ]
    )
    with pytest.raises(PluginError, match=r"taken 2 times.*first-dist 1\.0.*second-dist 1\.0"):
        Engine("twin", host=host)
    Engine("single", host=host)


def test_plugin_given_as_object():
    plugin = Cutter()
    engine = Engine(plugin)
    assert engine.plugin == "Cutter"
    assert engine.source.distribution == "registered"
    np.testing.assert_array_equal(engine.extract(IMAGE, POSITIONS, 4), expected())
    assert plugin.calls == 1


def test_plugin_given_as_module():
    module = ModuleType("my_module_plugin")
    module.extract_patches = hookimpl(lambda request: expected(request.patch_size))
    assert Engine(module).plugin == "my_module_plugin"
    np.testing.assert_array_equal(Engine(module).extract(IMAGE, POSITIONS, 4), expected())


def test_registered_objects_are_selected_by_name():
    host = Host([])
    assert host.register(Cutter()) == "Cutter"
    assert host.register(Cutter(), "mine") == "mine"
    assert [s.name for s in host.sources] == ["Cutter", "mine"]
    assert Engine("mine", host=host).plugin == "mine"
    with pytest.raises(PluginError, match="name 'mine' is taken"):
        host.register(Cutter(), "mine")


@pytest.mark.parametrize("name", ["auto", "", "two words", "a=b", 3])
def test_names_that_choose_no_plugin_are_refused(name):
    host = Host([])
    with pytest.raises(PluginError, match=f"name {name!r} cannot be selected"):
        host.register(Cutter(), name)
    assert host.sources == ()


def test_an_object_is_registered_once():
    host, plugin = Host([]), Doubler()
    host.register(Cutter(), "cutter")
    host.register(plugin, "doubler")
    with pytest.raises(PluginError, match=r"registered already\. Select it as .doubler."):
        host.register(plugin, "again")
    # The first registration stands.
    patches = Engine("cutter", host=host).extract(IMAGE, POSITIONS, 4)
    np.testing.assert_array_equal(patches, 2 * expected())


# -- wrappers --------------------------------------------------------------------------------


def test_wrappers_of_registered_objects_are_active():
    host, doubler = Host([source("cutter", Cutter()), source("other", Cutter())]), Doubler()
    host.register(doubler)
    for name in ("cutter", "other"):
        patches = Engine(name, host=host).extract(IMAGE, POSITIONS, 4)
        np.testing.assert_array_equal(patches, 2 * expected())
    assert doubler.calls == 2


def test_wrappers_are_activated_by_name():
    host = Host([source("cutter", Cutter()), source("double", Doubler())])
    patches = Engine("cutter", host=host).extract(IMAGE, POSITIONS, 4)
    np.testing.assert_array_equal(patches, expected())  # not imported, so not active
    engine = Engine("cutter", wrappers=["double"], host=host)
    np.testing.assert_array_equal(engine.extract(IMAGE, POSITIONS, 4), 2 * expected())


def test_wrappers_see_every_hook_call_of_a_stream():
    doubler = Doubler()
    host = Host([source("cutter", Cutter()), source("double", doubler)])
    engine = Engine("cutter", wrappers=["double"], host=host)
    blocks = list(engine.stream(IMAGE, POSITIONS, 4, block_size=1))
    np.testing.assert_array_equal(np.concatenate([b.patches for b in blocks]), 2 * expected())
    assert doubler.calls == 4


def test_a_wrapper_may_answer_without_the_plugin():
    class Cache:
        @hookimpl(wrapper=True)
        def extract_patches(self, request):
            yield
            return np.zeros(request.output_shape, request.dtype)

    host = Host([source("cutter", Cutter()), source("cache", Cache())])
    engine = Engine("cutter", wrappers=["cache"], host=host)
    assert not engine.extract(IMAGE, POSITIONS, 4).any()


def test_wrapper_alone_is_no_plugin():
    with pytest.raises(PluginError, match=r"implements no extract_patches.*wrapper"):
        Engine("double", host=Host([source("double", Doubler())]))


def test_unknown_wrapper():
    with pytest.raises(UnknownPluginError, match="'timing'"):
        Engine("cutter", wrappers=["timing"], host=Host([source("cutter", Cutter())]))


# -- broken answers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "received"),
    [
        (lambda r: np.zeros((1, 4, 4), r.dtype), r"shape \(1, 4, 4\)"),
        (lambda r: np.zeros(r.output_shape, np.float64), "dtype float64"),
        (lambda r: np.zeros(r.output_shape, ">f4"), "dtype >f4"),
        (lambda r: [[1.0]], "list"),
        (lambda r: SimpleNamespace(shape=r.output_shape), "dtype None"),
    ],
)
def test_wrong_answers_name_the_plugin(answer, received):
    host = Host([source("wrong", Cutter(answer))])
    with pytest.raises(PluginError, match=rf"wrong \(wrong_module\).*returned .*{received}") as e:
        Engine("wrong", host=host).extract(IMAGE, POSITIONS, 4)
    assert "Expected shape (4, 4, 4), dtype float32" in str(e.value)


def test_none_is_a_wrong_answer():
    class Silent:
        @hookimpl
        def extract_patches(self, request):
            return None

    host = Host([source("silent", Silent()), source("cutter", Cutter())])
    host.activate("cutter")  # must not jump in
    with pytest.raises(PluginError, match="extract_patches returned None"):
        Engine("silent", host=host).extract(IMAGE, POSITIONS, 4)


def test_errors_of_a_plugin_pass_through():
    class Failing:
        @hookimpl
        def extract_patches(self):
            raise ZeroDivisionError("inside the plugin")

    with pytest.raises(ZeroDivisionError, match="inside the plugin"):
        Engine(Failing()).extract(IMAGE, POSITIONS, 4)


def test_wrong_capabilities():
    class Careless(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return {"fills": ["zeros"]}

    with pytest.raises(PluginError, match="plugin_capabilities returned dict"):
        Engine(Careless())


# -- hooks that do not fit -------------------------------------------------------------------


class Misspelled:
    @hookimpl
    def extract_patch(self, request):
        raise AssertionError


class DefaultArgument:
    @hookimpl
    def extract_patches(self, request, out=None):
        raise AssertionError


class AnyArguments:
    @hookimpl
    def extract_patches(self, request, **others):
        raise AssertionError


class KeywordArgument:
    @hookimpl
    def extract_patches(self, request, *, out):
        raise AssertionError


class UnknownArgument:
    @hookimpl
    def extract_patches(self, image, positions):
        raise AssertionError


class Renamed:
    @hookimpl(specname="extract_patches")
    def cut(self, request):
        raise AssertionError


class NotAGenerator:
    @hookimpl(wrapper=True)
    def extract_patches(self, request):
        raise AssertionError


class HalfGood:
    """Its first hook fits, the second does not."""

    @hookimpl
    def extract_patches(self, request):
        raise AssertionError

    @hookimpl
    def plan_extraction(self, wish):
        raise AssertionError


NO_FIT = [
    (Misspelled, "unknown hook 'extract_patch'"),
    (DefaultArgument, "gives the argument 'out' a default value"),
    (AnyArguments, r"takes '\*\*others'"),
    (KeywordArgument, "takes 'out', which nothing is passed to"),
    (UnknownArgument, "image"),
    (Renamed, r"specname.*extract_patches"),
    (NotAGenerator, "generator"),
    (HalfGood, "wish"),
    (Unhashable, r"@dataclass\(eq=False\)"),
]


@pytest.mark.parametrize(("plugin", "message"), NO_FIT)
def test_objects_that_do_not_fit_are_refused_and_leave_the_host_usable(plugin, message):
    host = Host([source("cutter", Cutter()), source("bad", plugin())])
    engine = Engine("cutter", host=host)
    for _ in range(2):
        with pytest.raises(PluginError, match=message):
            host.register(plugin(), "registered")
        with pytest.raises(PluginError, match=message):
            Engine("bad", host=host)
    assert [s.name for s in host.sources] == ["bad", "cutter"]
    np.testing.assert_array_equal(engine.extract(IMAGE, POSITIONS, 4), expected())
    host.register(Cutter(), "registered")
    for name in ("cutter", "registered"):
        patches = Engine(name, host=host).extract(IMAGE, POSITIONS, 4)
        np.testing.assert_array_equal(patches, expected())


def test_misspelled_hooks_are_not_listed_as_available():
    host = Host([])
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            host.register(Misspelled())
        hooks = (
            "extract_patches, place_patches, plan_extraction, plan_placement, "
            "plugin_capabilities, position_gradient;"
        )
        assert f"Available hooks: {hooks}" in str(caught.value)


@pytest.mark.parametrize("plugin", [object(), ModuleType("empty")])
def test_objects_without_hooks(plugin):
    with pytest.raises(PluginError, match="implements no extract_patches"):
        Engine(plugin)


# -- what the engine does for a plugin -------------------------------------------------------


def test_flat_patches_are_rearranged_for_the_other_layouts():
    grouped = POSITIONS.reshape(1, 4, 2)
    engine, flat = Engine(Cutter()), expected()
    channel = engine.extract(IMAGE, grouped, 4, layout="channel")
    np.testing.assert_array_equal(channel, np.moveaxis(flat, 0, -1)[None])
    grid = engine.extract(IMAGE, grouped, 4, layout="grid")
    np.testing.assert_array_equal(grid, flat.reshape(1, 2, 2, 4, 4, 1))
    out = np.empty((1, 2, 2, 4, 4, 1, 2), np.float32)[..., 0]  # not contiguous
    assert engine.extract(IMAGE, grouped, 4, layout="grid", out=out) is out
    np.testing.assert_array_equal(out, grid)


def test_layouts_that_a_plugin_declares_are_left_to_it():
    class Channels(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(layouts=frozenset({"flat", "channel"}))

    plugin = Channels(lambda r: np.full(r.output_shape, 5, r.dtype))
    patches = Engine(plugin).extract(IMAGE, POSITIONS.reshape(1, 4, 2), 4, layout="channel")
    assert patches.shape == (1, 4, 4, 4)
    assert (patches == 5).all()


def test_a_plugin_may_fill_out():
    class Writer:
        @hookimpl
        def extract_patches(self, request, out):
            assert out.shape == request.output_shape
            out[...] = 3
            return out

    engine = Engine(Writer())
    for layout in ("channel", "grid"):
        assert (engine.extract(IMAGE, POSITIONS[None], 4, layout=layout) == 3).all()
    given = np.zeros((4, 4, 4), np.float32)
    assert engine.extract(IMAGE, POSITIONS, 4, out=given) is given
    assert (given == 3).all()


def test_a_plugin_may_answer_with_a_tensor():
    tf = pytest.importorskip("tensorflow")
    engine = Engine(Cutter(lambda r: tf.ones(r.output_shape, tf.float32)))
    for layout, positions in (("flat", POSITIONS), ("channel", POSITIONS[None])):
        patches = engine.extract(IMAGE, positions, 4, layout=layout)
        assert isinstance(patches, np.ndarray)
        assert (patches == 1).all()


def test_a_plugin_may_take_few_arguments_and_no_positions_reach_none():
    plugin = Cutter()
    assert Engine(plugin).extract(IMAGE, [], 4).shape == (0, 4, 4)
    assert plugin.calls == 0


def test_requests_beyond_the_capabilities_are_refused_before_work():
    class Narrow(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(
                interpolations=frozenset({"bilinear"}),
                fills=frozenset({"zeros", "edge"}),
                dtypes=frozenset({"float32"}),
            )

    plugin = Narrow()
    engine = Engine(plugin)
    with pytest.raises(CapabilityError, match=r"fill 'reflect'\. It serves: edge, error, zeros"):
        engine.extract(IMAGE, POSITIONS, 4, fill="reflect")
    with pytest.raises(CapabilityError, match="interpolation 'nearest'"):
        engine.plan(IMAGE, POSITIONS, 4, interpolation="nearest")
    with pytest.raises(CapabilityError, match="rounding 'legacy'"):
        engine.stream(IMAGE, POSITIONS, 4, rounding="legacy")  # before the first block
    with pytest.raises(CapabilityError, match="dtype 'complex64'"):
        engine.extract(IMAGE.astype(np.complex64), POSITIONS, 4)
    assert plugin.calls == 0
    engine.extract(IMAGE, POSITIONS, 4, fill="edge")
    assert plugin.calls == 1


def test_options_are_read_into_the_dataclass_of_the_plugin():
    @dataclass(frozen=True)
    class Options:
        factor: float = 1.0

        def __post_init__(self):
            if self.factor == 0:
                raise ValueError("factor: received 0. Expected another number.")

    class Scaler(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(options=Options)

        @hookimpl
        def extract_patches(self, request, options):
            return np.full(request.output_shape, options.factor, request.dtype)

    assert Engine(Scaler()).options == {"factor": 1.0}
    engine = Engine(Scaler(), options={"factor": 2.5})
    assert engine.options == {"factor": 2.5}
    assert (engine.extract(IMAGE, POSITIONS, 4) == 2.5).all()
    with pytest.raises(ConfigurationError, match=r"'fctor' is not known. Did you mean 'factor'"):
        Engine(Scaler(), options={"fctor": 2})
    with pytest.raises(ConfigurationError, match="factor: received 0"):
        Engine(Scaler(), options={"factor": 0})
    with pytest.raises(ConfigurationError, match="Available: none"):
        Engine(Cutter(), options={"anything": 1})


def test_selection_is_logged_once(caplog):
    with caplog.at_level("INFO", logger="ptycho_engine"):
        Engine(Cutter(), reason="a test")
    (record,) = caplog.records
    assert record.msg["event"] == "plugin_selected"
    assert record.msg["plugin"] == "Cutter"
    assert record.msg["reason"] == "a test"
