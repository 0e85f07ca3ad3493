"""``ptycho-migrate code`` as a user runs it: exit codes, messages, files."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from processes import run_python
from ptycho_engine.migrations import cli, exit_codes
from ptycho_engine.migrations.codemod import files
from ptycho_engine.migrations.codemod.findings import Finding, Kind, Rule
from ptycho_engine.migrations.codemod.generations import differing_names
from ptycho_engine.migrations.codemod.text import Edit

OLD = b"from ptycho.raw_data import get_image_patches\n"
NEW = b"from ptycho_engine.compat import get_image_patches\n"


def migrate(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([str(argument) for argument in arguments])
    return stop.value.code


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "a.py").write_bytes(OLD)
    (tmp_path / "plain.py").write_bytes(b"x = 1\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.py").write_bytes(OLD)
    for hidden in (".git", "__pycache__", "env"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "c.py").write_bytes(OLD)
    (tmp_path / "env" / "pyvenv.cfg").touch()
    return tmp_path


def contents(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("flags", [[], ["--diff"]])
def test_difference_is_shown_by_default_and_nothing_written(tree, flags, capsys):
    before = contents(tree)
    assert migrate("code", tree, *flags) == exit_codes.DONE
    out, err = capsys.readouterr()
    assert out.count("-from ptycho.raw_data import get_image_patches") == 2
    assert out.count("+from ptycho_engine.compat import get_image_patches") == 2
    assert "3 files read, 2 would change, 0 failed; 2 places rewritten" in err
    assert contents(tree) == before


def test_settings_elsewhere_are_pointed_out(tree, capsys):
    shell, settings = tree / "run.sh", tree / "old.yaml"
    shell.write_text("ptycho_train --gridsize 2\n")
    settings.write_text("N: 64\ngridsize: 2\n")
    (tree / "other.yaml").write_text("name: something\n")
    ci = tree / ".github" / "workflows" / "ci.yml"
    ci.parent.mkdir(parents=True)
    ci.write_text("env:\n  USE_XLA_TRANSLATE: '0'\n")
    assert migrate("code", tree, "--write") == exit_codes.DONE
    err = capsys.readouterr().err
    assert f"leaves alone: ptycho-migrate status {shell}" in err
    assert f"leaves alone: ptycho-migrate config {settings}" in err
    assert f"leaves alone: ptycho-migrate status {ci}" in err  # no file of parameters
    assert "other.yaml" not in err


def test_new_configuration_is_to_be_changed_itself(tmp_path, capsys):
    path = tmp_path / "hy.yaml"
    path.write_text("defaults:\n  - config\n  - override plugin: iterative\n")
    assert migrate("code", tmp_path) == exit_codes.DONE
    err = capsys.readouterr().err
    assert f"{path} holds deprecated choices, which code leaves alone. Change plugin: iter" in err
    assert "ptycho-migrate config" not in err


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_number_of_processes(tree, jobs, capsys):
    assert migrate("code", tree, f"--jobs={jobs}") == exit_codes.FAILED
    assert f"expected a number from 1 on, not '{jobs}'" in capsys.readouterr().err


def test_the_last_line_says_where_the_pages_are(tree, capsys):
    (tree / "c.py").write_text("from ptycho.params import cfg\ncfg['use_xla_translate'] = 0\n")
    assert migrate("code", tree, "--write") == exit_codes.DONE
    folder = capsys.readouterr().err.splitlines()[-1].partition(" is ")[2]
    assert (Path(folder) / "rules" / "PE007.md").is_file()
    comment = " ".join((tree / "c.py").read_text().replace("#", "").split())
    command, _ = comment.partition("; see ")[2].split(" cfg")
    program, *arguments = command.split()
    assert program == "ptycho-migrate"
    assert migrate(*arguments) == exit_codes.DONE
    assert capsys.readouterr().out.startswith("# PE007: ")


def test_rules_that_cannot_be_explained(capsys):
    assert migrate("explain", "pe004") == exit_codes.DONE
    assert capsys.readouterr().out.startswith("# PE004: ")
    assert migrate("explain", "../PE004") == exit_codes.FAILED
    assert "'../PE004' is not known. Available: PE001" in capsys.readouterr().err


def headers(out):
    return [line for line in out.splitlines() if line.startswith(("--- ", "+++ "))]


def test_names_in_a_difference_begin_at_the_folder_asked_for(tree, monkeypatch, capsys):
    expected = ["--- a/a.py", "+++ b/a.py", "--- a/sub/b.py", "+++ b/sub/b.py"]
    monkeypatch.chdir(tree / "sub")
    for folder in (tree, Path("..")):
        assert migrate("code", folder) == exit_codes.DONE
        assert headers(capsys.readouterr().out) == expected
    assert migrate("code", tree / "a.py") == exit_codes.DONE
    assert headers(capsys.readouterr().out) == expected[:2]
    monkeypatch.chdir(tree)
    assert migrate("code", "sub") == exit_codes.DONE
    assert headers(capsys.readouterr().out) == expected[2:]


def test_a_terminal_gets_a_bar(tree, monkeypatch, capsys):
    migrate("code", tree, "--write")
    assert "/3" not in capsys.readouterr().err
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    migrate("code", tree, "--write")
    assert "3/3" in capsys.readouterr().err


def test_write_then_nothing_is_left_to_do(tree, capsys):
    assert migrate("code", tree, "--check") == exit_codes.PENDING
    assert "a.py would change" in capsys.readouterr().err
    assert migrate("code", tree, "--write") == exit_codes.DONE
    assert (tree / "a.py").read_bytes() == (tree / "sub" / "b.py").read_bytes() == NEW
    assert (tree / "env" / "c.py").read_bytes() == OLD
    assert migrate("code", tree, "--check") == exit_codes.DONE


def test_failures_are_reported_and_the_rest_proceeds(tree, capsys):
    broken = {
        "syntax.py": b"from ptycho.raw_data import get_image_patches\ndef (:\n",
        "elsewhere.py": b"print 'python 2'\n",
        "bytes.py": b"x = '\xff'\n",
        "coding.py": b"# coding: nonsense\n",
        "null.py": b"x = 1\x00\n",
        "deep.py": b"(" * 5000,
        "long.py": b"# ptycho get_image_patches\nx = " + b"-" * 100_000 + b"1\n",
        "bad.ipynb": b"{",
    }
    for name, data in broken.items():
        (tree / name).write_bytes(data)
    assert migrate("code", tree, "--write") == exit_codes.FAILED
    err = capsys.readouterr().err
    for name, data in broken.items():
        assert f"{name}: " in err
        assert (tree / name).read_bytes() == data
    assert f"{len(broken)} failed" in err
    assert (tree / "a.py").read_bytes() == NEW


def test_skipped_rules(tree, capsys):
    assert migrate("code", tree, "--check", "--skip", "PE002,pe001") == exit_codes.DONE
    assert migrate("code", tree, "--skip", "PE999") == exit_codes.FAILED
    assert "'PE999' is not known" in capsys.readouterr().err
    assert migrate("code", tree, "--skip", "PE1") == exit_codes.FAILED
    err = capsys.readouterr().err
    assert "Did you mean" not in err
    assert "Available: PE001, PE002" in err


def test_selected_and_ignored_rules(tree, capsys):
    assert migrate("code", tree, "--check", "--select", "PE002,PE007") == exit_codes.DONE
    assert migrate("code", tree, "--check", "--select", "PE001") == exit_codes.PENDING
    arguments = ("--select", "PE001", "--ignore", "PE001")
    assert migrate("code", tree, "--check", *arguments) == exit_codes.DONE
    assert migrate("code", tree, "--select", "PE999") == exit_codes.FAILED
    assert "'PE999' is not known" in capsys.readouterr().err


@pytest.mark.parametrize("glob", ["sub", "sub/", "/sub", "b.py", "sub/*.py", "**/b.*"])
def test_excluded_files(tree, glob):
    assert migrate("code", tree, "--write", "--exclude", glob) == exit_codes.DONE
    assert (tree / "a.py").read_bytes() == NEW
    assert (tree / "sub" / "b.py").read_bytes() == OLD


def test_check_fails_while_comments_stand(tmp_path, capsys):
    path = tmp_path / "a.py"
    path.write_text("from ptycho.params import cfg\ncfg['use_xla_translate'] = 0\n")
    assert migrate("code", path, "--write") == exit_codes.DONE
    capsys.readouterr()
    assert migrate("code", path, "--check") == exit_codes.PENDING
    assert "a.py: 1 TODO comments stand" in capsys.readouterr().err
    path.write_text(path.read_text().replace("TODO(ptycho-migrate PE007)", "ptycho-migrate PE007"))
    assert migrate("code", path, "--check") == exit_codes.DONE


def test_the_package_itself_is_left_as_a_whole(tree, capsys):
    package = tree / "ptycho"
    (package / "config").mkdir(parents=True)
    for name in ("__init__.py", "params.py", "raw_data.py", "config/__init__.py"):
        (package / name).write_bytes(OLD)
    (package / "a.py").write_text(
        "from . import tf_helper as hh\nfrom .raw_data import get_image_patches\nhh.translate\n"
    )
    (package / "config" / "b.py").write_text("from ..tf_helper import translate\n")
    before = contents(package)
    assert migrate("code", tree, "--write") == exit_codes.DONE
    assert f"{package} is PtychoPINN itself: all of its 6 files" in capsys.readouterr().err
    assert contents(package) == before
    assert (tree / "a.py").read_bytes() == NEW
    assert migrate("status", package) == exit_codes.DONE
    out = capsys.readouterr().out
    assert f"{package}/a.py:2: ptycho.raw_data.get_image_patches" in out
    assert f"{package}/a.py:3: ptycho.tf_helper.translate" in out
    assert f"{package}/config/b.py:1: ptycho.tf_helper.translate" in out


@pytest.mark.parametrize("level", ["shim", "native"])
def test_functions_of_another_generation_stay_with_a_comment(tmp_path, level, capsys):
    package, use = tmp_path / "ptycho", tmp_path / "use.py"
    package.mkdir()
    for name in ("__init__.py", "params.py"):
        (package / name).touch()
    (package / "raw_data.py").write_text(
        "def get_image_patches(gt_image, global_offsets, local_offsets, N, gridsize, config): ...\n"
        "class RawData:\n    def generate_grouped_data(self, N, K, nsamples, config): ...\n"
    )
    use.write_text(
        "from ptycho.raw_data import RawData, get_image_patches\nfrom ptycho import raw_data\n"
        "from ptycho import tf_helper\nraw = RawData.from_file('x')\n"
        "raw.generate_grouped_data(64)\nget_image_patches(i, m, l, 64, 1)\n"
        "raw_data.get_image_patches(i, m, l, 64, 1)\ntf_helper.translate(1)\n"
    )
    assert migrate("code", tmp_path, "--write", "--level", level) == exit_codes.DONE
    assert "get_image_patches of this tree is of another version" in capsys.readouterr().err
    lines = [line for line in use.read_text().splitlines() if not line.startswith("#")]
    assert lines[-1] == "compat.translate(1)"
    assert lines[-4:-1] == [
        "raw.generate_grouped_data(64)",
        "get_image_patches(i, m, l, 64, 1)",
        "raw_data.get_image_patches(i, m, l, 64, 1)",
    ]
    assert "import RawData, get_image_patches" in lines[0]
    text = use.read_text()
    assert [text.count(f"TODO(ptycho-migrate {n})") for n in ("PE001", "PE010", "PE012")] == [1] * 3


def test_functions_of_the_generation_of_the_drop_ins_are_no_others(tmp_path):
    (tmp_path / "raw_data.py").write_text(
        "def get_image_patches(gt_image, global_offsets, local_offsets, N=None, gridsize=None): 0\n"
        "class RawData:\n"
        "    def generate_grouped_data(self, N, K=4, nsamples=1, dataset_path=None, seed=None,\n"
        "        sequential_sampling=False, gridsize=None, enable_oversampling=False,\n"
        "        neighbor_pool_size=None): 0\n"
    )
    assert differing_names([tmp_path, tmp_path / "missing"]) == set()


def test_another_package_of_that_name_is_migrated(tree):
    (tree / "ptycho").mkdir()
    for name in ("__init__.py", "params.py"):
        (tree / "ptycho" / name).write_bytes(OLD)
    assert migrate("code", tree, "--write") == exit_codes.DONE
    assert (tree / "ptycho" / "params.py").read_bytes() == NEW


def test_the_published_hook_checks():
    root = Path(__file__).parents[2]
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text())
    command, *arguments = hook["entry"].split()
    options = cli.parser().parse_args([*arguments, "a.py"])
    assert command == "ptycho-migrate"
    assert options.check


@pytest.mark.skipif(shutil.which("git") is None, reason="Git says what changed")
def test_changes_that_are_not_committed_get_a_word(tree, capsys):
    def git(*arguments):
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", tree, *names, *arguments], check=True, capture_output=True)

    shutil.rmtree(tree / ".git")
    git("init")
    git("add", "--all", "--force")
    assert migrate("code", tree, "--check") == exit_codes.PENDING
    assert "not committed" not in capsys.readouterr().err
    git("commit", "-m", "all")
    assert migrate("code", tree / "sub", "--write") == exit_codes.DONE
    assert "not committed" not in capsys.readouterr().err
    assert migrate("code", tree, "--write") == exit_codes.DONE
    assert f"{tree} has changes that are not committed" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "message"), [("missing", "no such file"), ("x.txt", "'.txt'")])
def test_paths_that_cannot_be_migrated(tmp_path, name, message, capsys):
    (tmp_path / "x.txt").write_bytes(OLD)
    assert migrate("code", tmp_path / name) == exit_codes.FAILED
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + OLD,
        OLD.replace(b"\n", b"\r\n"),
        OLD.strip(),
        b"if 1:\n\t" + OLD,
        b"# coding: latin-1\n" + OLD + b"x = '\xe9'\n",
        b"\x0c\n" + OLD,
    ],
)
def test_bytes_around_a_change_are_kept(tmp_path, data):
    path = tmp_path / "a.py"
    path.write_bytes(data)
    assert migrate("code", path, "--write") == exit_codes.DONE
    assert path.read_bytes() == data.replace(b"ptycho.raw_data", b"ptycho_engine.compat")


def test_mode_and_links_are_kept(tmp_path):
    path, link = tmp_path / "a.py", tmp_path / "link.py"
    path.write_bytes(OLD)
    path.chmod(0o751)
    link.symlink_to(path)
    assert migrate("code", link, "--write") == exit_codes.DONE
    assert link.is_symlink()
    assert path.read_bytes() == NEW
    assert path.stat().st_mode & 0o777 == 0o751


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_failure_while_writing_leaves_the_original(tmp_path, monkeypatch, step, capsys):
    path = tmp_path / "a.py"
    path.write_bytes(OLD)

    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(files.os, step, fail)
    assert migrate("code", path, "--write") == exit_codes.FAILED
    assert "disk full" in capsys.readouterr().err
    assert contents(tmp_path) == {path.relative_to(tmp_path): OLD}


def test_fault_in_a_rule_leaves_the_original(tree, monkeypatch, capsys):
    def fail(*arguments):
        raise ZeroDivisionError("a rule went wrong")

    monkeypatch.setattr("ptycho_engine.migrations.codemod.job.rewrite", fail)
    before = contents(tree)
    assert migrate("code", tree, "--write") == exit_codes.FAILED
    assert "fault of ptycho-migrate: ZeroDivisionError" in capsys.readouterr().err
    assert contents(tree) == before


def test_result_that_does_not_parse_is_the_fault_of_a_rule(tree, monkeypatch, capsys):
    def check(source):
        edits = (Edit(0, 0, "def (:\n"),)
        yield Finding("PE000", 0, "x", "broken", Kind.REWRITE, edits)

    monkeypatch.setattr(
        "ptycho_engine.migrations.codemod.job.RULES", [Rule("PE000", "breaks", check)]
    )
    before = contents(tree)
    assert migrate("code", tree, "--write") == exit_codes.FAILED
    err = capsys.readouterr().err
    assert "a.py: what a rule made of it does not parse (line 1: syntax error: " in err
    assert "nothing was changed" in err
    assert contents(tree) == before


@pytest.mark.parametrize("level", ["shim", "native"])
def test_calls_in_f_strings_leave_files_that_parse(tmp_path, level):
    path = tmp_path / "a.py"
    call = 'w = f"{rd.get_image_patches(i, m, l, 8, 1)!r:>{10}}"\n'
    path.write_text(f"import ptycho.raw_data as rd\n{call}")
    assert migrate("code", path, "--write", "--level", level) == exit_codes.DONE
    text = path.read_text()
    assert text.endswith(call.replace("rd.", "compat."))
    assert "TODO(ptycho-migrate" not in text


@pytest.mark.slow
@pytest.mark.tensorflow
def test_names_that_other_files_import_and_patch_stay(tmp_path):
    cutting, test = tmp_path / "cutting.py", tmp_path / "test_cut.py"
    cutting.write_bytes(OLD + b"def cut(i, m, l):\n    return get_image_patches(i, m, l, 8, 2)\n")
    test.write_text(
        "from unittest.mock import patch\n"
        "from cutting import get_image_patches\n"
        "with patch('cutting.get_image_patches') as replaced:\n"
        "    assert get_image_patches is not replaced\n"
    )
    assert migrate("code", tmp_path, "--write", "--level", "native") == exit_codes.DONE
    assert "extract_patches(" in cutting.read_text()
    assert cutting.read_bytes().startswith(NEW)
    done = run_python(test)
    assert done.returncode == 0, done.stderr


def test_a_reader_that_has_seen_enough_gets_no_traceback(tree):
    code = "from ptycho_engine.migrations.cli import main; main()"
    command = [sys.executable, "-c", code, "status", str(tree)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    message = process.stderr.read()
    process.stderr.close()
    assert process.wait() == exit_codes.PIPE_CLOSED
    assert message == b""


def without_tensorflow(*arguments):
    """Run the command in a process that refuses to import TensorFlow."""
    code = (
        "import sys; sys.modules['tensorflow'] = None\n"
        "from ptycho_engine.migrations.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_help_does_without_tensorflow():
    done = without_tensorflow("--help")
    assert done.returncode == 0
    assert "compare" in done.stdout


def test_code_and_status_do_without_tensorflow(tree):
    assert without_tensorflow("code", tree, "--write").returncode == 0
    assert without_tensorflow("status", tree).returncode == 0
    assert (tree / "a.py").read_bytes() == NEW


def test_what_the_reader_decided_is_no_longer_left_to_them(tmp_path, capsys):
    path = tmp_path / "a.py"
    path.write_text("import ptycho\ndata.generate_grouped_data(64)\n")
    assert migrate("code", path, "--write") == exit_codes.DONE
    assert "1 left to you with a TODO comment" in capsys.readouterr().err
    path.write_text(path.read_text().replace("TODO(ptycho-migrate PE012)", "kept (PE012)"))
    assert migrate("code", path, "--check") == exit_codes.DONE
    assert "0 left to you with a TODO comment" in capsys.readouterr().err
