"""``ptycho-migrate config``: what goes over, what is said of the rest, and that runs are equal."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from processes import run_python
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod import files
from ptycho_engine.migrations.settings.comments import read_comments
from ptycho_engine.migrations.settings.new import literally, validate

from ptycho_engine import read_output
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.errors import ConfigurationError

OLD = """\
# An old run.

N: '16'  # patch size
gridsize: 2  # groups of four
# chosen in August
use_batched_patch_extraction: true  # measured
patch_extraction_batch_size: 8      # fits
model:
  # inner
  object_big: true  # large
# why so many
nphotons: 1e6
learning_rat: 3
# the end
"""


def convert(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["config", *map(str, arguments)])
    return stop.value.code


def composed(path, *overrides):
    register_schemas()
    with initialize_config_dir(str(path.parent), version_base="1.3"):
        search = "hydra.searchpath=[pkg://ptycho_engine.conf]"
        return compose(path.stem, overrides=[search, *overrides])


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "old.yaml"
    path.write_text(OLD)
    return path


def test_values_comments_and_what_is_left_out(old, capsys):
    new = old.with_name("new.yaml")
    assert convert(old, "-o", new) == exit_codes.DONE
    config = composed(new)
    assert config.plugin == {"name": "chunked_xla", "chunk_size": 8}
    assert (config.patch_size, config.rounding, config.compat.mode) == (16, "legacy", "none")
    text = new.read_text()
    for comment in OLD.splitlines():
        assert comment.partition("#")[2].strip() in text
    lines = text.splitlines()
    assert re.fullmatch("patch_size: 16 +# patch size", lines[lines.index("# An old run.") + 1])
    assert "  chunk_size: 8  # fits" in lines
    assert (
        "# model.object_big: true  # large; belongs to the model; the engine trains none" in lines
    )
    assert lines[lines.index("# # why so many") + 1].startswith('# nphotons: "1e6"  # belongs')
    assert "# learning_rat: 3  # unknown" in lines
    assert "# gridsize: 2  # groups of four; is groups.members: 4 of training data" in lines
    err = capsys.readouterr().err
    for said in (
        "'learning_rat' is unknown",
        "chunked_xla: batched patch extraction on",
        "add scan=npz",
        "gridsize",
    ):
        assert said in err


def test_comments_that_meet_at_one_key_stay_both(tmp_path, capsys):
    old = tmp_path / "old.yaml"
    old.write_text(
        "# a\nN: 16  # b\n# c\nuse_batched_patch_extraction: true  # d\n"
        "# e\nuse_xla_translate: false  # f\nmodel:\n  # g\n  N: 16  # h\n"
    )
    assert convert(old) == exit_codes.DONE
    text = capsys.readouterr().out
    for letter in "abcdefgh":
        assert re.search(rf"[#;] {letter}(;|$)", text, re.MULTILINE), letter


def test_without_output_it_is_printed(old, capsys):
    assert convert(old) == exit_codes.DONE
    assert "override plugin: chunked_xla" in capsys.readouterr().out
    assert list(old.parent.iterdir()) == [old]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("old.json", '{\n\t"N": 16, "model": {"use_xla_translate": false}}'),
        ("old.yml", "N: 16.0\nmodel: {use_xla_translate: off}\n"),
        (
            "old.py",
            "from pathlib import Path\nfrom ptycho import params as p\n"
            "from ptycho.config.config import ModelConfig, TrainingConfig as T\n"
            "raise SystemExit('this file is never run')\n"
            "p.set('N', 32)\np.cfg['use_xla_translate'] = True\n"
            "p.cfg.update({'use_xla_translate': False})\n"
            "T(model=ModelConfig(N=16), train_data_file=Path('x'))\n",
        ),
        ("old.py", "N = 16\nother = 3\nsettings = {'use_xla_translate': 0, 'gridsize': 1}\n"),
    ],
)
def test_other_forms(tmp_path, name, text):
    old, new = tmp_path / name, tmp_path / "new.yaml"
    old.write_text(text)
    assert convert(old, "-o", new) == exit_codes.DONE
    config = composed(new)
    assert config.plugin == {"name": "batched", "batch_size": "auto"}
    assert config.patch_size == 16
    if "Path" in text:
        assert config.scan.path == "x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("N: 1\n", {}),
        ("# a\n# b\nN: 1 # c\n\n# d\ny: 3\n", {"N": ("a", "b", "c"), "y": ("d", "")}),
        ("m:   # a\n  # b\n  x: 2\n# c\ny: 3\n", {"m.x": ("a", "b", ""), "y": ("c", "")}),
        ("# a\nm:\n  # b\n  x: 2  # c\n", {"m.x": ("a", "b", "c")}),
        ("l:\n  # a\n  - 1 # b\n  - 2\n# c\ny: 3\n", {"y": ("a", "b", "c", "")}),
        ("l: [1, 2]  # a\n# b\n", {"l": ("a",), "": ("b", "")}),
    ],
)
def test_comments_by_key(text, expected):
    found = {key: (*c.before, c.behind) for key, c in read_comments(text).items()}
    assert {key: c for key, c in found.items() if any(c)} == expected


@pytest.mark.tensorflow
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("old.toml", "N = 1", "suffix '.toml' is not known"),
        ("old.yaml", "- 1\n", "holds no legacy parameters"),
        ("old.yaml", "", "holds no legacy parameters"),
        ("old.yaml", "N: [", "cannot be read as YAML"),
        ("old.yaml", "N: 1\nN: 2\n", "keep the last"),
        ("old.json", "{", "cannot be read as JSON"),
        ("old.json", "[1]", "holds no legacy parameters"),
        ("old.py", "def (:", "line 1: syntax error"),
        ("old.py", "x = 1", "holds no legacy parameters"),
        (
            "old.yaml",
            "girdsize: 2\nother: 3\n",
            "'girdsize' is unknown. Did you mean 'gridsize'?",
        ),
        ("old.json", '{"other": {"more": 3}}', "none of its keys is a legacy parameter"),
        ("old.yaml", "N: many\n", "Expected a whole number"),
        ("old.yaml", "patch_extraction_batch_size: 0\n", "Expected a whole number above zero"),
    ],
)
def test_what_cannot_be_converted_leaves_nothing(tmp_path, name, text, message, capsys):
    old = tmp_path / name
    old.write_text(text)
    assert convert(old, "-o", tmp_path / "new.yaml") == exit_codes.FAILED
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("text", ["patch_size: many\n", "plugin: {name: batched, batch_size: 0}\n"])
def test_a_new_configuration_that_is_refused_says_so(tmp_path, text):
    with pytest.raises(ConfigurationError, match="The new configuration is refused: "):
        validate(f"defaults: [config, _self_]\n{text}", tmp_path)


@pytest.mark.parametrize("suffix", [".yaml", ".json", ".py"])
def test_pipes_and_depths_without_end_are_refused(tmp_path, suffix, capsys):
    os.mkfifo(tmp_path / f"pipe{suffix}")
    assert convert(tmp_path / f"pipe{suffix}") == exit_codes.FAILED
    assert "is no regular file" in capsys.readouterr().err
    old = tmp_path / f"old{suffix}"
    old.write_text(f"{'x = ' * (suffix == '.py')}{'[' * 20_000}{']' * 20_000}")
    assert convert(old) == exit_codes.FAILED
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{old}: cannot be read as" in line


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("old.yaml", "--overwrite"),
        ("new.txt", ".yaml"),
        ("config.yaml", "that name itself"),
        ("none/new.yaml", "does not exist"),
    ],
)
def test_outputs_that_are_refused(old, output, message, capsys):
    assert convert(old, "-o", old.parent / output) == exit_codes.FAILED
    assert message in capsys.readouterr().err
    assert list(old.parent.iterdir()) == [old]
    assert old.read_text() == OLD


def test_an_existing_file_is_replaced_on_demand_and_kept_on_failure(old, monkeypatch, capsys):
    new = old.with_name("new.yaml")
    new.write_text("mine\n")

    def fail(*arguments):
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(files.os, "replace", fail)
        assert convert(old, "-o", new, "--overwrite") == exit_codes.FAILED
    assert "disk full" in capsys.readouterr().err
    assert new.read_text() == "mine\n"
    assert sorted(old.parent.iterdir()) == [new, old]
    assert convert(old, "-o", new, "--overwrite") == exit_codes.DONE
    assert composed(new).patch_size == 16


def test_neither_conversion_nor_check_imports_tensorflow(old):
    code = "import sys; sys.modules['tensorflow'] = None\n"
    code += "from ptycho_engine.migrations.cli import main; main()"
    command = [sys.executable, "-c", code, "config", str(old)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def engine(folder, *arguments):
    done = run_python("-m", "ptycho_engine.app.command", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.parametrize("flag", ["true", "false"])
def test_both_configurations_give_equal_patches(tmp_path, flag):
    rng = np.random.default_rng(3)
    image = (rng.normal(size=(48, 52)) + 1j * rng.normal(size=(48, 52))).astype(np.complex64)
    x, y = rng.uniform(0, 52, 9), rng.uniform(0, 48, 9)
    np.savez(tmp_path / "scan.npz", xcoords=x, ycoords=y, objectGuess=image)
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(
        f"N: 12\nuse_batched_patch_extraction: {flag}\npatch_extraction_batch_size: 4\n"
        "train_data_file: scan.npz\nnphotons: 1e9\n"
    )
    assert convert(old, "-o", new) == exit_codes.DONE
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    engine(tmp_path, "compat=legacy", f"compat.params={old}", f"output.path={one}")
    log = engine(tmp_path, "--config-dir", tmp_path, "--config-name", "new", f"output.path={two}")
    assert "configuration 'new'" in log
    legacy, native = read_output(one), read_output(two)
    np.testing.assert_array_equal(legacy.patches, native.patches)
    np.testing.assert_array_equal(legacy.positions, native.positions)
    assert legacy.patches.shape == (9, 12, 12)
    assert np.abs(legacy.patches).max() > 0


@pytest.mark.parametrize(
    "name",
    [
        "${oc.env:HOME}/x.npz",
        "a\\${b}.npz",
        "a\\\\${b.npz",
        "$HOME/x$.npz",
        "${",
        "x\\",
        "'${a}'",
        "$${a}}",
    ],
)
def test_texts_of_the_old_file_are_never_interpolated(tmp_path, name):
    old, new = tmp_path / "old.json", tmp_path / "new.yaml"
    old.write_text(json.dumps({"N": 16, "train_data_file": name, "label": "${oc.env:HOME}"}))
    assert convert(old, "-o", new) == exit_codes.DONE
    assert composed(new).scan.path == name


@given(text=st.text(st.sampled_from("$\\{}a:.'\" "), max_size=8))
def test_any_text_is_read_as_it_stands(text):
    assert OmegaConf.create({"key": literally(text)}).key == text


def test_keys_and_names_do_not_become_lines(tmp_path):
    old, new = tmp_path / "old\nseed: 3.json", tmp_path / "new.yaml"
    old.write_text(json.dumps({"N": 16, "a\nrounding: exact": 1, "b\r# c": 2}))
    assert convert(old, "-o", new) == exit_codes.DONE
    assert composed(new).rounding == "legacy"
    assert set(OmegaConf.load(new)) == {"defaults", "patch_size", "rounding"}


def test_odd_values_of_what_is_dropped_stop_nothing(tmp_path, capsys):
    old = tmp_path / "old.yaml"
    old.write_text("N: 16\noffset: 4.5\ntest_data_file: [a.npz, b.npz]\nnphotons: 1e9 photons\n")
    assert convert(old) == exit_codes.DONE
    text = capsys.readouterr().out
    assert "# offset: 4.5  # sized the padded canvas" in text
    assert '# test_data_file: ["a.npz", "b.npz"]  # one run reads one scan' in text
    assert '# nphotons: "1e9 photons"  # belongs to the simulation' in text


def test_misspelt_keys_get_the_nearest(tmp_path, capsys):
    old = tmp_path / "old.yaml"
    old.write_text("N: 16\nmodel:\n  n_filter_scale: 2\nentirely_other: 3\n")
    assert convert(old) == exit_codes.DONE
    err = capsys.readouterr().err
    assert "n_filter_scale' is unknown. Did you mean 'n_filters_scale'?" in err
    assert "'entirely_other' is unknown\n" in err
