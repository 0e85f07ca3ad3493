"""The job of an extraction: made by hand or of a configuration, run without either's knowledge."""

import dataclasses
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from events import logged
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from ptycho_engine import Engine, read_output
from ptycho_engine.app.composition import extraction_job
from ptycho_engine.app.jobs import extract, origins, prerequisites
from ptycho_engine.app.jobs.extract import run
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.patch_output import LONGEST, short_source
from ptycho_engine.app.schema import register_schemas
from ptycho_engine.errors import (
    InputFileError,
    MemoryBudgetError,
    OutputError,
    RequestError,
    UnknownPluginError,
)
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.formats import ptychopinn
from ptycho_engine.io.formats.synthetic import make_synthetic
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource

SCAN = ScanSource("synthetic", options={"points": 30, "object_size": 96})


@pytest.fixture
def job(tmp_path):
    return ExtractionJob(
        SCAN, Cut(16), tmp_path / "patches.h5", plugin="numba", picture=False, report=False
    )


def composed(*overrides):
    register_schemas()
    with initialize_config_module("ptycho_engine.conf", version_base="1.3"):
        return OmegaConf.to_object(compose("config", overrides=list(overrides)))


def test_a_configuration_becomes_a_job():
    config = composed(
        "plugin=numba", "plugin.threads=2", "scan=npz", "scan.path=some/scan.npz", "patch_size=8",
        "fill=edge", "memory_budget=2GiB", "wrappers=[audit]", "output.path=out.zarr",
        "output.resume=true",
    )  # fmt: skip
    made = extraction_job(config, Path("/folder"), "said so", {"sources": {}})
    assert made == ExtractionJob(
        scan=ScanSource("npz", Path("some/scan.npz"), asdict(ptychopinn.Options())),
        cut=Cut(8, fill="edge"),
        output=Path("/folder/out.zarr"),
        plugin="numba",
        options={"threads": 2},
        wrappers=("audit",),
        memory_budget="2GiB",
        resume=True,
        reason="said so",
        context={"sources": {}},
    )


def test_options_of_a_scan_come_along():
    made = extraction_job(composed("scan.points=30", "scan.object_size=96"), Path())
    assert made.scan.path is None
    assert dict(made.scan.options) == {"seed": 0, "object_size": 96, "points": 30, "step": 11.0}


def test_what_cannot_be_cut_is_refused_before_there_is_a_job():
    with pytest.raises(RequestError, match="fill 'zeroes' is not known"):
        extraction_job(composed("fill=zeroes"), Path())


def test_its_settings_are_a_configuration(job):
    """They make the same job again, and can be written as JSON."""
    settings = json.loads(json.dumps(job.settings()))
    scan, plugin = settings.pop("scan"), settings.pop("plugin")
    overrides = [f"scan={scan.pop('format')}", f"plugin={plugin.pop('name')}"]
    overrides += [f"scan.{key}={value}" for key, value in scan.items()]
    overrides += [f"output.{key}={value}" for key, value in settings.pop("output").items()]
    overrides += [f"{key}={'null' if v is None else v}" for key, v in settings.items()]
    again = extraction_job(composed(*overrides), Path())
    assert again.settings()["output"] == job.settings()["output"]
    assert (again.cut, again.plugin, again.wrappers) == (job.cut, job.plugin, job.wrappers)
    assert again.scan.options.items() >= job.scan.options.items()


def test_it_runs_from_python(job):
    seen = []

    def progress(blocks, count):
        for block in blocks:
            seen.append((block.start, block.stop, count))
            yield block

    result = run(job, run_id="mine", progress=progress)
    scan = make_synthetic(0, 96, 30, 11.0)
    with read_output(result.output) as output:
        np.testing.assert_array_equal(
            output.patches[...], Engine("numba").extract(scan.image, scan.positions, 16)
        )
        np.testing.assert_array_equal(output.positions, scan.positions)
        assert output.configuration == json.loads(json.dumps(job.settings()))
        assert output.provenance["run_id"] == "mine"
        assert "setting_sources" not in output.provenance
        assert output.geometry["patch_size"] == 16
    assert (result.output, result.picture, result.patches) == (job.output, None, 30)
    assert [stop for _, stop, _ in seen][-1] == 30
    assert {count for *_, count in seen} == {30}


