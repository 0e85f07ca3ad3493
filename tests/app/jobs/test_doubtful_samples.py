"""Samples that are NaN or infinite are counted and told, wherever they lie."""

from pathlib import Path

import numpy as np
import pytest
from events import logged

from ptycho_engine import Scan, read_output, write_scan
from ptycho_engine.app.jobs import convert, doubtful_samples, extract, reassemble, train
from ptycho_engine.app.jobs.conversion_job import ConversionJob
from ptycho_engine.app.jobs.doubtful_samples import count_not_finite
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.inspect import InspectionJob, run
from ptycho_engine.app.jobs.reassembly_job import ReassemblyJob
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.scan_files import ScanSource

SAID = "object: 2 of 5,400 samples are NaN or infinite"


@pytest.mark.parametrize("kind", [np.float32, np.complex64, np.complex128])
def test_they_are_counted_in_whatever_order_they_lie(monkeypatch, kind):
    monkeypatch.setattr(doubtful_samples, "STEP", 7)
    array = np.ones((3, 8, 5), kind)
    array[1, 2, 3], array[2, 6, 2] = np.nan, np.inf
    for seen in (array, array.T, array[:, ::2], array[::-1], np.asfortranarray(array)):
        assert count_not_finite(seen) == 2
    assert count_not_finite(array[:1]) == count_not_finite(array[:0]) == 0
    assert count_not_finite(np.ones((2, 3), np.uint16)) == 0


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Return a scan whose second mode, which no picture shows, holds NaN and infinity."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    image = np.ones((2, 45, 60), np.complex64)
    image[1, 20, 20], image[1, 21, 40] = np.nan, np.inf
    positions = rng.uniform((10, 10), (35, 50), (30, 2))
    write_scan("scan.h5", Scan(image, positions, "made", layer_axis="mode"))
    return ScanSource("file", Path("scan.h5"))


def jobs(source):
    yield extract, ExtractionJob(source, Cut(8), Path("p.h5"), plugin="numba", picture=False)
    groups = GroupSettings(members=4, count=5)
    yield (
        train,
        TrainingJob(source, groups, Path("t.h5"), patch_size=8, plugin="numba", picture=False),
    )
    yield convert, ConversionJob(source, Path("again.h5"))


def test_inspect_a_run_its_output_and_its_report_tell_them(source):
    (found,) = run(InspectionJob(source, patch_size=8)).scans
    assert [text for text in found["warnings"] if text.startswith(SAID)]
    for module, job in jobs(source):
        with logged() as events:
            made = module.run(job)
        (told,) = [event["reason"] for event in events if event["event"] == "doubtful_samples"]
        assert told.startswith(SAID)
        assert told in made.report.read_text()
        if module is not convert:
            with read_output(made.output) as output:
                assert told in output.provenance["warnings"]


def test_so_does_a_reassembly(tmp_path, monkeypatch):
    """One sample lies between those that a page has room for."""
    monkeypatch.chdir(tmp_path)
    patches = np.ones((1, 16, 16), np.complex64)
    patches[0, 8, 9] = np.nan  # at (800, 801)
    np.savez("patches.npz", patches=patches, positions=[[800.0, 800.0]])
    job = ReassemblyJob(PatchSource(Path("patches.npz")), Path("o.h5"), shape=(1500, 1500),
                        plugin="numba", picture=False)  # fmt: skip
    with logged() as events:
        made = reassemble.run(job)
    (told,) = [event["reason"] for event in events if event["event"] == "doubtful_samples"]
    assert told.startswith("object: 1 of 2,250,000 samples")
    assert told in made.report.read_text()
    with read_output(made.output) as output:
        assert told in output.provenance["warnings"]
