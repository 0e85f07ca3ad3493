"""Training data: every array against a naive definition of it; PtychoPINN's too."""

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from events import logged

from ptycho_engine import read_output
from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import prerequisites, train
from ptycho_engine.app.jobs.plan import plan_as_text
from ptycho_engine.app.jobs.train import run
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.app.jobs.training_output import GroupBlocks
from ptycho_engine.app.jobs.training_plan import plan_training
from ptycho_engine.compat.dropins.grouped import generate_grouped_data
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups
from ptycho_engine.errors import (
    ConfigurationError,
    InputFileError,
    MemoryBudgetError,
    OutputError,
    RequestError,
)
from ptycho_engine.io.scan_files import ScanSource
from ptycho_engine.testing import reference_patches

RNG = np.random.default_rng(11)
POINTS, SIZE = 60, 12
OBJECT = np.exp(1j * RNG.normal(size=(70, 80))).astype(np.complex64)
Y, X = RNG.uniform(15, 55, (2, POINTS))
PATTERNS = RNG.uniform(0.5, 2, (POINTS, SIZE, SIZE)).astype(np.float32)
GROUPS = GroupSettings(members=4, count=50, seed=3)


def write(path, **changed):
    arrays = {
        "xcoords": X,
        "ycoords": Y,
        "xcoords_start": X + 0.25,
        "ycoords_start": Y - 0.25,
        "objectGuess": OBJECT,
        "probeGuess": np.ones((SIZE, SIZE), np.complex64),
        "diff3d": PATTERNS,
    } | changed
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("scan.npz")
    source = ScanSource("npz", Path("scan.npz"))
    return TrainingJob(source, GROUPS, Path("t.zarr"), plugin="numba", picture=False, report=False)


