"""What the report of training data shows of its groups."""

import re
from pathlib import Path

import numpy as np
import pytest

from ptycho_engine import Scan, write_scan
from ptycho_engine.app.jobs import train, training_report
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.app.jobs.training_report import charts_of
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.grouping.grouping import group
from ptycho_engine.io.scan_files import ScanSource

GRID = np.stack(np.divmod(np.arange(36), 6), axis=1) * 1.0


@pytest.mark.parametrize(("members", "first", "last"), [(1, "0", "0"), (3, "1 to 1.", " to 2")])
def test_bars_say_from_where_to_where_they_go(members, first, last):
    extents, _ = charts_of(group(GRID, members, 36, strategy="random_of_k", neighbours=6, rng=0))
    assert extents.bars[0][0].startswith(first)
    assert extents.bars[-1][0].endswith(last)
    assert sum(count for _, count in extents.bars) == 36


def test_it_shows_groups_of_the_whole_run_and_counts_the_windows_that_were_cut(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    positions = np.random.default_rng(0).uniform(10, 50, (60, 2))
    write_scan("scan.h5", Scan(np.ones((60, 60), np.complex64), positions, "made"))
    made = []
    original = training_report.map_object
    monkeypatch.setattr(
        training_report, "map_object", lambda *a, **how: made.append(how) or original(*a, **how)
    )
    job = TrainingJob(ScanSource("file", Path("scan.h5")), GroupSettings(members=4, count=50),
                      Path("t.h5"), patch_size=8, plugin="numba", picture=False)  # fmt: skip
    text = train.run(job).report.read_text()
    shown = sorted({int(number) for number in re.findall(r"Group (\d+), member 0", text)})
    assert (len(shown), shown[0], shown[-1]) == (3, 0, 49)
    assert made[0]["windows"].shape == (200, 2)
