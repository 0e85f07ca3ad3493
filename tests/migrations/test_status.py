"""``ptycho-migrate status``: what is still used, where, and until when."""

import json
import time
from pathlib import Path

import pytest
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod.settings_files import find_settings

from ptycho_engine.deprecation.table import TABLE


def status(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["status", *(str(argument) for argument in arguments)])
    return stop.value.code


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "old.py").write_text(
        "from ptycho.raw_data import get_image_patches\n"
        "from ptycho import params as p, tf_helper as hh\n"
        "p.set('use_xla_translate', False)\n"
        "old = p.get('N')  # saved\n"
        "p.set('N', old)\n"
        "hh.translate\n"
        "patch('ptycho.raw_data.get_image_patches.x')\n"
    )
    (tmp_path / "shimmed.py").write_text(
        "from ptycho_engine import compat\n"
        "from ptycho_engine.compat import get_image_patches\n"
        "compat.translate, compat.resolve\n"
    )
    cell = {"cell_type": "code", "source": ["x = 1\n", "import ptycho.tf_helper as t; t.translate"]}
    notebook = {"cells": [{"cell_type": "markdown"}, cell], "nbformat": 4}
    (tmp_path / "book.ipynb").write_text(json.dumps(notebook))
    (tmp_path / "run.sh").write_text(
        "# --gridsize\nUSE_XLA_TRANSLATE=0 ptycho_train --gridsize 2 --n-images=5 --other 3\n"
        "ptycho-engine plugin=iterative compat=legacy plugin=batched\n"
    )
    (tmp_path / "old.yaml").write_text("N: 64\nuse_batched_patch_extraction: true\nother: 1\n")
    (tmp_path / "other.yaml").write_text("name: CI\non: push\nsize: 3\n")
    return tmp_path


def test_names_places_and_removal(tree, capsys):
    assert status(tree) == exit_codes.DONE
    out = capsys.readouterr().out
    blocks = {f"PED{block[:3]}": block for block in f"\n{out}".split("\nPED")}
    patches = next(e for e in TABLE if e.old.endswith("get_image_patches"))
    block = blocks[patches.id]
    assert f" {patches.old}: removed in {patches.removal}, use {patches.replacement}" in block
    for place in ("old.py:1", "old.py:7", "shimmed.py:2"):
        assert f"{tree / place}: " in block
    assert f"{tree}/book.ipynb:cell 2, line 2: ptycho.tf_helper.translate" in out
    for line in (
        f"{tree}/shimmed.py:3: ptycho_engine.compat.translate",
        f"{tree}/old.py:6: ptycho.tf_helper.translate",
        f"{tree}/old.py:3: use_xla_translate",
        f"{tree}/run.sh:2: USE_XLA_TRANSLATE=0",
        f"{tree}/run.sh:3: plugin=iterative",
        f"{tree}/run.sh:3: compat=legacy",
        f"{tree}/old.yaml:2: use_batched_patch_extraction",
        f"{tree}/run.sh:2: --gridsize: is groups.members, squared",
        f"{tree}/run.sh:2: --n-images: is groups.count",
        f"{tree}/old.yaml:1: N: is patch_size",
        f"{tree}/old.py:4: N: PE011: saved, changed and put back; may stay",
    ):
        assert f"  {line}" in out
    for absent in ("--other", "run.sh:1", "other.yaml", "3: plugin=batched", "compat.resolve"):
        assert absent not in out


def test_deprecated_plugins_in_python(tmp_path, capsys):
    (tmp_path / "a.py").write_text(
        "from ptycho_engine import Engine, extract_patches\nimport ptycho_engine as pe\n"
        "Engine('iterative')\npe.Engine(plugin='iterative')\n"
        "extract_patches(1, 2, 3, plugin='iterative')\nname = 'iterative'\nEngine(name)\n"
        "Engine('batched'), pe.other('iterative'), print('iterative')\n"
        "Engine(1, 'iterative'), extract_patches('iterative')\n"
    )
    (tmp_path / "b.py").write_text("from mine import Engine  # ptycho\nEngine('iterative')\n")
    assert status(tmp_path) == exit_codes.DONE
    out = capsys.readouterr().out
    assert out.startswith("PED001 iterative: ")
    assert [line.split(":")[1] for line in out.splitlines() if "a.py:" in line] == list("3457")
    assert "b.py" not in out


