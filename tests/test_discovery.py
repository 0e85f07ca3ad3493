"""Discovery beside metadata that is broken: it harms nobody else, and the listing names it."""

import importlib.metadata
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
from distributions import install, plugin
from hypothesis import given
from hypothesis import strategies as st
from processes import run_python

from ptycho_engine import discovery
from ptycho_engine.errors import printable

GOOD = """
from ptycho_engine.plugin import hookimpl
@hookimpl
def extract_patches(out):
    out[...] = 7
    return out
"""
#: What is wrong with the metadata of a distribution called `broken`: `install`'s arguments, and
#: words of the line in which the listing names it.
BROKEN = {
    "the program itself as target": ({"points": plugin("main", "__main__")}, "__main__"),
    "an object of the program": ({"points": plugin("main", "__main__:thing")}, "__main__"),
    "a target that is none": ({"points": plugin("odd", "no module!")}, "no module!"),
    "an empty target": ({"points": plugin("empty", "")}, "empty"),
    "a relative target": ({"points": plugin("near", ".plugins")}, ".plugins"),
    "markup in a name": ({"points": plugin("[/bold]evil[red]", "good")}, "[/bold]evil[red]"),
    "an interpolation as name": ({"points": plugin("${oc.env:HOME", "good")}, "${oc.env:HOME"),
    "a name that is a path": ({"points": plugin("../../up", "good")}, "../../up"),
    "a long name": ({"points": plugin("n" * 50_000, "good")}, "nnnn"),
    "a long module": ({"points": plugin("long", "m" * 50_000)}, "mmmm"),
    "a deep module": ({"points": plugin("deep", "m." * 25_000 + "m")}, "m.m.m"),
    "escapes in a name": ({"points": plugin("a\x1b[2Jb", "good")}, r"a\x1b[2Jb"),
    "bytes that are no text": (
        {"points": b"[ptycho_engine.plugins]\nbad = \xff\xfe\n"},
        "UnicodeDecodeError",
    ),
    "a line that is no pair": ({"points": "[ptycho_engine.plugins]\nalone\n"}, "TypeError"),
    "a format without a module": ({"points": "[ptycho_engine.formats]\nx.h5 = 3d\n"}, "3d"),
    "a configuration nowhere": ({"points": "[ptycho_engine.conf]\nc = nowhere.conf\n"}, "nowhere"),
    "a configuration of the program": (
        {"points": "[ptycho_engine.conf]\nc = __main__\n"},
        "__main__",
    ),
    "a long configuration": ({"points": f"[ptycho_engine.conf]\nc = {'c' * 50_000}\n"}, "cccc"),
}
#: Metadata that cannot be read beside entry points that can: their plugin works.
NAMELESS = {
    "none at all": b"",
    "no name": b"Metadata-Version: 2.1\n",
    "bytes that are no text": b"Name: broken\nAuthor: M\xfcller\n",
}


def run(site, *arguments, cwd=None):
    command = "-m", "ptycho_engine.app.command"
    return run_python(*command, *arguments, cwd=cwd, env={**os.environ, "PYTHONPATH": str(site)})


#: What makes every reader of metadata fail, and is told apart from what only we mind.
UNREADABLE = {kind for kind, (_, words) in BROKEN.items() if words.endswith("Error")}


@pytest.fixture(scope="module", params=["readable", "unreadable"])
def site(request, tmp_path_factory):
    """Many broken distributions, and a sound one; return the folder and the listing."""
    site = tmp_path_factory.mktemp("site")
    names = {}
    for number, (kind, (arguments, _)) in enumerate(BROKEN.items()):
        if kind not in UNREADABLE or request.param == "unreadable":
            names[kind] = f"broken{number}"
            install(site, names[kind], **arguments)
    install(site, "sound", points=plugin("good", "good"), good=GOOD)
    listed = run(site, "plugins", "--json")
    assert listed.returncode == 1, listed.stderr
    return site, names, json.loads(listed.stdout)