@pytest.mark.parametrize("swapped", [False, True])
def test_coordinates_that_cannot_be_meant_are_logged_and_kept(job, tmp_path, swapped):
    scan = make_synthetic(0, 96, 30, 11.0)
    y, x = scan.positions.T
    first, second = (x, y + 60) if swapped else (y + 60, x)  # an object of 160 x 96
    np.savez(
        tmp_path / "scan.npz", ycoords=first, xcoords=second, bad_pixels=np.zeros((4, 4)),
        objectGuess=np.ones((160, 96), np.complex64),
    )  # fmt: skip
    with logged() as logs:
        result = run(dataclasses.replace(job, scan=ScanSource("npz", tmp_path / "scan.npz")))
    windows = [log for log in logs if log["event"] == "windows"]
    assert len(windows) == 1  # always
    doubts = [log["reason"] for log in logs if log["level"] == "warning"]
    assert len(doubts) == 1 + swapped
    with read_output(result.output) as output:
        assert output.provenance["warnings"] == doubts
        counted = output.provenance["windows"]
    assert counted.items() <= windows[0].items()
    assert counted["count"] == 30
    assert (counted["leaving"] > 0) == swapped
    if swapped:
        assert "geometry.from_xy, or set scan=npz scan.swapped=true" in doubts[1]
        right = ScanSource("npz", tmp_path / "scan.npz", {"swapped": True})
        result = run(dataclasses.replace(job, scan=right, output=tmp_path / "right.h5"))
        with read_output(result.output) as output:
            np.testing.assert_allclose(output.positions, np.stack([y + 60, x], 1))
            assert output.provenance["windows"]["leaving"] == 0


@pytest.mark.parametrize("suffix", [".npz", ".h5", ".zarr"])
def test_patches_of_an_object_with_layers_have_the_points_first(job, monkeypatch, suffix):
    scan = make_synthetic(0, 96, 30, 11.0)
    layers = np.stack([scan.image, 2 * scan.image])
    layered = dataclasses.replace(scan, image=layers, layer_axis="slice", assumptions={"a": "b"})
    monkeypatch.setattr(prerequisites, "read_scan", lambda *_, **__: layered)
    job = dataclasses.replace(job, output=job.output.with_suffix(suffix), picture=True)
    with read_output(run(job).output) as output:
        assert output.specs["patches"].axes == ("point", "slice", "y", "x")
        expected = Engine("numba").extract(layers, scan.positions, 16)
        np.testing.assert_array_equal(output.patches[...], np.moveaxis(expected, 1, 0))
        assert output.provenance["assumptions"] == {"a": "b"}


def test_a_scan_without_an_object_is_refused(job, monkeypatch, tmp_path):
    scan = Scan(None, np.zeros((3, 2)), "measured.cxi")
    monkeypatch.setattr(prerequisites, "read_scan", lambda *_, **__: scan)
    with pytest.raises(InputFileError, match=r"measured\.cxi: holds no object.*positions \(3, y 0"):
        run(job)
    assert list(tmp_path.iterdir()) == []


def test_each_run_has_an_identity_of_its_own(job):
    ids = set()
    for name in ("a.npz", "b.npz"):
        result = run(dataclasses.replace(job, output=job.output.with_name(name)))
        with read_output(result.output) as output:
            ids.add(output.provenance["run_id"])
    assert len(ids) == 2


@pytest.mark.parametrize(
    "source", ["/data/a scan (1).npz", "/data/скан.npz", "/data/\udcff.npz", "n" * 300, ""]
)
def test_a_title_has_room_for_any_source(source):
    title = short_source(source)
    assert len(title) <= LONGEST + 1
    assert title.isprintable()
    assert "/" not in title


