"""A plan says what the job then does, and leaves nothing behind."""

import dataclasses
import json

import pytest

from ptycho_engine import read_output
from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import extract
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.plan import plan_as_text, plan_extraction
from ptycho_engine.errors import MemoryBudgetError, OutputError
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.io.scan_files import ScanSource

SCAN = ScanSource("synthetic", options={"points": 30, "object_size": 96})


@pytest.fixture
def job(tmp_path):
    output = tmp_path / "patches.h5"
    return ExtractionJob(
        SCAN, Cut(16), output, plugin="numba", picture=False, report=False, memory_budget="8MiB"
    )


def test_it_is_what_the_job_does(job, tmp_path):
    plan = plan_extraction(job)
    assert list(tmp_path.iterdir()) == []
    result = extract.run(job)
    with read_output(result.output) as output:
        for name, array in output.arrays.items():
            planned = plan["output"]["arrays"][name]
            assert planned["shape"] == list(array.shape)
            assert planned["dtype"] == str(array.dtype)
            assert planned["bytes"] == array[...].nbytes
        assert plan["leaving"] == output.provenance["windows"]["leaving"]
    assert plan["output"]["bytes"] == 30 * 16 * 16 * 8 + 30 * 2 * 8
    assert plan["patches"] == result.patches
    assert plan["chunks"] == {"patches": result.plan.chunk_size, "count": result.plan.chunk_count}
    assert plan["memory"]["workspace"] == result.plan.workspace_bytes
    assert plan["memory"]["budget"] == 8 * 2**20 - plan["memory"]["scan"]


def test_what_refuses_the_job_refuses_its_plan(job):
    with pytest.raises(MemoryBudgetError):
        plan_extraction(dataclasses.replace(job, memory_budget=50_000))
    job.output.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        plan_extraction(job)


def test_people_read_what_programs_do(job):
    plan = plan_extraction(job)
    text = plan_as_text(plan)
    assert "30 of 16 x 16" in text
    assert "output              " + str(job.output) in text
    assert "too little" not in text
    plan["output"]["free"] = 5
    assert "5 B free, which is too little" in plan_as_text(plan)


@pytest.mark.parametrize("which", [[], ["extract"]])
def test_the_command_prints_it(tmp_path, monkeypatch, capsys, which):
    monkeypatch.chdir(tmp_path)
    typed = ["plugin=numba", "scan.points=30", "scan.object_size=96", "patch_size=16"]
    assert dispatch(["plan", *which, *typed, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert (plan["job"], plan["plugin"], plan["patches"]) == ("extract", "numba", 30)
    assert dispatch(["plan", *which, *typed]) == 0
    assert capsys.readouterr().out.startswith("job                 extract\n")
    assert list(tmp_path.iterdir()) == []