def check(path):
    """Compare with groups that are formed again, and patches cut one by one in float64."""
    positions = np.stack([Y, X], axis=1)
    groups = make_groups(positions, GROUPS)
    with read_output(path) as output:
        found = {name: np.asarray(array[...]) for name, array in output.arrays.items()}
        axes = {name: spec.axes for name, spec in output.specs.items()}
        geometry, provenance = output.geometry, output.provenance
    np.testing.assert_array_equal(found["indices"], groups.indices)
    np.testing.assert_array_equal(found["seeds"], groups.seeds)
    members = positions[groups.indices]
    np.testing.assert_array_equal(found["positions"], members)
    np.testing.assert_allclose(found["centres"], members.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(
        found["relative"], members - members.mean(axis=1, keepdims=True), atol=1e-12
    )
    np.testing.assert_array_equal(found["patterns"], np.moveaxis(PATTERNS[groups.indices], 1, -1))
    expected = reference_patches(OBJECT, members.reshape(-1, 2), SIZE)
    expected = np.moveaxis(expected.reshape(50, 4, SIZE, SIZE), 1, -1)
    np.testing.assert_allclose(found["patches"], expected, atol=1e-6)
    assert found["patches"].dtype == np.complex64
    assert found["probe"].shape == (SIZE, SIZE)
    assert axes["patches"] == ("group", "y", "x", "member")
    assert axes["patterns"] == ("group", "detector_y", "detector_x", "member")
    assert (geometry["layout"], geometry["patterns"], geometry["mirrored"]) == (
        "channel", "amplitude", False,
    )  # fmt: skip
    assert provenance["groups"]["used"] == len(np.unique(groups.indices))
    return found


@pytest.mark.parametrize("suffix", [".zarr", ".h5", ".npz"])
def test_every_array_is_what_it_is_called(job, tmp_path, suffix):
    job = dataclasses.replace(job, output=Path(f"t{suffix}"), keys="native")
    result = run(job)
    assert (result.output, result.picture, result.groups) == (job.output, None, 50)
    check(job.output)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scan.npz", f"t{suffix}"]


@pytest.mark.parametrize(
    ("suffix", "packing"),
    [
        (".zarr", {"compression": "zstd", "chunk": 4}),
        (".zarr", {"compression": "zstd", "shard": 32}),
        (".h5", {"compression": "gzip"}),
    ],
)
def test_packed_arrays_hold_the_same(job, suffix, packing):
    job = dataclasses.replace(job, output=Path(f"t{suffix}"), **packing)
    run(job)
    check(job.output)
    with read_output(job.output) as output:
        spec = output.specs["patches"]
        assert output.configuration["output"]["compression"] == spec.compression
        assert spec.compression == packing["compression"]
        assert spec.chunks[0] == job.chunk
        assert (spec.shards or (None,))[0] == job.shard
    with PatchDataset(job.output) as items:
        np.testing.assert_array_equal(len(items), 50)
        items[[3, 40, 7]]


@pytest.mark.parametrize("packing", [{}, {"compression": "zstd", "shard": 16}])
def test_a_resumed_run_ends_with_the_same_bytes(job, tmp_path, monkeypatch, packing):
    """The first run fails on a full disk after a block; what it finished is not written again."""
    monkeypatch.setattr(train, "plan_blocks", lambda *_: GroupBlocks(16, 0))
    job = dataclasses.replace(job, output=Path("a.zarr"), resume=True, **packing)
    run(dataclasses.replace(job, output=Path("b.zarr")))

    def failing(blocks, _):
        yield next(blocks)
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run(job, progress=failing)
    counts = []
    run(job, progress=lambda blocks, count: counts.append(count) or blocks)
    assert counts == [34]
    found, expected = (
        {
            str(p.relative_to(name)): p.read_bytes()
            for p in Path(name).rglob("*")
            if "c" in p.parts and p.is_file()
        }
        for name in ("a.zarr", "b.zarr")
    )
    assert found == expected
    assert len(expected) > 5


def test_blocks_are_as_large_as_the_budget_allows_and_change_nothing(job):
    run(dataclasses.replace(job, output=Path("whole.h5")))
    blocks = []

    def progress(made, count):
        for block in made:
            blocks.append((block.start, block.stop, count))
            yield block

    small = dataclasses.replace(job, memory_budget="640KiB", chunk=8)
    run(small, progress=progress)
    assert len(blocks) > 2
    assert {start % 8 for start, _, _ in blocks} == {0}
    assert blocks[-1][1:] == (50, 50)
    with read_output("whole.h5") as whole, read_output(job.output) as parts:
        for name in whole.arrays:
            np.testing.assert_array_equal(whole.arrays[name][...], parts.arrays[name][...])
        assert parts.arrays["patterns"].chunks == (8, SIZE, SIZE, 4)


def test_patterns_are_never_all_in_memory(job, monkeypatch):
    taken = []
    take = train.Patterns.take

    def watched(self, indices):
        taken.append(len(indices))
        return take(self, indices)

    monkeypatch.setattr(train.Patterns, "take", watched)
    run(dataclasses.replace(job, memory_budget="640KiB", chunk=4))
    assert sum(taken) == 200
    assert max(taken) < 100


def test_intensity_becomes_amplitude_and_patches_have_the_size_that_is_asked_for(job):
    source = ScanSource("npz", Path("scan.npz"), {"quantity": "intensity"})
    run(dataclasses.replace(job, scan=source, patch_size=7))
    with read_output(job.output) as output:
        np.testing.assert_allclose(
            output.arrays["patterns"][...],
            np.moveaxis(np.sqrt(PATTERNS)[output.arrays["indices"][...]], 1, -1), rtol=1e-6,
        )  # fmt: skip
        assert output.patches.shape == (50, 7, 7, 4)


def test_the_mask_of_the_detector_comes_along(job, monkeypatch):
    mask = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) > 3
    read = prerequisites.read_scan

    def masked(*how, **more):
        return dataclasses.replace(read(*how, **more), mask=mask)

    monkeypatch.setattr(prerequisites, "read_scan", masked)
    run(job)
    with read_output(job.output) as output:
        np.testing.assert_array_equal(output.arrays["mask"][...], mask)
    with logged() as logs:
        run(dataclasses.replace(job, keys="ptychopinn", output=job.output.with_suffix(".npz")))
    assert [log["dropped"] for log in logs if log["event"] == "not_in_this_format"] == [["mask"]]


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_patterns_that_are_no_numbers_are_refused_unless_they_are_masked(
    job, tmp_path, monkeypatch, bad, suffix
):
    job = dataclasses.replace(job, output=Path("t").with_suffix(suffix))
    patterns, mask = PATTERNS.copy(), np.ones((SIZE, SIZE), bool)
    patterns[9, 2, 3], mask[2, 3] = bad, False
    write("scan.npz", diff3d=patterns)
    with pytest.raises(InputFileError, match=r"number 9 of its patterns .* NaN or infinite"):
        run(job)
    read = prerequisites.read_scan
    monkeypatch.setattr(
        prerequisites,
        "read_scan",
        lambda *how, **more: dataclasses.replace(read(*how, **more), mask=mask),
    )
    run(job)
    with read_output(job.output) as output:
        indices = output.arrays["indices"][...]
        assert 9 in indices
        np.testing.assert_array_equal(
            output.arrays["patterns"][...], np.moveaxis(patterns[indices], 1, -1)
        )


