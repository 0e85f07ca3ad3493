"""The log for people: short lines at a terminal, others on request, the path alone on stdout."""

import json
import os
import sys

import numpy as np
import pytest
from commands import call_command
from terminals import run_at_terminal

from ptycho_engine.app.sentences import for_people, short_path

COMMAND = ["-m", "ptycho_engine.app.command"]
QUICK = ["plugin=numba", "patch_size=16", "output.picture=false", "report=false"]


@pytest.fixture
def scan_file(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.normal(size=(40, 50)).astype(np.complex64)
    coordinates = {"xcoords": rng.uniform(9, 40, 12), "ycoords": rng.uniform(9, 30, 12)}
    np.savez(tmp_path / "scan.npz", objectGuess=image, **coordinates)
    return tmp_path / "scan.npz"


def at_terminal(folder, *arguments, **how):
    return run_at_terminal(*COMMAND, *arguments, cwd=folder, **how)


def lines_that_stay(lines):
    """Without what is overwritten: spinners and bars."""
    return [line for line in lines if "..." not in line and "━" not in line]


def test_a_run_at_a_terminal_is_two_lines_and_the_path(tmp_path, scan_file):
    code, lines = at_terminal(tmp_path, "scan.npz", *QUICK, "output.path=patches.h5", columns=79)
    assert code == 0
    first, second, path = lines_that_stay(lines)
    assert first == "12 patches of 16 x 16 from scan.npz (object 40 x 50)"
    assert second.startswith("-> patches.h5, 24.00 KiB, ")
    assert second.endswith(" s")
    assert path == str(tmp_path / "patches.h5")


@pytest.mark.slow
@pytest.mark.tensorflow
def test_tensorflow_is_silent_there(tmp_path, scan_file):
    arguments = ["scan.npz", *QUICK, "plugin=chunked_xla"]
    asked_for = {"TF_CPP_MIN_LOG_LEVEL"}  # by the settings of this suite
    env = {name: value for name, value in os.environ.items() if name not in asked_for}
    code, lines = at_terminal(tmp_path, *arguments, env=env)
    assert code == 0
    assert len(lines_that_stay(lines)) == 3, lines
    assert any("loading TensorFlow ..." in line for line in lines)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "done", "output": "p\n\x1b[2J.h5", "seconds": 1.0},
        {"event": "doubtful_positions", "level": "warning", "reason": "p\n\x1b[2J"},
        {"event": "report_failed", "level": "warning", "path": "p\n\x1b[2J", "reason": "full"},
    ],
)
def test_a_name_is_written_in_a_line_and_commands_no_terminal(event):
    said = for_people(None, "info", event)
    assert said.isprintable()
    assert "p\\n\\x1b[2J" in said


def test_standard_output_is_the_path_alone(tmp_path, scan_file):
    done = call_command("scan.npz", *QUICK, "output.path=p.h5", cwd=tmp_path)
    assert done.stdout == f"{tmp_path / 'p.h5'}\n"


def test_a_sweep_prints_a_path_for_each_run(tmp_path, scan_file):
    arguments = ["-m", *QUICK, "scan.npz", "patch_size=4,8"]
    done = call_command(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    written = done.stdout.splitlines()
    assert [os.path.basename(os.path.dirname(path)) for path in written] == ["0", "1"]
    assert all(os.path.isfile(path) for path in written)


def test_sentences_are_had_in_a_pipe_too(tmp_path, scan_file):
    done = call_command("scan.npz", *QUICK, "runner.log_format=people", cwd=tmp_path)
    assert done.stderr.splitlines()[0] == "12 patches of 16 x 16 from scan.npz (object 40 x 50)"
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.slow
def test_key_values_are_had_at_a_terminal_too(tmp_path, scan_file):
    code, lines = at_terminal(tmp_path, "scan.npz", *QUICK, "runner.log_format=text", columns=79)
    assert code == 0
    assert any("run_id=" in line and "patches=12" in line for line in lines)


@pytest.mark.slow
def test_json_at_a_terminal_is_nothing_but_json(tmp_path, scan_file):
    code, lines = at_terminal(tmp_path, "scan.npz", *QUICK, "runner.log_format=json")
    assert code == 0
    assert [json.loads(line)["event"] for line in lines[:-1]] == [
        "plugin_selected", "plan", "windows", "done",
    ]  # fmt: skip


@pytest.mark.slow
def test_the_bar_goes_away_at_a_terminal(tmp_path, scan_file):
    code, lines = at_terminal(tmp_path, "scan.npz", *QUICK, "runner.progress=never")
    assert code == 0
    assert lines == lines_that_stay(lines)


def test_other_events_say_what_they_hold():
    event = {"event": "output_resumed", "level": "info", "run_id": "x", "timestamp": "y", "left": 3}
    assert for_people(None, "info", event) == "output resumed: left 3"
    event |= {"level": "warning"}
    assert for_people(None, "warning", event) == "warning: output resumed: left 3"
    event = {"event": "doubtful_positions", "level": "warning", "reason": "They are swapped."}
    assert for_people(None, "warning", event) == "warning: They are swapped."


def test_windows_that_leave_the_object_are_counted():
    event = {"event": "windows", "level": "info", "count": 2000, "leaving": 0, "beyond_pixels": 0.0}
    assert for_people(None, "info", event) == ""
    event |= {"leaving": 12, "beyond_pixels": 5.25}
    said = for_people(None, "info", event)
    assert said == "12 of 2,000 patches leave the object, by up to 5.25 pixels"


def test_a_made_scan_is_named_without_its_numbers():
    event = {
        "event": "plan", "level": "info", "patches": 1, "patch_size": 8, "object": [512, 512],
        "scan": "synthetic(seed=0, object_size=512, points=1, step=11)",
    }  # fmt: skip
    said = for_people(None, "info", event)
    assert said == "1 patch of 8 x 8 from a synthetic scan (object 512 x 512)"


def test_paths_are_as_seen_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert short_path(str(tmp_path / "a" / "b.npz")) == os.path.join("a", "b.npz")
    assert short_path(str(tmp_path.parent / "b.npz")) == "~/b.npz"
    assert short_path(sys.prefix) == sys.prefix
    assert short_path("b.npz") == "b.npz"


def test_groups_are_said_in_a_line():
    event = {"event": "groups", "level": "info", "strategy": "nearest", "members": 4,
             "groups": 12_000, "used": 1_900, "points": 2_000, "share": 0.95}  # fmt: skip
    said = "12,000 groups of 4 (nearest) use 1,900 of 2,000 positions"
    assert for_people(None, "info", event) == said


def test_a_reassembly_is_said_in_a_line():
    event = {"event": "reassembly", "level": "info", "source": "p.npz", "patches": "patches",
             "positions": "coords_nn", "object": [512, 500], "count": 2_000, "patch_size": 64,
             "interpolation": "bilinear", "fill": "zeros", "origin": [0.0, 0.0]}  # fmt: skip
    said = "2,000 patches of 64 x 64 from p.npz (patches; coords_nn) onto 512 x 500"
    assert for_people(None, "info", event) == said


def test_what_a_format_leaves_out_is_said_in_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path, dropped = str(tmp_path / "s.npz"), ["pixel_size", "energy"]
    event = {"event": "not_in_this_format", "level": "warning", "path": path, "dropped": dropped}
    assert for_people(None, "", event) == "warning: s.npz has no place for pixel_size, energy"
