"""The benchmark harness: it runs, it rejects wrong peers, and its ratios are formed as it says."""

import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from repository import ROOT


@pytest.mark.slow
@pytest.mark.tensorflow
def test_quick_run_prints_a_table_and_stores_its_rows(tmp_path, capsys):
    from benchmarks.cli import main

    arguments = "--quick --only throughput --patches 64 --patch-size 16 --object-size 64"
    chosen = ["--contender", "numba", "--contender", "NumPy slicing loop"]
    stored, drawn = tmp_path / "run.json", tmp_path / "run.png"
    main([*arguments.split(), *chosen, "--json", str(stored), "--plot", str(drawn)])

    printed = capsys.readouterr().out
    assert "64 patches of 16 x 16 complex64 out of 64 x 64" in printed
    results = json.loads(stored.read_text())
    rows = results["sections"]["throughput"]["rows"]
    cases = {(row["contender"], row["layout"], row["output"]) for row in rows}
    assert cases == {
        (name, layout, output)
        for name in ("numba", "NumPy slicing loop")
        for layout in ("flat", "channel")
        for output in ("fresh", "reused")
    }
    for row in rows:
        assert (row["status"], row["verdict"]) == ("timed", "equal")
        assert row["to_first_touch"] > 0
        assert row["to_warm_copy"] > 0
        assert row["contender"] in printed
    assert {"cores", "python", "tensorflow", "numpy"} <= set(results["machine"])
    assert str(ROOT) not in stored.read_text()
    assert drawn.read_bytes().startswith(b"\x89PNG")


def contender_that_shifts(by, **declared):
    from benchmarks.contender import Contender
    from benchmarks.peers import numpy_loop

    def cut(image, positions, patch_size, out=None):
        return numpy_loop.cut(image, positions + by, patch_size, out)

    return Contender("shifted", lambda: cut, takes_out=True, **declared)


def judged(contender):
    from benchmarks.check import judge
    from benchmarks.problem import Problem

    # Positions keep a pixel away from the border, where a shifted window would leave the object.
    class Inside(Problem):
        def positions(self):
            return np.clip(super().positions(), 9, 50)

    return judge(contender, contender.load(), Inside(patches=8, patch_size=16, object_size=64))


def test_a_right_peer_is_accepted():
    verdict = judged(contender_that_shifts(0.0))
    assert (verdict.accepted, verdict.text) == (True, "equal")
    assert verdict.error < 1e-6


@pytest.mark.parametrize("by", [0.01, 0.5, 1.0])
def test_a_shifted_peer_is_rejected(by):
    verdict = judged(contender_that_shifts(by))
    assert not verdict.accepted
    assert "not timed" in verdict.text


def test_a_declared_difference_must_vanish_at_whole_positions():
    # A peer that rounds to whole pixels does; one with another anchor does not.
    from benchmarks.contender import Contender
    from benchmarks.peers import numpy_loop

    def rounds(image, positions, patch_size, out=None):
        return numpy_loop.cut(image, np.rint(positions), patch_size, out)

    declared = "whole pixels only"
    verdict = judged(Contender("rounds", lambda: rounds, instead=declared))
    assert (verdict.accepted, verdict.text) == (True, declared)
    assert not judged(Contender("rounds", lambda: rounds)).accepted
    assert not judged(contender_that_shifts(0.5, instead=declared)).accepted


def test_a_peer_that_leaves_its_output_unfilled_is_rejected():
    from benchmarks.contender import Contender
    from benchmarks.peers import numpy_loop

    def ignores_out(image, positions, patch_size, out=None):
        return numpy_loop.cut(image, positions, patch_size)

    assert not judged(Contender("ignores out", lambda: ignores_out, takes_out=True)).accepted