def test_the_listing_names_every_broken_distribution(site):
    _, names, states = site
    faults = {s["distribution"]: s for s in states if s["kind"] == "cannot be used"}
    assert set(faults) == set(names.values())
    for kind, distribution in names.items():
        fault = faults[distribution]
        assert BROKEN[kind][1] in fault["name"] + fault["target"] + fault["state"]
        assert all(len(text) < 600 for text in map(str, fault.values()))
    others = {s["name"]: s["state"] for s in states if s["kind"] == "plugin"}
    assert set(others) == {"batched", "chunked_xla", "iterative", "jax", "numba", "good"}
    assert others["good"] == "ok"


@pytest.mark.slow_cases("unreadable")
def test_broken_metadata_harms_neither_table_nor_help_nor_run(site, tmp_path):
    site, names, _ = site
    table = run(site, "plugins")
    assert table.returncode == 1, table.stderr
    for kind in names:
        assert BROKEN[kind][1][:20] in table.stdout
    assert "\x1b" not in table.stdout
    assert run(site, "--help").returncode == 0
    done = run(
        site, "plugin=good", "scan.points=3", "scan.object_size=32", "patch_size=4",
        "output.picture=false", "report=false", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (np.load(tmp_path / "patches.npz")["patches"] == 7).all()


@pytest.mark.parametrize("kind", NAMELESS)
def test_a_plugin_of_a_distribution_without_a_name_works(kind, tmp_path, monkeypatch):
    install(tmp_path, "broken", points=plugin("good", "good"), metadata=NAMELESS[kind], good=GOOD)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(discovery, "discover", discovery.discover.__wrapped__)
    (source,) = (source for source in discovery.discover() if source.name == "good")
    assert source.distribution == "broken"
    assert source.load().extract_patches


@pytest.mark.slow
@pytest.mark.parametrize("plugin_name", ["numba", "auto"])
@pytest.mark.parametrize("suffix", [".npz", ".h5", ".zarr"])
def test_unreadable_metadata_harms_no_library_that_reads_it_too(plugin_name, suffix, tmp_path):
    site = tmp_path / "site"
    install(site, "broken", points=b"\xff\xfe")
    done = run(
        site, f"plugin={plugin_name}", f"output.path=p{suffix}", "scan.points=3",
        "scan.object_size=32", "patch_size=4", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / f"p{suffix}").exists()


def test_the_first_of_two_on_the_path_counts_whatever_else_is_broken(tmp_path, monkeypatch):
    """As importlib.metadata has it where everything can be read."""
    for place, value in (("first", "new"), ("second", "old")):
        install(tmp_path / place, "twice", points=plugin("twin", value))
        monkeypatch.syspath_prepend(tmp_path / "first")
        monkeypatch.setattr("sys.path", [str(tmp_path / "first"), str(tmp_path / "second")])
    for broken in (False, True):
        if broken:
            install(tmp_path / "second", "broken", points=b"\xff")
            with pytest.raises(UnicodeDecodeError):
                importlib.metadata.entry_points(group="any")
        found = discovery.discover.__wrapped__()
        assert [(source.name, source.target) for source in found] == [("twin", "new")]


@given(st.text(), st.integers(10, 60))
def test_what_is_printable_is_one_short_line(text, limit):
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    if text.isprintable() and len(text) <= limit:
        assert shown == text


@given(st.text(min_size=1), st.integers(10, 60))
def test_of_a_long_text_both_ends_are_shown(text, limit):
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in 200 * text)
    half = (limit - 5) // 2
    assert printable(200 * text, limit) == f"{shown[:half]} ... {shown[-half:]}"


@given(st.text(min_size=1), st.text())
def test_whatever_an_entry_point_says_it_is_a_source_or_a_fault(name, target):
    point = importlib.metadata.EntryPoint(name, target, discovery.ENTRY_POINT_GROUP)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(importlib.metadata, "entry_points", lambda group: [point])
        installed = [SimpleNamespace(entry_points=[point])]
        patched.setattr(importlib.metadata, "distributions", lambda: installed)
        sources = discovery.discover.__wrapped__()
        faults = discovery.find_faults(discovery.ENTRY_POINT_GROUP)
    assert len(sources) + len(faults) == 1
    for fault in faults:
        assert (fault.name + fault.target + fault.reason).isprintable()