def test_a_dataset_reads_it(job):
    run(job)
    positions = np.stack([Y, X], axis=1)[make_groups(np.stack([Y, X], axis=1), GROUPS).indices]
    with PatchDataset(job.output) as dataset:
        assert len(dataset) == 50
        item = dataset[7]
    np.testing.assert_array_equal(item["positions"], positions[7])
    with read_output(job.output) as output:
        np.testing.assert_array_equal(item["patches"], output.patches[7])
        np.testing.assert_array_equal(item["patterns"], output.arrays["patterns"][7])


def test_a_scan_without_patterns_gives_patches_alone(job):
    write("bare.npz", diff3d=None)
    run(dataclasses.replace(job, scan=ScanSource("npz", Path("bare.npz"))))
    with read_output(job.output) as output:
        assert "patterns" not in output.arrays
        assert output.patches.shape == (50, SIZE, SIZE, 4)


# -- PtychoPINN ------------------------------------------------------------------------------


def raw_data(path):
    """Load what ``RawData.from_file`` loads."""
    with np.load(path, allow_pickle=False) as file:
        names = ("xcoords", "ycoords", "xcoords_start", "ycoords_start", "diff3d", "probeGuess",
                 "scan_index", "objectGuess")  # fmt: skip
        return SimpleNamespace(**{name: file[name] for name in names})


GROUPED = (
    "diffraction", "X_full", "coords_nn", "coords_offsets", "coords_relative", "coords_start_nn",
    "coords_start_offsets", "coords_start_relative", "nn_indices", "Y", "objectGuess",
)  # fmt: skip


def legacy_run(job, members, mirrored):
    """Make data of the groups that PtychoPINN's function forms of K = 5 and seed 9."""
    groups = GroupSettings(members=members, count=40, strategy="legacy", neighbours=5, seed=9)
    path = Path("t.npz")
    how = {"rounding": "legacy", "mirrored": mirrored, "output": path}
    run(dataclasses.replace(job, groups=groups, **how))
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in GROUPED}


@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
@pytest.mark.parametrize(("members", "mirrored"), [(1, True), (4, True), (4, False)])
def test_npz_is_what_ptychopinn_makes_of_the_scan(job, members, mirrored):
    found = legacy_run(job, members, mirrored)
    raw = raw_data("t.npz")
    np.testing.assert_array_equal(raw.xcoords, X)
    np.testing.assert_array_equal(raw.ycoords_start, Y - 0.25)
    np.testing.assert_array_equal(raw.diff3d, PATTERNS)
    del raw.objectGuess  # its function would cut patches with TensorFlow
    side = int(members**0.5)
    expected = generate_grouped_data(raw, SIZE, K=5, nsamples=40, seed=9, gridsize=side)
    for name in set(GROUPED) - {"X_full", "Y", "objectGuess"}:
        np.testing.assert_array_equal(found[name], expected[name])
    # The power of a pattern is summed in another order.
    np.testing.assert_allclose(found["X_full"], expected["X_full"], rtol=2e-7)
    assert (found["X_full"].dtype, found["Y"].dtype) == (np.float32, np.complex64)
    means, local = expected["coords_offsets"], expected["coords_relative"]
    xy = means + local if mirrored else means - local  # (40, 1, 2, C)
    places = np.moveaxis(xy[:, 0], -1, 1)[..., ::-1]
    patches = reference_patches(OBJECT, places.reshape(-1, 2), SIZE)
    patches = np.moveaxis(patches.reshape(40, members, SIZE, SIZE), 1, -1)
    np.testing.assert_allclose(found["Y"], patches, atol=1e-4)  # coordinates are float32 there


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.filterwarnings("ignore::ptycho_engine.RemovedIn2Warning")
def test_its_patches_are_those_of_ptychopinns_function(job):
    found = legacy_run(job, 4, True)
    raw = raw_data("t.npz")
    expected = generate_grouped_data(raw, SIZE, K=5, nsamples=40, seed=9, gridsize=2)
    assert {*expected} - {"sample_indices"} == {*GROUPED}
    np.testing.assert_allclose(found["Y"], np.asarray(expected["Y"]), atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "mirrored", "strategy", "count"),
    [
        (np.float32, True, "legacy", 1),
        (np.float64, True, "legacy", 0),
        (np.float32, False, "legacy", 0),
        (np.float32, True, "nearest", 0),
        (np.int64, True, "legacy", 0),
    ],
)
def test_a_warning_tells_of_single_precision(job, dtype, mirrored, strategy, count):
    """PtychoPINN forms the means of float32 coordinates in float32, the job in float64."""
    write("scan.npz", xcoords=X.astype(dtype), ycoords=Y.astype(dtype))
    groups = dataclasses.replace(GROUPS, strategy=strategy)
    with logged() as events:
        run(dataclasses.replace(job, groups=groups, mirrored=mirrored, rounding="legacy"))
    said = [event["reason"] for event in events if event["event"] == "doubtful_precision"]
    assert len(said) == count
    assert all("fit float32" in text and "e-06 pixels" in text for text in said)


