"""What `auto` means, and what is said where a framework is missing."""

import sys

import numpy as np
import pytest

from ptycho_engine import Engine, Host, PluginSource, hookimpl
from ptycho_engine.errors import ConfigurationError, MissingExtraError, PluginLoadError
from ptycho_engine.host import choice


def built_in(name):
    return PluginSource(name, f"ptycho_engine.plugins.{name}", "ptycho_engine", "1.0", lambda: None)


@pytest.fixture
def installed(monkeypatch):
    """Frameworks that look installed; the test changes the set."""
    modules = {"tensorflow", "jax", "numba"}
    monkeypatch.setattr(choice, "is_installed", lambda module: module in modules)
    return modules


ALL = [built_in(name) for name in choice.FRAMEWORKS]


@pytest.mark.parametrize(
    ("modules", "name"),
    [
        ({"tensorflow", "jax", "numba"}, "chunked_xla"),
        ({"jax", "numba"}, "jax"),
        ({"numba"}, "numba"),
        ({"tensorflow"}, "chunked_xla"),
    ],
)
def test_the_first_installed_is_taken_and_named(installed, modules, name):
    installed &= modules
    assert choice.choose(ALL) == (name, f"auto: {name} is the first installed")


def test_a_plugin_that_does_not_exist_is_passed_over(installed):
    installed.discard("tensorflow")
    assert choice.choose([s for s in ALL if s.name != "jax"])[0] == "numba"


def test_without_any_framework_the_commands_are_named(installed):
    installed.clear()
    with pytest.raises(MissingExtraError, match="none of chunked_xla, jax, numba") as caught:
        choice.choose(ALL)
    for extra in ("tensorflow", "jax", "numba"):
        assert f'pip install "ptycho_engine[{extra}]"' in str(caught.value)
    with pytest.raises(MissingExtraError, match="pip install ptycho_engine"):
        choice.choose([])


def test_a_plugin_of_others_is_judged_by_its_import(installed):
    installed.clear()
    other = PluginSource("jax", "elsewhere.jax", "elsewhere", "1.0", lambda: None)
    assert choice.missing_framework(other) is None
    assert choice.missing_framework(built_in("jax")) == "jax"
    assert choice.missing_framework(built_in("unheard_of")) is None


def test_auto_is_the_default_and_takes_no_options():
    engine = Engine()
    assert engine.plugin == choice.choose(Host().sources)[0]
    with pytest.raises(ConfigurationError, match="takes no options, received chunk_size"):
        Engine(options={"chunk_size": 3})
    assert Engine(options={}).plugin == engine.plugin


def test_the_reason_stands_in_the_log(caplog):
    with caplog.at_level("INFO", "ptycho_engine"):
        engine = Engine("auto", reason="as asked")
    expected = f"as asked; auto: {engine.plugin} is the first installed"
    assert any(expected in str(record.msg) for record in caplog.records)


@pytest.mark.parametrize("name", ["batched", "chunked_xla", "iterative"])
def test_a_missing_framework_is_one_clear_line(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(PluginLoadError) as caught:
        Engine(name)
    assert str(caught.value) == (
        f"plugin '{name}': needs tensorflow, which is not installed. "
        'Run: pip install "ptycho_engine[tensorflow]"'
    )


def test_without_tensorflow_patches_are_cut_all_the_same(monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    monkeypatch.setitem(sys.modules, "jax", None)
    patches = Engine().extract(np.arange(25.0).reshape(5, 5), [[2.0, 2.5]], 2)
    np.testing.assert_array_equal(patches, [[[6.5, 7.5], [11.5, 12.5]]])


def test_drop_ins_say_what_they_lack(monkeypatch):
    from ptycho_engine import compat

    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with (
        pytest.warns(FutureWarning, match="_togrid"),
        pytest.raises(MissingExtraError, match=r"_togrid: needs tensorflow.*\[tensorflow\]"),
    ):
        compat._togrid(np.zeros((4, 2, 2, 1)), 2, 2)
    with pytest.raises(MissingExtraError, match="Translation: needs tensorflow"):
        _ = compat.Translation


def test_a_registered_object_needs_no_framework(installed):
    installed.clear()

    class Cutter:
        @hookimpl
        def extract_patches(self, request, out):
            out[...] = 1
            return out

    assert Engine(Cutter()).extract(np.ones((4, 4)), [[2, 2]], 2).sum() == 4
