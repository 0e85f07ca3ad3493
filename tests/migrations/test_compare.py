"""``ptycho-migrate compare`` as a user runs it: a table, a picture, and refusals."""

import subprocess
import sys

import numpy as np
import pytest
from ptycho_engine.migrations import cli, exit_codes


def compare(*arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main(["compare", *map(str, arguments)])
    return stop.value.code


@pytest.fixture
def scan_file(tmp_path):
    rng = np.random.default_rng(1)
    image = (rng.normal(size=(60, 64)) + 1j * rng.normal(size=(60, 64))).astype(np.complex64)
    folder = tmp_path / ("a long [folder] " * 6).strip()  # wider than the table, and not markup
    folder.mkdir()
    path = folder / "scan.npz"
    x, y = rng.uniform(12, 48, (2, 30))
    np.savez(path, xcoords=x, ycoords=y, objectGuess=image)
    return path


def test_table_and_picture(scan_file, capsys):
    picture = scan_file.with_name("compare.png")
    assert compare(scan_file, "--patch-size", 8, "--limit", 20, "-o", picture) == exit_codes.DONE
    out = capsys.readouterr().out
    assert "20 patches of 8 x 8, 0 of them across the border" in out
    assert "[folder]" in out
    for name in ("rounding", "border rule", "group members", "all together"):
        assert name in out
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(scan_file.parent.iterdir()) == [picture, scan_file]


def test_the_border_rule_counts_where_windows_cross_the_border(scan_file, capsys):
    assert (
        compare(scan_file, "--patch-size", 30, "--fill", "edge", "--gridsize", 1) == exit_codes.DONE
    )
    row = next(r for r in capsys.readouterr().out.splitlines() if "border rule" in r)
    assert "zeros, edge" in row
    assert " 0.0e+00 " not in row


@pytest.mark.parametrize(("key", "shape"), [("probeGuess", (12, 12)), ("diff3d", (30, 12, 12))])
def test_the_scan_knows_the_size(scan_file, capsys, key, shape):
    with np.load(scan_file) as stored:
        np.savez(scan_file, **stored, **{key: np.ones(shape, np.complex64).real})
    assert compare(scan_file) == exit_codes.DONE
    assert "of 12 x 12" in capsys.readouterr().out


def test_without_groups_no_member_is_mirrored(scan_file, capsys):
    assert compare(scan_file, "--patch-size", 8, "--gridsize", 1) == exit_codes.DONE
    assert "group members" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "scan.npz"], "add --overwrite"),
        (["-o", "none/compare.png"], "does not exist"),
        (["--gridsize", "9"], "try gridsize=1"),
        (["--patch-size", "0"], "patch_size"),
        (["-o", "compare.jpg"], "ends in .png"),
        (["--fill", "mirror"], "reflect"),
    ],
)
def test_refusals(scan_file, monkeypatch, arguments, message, capsys):
    monkeypatch.chdir(scan_file.parent)
    before = scan_file.read_bytes()
    assert compare("scan.npz", *arguments) == exit_codes.FAILED
    assert message in capsys.readouterr().err
    assert scan_file.read_bytes() == before
    assert list(scan_file.parent.iterdir()) == [scan_file]


def test_missing_scan(tmp_path, capsys):
    assert compare(tmp_path / "missing.npz") == exit_codes.FAILED
    assert "no such file" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.tensorflow
def test_tensorflow_is_silent(scan_file):
    code = "import sys; from ptycho_engine.migrations.cli import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", code, "compare", str(scan_file), "--patch-size=8"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for word in ("absl", "oneDNN", "cuda"):
        assert word not in done.stderr