@pytest.mark.filterwarnings("ignore")
def test_legacy_settings_give_its_groups_index_for_index(job):
    values = {"gridsize": 2, "n_images": 30, "neighbor_count": 6, "n_subsample": 40,
              "subsample_seed": 5, "nphotons": 1e6}  # fmt: skip
    typed = [f"+compat.values.{name}={value}" for name, value in values.items()]
    more = ["output.path=t.npz", "plugin=numba", "output.picture=false", "report=false"]
    assert dispatch(["train", "scan.npz", "compat=legacy", *typed, *more]) == 0
    np.random.seed(5)  # noqa: NPY002
    sample = np.sort(np.random.choice(POINTS, 40, replace=False))  # noqa: NPY002
    part = SimpleNamespace(xcoords=X[sample], ycoords=Y[sample], diff3d=PATTERNS[sample])
    expected = generate_grouped_data(part, SIZE, K=6, nsamples=30, gridsize=2)
    with np.load("t.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["nn_indices"], sample[expected["nn_indices"]])
        np.testing.assert_array_equal(file["sample_indices"], sample)
    with read_output("t.npz") as output:
        assert output.configuration["mirrored"] is True
        assert output.provenance["setting_sources"]["groups.count"].startswith("command line")


@pytest.mark.filterwarnings("ignore")
def test_what_the_command_line_says_beats_legacy_settings(job):
    typed = ["+compat.values.gridsize=2", "+compat.values.n_groups=30"]
    arguments = [
        "scan.npz",
        "compat=legacy",
        *typed,
        "plugin=numba",
        "output.picture=false",
        "report=false",
    ]
    more = ["gridsize=1", "groups.count=7", "mirrored=false", "rounding=exact"]
    assert dispatch(["train", *arguments, *more, "output.path=t.h5"]) == 0
    with read_output("t.h5") as output:
        assert output.patches.shape == (7, SIZE, SIZE, 1)
        assert output.configuration["mirrored"] is False


# -- what is refused, and what is left -------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"chunk": 0}, ConfigurationError, "output.chunk: received 0"),
        ({"shard": 24}, ConfigurationError, "output.shard: received 24. Expected a multiple"),
        ({"shard": 0}, ConfigurationError, "output.shard: received 0"),
        ({"compression": "gzip"}, ConfigurationError, "compression 'gzip' is not known"),
        ({"shard": 16, "output": Path("t.h5")}, ConfigurationError, "received shards"),
        ({"keys": "theirs"}, ConfigurationError, "output.keys 'theirs' is not known"),
        ({"groups": GroupSettings(members=61)}, RequestError, "60 points .* groups of 61 need 61"),
        ({"patch_size": -1}, RequestError, "patch_size"),
        ({"memory_budget": 120_000}, MemoryBudgetError, "memory budget"),
        (
            {"memory_budget": 1 << 20, "groups": GroupSettings(4, 50, "random_of_k", 60)},
            MemoryBudgetError,
            "50 groups of 4 out of 60 neighbours take up to .* memory budget is",
        ),
        ({"output": Path("none/t.zarr")}, OutputError, "does not exist"),
        ({"scan": ScanSource("npz", Path("none.npz"))}, InputFileError, "no such file"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(job, tmp_path, changes, error, words):
    with pytest.raises(error, match=words):
        run(dataclasses.replace(job, **changes))
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npz"]


def test_ptychopinns_names_want_patterns(job):
    write("bare.npz", diff3d=None)
    source = ScanSource("npz", Path("bare.npz"))
    with pytest.raises(InputFileError, match=r"holds no patterns.*output\.keys=native"):
        run(dataclasses.replace(job, scan=source, output=Path("t.npz")))


def test_nothing_tells_the_size_of_patches(job):
    write("bare.npz", diff3d=None, probeGuess=None)
    with pytest.raises(InputFileError, match="Set patch_size"):
        run(dataclasses.replace(job, scan=ScanSource("npz", Path("bare.npz"))))


def stopped(blocks, _):
    yield next(blocks)
    raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", [".zarr", ".h5", ".npz"])
def test_an_interrupt_leaves_nothing(job, tmp_path, suffix):
    job = dataclasses.replace(job, output=Path(f"t{suffix}"), memory_budget="1MiB")
    with pytest.raises(KeyboardInterrupt):
        run(job, progress=stopped)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npz"]


@pytest.mark.parametrize("suffix", [".zarr", ".h5"])
def test_a_full_disk_leaves_the_earlier_output(job, tmp_path, monkeypatch, suffix):
    job = dataclasses.replace(job, output=Path(f"t{suffix}"), picture=True)
    run(job)
    before = sorted(path.name for path in tmp_path.iterdir())

    def full(*_):
        raise OSError(28, "No space left on device")

    name = "zarr.write_all" if suffix == ".zarr" else "hdf5.write_at"
    monkeypatch.setattr(f"ptycho_engine.io.containers.{name}", full)
    with pytest.raises(OutputError, match="No space left on device"):
        run(dataclasses.replace(job, overwrite=True))
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    check(job.output)


# -- the command -----------------------------------------------------------------------------


def test_the_command_makes_it_and_draws_its_coverage(job, capsys):
    typed = ["scan.npz", "gridsize=2", "groups.count=50", "groups.seed=3", "plugin=numba"]
    assert dispatch(["plan", "train", *typed, "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert dispatch(["train", *typed]) == 0
    said = capsys.readouterr()
    assert said.out == f"{Path.cwd() / 'train.zarr'}\n"
    assert [said.err.count(f" {event} ") for event in ("groups", "plan", "done")] == [1, 1, 1]
    check(Path("train.zarr"))
    assert Path("train.zarr.png").read_bytes().startswith(b"\x89PNG")
    with read_output("train.zarr") as output:
        for name, array in output.arrays.items():
            planned = plan["output"]["arrays"][name]
            assert planned["shape"] == list(array.shape)
            assert planned["bytes"] == array[...].nbytes
        assert plan["groups"]["used"] == output.provenance["groups"]["used"]


def test_a_plan_reads_no_patterns(job, monkeypatch):
    monkeypatch.setattr(train.Patterns, "read", lambda *_: pytest.fail("was read"))
    assert plan_training(dataclasses.replace(job, output=Path("t.npz")))["patches"] == 200


def test_people_read_its_plan(job, tmp_path):
    text = plan_as_text(plan_training(job))
    assert "groups              50 of 4 (nearest), which use" in text
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npz"]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["gridsize=0"], "gridsize: received 0"),
        (["gridsize=2", "groups.members=5"], "gridsize: received 2 beside groups.members=5"),
        (["groups.strategy=none"], "grouping strategy 'none' is not known"),
        (["groups.cuont=3"], "Did you mean 'groups.count'"),
        (["groups.y_bounds=[1,0]"], "y bounds"),
        (["groups=none"], "groups 'none' is not known. Available: neighbours."),
    ],
)
def test_wrong_settings_are_refused(job, tmp_path, capsys, typed, words):
    assert dispatch(["train", "scan.npz", "plugin=numba", *typed]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npz"]


def test_from_python_in_five_lines(job):
    """As the guide shows it."""
    from ptycho_engine.app.jobs.train import TrainingJob, run
    from ptycho_engine.data.grouping.group_settings import GroupSettings
    from ptycho_engine.io.scan_files import ScanSource

    groups = GroupSettings(members=4, count=50, seed=3)
    run(
        TrainingJob(
            ScanSource("file", Path("scan.npz")), groups, Path("train.zarr"), plugin="numba"
        )
    )
    check(Path("train.zarr"))
