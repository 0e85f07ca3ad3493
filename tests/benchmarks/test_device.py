"""Kernels carried to a machine with NumPy and jax alone: exported here, measured there."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from repository import ROOT

#: What a machine with a GPU may lack; flatbuffers is what jax's own serialised form needs.
ABSENT = (
    "tensorflow", "structlog", "hydra", "omegaconf", "zarr", "h5py", "numba", "pluggy", "psutil",
    "ptycho_engine", "flatbuffers",
)  # fmt: skip
MEASURE = """
import importlib.abc, runpy, sys
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Absent())
sys.argv[1:] = {arguments!r}
runpy.run_module("benchmarks", run_name="__main__", alter_sys=True)
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Two small cases: at N = 160, no more than every second row of a patch travels along."""
    pytest.importorskip("jax")
    pytest.importorskip("tensorflow", "2.19")  # older ones export no StableHLO
    folder = tmp_path_factory.mktemp("exported")
    cases = [
        {"patch_size": 16, "patches": 72, "object_size": 100},
        {"patch_size": 160, "patches": 8, "object_size": 170},
    ]
    from benchmarks.worker import measure

    measure("device", {"folder": str(folder), "export": cases})
    return folder


def run(*arguments, absent=ABSENT):
    script = MEASURE.format(absent=absent, arguments=list(map(str, arguments)))
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_jax_and_numpy_alone_measure_what_was_exported(exported, tmp_path):
    stored = tmp_path / "rows.json"
    done = run("--measure", exported, "--json", stored)
    assert done.returncode == 0, done.stderr
    rows = json.loads(stored.read_text())["rows"]
    assert [(row["patch_size"], row["kind"]) for row in rows] == [
        (n, kind) for n in (16, 160) for kind in ("flat", "channel", "gradient")
    ]
    for row in rows:
        assert row["status"] == "timed"
        assert 0 < row["error"] < 1e-6  # equal bits would mean that nothing was computed
        assert row["gigabytes_per_second"] > 0
        assert row["to_copy"] > 0
    assert rows[0]["device"] in done.stdout
    assert "copy GB/s" in done.stdout


@pytest.mark.slow
def test_a_wrong_kernel_is_not_timed_and_the_others_proceed(exported, tmp_path):
    from benchmarks.device.measurement import measure
    from benchmarks.device.transcript import read_transcript

    folder = tmp_path / "wrong"
    shutil.copytree(exported, folder)
    transcript = read_transcript(folder)
    small = transcript.cases[0]
    expected = transcript.expected(small)
    transcript.store_expected(small, expected["flat"] + 1e-4, expected["gradient"])
    rows = measure(transcript, repeats=1)
    assert [row["status"] == "timed" for row in rows] == [False, False, True, True, True, True]
    assert "values are off by" in rows[0]["status"]


@pytest.mark.slow
def test_exported_kernels_are_lowered_for_cuda_without_a_gpu(exported):
    jax = pytest.importorskip("jax")
    from benchmarks.device.case import KINDS
    from benchmarks.device.measurement import imported
    from benchmarks.device.transcript import read_transcript

    transcript = read_transcript(exported)
    case = transcript.cases[0]
    for kind in KINDS:
        arguments = case.arguments(kind)
        call = imported(transcript, case, kind, arguments, platforms=["cuda"]).call
        lowered = jax.export.export(jax.jit(call), platforms=["cuda"])(*arguments)
        assert lowered.platforms == ("cuda",)
        assert "custom_call" not in str(lowered.mlir_module())  # nothing that only a CPU has


#: The plugin is of this package, which needs none of the others to compute.
BESIDE_PLUGIN = tuple(name for name in ABSENT if name != "ptycho_engine")
SMALL = "--patch-size", 16, "--patch-size", 33, "--patch-bytes", 200_000, "--object-size", 60


@pytest.mark.slow
def test_jax_and_numpy_alone_measure_the_plugin(tmp_path):
    pytest.importorskip("jax")
    stored = tmp_path / "rows.json"
    done = run("--measure-plugin", *SMALL, "--json", stored, absent=BESIDE_PLUGIN)
    assert done.returncode == 0, done.stderr
    rows = json.loads(stored.read_text())["rows"]
    rows = [row for row in rows if row["kind"] != "torch and back"]
    kinds = ("flat", "channel", "place", "slopes")
    assert [(r["patch_size"], r["kind"]) for r in rows] == [(n, k) for n in (16, 33) for k in kinds]
    for row in rows:
        assert row["status"] == "timed"
        assert 0 < row["error"] < 1e-6
        assert row["to_copy"] > 0
    assert "The jax plugin of ptycho_engine" in done.stdout


@pytest.mark.slow
def test_a_plugin_that_is_wrong_is_not_timed(monkeypatch):
    pytest.importorskip("jax")
    from benchmarks.device import plugin_kernels
    from benchmarks.device.case import Case

    case = Case(16, 8, 60)
    wrong = plugin_kernels.TRUTHS | {"flat": lambda case: plugin_kernels.true_patches(case) + 1e-4}
    monkeypatch.setattr(plugin_kernels, "TRUTHS", wrong)
    rows = plugin_kernels.measure([case], repeats=1)
    assert "values are off by" in rows[0]["status"]
    assert [row["status"] for row in rows[1:4]] == ["timed"] * 3


def test_the_truth_is_that_of_the_reference():
    from benchmarks.device.case import Case
    from benchmarks.device.truth import true_object, true_patches, true_slopes
    from ptycho_engine.testing import reference_patches, reference_placement

    case = Case(6, 8, 20)
    image, upstream = case.image().view(np.complex64), case.checked_upstream().view(np.complex64)
    patches = reference_patches(image, case.positions(), 6)
    np.testing.assert_allclose(true_patches(case), patches, atol=1e-12)
    placed = reference_placement(upstream, case.positions(), image.shape)
    np.testing.assert_allclose(true_object(case), placed, atol=1e-12)
    step, slopes = 1e-6, true_slopes(case)
    for axis in (0, 1):
        ends = (case.positions() + sign * step * np.eye(2)[axis] for sign in (1, -1))
        after, before = (reference_patches(image, where, 6) for where in ends)
        expected = (upstream.conj() * (after - before)).real.sum(axis=(1, 2)) / (2 * step)
        np.testing.assert_allclose(slopes[:, axis], expected, atol=1e-6)


def test_a_folder_without_kernels_says_how_to_make_them(tmp_path):
    pytest.importorskip("jax")
    done = run("--measure", tmp_path)
    assert done.returncode == 2
    assert "python -m benchmarks --export" in done.stderr
    script = ROOT / "benchmarks" / "gpu.sh"
    env = {**os.environ, "PYTHON": sys.executable}
    done = subprocess.run(
        ["bash", script, tmp_path], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 2
    assert "python -m benchmarks --export" in done.stderr


def small_transcript(folder):
    from benchmarks.device.case import KINDS, Case
    from benchmarks.device.transcript import Transcript

    transcript = Transcript(folder, (Case(8, 8, 32),), {"numpy": "9"})
    (case,) = transcript.cases
    for kind in KINDS:
        transcript.kernel(case, kind).write_bytes(b"")
    transcript.store_expected(case, np.zeros(1), np.zeros(1))
    transcript.write_manifest()
    return transcript


def test_a_manifest_is_checked(tmp_path):
    from benchmarks.device.transcript import MANIFEST, TranscriptError, read_transcript

    transcript = small_transcript(tmp_path)
    assert read_transcript(tmp_path) == transcript
    manifest = tmp_path / MANIFEST
    whole = json.loads(manifest.read_text())

    other = json.loads(json.dumps(whole))
    other["cases"][0]["checksum"] = "00000000"
    manifest.write_text(json.dumps(other))
    with pytest.raises(TranscriptError, match="NumPy's generators differ"):
        read_transcript(tmp_path)

    manifest.write_text(json.dumps(whole | {"format": 99}))
    with pytest.raises(TranscriptError, match="format 99"):
        read_transcript(tmp_path)

    manifest.write_text(json.dumps(whole))
    transcript.kernel(transcript.cases[0], "flat").unlink()
    with pytest.raises(TranscriptError, match="missing"):
        read_transcript(tmp_path)


@pytest.mark.slow
def test_what_travels_is_small_and_the_windows_lie_inside():
    pytest.importorskip("tensorflow")
    from benchmarks.device.export import cases

    chosen = cases()
    assert [case.patch_size for case in chosen] == [32, 64, 128, 256]
    values = 0
    for case in chosen:
        assert len(case.checked) == 64
        assert case.starts().min() >= 0
        assert case.starts().max() + case.patch_size < case.object_size  # the neighbour too
        n = case.patch_size
        values += case.thin(np.empty((64, n, n), np.complex64)).nbytes
        values += 8 * case.object_size * -(-case.object_size // case.gradient_step)
    assert values < 38 * 1024**2


def test_thinned_patches_show_every_row():
    from benchmarks.device.case import Case

    patches = np.broadcast_to(np.arange(256)[:, None], (64, 256, 1))
    thinned = Case(256, 64).thin(patches)
    assert thinned.shape == (64, 128, 1)
    assert set(thinned.ravel().tolist()) == set(range(256))


@pytest.mark.parametrize(
    ("sizes", "message"), [((32, 8, 32), "patch_size"), ((8, 6, 32), "multiple of 4")]
)
def test_a_case_is_checked(sizes, message):
    from benchmarks.device.case import Case

    with pytest.raises(ValueError, match=message):
        Case(*sizes)
