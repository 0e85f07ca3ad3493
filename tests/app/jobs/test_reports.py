"""The reports of whole jobs: beside every output, in whose place no other may stand."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
from events import logged

from ptycho_engine import Patterns, Scan, write_scan
from ptycho_engine.app.jobs import convert, extract, reassemble, simulate, train
from ptycho_engine.app.jobs.conversion_job import ConversionJob
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.reassembly_job import ReassemblyJob
from ptycho_engine.app.jobs.simulation_job import SimulationJob
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.app.value_origins import value_origins
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.simulation.recipe import Recipe, TrajectorySettings
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.errors import OutputError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.scan_files import ScanSource

SCAN = ScanSource("synthetic", options={"points": 30, "object_size": 96})
#: What differs from one run to the next.
TIMES = re.compile(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00|[0-9a-f]{12}\b|[\d.]+ s\b|\d+(\.\d+)? ?%")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def extraction(**how):
    job = ExtractionJob(SCAN, Cut(16), Path("patches.h5"), plugin="numba", picture=False)
    return dataclasses.replace(job, **how)


def names():
    return sorted(path.name for path in Path().iterdir())


def test_an_extraction_says_what_it_did():
    context = {"conflicts": ["N says 16, patch_size 32."], "unknown": {"nphotons": "params"}}
    result = extract.run(extraction(origins={"patch_size": "command line: patch_size=16"}))
    assert result.report == Path("patches.h5.report.html")
    text = result.report.read_text()
    for said in ("30 patches of 16 x 16", "within the tolerance", "named by the caller",
                 "command line: patch_size=16", "Sample patches", "planned workspace"):  # fmt: skip
        assert said in text, said
    extract.run(extraction(context=context, overwrite=True))
    text = result.report.read_text()
    assert "2 warnings" in text
    assert "N says 16" in text
    assert names() == ["patches.h5", "patches.h5.report.html"]


def test_a_report_can_be_done_without_and_leaves_none_of_earlier_patches():
    assert extract.run(extraction(report=False)).report is None
    assert names() == ["patches.h5"]
    extract.run(extraction(overwrite=True))
    assert names() == ["patches.h5", "patches.h5.report.html"]
    with pytest.raises(OutputError, match="exists already"):
        extract.run(extraction(report=False))
    extract.run(extraction(report=False, overwrite=True))
    assert names() == ["patches.h5"]


def test_what_is_no_report_of_ours_stays():
    Path("patches.h5.report.html").write_text("mine")
    with pytest.raises(OutputError, match=r"no report of ptycho-engine.*report=false"):
        extract.run(extraction(overwrite=True))
    assert names() == ["patches.h5.report.html"]


def test_a_report_that_fails_costs_no_patches(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no such template")

    monkeypatch.setattr(extract, "report_extraction", broken)
    with logged() as events:
        result = extract.run(extraction())
    assert (result.report, names()) == (None, ["patches.h5"])
    assert "no such template" in next(e for e in events if e["event"] == "report_failed")["reason"]


def test_two_runs_differ_in_times_alone():
    first, second = (
        TIMES.sub("", extract.run(extraction(output=Path(folder, "p.npz"))).report.read_text())
        for folder in map(_made, "ab")
    )
    assert _without_costs(first.replace("a/p", "b/p")) == _without_costs(second)


def _made(name):
    Path(name).mkdir()
    return name


def _without_costs(text):
    """Leave out the section that times and memory fill, and what follows from them."""
    text = re.sub(
        r'<section class="card" aria-labelledby="costs">.*?</section>', "", text, flags=re.S
    )
    return re.sub(r"[\d.]+ [KMG]?i?B a second", "", text)


def test_evil_names_are_escaped():
    evil = "<script>alert(1)</script>"
    Path("<script>").mkdir()
    path = Path("<script>", "&amp;.h5")
    result = extract.run(extraction(output=path, origins={"patch_size": evil}))
    text = result.report.read_text()
    assert "alert(1)" in text
    assert evil not in text
    assert text.count("<script>") == 1  # ours


def test_training_data_shows_groups_and_patterns():
    rng = np.random.default_rng(0)
    image = (rng.random((60, 60)) + 0.3j).astype(np.complex64)
    patterns = rng.poisson(5, (40, 16, 16)).astype(np.float32)
    patterns[:, 0, 0] = 0  # which has no logarithm
    positions = rng.uniform(15, 45, (40, 2))
    write_scan("scan.h5", Scan(image, positions, "made", None, Patterns.of(patterns, "intensity")))
    source = ScanSource("file", Path("scan.h5"))
    job = TrainingJob(source, GroupSettings(members=4, count=20), Path("t.h5"), plugin="numba",
                      picture=False)  # fmt: skip
    result = train.run(job)
    text = result.report.read_text()
    for said in ("20 groups of 4", "Group 0, member 3", "Extent of the groups", "pattern of Group",
                 "within the tolerance"):  # fmt: skip
        assert said in text, said
    assert text.count('class="frame tone-') == 4 * 3  # a group's, over each plane
    resumed = train.run(dataclasses.replace(job, output=Path("u.h5"), report=False))
    assert resumed.report is None


@pytest.mark.slow
def test_written_scans_have_one_too():
    recipe = Recipe(trajectory=TrajectorySettings(points=7))
    made = simulate.run(SimulationJob(recipe, Path("scan.h5")))
    text = made.report.read_text()
    for said in ("Scan simulated: scan.h5", "Pattern 6", "trajectory.points", "No warnings."):
        assert said in text, said
    job = ConversionJob(ScanSource("file", Path("scan.h5")), Path("scan.npz"))
    text = convert.run(job).report.read_text()
    assert "scan.npz has no place for: pixel size" in text
    assert convert.run(dataclasses.replace(job, output=Path("b.npz"), report=False)).report is None
    assert names() == ["b.npz", "scan.h5", "scan.h5.report.html", "scan.npz",
                       "scan.npz.report.html"]  # fmt: skip
    Path("scan.npz").unlink()
    with pytest.raises(OutputError, match=r"scan\.npz\.report\.html: exists already"):
        convert.run(job)


def test_a_scan_of_patterns_alone_has_one():
    patterns = Patterns.of(np.zeros((3, 8, 8), np.float32))
    write_scan("scan.h5", Scan(None, None, "made", None, patterns))
    done = convert.run(ConversionJob(ScanSource("file", Path("scan.h5")), Path("other.h5")))
    assert "Diffraction" in done.report.read_text()
    assert "<script>" not in done.report.read_text()


def test_an_object_that_was_put_together_shows_its_coverage():
    extract.run(extraction(report=False))
    job = ReassemblyJob(PatchSource(Path("patches.h5")), Path("object.h5"), plugin="numba",
                        picture=False)  # fmt: skip
    text = reassemble.run(job).report.read_text()
    for said in ("Object of 30 patches", "sum of weights", "Covered"):
        assert said in text, said
    text = reassemble.run(dataclasses.replace(job, output=Path("scan.npz"))).report.read_text()
    assert "Object of 30 patches" in text


# -- where values come from ------------------------------------------------------------------


@dataclasses.dataclass
class Settings:
    plugin: dict
    output: dict
    patch_size: int = 64


def test_origins_name_what_was_typed():
    settings = Settings({"name": "numba", "threads": 2}, {"path": "p.npz", "picture": True})
    typed = ["plugin=numba", "output.path=p.npz", "+patch_size=64"]
    assert value_origins(settings, typed, "config") == {
        "plugin.name": "command line: plugin=numba",
        "plugin.threads": "default of plugin=numba",
        "output.path": "command line: output.path=p.npz",
        "output.picture": "default",
        "patch_size": "command line: +patch_size=64",
    }
    mine = value_origins(settings, [], "mine")
    assert mine["patch_size"] == "configuration 'mine', or its defaults"
