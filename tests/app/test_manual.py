"""--help: each key with its meaning and its choices, and they are the ones that the code knows."""

import re
from dataclasses import fields
from enum import EnumType

import pytest
from commands import call_command

from ptycho_engine.app import schema
from ptycho_engine.app.command import SUBCOMMANDS
from ptycho_engine.app.manual import manual
from ptycho_engine.app.vocabulary import CHOSEN, groups, keys_of, meaning_of, plain_keys
from ptycho_engine.errors import UnknownPluginError
from ptycho_engine.geometry.cut import FILLS, INTERPOLATIONS, ROUNDINGS
from ptycho_engine.host.capabilities import Capabilities
from ptycho_engine.host.host import Host
from ptycho_engine.io.catalogue import list_formats

BUILT_IN = ("auto", "batched", "chunked_xla", "iterative", "jax", "numba")
GROUPS = {
    ("output", "file"): schema.OutputConfig,
    ("runner", "local"): schema.RunnerConfig,
    ("runner", "dask"): schema.DaskConfig,
}


def text(**given):
    return "\n".join(manual(given))


ROOTS = sorted(schema.SCHEMAS)


@pytest.mark.parametrize("root", ROOTS)
def test_each_key_has_a_meaning(root):
    chosen = [k for g in groups(root) for c in g.choices for k in keys_of(g.name, c)]
    entries = [*plain_keys(root), *groups(root), *chosen]
    ours = [k for k in entries if not k.name.startswith(("scan.", "plugin."))]
    assert len(ours) > 5
    for key in ours:
        assert len(key.meaning) > 10, key


@pytest.mark.parametrize("root", ROOTS)
def test_keys_of_a_root_are_those_of_its_schema(root):
    expected = {f.name for f in fields(schema.SCHEMAS[root])}
    assert {key.name for key in (*plain_keys(root), *groups(root))} == expected


def test_keys_of_a_group_are_those_of_its_schema():
    for group in {group for group, _ in GROUPS}:
        choices = next(g.choices for g in groups() if g.name == group)
        assert {(group, choice) for choice in choices} == {c for c in GROUPS if c[0] == group}
    for (group, choice), kind in GROUPS.items():
        named = {key.name for key in keys_of(group, choice)}
        named |= {f"{group}.{CHOSEN[group]}"} if group in CHOSEN else set()
        assert named == {f"{group}.{f.name}" for f in fields(kind)}


def test_choices_are_those_of_the_code():
    known = {key.name: key.choices for key in plain_keys()}
    assert known["interpolation"] == INTERPOLATIONS
    assert known["fill"] == FILLS
    assert known["rounding"] == ROUNDINGS
    for (group, choice), kind in GROUPS.items():
        choices = {key.name: key.choices for key in keys_of(group, choice)}
        for field in fields(kind):
            described = getattr(schema, str(field.type), None)
            if isinstance(described, EnumType):
                assert choices[f"{group}.{field.name}"] == tuple(m.value for m in described)
            elif field.type == "bool":
                assert choices[f"{group}.{field.name}"] == ("true", "false")


def written_as(value):
    return {"None": "null", "True": "true", "False": "false"}.get(value, value)


@pytest.mark.parametrize("root", ROOTS)
def test_defaults_are_those_of_the_code(root):
    for key in plain_keys(root):
        value = getattr(schema.SCHEMAS[root], key.name, [])
        written = written_as(str(value))
        assert key.default == written, key
    for (group, choice), kind in GROUPS.items():
        for key in keys_of(group, choice):
            value = getattr(kind, key.name.partition(".")[2])
            value = str(getattr(value, "value", value))
            assert key.default == written_as(value)


@pytest.mark.parametrize("plugin", ["numba", "batched", "chunked_xla"])
def test_options_of_a_plugin_are_listed_once_it_is_chosen(plugin):
    options = Host().select(plugin).capabilities.options
    assert options is not Capabilities.options
    lines = text(plugin=plugin).splitlines()
    for field in fields(options):
        assert any(line.startswith(f"  plugin.{field.name}=auto") for line in lines)
    assert f"plugin.{fields(options)[0].name}" not in text()


def test_options_of_a_format_are_listed_once_it_is_chosen():
    shown = text(scan="npz")
    assert "  scan.path=???" in shown
    assert "scan.seed" not in shown
    shown = text()
    for option in ("seed=0", "object_size=512", "points=1000", "step=11.0"):
        (line,) = re.findall(rf"  scan\.{re.escape(option)}(.*)", shown)
        assert len(line.strip()) > 10


def test_groups_show_their_choices_and_hide_schemas():
    shown = text()
    assert "schema" not in shown
    found = re.findall(r"^    (\w+)", shown, re.M)
    assert {*BUILT_IN, *(source.name for source in list_formats())} <= set(found)
    for name in BUILT_IN:
        assert meaning_of("plugin", name)
    assert meaning_of("scan", "npz") == ".npz"


def test_subcommands_are_listed():
    for name, subcommand in SUBCOMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(subcommand.meaning[:20])}", text(), re.M)


@pytest.mark.parametrize("columns", [70, 80, 200])
def test_lines_fit_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert max(map(len, manual({}))) < min(columns, 100)


def test_a_choice_that_is_none_is_refused(tmp_path):
    with pytest.raises(UnknownPluginError, match="Did you mean 'numba'"):
        text(plugin="nunba")
    done = call_command("--help", "plugin=nunba", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'numba'" in done.stderr


@pytest.mark.parametrize("before", [[], ["extract"]])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_had_in_either_way(tmp_path, before, flag):
    done = call_command(*before, flag, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("ptycho-engine - cut patches")


@pytest.mark.parametrize("name", [n for n in SUBCOMMANDS if n != "extract"])
def test_each_subcommand_has_help_of_its_own(tmp_path, name):
    done = call_command(name, "--help", cwd=tmp_path)
    assert done.returncode == 0
    begins = "usage: ptycho-engine" if SUBCOMMANDS[name].root is None else "ptycho-engine"
    assert done.stdout.startswith(f"{begins} {name}")


def test_there_is_no_second_way_to_name_a_job(tmp_path):
    done = call_command("job=extract", cwd=tmp_path)
    assert done.returncode == 2
    assert "key 'job' is not known" in done.stderr