def test_a_peer_that_is_not_installed_is_said_so(monkeypatch):
    from benchmarks.sections import throughput

    monkeypatch.setitem(sys.modules, "scipy", None)
    monkeypatch.delitem(sys.modules, "scipy.ndimage", raising=False)
    (row,) = throughput.work({"contender": "SciPy map_coordinates", "problem": {}})["rows"]
    assert row["status"].startswith("not installed")
    empty = {name: [] for name in throughput.LIMITS}
    printed = throughput.report({"problem": {}, "rows": [row], "limits": empty})
    assert "not installed" in printed


def test_ratios_are_formed_within_turns():
    from benchmarks import timing

    assert timing.ratio([1.0, 10.0, 3.0], [1.0, 5.0, 1.0]) == 2.0
    assert timing.best_ratio([4.0, 2.0], [3.0, 1.0]) == 2.0
    order = []
    actions = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = timing.in_turn(actions, 2, before={"b": lambda: order.append("-")})
    assert order == ["a", "-", "b", "-", "b", "a"]
    assert [len(times) for times in seconds.values()] == [2, 2]


@pytest.mark.parametrize(
    ("per_patch", "expected"), [(1e-9, 5000), (0.0099, 100), (0.003, 330), (9.0, 1)]
)
def test_slow_contenders_get_fewer_patches(monkeypatch, per_patch, expected):
    from benchmarks import timing

    monkeypatch.setattr(timing, "once", lambda action: action())
    assert timing.affordable(lambda count: count * per_patch, 5000, 1.0) == expected


def test_table_formatting():
    from benchmarks.table import Notes, format_table, number

    table = format_table(("", "us", ""), [("one", "1.00", ""), ("two", "12.0", "[1]")])
    assert table.splitlines() == [
        "       us",
        "---  ----  ---",
        "one  1.00",
        "two  12.0  [1]",
    ]
    with pytest.raises(ValueError, match="row of 1 cells"):
        format_table(("a", "b"), [("x",)])
    assert [number(x) for x in (0.123, 1.234, 12.34, 1234.5, None)] == [
        "0.12", "1.23", "12.3", "1,234", "-",
    ]  # fmt: skip
    notes = Notes()
    assert [notes.marks(["x", "y"]), notes.marks(["y"])] == ["[1] [2]", "[2]"]
    assert notes.lines() == ["[1] x", "[2] y"]


@pytest.mark.slow
def test_the_exported_kernel_runs_on_the_device_of_jax():
    pytest.importorskip("jax")
    pytest.importorskip("tensorflow", "2.19")  # older ones export no StableHLO
    from benchmarks.effort import QUICK
    from benchmarks.problem import Problem
    from benchmarks.sections import device
    from benchmarks.settings import Settings

    small = QUICK.for_problem(Problem(patches=64, patch_size=16, object_size=48))
    result = device.run(Settings(small))
    assert [row["status"] for row in result["rows"]] == ["timed"] * 3
    assert max(row["error"] for row in result["rows"]) < 1e-5
    assert "copy GB/s" in device.report(result)


@pytest.mark.slow
def test_jax_is_timed_beside_chunked_xla():
    pytest.importorskip("jax")
    pytest.importorskip("tensorflow")
    from benchmarks.problem import Problem
    from benchmarks.sections import jax_arrays

    problem = Problem(patches=64, patch_size=16, object_size=48)
    result = jax_arrays.work({"problem": vars(problem), "repeats": 1})
    asked = [(row["asked"], row["dtype"]) for row in result["rows"]]
    assert asked == [(name, dtype) for dtype in jax_arrays.DTYPES for name in jax_arrays.GOALS]
    assert all(row["ratio"] > 0 for row in result["rows"])
    assert "goal" in jax_arrays.report(result)


def test_the_migration_command_is_timed_on_a_tree_that_it_would_change():
    from benchmarks.sections import migration

    result = migration.work({"files": 30, "repeats": 1})
    assert [row["seconds"] > 0 for row in result["rows"]] == [True, True]
    printed = migration.report(result)
    assert "30 files" in printed
    assert "ptycho-migrate --help" in printed
    with pytest.raises(RuntimeError, match="0 of 1 files"):
        migration.check_changed([SimpleNamespace(changed=False, error="")])


