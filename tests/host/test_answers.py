"""Errors and wrong answers name who made them: plugin or wrapper, with its distribution."""

import os
import traceback

import numpy as np
import pytest
from distributions import install, plugin
from processes import run_python

from ptycho_engine import Capabilities, Engine, Host, PluginSource, hookimpl
from ptycho_engine.culprits import accusation, culprit_of
from ptycho_engine.discovery import build_options
from ptycho_engine.errors import ConfigurationError, PluginError
from ptycho_engine.host.choice import named_plugin

IMAGE = np.ones((9, 12), np.float32)


class Cutter:
    @hookimpl
    def extract_patches(self, request, out):
        out[...] = 3
        return out


class Failing:
    @hookimpl
    def extract_patches(self):
        raise ZeroDivisionError("inside the plugin")


class Silent:
    @hookimpl
    def extract_patches(self):
        return None


class PassesOn:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        return (yield)


class ForgetsReturn:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        yield


class Doubles:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        patches = yield
        return (2 * patches).astype(np.float64)


class FailsBefore:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        if IMAGE.any():
            raise OSError("no clock")
        yield


class FailsAfter:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        yield
        raise OSError("no clock")


class YieldsNever:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        if not IMAGE.any():
            yield


class YieldsTwice:
    @hookimpl(wrapper=True)
    def extract_patches(self):
        yield
        yield


class Rescues:
    @hookimpl(wrapper=True)
    def extract_patches(self, out):
        try:
            return (yield)
        except ZeroDivisionError:
            out[...] = 5
            return out


def host_of(**plugins):
    return Host(
        [
            PluginSource(name, f"{name}_module", f"{name}-dist", "1.0", lambda p=p: p)
            for name, p in plugins.items()
        ]
    )


def cut(subject, *wrappers):
    """Cut with the plugin `subject` and wrappers, the first innermost."""
    plugins = {f"around{i}": wrapper for i, wrapper in enumerate(wrappers)}
    host = host_of(subject=subject, **plugins)
    return Engine("subject", wrappers=list(plugins), host=host).extract(IMAGE, [[4, 4]], 2)


def test_wrappers_that_keep_the_contract_pass_patches_on():
    assert (cut(Cutter(), PassesOn(), PassesOn()) == 3).all()
    assert (cut(Failing(), PassesOn(), Rescues(), PassesOn()) == 5).all()


@pytest.mark.parametrize(
    ("subject", "wrappers", "culprit"),
    [
        (Silent, (), "subject"),
        (Silent, (PassesOn, PassesOn), "subject"),
        (Silent, (ForgetsReturn,), "subject"),
        (Cutter, (ForgetsReturn,), "around0"),
        (Cutter, (PassesOn, ForgetsReturn), "around1"),
        (Cutter, (ForgetsReturn, PassesOn), "around0"),
        (Cutter, (PassesOn, Doubles, PassesOn), "around1"),
        (Cutter, (PassesOn, YieldsNever), "around1"),
        (Cutter, (PassesOn, YieldsTwice, PassesOn), "around1"),
    ],
)
def test_wrong_answers_are_blamed_on_who_gave_them(subject, wrappers, culprit):
    with pytest.raises(PluginError) as caught:
        cut(subject(), *(wrapper() for wrapper in wrappers))
    first = str(caught.value).partition(":")[0]
    assert f"{culprit}_module" in first
    assert f"{culprit}-dist 1.0" in first
    accused = f"wrapper '{culprit}'" if culprit != "subject" else "subject ("
    assert first.startswith(accused)