def test_its_provenance_says_what_it_took(job, monkeypatch):
    """Seconds for each step, what was compiled, and the frameworks that are loaded."""
    monkeypatch.setitem(sys.modules, "jax", SimpleNamespace(__version__="0.9"))
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    write = extract.fill.__globals__["Store"].write

    def slow_write(*arguments):
        time.sleep(0.1)
        write(*arguments)

    def slow_blocks(blocks, _):
        time.sleep(0.25)
        yield from blocks

    counts = iter([{"xla": 2, "numba": 1}, {"xla": 5, "numba": 1}])
    for module in (extract, origins):
        monkeypatch.setattr(module, "compilation_counts", lambda: next(counts))
    monkeypatch.setattr("ptycho_engine.io.store.Store.write", slow_write)
    result = run(job, progress=slow_blocks)
    with read_output(result.output) as output:
        found = output.provenance
    assert set(found["seconds"]) == {"read", "extract", "write"}
    assert found["seconds"]["extract"] >= 0.25
    assert 0.1 <= found["seconds"]["write"] < found["seconds"]["extract"]
    assert found["compilations"] == {"xla": 3, "numba": 0}
    assert found["libraries"]["jax"] == "0.9"
    assert "torch" not in found["libraries"]
    assert {"numba", "h5py", "zarr"} <= set(found["libraries"])
    assert set(found["bytes"]) == {"planned_workspace", "peak_growth"}


def test_a_picture_appears_with_it(job):
    result = run(dataclasses.replace(job, picture=True))
    assert result.picture == job.output.with_name("patches.h5.png")
    assert result.picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"plugin": "nambu"}, UnknownPluginError),
        ({"output": Path("no folder of mine/patches.h5")}, OutputError),
        ({"scan": ScanSource("npz", Path("none.npz"))}, InputFileError),
        ({"scan": ScanSource("npz")}, InputFileError),
        ({"memory_budget": 100_000}, MemoryBudgetError),
    ],
)
def test_what_cannot_be_done_leaves_nothing(job, tmp_path, changes, error):
    with pytest.raises(error):
        run(dataclasses.replace(job, **changes))
    assert list(tmp_path.iterdir()) == []


def test_an_output_is_refused_before_the_scan_is_read(job, monkeypatch):
    job.output.write_text("mine")
    monkeypatch.setattr(prerequisites, "read_scan", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(OutputError, match="exists already"):
        run(job)


def test_a_plugin_is_refused_before_the_scan_is_read(job, monkeypatch):
    monkeypatch.setattr(prerequisites, "read_scan", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(UnknownPluginError):
        run(dataclasses.replace(job, plugin="nambu"))


def test_the_scan_counts_against_the_budget(job, monkeypatch):
    """What remains for the patches is what it leaves, and all of it."""
    plans = []
    monkeypatch.setattr(extract, "log_plan", lambda job, scan, plan: plans.append((scan, plan)))
    run(dataclasses.replace(job, memory_budget="8MiB"))
    ((scan, plan),) = plans
    assert scan.held_bytes == 96 * 96 * 8 + 30 * 2 * 8
    assert plan.memory_budget == 8 * 2**20 - scan.held_bytes


def test_a_scan_that_leaves_nothing_is_refused(job, monkeypatch):
    read = prerequisites.read_scan
    monkeypatch.setattr(prerequisites, "check_source", lambda *_, **__: None)
    monkeypatch.setattr(prerequisites, "read_scan", lambda *how, memory_budget: read(*how))
    with pytest.raises(MemoryBudgetError, match=r"the scan holds 72\.47 KiB, .* is 48\.83 KiB"):
        run(dataclasses.replace(job, memory_budget=50_000))


def stopping_after(count):
    def progress(blocks, _):
        for number, block in enumerate(blocks):
            if number == count:
                raise KeyboardInterrupt
            yield block

    return progress


def test_an_interrupt_leaves_nothing(job, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(job, progress=stopping_after(0))
    assert list(tmp_path.iterdir()) == []


def test_the_plugin_is_as_it_was_under_another_budget():
    engine = Engine("numba", options={"threads": 1}, memory_budget="1GiB")
    other = engine.with_budget("2GiB")
    assert (other.plugin, other.options, other.source) == (
        engine.plugin, engine.options, engine.source,
    )  # fmt: skip
    budgets = [e.plan([[1.0]], [[0, 0]], 4).memory_budget for e in (engine, other)]
    assert budgets == [2**30, 2**31]