@pytest.mark.slow
def test_groups_are_checked_then_timed_beside_a_tree():
    from benchmarks.sections import grouping

    task = {"scan": "grid", "points": 200, "groups": 50, "repeats": 1}
    rows = grouping.work(task)["rows"]
    assert [row["strategy"] for row in rows] == list(grouping.STRATEGIES)
    assert all(row["seconds"] > 0 and row["to_query"] > 0 for row in rows)
    failed = {"scan": "spiral", "points": 9, "groups": 9, "status": "failed"}
    printed = grouping.report({"rows": [*rows, failed]})
    assert "random_of_k" in printed
    assert "failed" in printed
    row = {"seconds": 1e-6, "groups": 10, "points": 1024}
    assert grouping.per_sample(row) == pytest.approx(10.0)


def test_wrong_neighbours_are_not_timed(monkeypatch):
    from benchmarks.sections import grouping
    from ptycho_engine.data.grouping import tree

    right = tree.PointTree.nearest
    wrong = lambda self, seeds, count: right(self, seeds, count)[:, ::-1]  # noqa: E731
    monkeypatch.setattr(tree.PointTree, "nearest", wrong)
    with pytest.raises(RuntimeError, match="are not the nearest"):
        grouping.check_nearest(grouping.SCANS["spiral"](100))


def test_items_of_a_dataset_are_checked_then_timed_beside_a_loop():
    from dataclasses import asdict

    from benchmarks.problem import Problem
    from benchmarks.sections import datasets

    problem = asdict(Problem(patches=20, patch_size=16, object_size=48))
    rows = datasets.work({"kind": "arrays", "problem": problem, "repeats": 1})["rows"]
    assert len(rows) == 6
    assert all(row["items_per_second"] > 0 and row["to_base"] > 0 for row in rows)
    failed = {"name": "DataLoader", "status": "torch is not installed"}
    printed = datasets.report({"rows": [*rows, failed], "problem": problem})
    assert "dataset.batches(16)" in printed
    assert "torch is not installed" in printed


def test_a_loop_that_cuts_elsewhere_is_not_timed(monkeypatch):
    from dataclasses import asdict

    from benchmarks.peers.item_loop import ItemLoop
    from benchmarks.problem import Problem
    from benchmarks.sections import datasets

    right = ItemLoop.patch
    monkeypatch.setattr(ItemLoop, "patch", lambda loop, number: right(loop, number)[::-1])
    problem = asdict(Problem(patches=4, patch_size=16, object_size=48))
    with pytest.raises(AssertionError, match="amplitude"):
        datasets.work({"kind": "arrays", "problem": problem, "repeats": 1})


def test_patterns_are_timed_beside_their_transforms_and_draws():
    from dataclasses import asdict

    from benchmarks.problem import Problem
    from benchmarks.sections import simulation

    problem = asdict(Problem(patches=70, patch_size=8, object_size=32))
    result = simulation.work({"problem": problem, "repeats": 1})
    rows = {row["what"]: row["limit"] for row in result["rows"]}
    fft, poisson = simulation.FFT, simulation.POISSON
    assert rows == {
        "amplitudes": fft, "scaled": fft, "noise": poisson, "noise alone": poisson,
    }  # fmt: skip
    assert min(row["to_limit"] for row in result["rows"] if row["what"] != "noise alone") > 0
    printed = simulation.report(result)
    assert "patterns of 8 x 8 out of 32 x 32" in printed
    assert "failed" in simulation.report({"problem": problem, "rows": []})


def test_patterns_are_read_from_every_kind_of_file():
    from benchmarks.sections import scan_reading

    result = scan_reading.work({"patterns": 40, "size": 8, "repeats": 1})
    assert len(result["rows"]) == 5
    assert all(row[way] > 0 for row in result["rows"] for way in scan_reading.WAYS)
    assert "HDF5, in one piece" in scan_reading.report(result)


