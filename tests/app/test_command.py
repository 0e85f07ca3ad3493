"""The command, run as a user runs it: exit codes, messages, and what is left on disk."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from unittest import mock

import numpy as np
import pytest
from commands import call_command
from processes import run_python

from ptycho_engine import read_output
from ptycho_engine.app import command
from ptycho_engine.discovery import discover
from ptycho_engine.host.choice import choose
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import write_scan
from ptycho_engine.report.progress import Display
from ptycho_engine.testing import reference_patches

COMMAND = [sys.executable, "-m", "ptycho_engine.app.command"]
PLUGINS = ("auto", "batched", "chunked_xla", "iterative", "numba")
SMALL = ["scan.points=30", "scan.object_size=96", "patch_size=16"]
QUICK = [
    *SMALL,
    "plugin=numba",
    "output.picture=false",
    "report=false",
]  # imports neither TensorFlow nor matplotlib


def run(folder, *arguments):
    return run_python("-m", "ptycho_engine.app.command", *arguments, cwd=folder)


def refused(folder, *arguments):
    """Run what must be refused with exit code 2 and without output; return the message."""
    before = sorted(folder.iterdir())
    done = call_command(*arguments, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert sorted(folder.iterdir()) == before
    return done.stderr


@pytest.fixture
def scan_file(tmp_path):
    rng = np.random.default_rng(0)
    path = tmp_path / "scan.npz"
    image = (rng.normal(size=(60, 70)) + 1j * rng.normal(size=(60, 70))).astype(np.complex64)
    np.savez(
        path,
        xcoords=rng.uniform(10, 60, 12),
        ycoords=rng.uniform(10, 50, 12),
        objectGuess=image,
        probeGuess=np.ones((16, 16), np.complex64),
        diff3d=np.ones((12, 16, 16), np.float32),
    )
    return path


def without_tensorflow(*arguments):
    """Run the command in a process that refuses to import TensorFlow."""
    code = (
        "import sys; sys.modules['tensorflow'] = None; sys.argv[0] = 'ptycho-engine'\n"
        "from ptycho_engine.app.command import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow_cases("arguments2")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["plugins"], ["plugins", "--check"], ["--version"]]
)
def test_help_and_listing_do_not_import_tensorflow(arguments):
    done = without_tensorflow(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize(("shown", "code"), [("--help", 141), ("plugins", 1)])  # rich has its own
def test_who_has_read_enough_sees_no_traceback(shown, code):
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run([*COMMAND, shown], stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("shown", ["--help", "inspect"])
def test_an_answer_that_nothing_takes_is_said_plainly(tmp_path, shown):
    write_scan(tmp_path / "scan.h5", Scan(np.ones((20, 20)), np.full((3, 2), 9.0), "made"))
    typed = [shown] if shown == "--help" else [shown, str(tmp_path / "scan.h5"), "--json"]
    with open("/dev/full", "w") as full:
        done = subprocess.run([*COMMAND, *typed], stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "standard output takes nothing: No space left on device. Expected" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault" not in done.stderr


def test_what_fails_elsewhere_is_no_failure_of_standard_output(monkeypatch, capfd):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(command, "dispatch", full)
    with pytest.raises(OSError, match="No space left"):
        command.main([])
    print("still there", flush=True)
    assert "still there" in capfd.readouterr().out


@pytest.mark.slow_cases("2")
@pytest.mark.parametrize("closed", [1, 2])
def test_a_closed_stream_costs_no_output(tmp_path, closed):
    typed = f"{' '.join([*COMMAND, *QUICK])} output.path=p.npz {closed}>&-"
    done = subprocess.run(typed, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with read_output(tmp_path / "p.npz") as output:
        assert output.patches.shape[-1] == 16
    with mock.patch.object(sys, "stderr", None):  # of who calls from Python
        assert [*Display("asked").bar(iter([1, 2]), 2)] == [1, 2]


def test_a_missing_framework_is_listed_as_not_installed():
    done = without_tensorflow("plugins", "--json")
    states = {plugin["name"]: plugin["state"] for plugin in json.loads(done.stdout)}
    expected = 'not installed: pip install "ptycho_engine[tensorflow]"'
    assert [states[name] for name in ("batched", "chunked_xla", "iterative")] == [expected] * 3
    assert expected not in states["numba"]


def test_formats_are_listed_with_their_suffixes():
    done = without_tensorflow("plugins", "--json")
    formats = {f["name"]: f for f in json.loads(done.stdout) if f["kind"] == "format"}
    suffixes = {name: formats[name]["suffixes"] for name in ("file", "npz", "synthetic")}
    assert suffixes == {"file": [], "npz": [".npz"], "synthetic": []}
    assert formats["npz"]["distribution"] == "ptycho_engine"
    assert {f["state"] for name, f in formats.items() if name in ("file", "npz")} == {"ok"}
    lines = without_tensorflow("plugins").stdout.splitlines()
    assert any(
        {"npz", ".npz", "ptycho_engine.io.formats.ptychopinn"} <= set(s.split()) for s in lines
    )


def test_help_names_what_can_be_chosen():
    text = without_tensorflow("--help").stdout
    for word in ("plugin=auto", "npz", "patch_size=64", "--multirun"):
        assert word in text
    choices = re.findall(r"^    (\w+)", text, re.MULTILINE)
    assert [c for c in choices if c in PLUGINS] == list(PLUGINS)


def test_without_arguments_the_synthetic_scan_runs(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "patches.npz", "patches.npz.png", "patches.npz.report.html",
    ]  # fmt: skip
    with np.load(tmp_path / "patches.npz", allow_pickle=False) as output:
        assert output["patches"].shape == (1000, 64, 64)
        assert output["patches"].dtype == np.complex64
        assert output["positions"].shape == (1000, 2)
    lines = [line for line in done.stderr.splitlines() if "plugin_selected" in line]
    assert len(lines) == 1
    assert f"auto: {choose(discover())[0]} is the first installed" in lines[0]
    assert "default of the configuration" in lines[0]
    assert "━" not in done.stderr  # no progress bar in a pipe


@pytest.mark.slow_cases("batched", ".zarr")
@pytest.mark.parametrize(
    ("suffix", "plugin", "option"),
    [
        pytest.param(".npz", "batched", "batch_size", marks=pytest.mark.tensorflow),
        (".h5", "numba", "threads"),
        (".zarr", "numba", "threads"),
    ],
)
def test_scan_file_through_every_format(tmp_path, scan_file, suffix, plugin, option):
    done = run(
        tmp_path, "scan=npz", f"scan.path={scan_file}", "patch_size=16", f"plugin={plugin}",
        f"plugin.{option}=5", f"output.path=out{suffix}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    output = read_output(tmp_path / f"out{suffix}")
    with np.load(scan_file) as scan:
        positions = np.stack([scan["ycoords"], scan["xcoords"]], axis=1)
        expected = reference_patches(scan["objectGuess"], positions, 16)
        amplitude = np.abs(scan["objectGuess"]).max()
    np.testing.assert_array_equal(output.positions, positions)
    np.testing.assert_allclose(output.patches[...], expected, atol=1e-6 * amplitude)
    assert output.geometry["axis_order"] == "y, x"
    assert output.configuration["plugin"] == {"name": plugin, option: 5}
    assert output.provenance["plugin"] == plugin
    assert len(output.provenance["run_id"]) == 12


def test_log_is_json_on_request(tmp_path):
    done = call_command(*QUICK, "runner.log_format=json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    events = {e["event"]: e for e in map(json.loads, done.stderr.splitlines())}
    assert events["plugin_selected"]["plugin"] == "numba"
    assert events["plugin_selected"]["reason"] == "command line: plugin=numba"
    assert events["plugin_selected"]["options"] == {"threads": "auto"}
    assert events["plan"]["patches"] == 30
    assert len({event["run_id"] for event in events.values()}) == 1


@pytest.mark.slow
@pytest.mark.tensorflow
def test_multirun_sweeps_into_folders_of_their_own(tmp_path):
    done = run(
        tmp_path, "--multirun", "scan.points=10", "scan.object_size=64",
        "plugin=batched,chunked_xla", "patch_size=8,16", "output.picture=false", "report=false",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outputs = sorted(tmp_path.glob("multirun/*/*/*/patches.npz"))
    results = [read_output(path) for path in outputs]
    shapes = [result.patches.shape for result in results]
    assert sorted(shapes) == [(10, 8, 8)] * 2 + [(10, 16, 16)] * 2
    plugins = [result.provenance["plugin"] for result in results]
    assert sorted(plugins) == ["batched"] * 2 + ["chunked_xla"] * 2


def test_progress_bar_when_asked_for(tmp_path):
    done = run(tmp_path, *QUICK, "runner.progress=always")
    assert done.returncode == 0
    assert "30/30" in done.stderr


@pytest.mark.slow
@pytest.mark.tensorflow
def test_iterative_warns_once_with_removal_and_guide(tmp_path):
    done = run(tmp_path, "scan.points=3", "scan.object_size=32", "patch_size=8", "plugin=iterative")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("RemovedIn2Warning") == 1
    assert "ptycho-engine: RemovedIn2Warning: The plugin" in done.stderr
    assert "sys.exit" not in done.stderr
    assert "removed in ptycho_engine 2.0" in done.stderr
    assert "0001-iterative-plugin.md" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["patch_size=0"], ["patch_size", "0", "above zero"]),
        (["patch_size=-3"], ["patch_size", "-3"]),
        (["patch_size=6.5"], ["6.5", "Integer"]),
        (["plugin=chunky_xla"], ["chunky_xla", "batched", "chunked_xla", "iterative"]),
        (["patchsize=3"], ["patchsize", "Did you mean 'patch_size'", "memory_budget"]),
        (["plugin=chunked_xla", "plugin.chunksize=3"], ["chunksize", "plugin.chunk_size"]),
        pytest.param(
            ["plugin=chunked_xla", "plugin.chunk_size=0"],
            ["chunk_size", "auto"],
            marks=pytest.mark.tensorflow,
        ),
        (["plugin.chunk_size=3"], ["plugin=auto takes no options", "plugin=NAME"]),
        (["+plugin.chunk_size=3"], ["'auto'", "takes no options", "chunk_size"]),
        (["scan.points=many"], ["many", "Integer"]),
        (["fill=zeroes"], ["zeroes", "Did you mean 'zeros'"]),
        (["fill=error", "patch_size=300"], ["OutOfBoundsError", "first at index"]),
        (["interpolation=cubic"], ["cubic", "bilinear"]),
        (["memory_budget=lots"], ["lots", "2GiB"]),
        pytest.param(
            ["memory_budget=1MB", "scan.object_size=64", "scan.points=10", "scan.step=5",
             "patch_size=512", "plugin=chunked_xla"],
            ["memory budget", "workspace"],
            marks=pytest.mark.tensorflow,
        ),
        (["memory_budget=1MB"], ["MemoryBudgetError", "format 'synthetic'", "976.56 KiB"]),
        (["scan.points=1000000000"], ["MemoryBudgetError", "reading the scan takes"]),
        (["scan.points=1000000000000"], ["ConfigurationError", "scan.points", "at most"]),
        (["runner.progress=maybe"], ["maybe", "always"]),
        (["runner.log_format=xml"], ["xml", "text", "json"]),
        (["output.path=patches.mat"], [".mat", ".npz"]),
        (["output.path=nowhere/patches.npz"], ["nowhere"]),
        (["scan=npz"], ["scan.path"]),
        (["scan=npz", "scan.path=none.npz"], ["none.npz"]),
        (["wrappers=[audit]"], ["audit", "batched"]),
    ],
)  # fmt: skip
def test_bad_configuration_is_refused(tmp_path, arguments, words):
    message = refused(tmp_path, *arguments)
    for word in words:
        assert word in message
    assert "Traceback" not in message


def test_existing_output_is_kept_unless_told(tmp_path):
    assert call_command(*QUICK, cwd=tmp_path).returncode == 0
    first = (tmp_path / "patches.npz").read_bytes()
    assert "output.overwrite=true" in refused(tmp_path, *QUICK)
    assert (tmp_path / "patches.npz").read_bytes() == first
    again = *QUICK, "scan.seed=1", "output.overwrite=true"
    assert call_command(*again, cwd=tmp_path).returncode == 0
    assert (tmp_path / "patches.npz").read_bytes() != first


@pytest.mark.parametrize("kind", ["same", "symbolic", "hard", "picture"])
def test_the_scan_itself_is_never_replaced(tmp_path, scan_file, kind):
    """A scan that has the records of an output beside its own arrays."""
    with np.load(scan_file) as arrays:
        records = dict.fromkeys(("geometry", "configuration", "provenance"), "{}")
        np.savez(scan_file, **arrays, **records)
    content, path = scan_file.read_bytes(), tmp_path / "p.npz"
    if kind == "same":
        path = scan_file
    elif kind == "symbolic":
        path.symlink_to(scan_file)
    elif kind == "hard":
        path.hardlink_to(scan_file)
    else:
        path.with_name("p.npz.png").symlink_to(scan_file)
    job = ["scan=npz", f"scan.path={scan_file}", "patch_size=16", "plugin=numba"]
    message = refused(tmp_path, *job, f"output.path={path}", "output.overwrite=true")
    assert f"is the input itself, {scan_file}" in message
    assert scan_file.read_bytes() == content


def test_existing_picture_is_kept(tmp_path):
    (tmp_path / "patches.npz.png").write_text("mine")
    assert "output.picture=false", "report=false" in refused(tmp_path, *SMALL)
    assert (tmp_path / "patches.npz.png").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        assert "patches.npz" in refused(tmp_path, *SMALL)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "plugin"), [(signal.SIGINT, "auto"), (signal.SIGTERM, "numba")])
def test_interrupt_leaves_nothing_half_written(tmp_path, number, plugin):
    process = subprocess.Popen(
        [*COMMAND, f"plugin={plugin}", "scan.points=100000", "scan.step=1", "output.path=big.zarr"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".big.zarr.*")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"interrupted" in message
    assert list(tmp_path.iterdir()) == []


def test_fault_of_the_program_exits_with_one(tmp_path):
    code = (
        "import sys; from ptycho_engine.app.jobs import prerequisites\n"
        "def broken(*_, **__): raise RuntimeError('a fault')\n"
        "prerequisites.read_scan = broken\n"
        "from ptycho_engine.app.command import main; sys.argv = ['ptycho-engine']; main()"
    )
    done = run_python("-c", code, cwd=tmp_path, ours=True)
    assert done.returncode == 1
    assert "a fault" in done.stderr
    assert list(tmp_path.iterdir()) == []