@pytest.mark.parametrize(
    ("subject", "wrappers", "culprit"),
    [
        (Failing, (), "subject"),
        (Failing, (PassesOn, PassesOn), "subject"),
        (Cutter, (PassesOn, FailsAfter, PassesOn), "around1"),
        (Cutter, (FailsBefore, PassesOn), "around0"),
        (Failing, (FailsBefore,), "around0"),
    ],
)
def test_errors_are_blamed_on_who_raised_them(subject, wrappers, culprit):
    with pytest.raises((ZeroDivisionError, OSError)) as caught:
        cut(subject(), *(wrapper() for wrapper in wrappers))
    assert culprit_of(caught.value).name == culprit
    note = f"raised in plugin '{culprit}' ({culprit}_module, from {culprit}-dist 1.0)"
    assert caught.value.__notes__ == [note]
    assert note in "".join(traceback.format_exception(caught.value))
    line = accusation(caught.value)
    assert line.startswith(f"plugin '{culprit}' ({culprit}_module, from {culprit}-dist 1.0) failed")
    assert line.endswith(f"Report it to {culprit}-dist.")


@pytest.mark.parametrize("wraps", [False, True])
def test_nobody_ends_the_program_without_a_word(wraps):
    class Ends(Cutter):
        @hookimpl(wrapper=wraps)
        def extract_patches(self):
            raise SystemExit(3)
            yield  # of a wrapper

    class EndsAtOnce(Cutter):
        @hookimpl
        def extract_patches(self):
            raise SystemExit(3)

    called = (Cutter(), Ends()) if wraps else (EndsAtOnce(),)
    with pytest.raises(PluginError, match=r"would end the program: SystemExit: 3.*-dist\.$"):
        cut(*called)


def test_the_same_plugin_twice_is_blamed_for_the_call_that_failed():
    """A call inside a call has answers of its own."""

    class Nested:
        @hookimpl
        def extract_patches(self, request):
            Engine(Cutter(), host=Host([])).extract(IMAGE, [[4, 4]], 2)

    with pytest.raises(PluginError, match=r"subject \(subject_module\).*returned None"):
        cut(Nested(), PassesOn())


@pytest.mark.parametrize(
    ("hook", "answer", "words"),
    [
        ("plugin_capabilities", {"fills": 1}, "plugin_capabilities returned dict"),
        ("plan_extraction", 7, "plan_extraction returned int. Expected a Plan"),
    ],
)
def test_answers_of_every_hook_are_judged(hook, answer, words):
    class Careless(Cutter):
        pass

    setattr(Careless, hook, hookimpl(lambda self: answer))
    with pytest.raises(PluginError, match=words):
        cut(Careless())


@pytest.mark.parametrize("hook", ["plugin_capabilities", "plan_extraction"])
def test_a_wrapper_of_any_hook_that_forgets_return_is_blamed(hook):
    """Defaults must not step in for what the plugin has declared."""

    class Declares(Cutter):
        @hookimpl
        def plugin_capabilities(self):
            return Capabilities(fills=frozenset({"zeros"}))

        @hookimpl
        def plan_extraction(self, request, memory_budget):
            from ptycho_engine.plugin import make_plan

            return make_plan(request, "own", memory_budget, fixed_bytes=0, bytes_per_patch=1)

    def forgets(self):
        yield

    class Forgets:
        pass

    setattr(Forgets, hook, hookimpl(wrapper=True)(forgets))
    assert (cut(Declares()) == 3).all()
    with pytest.raises(PluginError, match="'around0'"):
        cut(Declares(), Forgets())


# -- what cannot be meant --------------------------------------------------------------------


def test_a_class_is_no_plugin():
    with pytest.raises(PluginError, match=r"is the class Cutter\. Expected .* Cutter\(\)"):
        Engine(Cutter)
    with pytest.raises(PluginError, match="is the class Cutter"):
        Engine("subject", host=host_of(subject=Cutter))


def test_one_text_is_not_a_list_of_wrappers():
    with pytest.raises(ConfigurationError, match=r"wrappers: received the text .*\['around'\]"):
        Engine("subject", wrappers="around", host=host_of(subject=Cutter(), around=PassesOn()))


def test_a_plugin_without_a_wrapper_surrounds_nothing():
    host = host_of(subject=Cutter(), other=Cutter())
    with pytest.raises(PluginError, match=r"wrapper .other. \(other_module, from other-dist"):
        Engine("subject", wrappers=["other"], host=host)