@pytest.mark.slow
def test_warps_are_timed_beside_tensorflows():
    pytest.importorskip("tensorflow")
    from benchmarks.sections import warp

    result = warp.work({"count": 2, "size": 6, "repeats": 1})
    assert len(result["rows"]) == 11
    assert min(row["to_others"] for row in result["rows"]) > 0
    printed = warp.report(result)
    assert "2 images of 6 x 6" in printed
    assert "failed" in warp.report({"rows": [], "count": 2, "size": 6})


def test_sections_report_what_failed():
    from benchmarks.sections import compile, device, migration, scan_reading, streaming

    assert "failed" in scan_reading.report({"rows": [], "bytes": 0})
    assert "failed" in migration.report({"rows": [], "files": 1})

    assert "failed" in compile.report({"rows": [{"plugin": "p", "status": "failed"}]})
    failed = {"patch_size": 64, "kind": "flat", "status": "failed"}
    assert "jax is not installed" in device.report({"rows": [], "missing": "jax"})
    assert "failed" in device.report({"rows": [failed]})
    skipped = {"plugin": "p", "patches": 1, "bytes": 8, "status": "skipped: no room"}
    assert "no room" in streaming.report({"rows": [skipped]})


@pytest.mark.slow
def test_the_dask_runner_is_timed_beside_the_local_one():
    pytest.importorskip("distributed")
    from benchmarks.sections import dask

    result = dask.work({"patches": 500, "tasks": 20})
    assert set(result["seconds"]) == {"1", "2"}
    printed = dask.report(result)
    assert "500 patches of 32 x 32" in printed
    assert "a task without work" in printed


def test_two_checkouts_are_compared_within_turns():
    from benchmarks.versus import report

    key, lost = ("latency", "numba, plain"), ("latency", "numba, prepared")
    turns = [
        ({key: 10.0}, {key: 5.0}),
        ({key: 3.0, lost: 1.0}, {key: 3.0}),
        ({key: 6.0}, {key: 4.0}),
    ]
    lines = report(turns).splitlines()
    assert lines[-2].split() == ["latency", "numba,", "plain", "1.50", "1.00", "2.00", "3"]
    assert lines[-1].split() == ["latency", "numba,", "prepared", "-", "-", "-", "0"]
    (row,) = [line for line in report(turns[:1]).splitlines() if "plain" in line]
    assert row.split()[-4:] == ["2.00", "2.00", "2.00", "1"]


def test_small_chunks_are_timed_beside_one():
    pytest.importorskip("tensorflow")
    from dataclasses import asdict

    from benchmarks.problem import Problem
    from benchmarks.sections import chunks

    problem = asdict(Problem(patches=8, patch_size=8, object_size=32))
    task = {"plugin": "chunked_xla", "problem": problem, "chunk": 2, "calls": 2}
    row = chunks.work(task)
    assert row["status"] == "timed"
    assert min(row["microseconds"], row["to_one_chunk"], row["to_warm_copy"]) > 0
    failed = {"plugin": "batched", "status": "failed"}
    printed = chunks.report({"rows": [row, failed], "problem": problem, "chunk": 2})
    assert "8 patches of 8 x 8 per call in chunks of 2" in printed
    assert "failed" in printed


def test_training_is_checked_then_timed_step_by_step():
    from benchmarks.sections import training

    problem = {"patches": 20, "patch_size": 8, "object_size": 40}
    result = training.work({"problem": problem, "repeats": 1})
    names = [row["name"] for row in result["rows"]]
    assert names[-3:] == ["train, .h5", "train, .zarr", training.BASE]
    assert all(row["seconds"] > 0 and row["to_base"] > 0 for row in result["rows"])
    assert result["bytes"] > 20 * 4 * 8 * 8 * (8 + 4)
    printed = training.report(result)
    assert "20 groups of 4" in printed
    assert "failed" in training.report({"rows": [], "problem": problem, "bytes": 0})