def test_method_of_what_may_be_a_raw_data_is_deprecated(tmp_path, capsys):
    (tmp_path / "a.py").write_text("import ptycho\nx.generate_grouped_data(8)\n")
    assert status(tmp_path) == exit_codes.DONE
    out = capsys.readouterr().out
    assert out.startswith("PED029 ")
    assert f"  {tmp_path}/a.py:2: generate_grouped_data\n" in out
    assert "Not deprecated" not in out


def test_pages_are_where_the_last_line_says(tree, capsys):
    assert status(tree) == exit_codes.DONE
    *lines, last = capsys.readouterr().out.splitlines()
    spelt, _, folder = last.partition(" is ")
    assert spelt == "ptycho_engine/migrations"
    guides = [line.partition("guide: ")[2] for line in lines if "  guide: " in line]
    assert guides
    for guide in guides:
        assert (Path(folder) / Path(guide).relative_to(spelt)).is_file()


def test_all_parameters_saved_and_put_back(tmp_path, capsys):
    (tmp_path / "a.py").write_text(
        "from ptycho import params as p\nold = p.cfg.copy()\np.cfg.clear()\np.cfg.update(old)\n"
    )
    assert status(tmp_path) == exit_codes.DONE
    assert "a.py:2: ptycho.params.cfg: PE011: all parameters, saved" in capsys.readouterr().out


def test_files_one_by_one(tree, capsys):
    assert status(tree / "run.sh", tree / "old.yaml") == exit_codes.DONE
    out = capsys.readouterr().out
    assert f"{tree}/run.sh:3: compat=legacy" in out
    assert f"{tree}/old.yaml:2: use_batched_patch_extraction" in out
    assert status(tree / "missing.sh") == exit_codes.FAILED
    assert "no such file" in capsys.readouterr().err


def test_nothing_is_written(tree):
    before = {p: p.read_bytes() for p in tree.iterdir()}
    status(tree)
    assert {p: p.read_bytes() for p in tree.iterdir()} == before


def test_nothing_used(tmp_path, capsys):
    (tmp_path / "a.py").write_text("import ptycho\n")
    assert status(tmp_path) == exit_codes.DONE
    assert capsys.readouterr().out == "No deprecated name is used.\n"


def test_failures(tmp_path, capsys):
    (tmp_path / "a.py").write_text("def (:\n")
    assert status(tmp_path) == status(tmp_path / "missing") == exit_codes.FAILED
    err = capsys.readouterr().err
    assert "syntax error" in err
    assert "no such file" in err


@pytest.mark.parametrize(
    "text",
    [
        "batch_size: 16\n",
        "N: 3\nsize: 4\nlabel: x\nmodel_type: cnn\n",
        "defaults:\n  - config\nhydra:\n  help:\n    template: |\n      plugin=iterative\n",
        "plugin: batched\n# plugin: iterative\nscan:\n  path: iterative\n",
        "jobs:\n  build:\n    env: {OTHER: 1}\n    steps:\n      - run: make --N 3\n",
        "a: &a [*a]\n",
        "{",
        "",
    ],
)
def test_yaml_that_is_not_legacy(tmp_path, text):
    assert find_settings(tmp_path / "a.yaml", text) == []