def test_wrappers_of_the_old_kind_are_refused():
    class Old:
        @hookimpl(hookwrapper=True)
        def extract_patches(self):
            yield

    with pytest.raises(PluginError, match=r"hookwrapper=True\. Mark it wrapper=True"):
        cut(Cutter(), Old())


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [
        ("extract_patch", "extract_patches"),
        ("plugin_capabilites", "plugin_capabilities"),
        ("plan_extract", "plan_extraction"),
    ],
)
def test_misspelt_hooks_are_named_with_what_was_meant(misspelt, meant):
    class Misspelt(Cutter):
        pass

    setattr(Misspelt, misspelt, hookimpl(lambda self: None))
    with pytest.raises(PluginError, match=f"unknown hook '{misspelt}'. Did you mean '{meant}'?"):
        cut(Misspelt())


def test_a_configuration_names_its_plugin():
    assert named_plugin({"name": "numba", "threads": 2}) == ("numba", {"threads": 2})
    for group, words in (
        ({"threads": 2}, "has no name, but threads"),
        ({}, "has no name, but nothing"),
        ({"name": 3}, "has the name 3"),
        ({"name": ""}, "has the name ''"),
        (None, "received None"),
        ("numba", "received 'numba'"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            named_plugin(group)


def test_options_that_break_are_blamed_on_their_owner():
    from dataclasses import dataclass

    @dataclass
    class Options:
        size: int
        other: int = 1

        def __post_init__(self):
            self.other = 1 // self.size

    with pytest.raises(ConfigurationError, match="mine: option 'size' has no default"):
        build_options("mine", Options, {"other": 2})
    with pytest.raises(ConfigurationError, match=r"^mine: .*ZeroDivisionError"):
        build_options("mine", Options, {"size": 0})
    assert build_options("mine", Options, {"size": 1}).other == 1


# -- on the command line ---------------------------------------------------------------------

HEAD = "from ptycho_engine.plugin import hookimpl\n"
MODULES = {
    "failing": HEAD + "@hookimpl\ndef extract_patches():\n    raise KeyError('lens')\n",
    "cutting": HEAD + "@hookimpl\ndef extract_patches(out):\n    out[...] = 1\n    return out\n",
    "forgetting": HEAD + "@hookimpl(wrapper=True)\ndef extract_patches():\n    yield\n",
    "klass": HEAD + "class Plugin:\n    @hookimpl\n    def extract_patches(self, out): pass\n",
    "reading": "def make(options):\n    return {}['beam']\n",
}
POINTS = (
    "".join(
        plugin(name, f"{name}:Plugin" if name == "klass" else name)
        for name in MODULES
        if name != "reading"
    )
    + "[ptycho_engine.formats]\nreading = reading\n"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    install(folder, "theirs", points=POINTS, **MODULES)
    return folder


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["plugin=failing"], 1, "plugin 'failing' (failing, from theirs 1.0) failed: KeyError"),
        (
            ["plugin=cutting", "wrappers=[forgetting]"],
            2,
            "wrapper 'forgetting' (forgetting, from theirs 1.0) around plugin 'cutting'",
        ),
        (["plugin=klass"], 2, "is the class Plugin"),
        (["plugin=cutting", "scan=reading"], 1, "format 'reading' (reading, from theirs 1.0)"),
        (["plugin=cutting", "wrappers=[cutting]"], 2, "wrapper 'cutting' (cutting, from theirs"),
    ],
)
def test_the_command_names_the_culprit_in_one_line(site, tmp_path, arguments, code, words):
    scan = [] if "scan=reading" in arguments else ["scan.points=3", "scan.object_size=32"]
    done = run_python(
        "-m", "ptycho_engine.app.command", "patch_size=4", *arguments, *scan,
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("ptycho-engine:")]
    assert len(said) == 1
    assert words in said[0]
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