@pytest.mark.parametrize("peer", [None, "NumPy loop"])
def test_placement_is_timed_beside_reading(peer):
    from dataclasses import asdict

    from benchmarks.problem import Problem
    from benchmarks.sections import placement

    problem = asdict(Problem(patches=12, patch_size=8, object_size=32, channels=1 if peer else 4))
    task = {"problem": problem, "interpolation": "bilinear", "peer": peer}
    rows = placement.work(task | {"repeats": 1, "seconds": 0.1})["rows"]
    ways = ("", ", adding", ", reassembled")
    assert [row["what"] for row in rows] == (
        [peer] if peer else [*(f"numba, bilinear{way}" for way in ways), placement.ALONE]
    )
    assert all((row["to_ours"] is None) == (peer is None) for row in rows)
    assert all(row["to_reading"] > 0 for row in rows)
    failed = {"what": "jax window scatter", "problem": problem, "status": "no jax"}
    assert "no jax" in placement.report({"rows": [*rows, failed]})


def test_wrong_placements_are_not_timed():
    from benchmarks.peers.adding import numpy_loop
    from benchmarks.problem import Problem
    from benchmarks.sections import placement

    problem, right = Problem(patches=4, patch_size=8, object_size=32), numpy_loop()
    placement.check(lambda y, p, size: right(y, p, size[0]), problem, "bilinear")
    with pytest.raises(RuntimeError, match="off by"):
        placement.check(lambda y, p, size: right(y, p, size[0])[::-1], problem, "bilinear")


@pytest.mark.slow
def test_steps_of_both_networks_are_timed_and_weighed():
    pytest.importorskip("tensorflow")
    from benchmarks.sections import layers

    task = {"batch": 2, "compiled": False, "size": 8, "members": 2, "repeats": 1}
    found = layers.work(task)
    assert found["status"] == "timed"
    assert found["to_legacy"] > 0
    assert all(found["steps_per_second"][kind] > 0 for kind in layers.KINDS)
    assert all(found["bytes"][kind]["host"] >= 0 for kind in layers.KINDS)


def test_steps_of_both_networks_are_one_table():
    from benchmarks.sections import layers

    speed = {"steps_per_second": {"layers": 30.0, "legacy": 10.0}, "to_legacy": 3.14}
    sizes = {"layers": {"host": 2e6, "gpu": None}, "legacy": {"host": 8e6, "gpu": 5e6}}
    same = {"batch": 4, "compiled": True, "status": "timed", "bytes": sizes}
    failed = {"batch": 16, "compiled": False, "status": "no memory"}
    printed = layers.report({"rows": [{**same, **speed}, failed], "size": 64, "members": 4})
    timed, other = printed.splitlines()[-3:-1]
    assert timed.split() == ["XLA", "4", "30.0", "10.0", "3.14", "2", "MB", "8", "MB", "0.25", "-",
                             "5", "MB"]  # fmt: skip
    assert other.split()[:2] == ["graph", "16"]
    assert "[1] no memory" in printed


@pytest.mark.slow
def test_networks_that_differ_are_not_timed():
    pytest.importorskip("tensorflow")
    from benchmarks import networks
    from benchmarks.sections import layers

    models = {kind: networks.build(kind, 8, 2, False) for kind in layers.KINDS}
    inputs, _ = networks.batch_of(2, 8, 2)
    layers.check(models, inputs)
    weights = models["legacy"].get_weights()
    models["legacy"].set_weights([weights[0] + 0.1, *weights[1:]])
    with pytest.raises(RuntimeError, match="off by"):
        layers.check(models, inputs)


@pytest.mark.slow
def test_what_reports_cost_is_said():
    from benchmarks.sections import reports

    row = reports.work({"points": 20, "patch": 8, "object": 64, "turns": 1})
    assert row["allowed"] >= reports.SECONDS
    assert 10_000 < row["bytes"] < 3_000_000
    assert "P 20, N 8, H 64" in reports.report({"rows": [row]})
    assert "failed" in reports.report({"rows": []})