def test_our_own_configuration_files_are_not_legacy():
    for path in (Path(__file__).parents[2] / "conf").rglob("*.yaml"):
        found = find_settings(path, path.read_text())
        assert all(setting.is_new for setting in found), path


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.yaml", "run:\n  model:\n    gridsize: 2\n", [(3, "gridsize")]),
        ("a.yaml", "plugin:\n  name: iterative\n", [(2, "plugin: iterative")]),
        ("a.yml", "env:\n  USE_XLA_TRANSLATE: 0\n", [(2, "USE_XLA_TRANSLATE")]),
        (
            "ci.yml",
            "jobs:\n  a:\n    steps:\n      - run: |\n          # first\n"
            "          ptycho_train --gridsize 2\n",
            [(6, "--gridsize")],
        ),
        ("ci.yml", "test:\n  script:\n    - USE_XLA_COMPILE=1 make\n", [(3, "USE_XLA_COMPILE=1")]),
        ("a.sh", "export USE_XLA_TRANSLATE=0\n", [(1, "USE_XLA_TRANSLATE=0")]),
        ("a.sh", "train --gridsize 2\n", []),
        ("a.json", '{\n "N": 64,\n "gridsize": 2}', [(2, "N"), (3, "gridsize")]),
        ("a.json", '{"size": [64, 64], "label": "x"}', []),
        ("Dockerfile", "FROM a\nENV USE_XLA_TRANSLATE 0\n", [(2, "USE_XLA_TRANSLATE=0")]),
        ("Dockerfile", "ENV A=1 USE_XLA_TRANSLATE=0\n", [(1, "USE_XLA_TRANSLATE=0")]),
        ("Makefile", "export USE_XLA_COMPILE := 1\n", [(1, "USE_XLA_COMPILE := 1")]),
        (".env", "USE_XLA_TRANSLATE=0\n", [(1, "USE_XLA_TRANSLATE=0")]),
    ],
)
def test_settings_by_kind_of_file(tmp_path, name, text, expected):
    assert [(s.line, s.name) for s in find_settings(tmp_path / name, text)] == expected


def test_a_file_too_large_to_parse_is_read_line_by_line(tmp_path):
    text = '{\n"gridsize": 2,\n"data": [\n' + "0.125,\n" * 200_000 + "0]}"
    assert [(s.line, s.name) for s in find_settings(tmp_path / "a.json", text)] == [(2, "gridsize")]


@pytest.mark.parametrize("line", [" " * 300_000, "- " * 150_000, "a " * 150_000, "'" * 300_000])
def test_lines_of_no_entry_are_read_in_no_time(tmp_path, line):
    started = time.process_time()
    assert find_settings(tmp_path / "a.yaml", f"gridsize: 2\n{line}\nN: [\n")
    assert time.process_time() - started < 5


def test_a_folder_may_be_called_as_a_file_of_settings_is(tmp_path, capsys):
    folder = tmp_path / "old.env"
    folder.mkdir()
    (folder / "a.py").write_text("from ptycho.tf_helper import translate\ntranslate(a, b)\n")
    assert status(folder) == exit_codes.DONE
    assert "a.py:1" in capsys.readouterr().out


def test_method_that_is_passed_on(tmp_path, capsys):
    text = "import ptycho\nf = partial(raw.generate_grouped_data, 64)\n"
    (tmp_path / "a.py").write_text(text)
    assert status(tmp_path) == exit_codes.DONE
    assert f"{tmp_path}/a.py:2: generate_grouped_data" in capsys.readouterr().out


def test_code_and_settings_are_counted_apart(tree, capsys):
    assert status(tree) == exit_codes.DONE
    out = capsys.readouterr().out
    assert "In code: 8 places (PE001 1, PE002 2, PE004 1, PE007 1, PE011 1, drop-ins 2)." in out
    assert "In settings: 7 places in 2 files." in out


def test_json(tree, capsys):
    assert status(tree, "--json", "--exclude", "*.ipynb", "--exclude=run.sh") == exit_codes.DONE
    found = json.loads(capsys.readouterr().out)
    assert {(use["kind"], use["rule"]) for use in found} >= {("code", "PE001"), ("settings", None)}
    assert {Path(use["path"]).suffix for use in found} == {".py", ".yaml"}
    (one,) = (use for use in found if use["rule"] == "PE001")
    assert (one["line"], one["deprecation"], one["removal"]) == (1, "PED002", "2.0")


def test_new_configuration_with_a_deprecated_plugin(tmp_path):
    text = "defaults:\n  - config\n  - _self_\nplugin:\n  name: batched\ncompat=legacy\n"
    (found,) = find_settings(tmp_path / "new.yaml", text)
    assert (found.line, found.name) == (6, "compat=legacy")
