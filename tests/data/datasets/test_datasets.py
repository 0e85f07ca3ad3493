"""Datasets: values, groups, several scans, outputs of ours, memory, order, refusals."""

import dataclasses
import gc
import os
import pickle
import threading

import numpy as np
import pytest
from events import logged
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_scans import toy_scan

from ptycho_engine.app.jobs import train
from ptycho_engine.app.jobs.training_job import TrainingJob
from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.data.grouping.group_settings import GroupSettings, make_groups
from ptycho_engine.errors import InputFileError, ItemError, MemoryBudgetError, RequestError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, read_scan, write_scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store
from ptycho_engine.testing import reference_patches

ALL = ("patterns", "patches", "amplitude", "phase", "probe", "positions", "index", "scan", "scale")
SYNTHETIC = ScanSource("synthetic", options={"points": 9, "object_size": 64, "step": 8.0})


def expected_items(scan, size=6):
    """What the fields of each item of a scan are, from their definitions."""
    patches = reference_patches(scan.image, scan.positions, size)
    return {
        "patterns": scan.patterns.read(), "patches": patches, "amplitude": np.abs(patches),
        "phase": np.angle(patches), "positions": scan.positions,
        "index": np.arange(len(patches)),
    }  # fmt: skip


def assert_fields(batch, expected, rows):
    for name, values in expected.items():
        np.testing.assert_allclose(batch[name], values[rows], atol=2e-5, err_msg=name)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 17), max_size=12))
def test_batches_hold_what_was_asked_for_of_all_scans(numbers):
    scans = [toy_scan(seed=1, modes=1), toy_scan(seed=2, modes=3)]
    batch = PatchDataset(scans, fields=ALL).batch(numbers)
    for name in ("scan", "scale"):
        assert batch[name].shape == (len(numbers),)
    for place, number in enumerate(numbers):
        which, row = divmod(number, 9)
        scan = scans[which]
        one = {name: array[place : place + 1] for name, array in batch.items()}
        assert_fields(one, expected_items(scan), [row])
        assert (one["scan"][0], one["scale"][0]) == (which, 1)
        np.testing.assert_array_equal(one["probe"][0, : len(scan.probe)], scan.probe)
        assert not one["probe"][0, len(scan.probe) :].any()


@pytest.mark.parametrize("fields", [ALL, ("amplitude", "index"), ("phase",)])
def test_columns_and_bytes_are_those_of_the_arrays(fields):
    scans = [toy_scan(modes=2), toy_scan(seed=4)]
    for groups in (None, [np.arange(8).reshape(4, 2)] * 2):
        dataset = PatchDataset(scans, fields=fields, groups=groups)
        batch = dataset.batch([3, 5, 1])
        for name, column in dataset.columns.items():
            assert (batch[name].shape, batch[name].dtype) == ((3, *column.shape), column.dtype)
            assert batch[name].flags.c_contiguous
        said = dataset.estimate(3)
        assert said.arrays == {name: array.nbytes for name, array in batch.items()}
        assert list(batch) == list(fields)


def test_items_slices_and_lists_agree():
    dataset = PatchDataset(toy_scan())
    assert set(dataset.columns) == {"patterns", "patches", "positions"}
    items = dataset.__getitems__([4, 8, 4])
    for number, item in zip([4, 8, 4], items, strict=True):
        for name, value in dataset[number].items():
            np.testing.assert_array_equal(item[name], value)
            np.testing.assert_array_equal(dataset[number - 9][name], value)
            np.testing.assert_array_equal(dataset[::4][name][number // 4], value)
    assert len(list(dataset)) == len(dataset) == 9
    assert dataset[4]["positions"].shape == (2,)


def test_groups_stand_along_the_last_axis():
    scan, groups = toy_scan(), np.array([[0, 3, 5, 8], [8, 2, 2, 1]])
    flat = expected_items(scan)
    batch = PatchDataset(scan, groups=groups, fields=("patterns", "patches", "index"))[:]
    for row, members in enumerate(groups):
        np.testing.assert_array_equal(batch["index"][row], members)
        for channel, member in enumerate(members):
            for name in ("patterns", "patches"):
                found = batch[name][row, ..., channel]
                np.testing.assert_allclose(found, flat[name][member], atol=2e-5)
    wrapped = type("Groups", (), {"indices": groups})()
    again = PatchDataset(scan, groups=wrapped, fields=["index"])[:]
    np.testing.assert_array_equal(again["index"], groups)


@pytest.mark.parametrize("axis", ["mode", "slice"])
def test_an_object_with_layers_gives_patches_with_layers(axis):
    image = np.stack([toy_scan().image, toy_scan(seed=3).image])
    spacing = np.ones(1) if axis == "slice" else None
    positions = np.array([[8.0, 9.5], [3, 4]])
    scan = Scan(image, positions, "layers", layer_axis=axis, layer_spacing=spacing)
    flat = reference_patches(image, positions, 5)  # (2, P, 5, 5)
    np.testing.assert_allclose(
        PatchDataset(scan, 5)[:]["patches"], np.moveaxis(flat, 0, 1), atol=2e-5
    )
    grouped = PatchDataset(scan, 5, groups=[[1, 0]])[0]["patches"]
    np.testing.assert_allclose(grouped, np.moveaxis(flat[:, [1, 0]], 1, -1), atol=2e-5)


def test_normalisation_is_that_of_each_scan():
    scans = [toy_scan(seed=1), toy_scan(seed=2)]
    batch = PatchDataset(scans, fields=("patterns", "scale", "scan"), normalise=True)[:]
    for which, scan in enumerate(scans):
        own = batch["scan"] == which
        squared = batch["patterns"][own].astype(float) ** 2
        assert squared.sum(axis=(1, 2)).mean() == pytest.approx(9, rel=1e-5)  # (6 / 2) ** 2
        scale = batch["scale"][own][0]
        np.testing.assert_allclose(batch["patterns"][own], scan.patterns.read() * scale, rtol=1e-5)
    intensity = PatchDataset(scans[0], fields=("patterns",), normalise=True, quantity="intensity")
    np.testing.assert_allclose(intensity[:]["patterns"].sum() / 9, 9, rtol=1e-5)


# -- files -----------------------------------------------------------------------------------


def test_scan_files_and_scans_in_memory_are_alike(tmp_path):
    scan = toy_scan()
    write_scan(tmp_path / "scan.npz", scan)
    stored = PatchDataset(str(tmp_path / "scan.npz"))
    held = PatchDataset(scan)
    for batch, other in zip(stored.batches(4, seed=1), held.batches(4, seed=1), strict=True):
        for name, array in other.items():
            np.testing.assert_array_equal(batch[name], array)


@pytest.mark.parametrize("suffix", ["npz", "h5", "zarr"])
@pytest.mark.parametrize("grouped", [False, True])
def test_outputs_of_ours_are_read_and_never_cut(tmp_path, suffix, grouped):
    made = PatchDataset(
        toy_scan(), fields=("patches", "patterns", "positions", "index"),
        groups=np.array([[3, 4], [8, 0], [1, 1]]) if grouped else None,
    )[:]  # fmt: skip
    arrays = {"indices" if name == "index" else name: array for name, array in made.items()}
    path = tmp_path / f"out.{suffix}"
    geometry = {"object_shape": [24, 21], "interpolation": "bilinear"}
    with Store.create(
        path, {n: ArraySpec.of(a) for n, a in arrays.items()}, geometry=geometry
    ) as s:
        for name, array in arrays.items():
            s.write(name, (), array)
        s.finish(())
    dataset = PatchDataset(path, fields=tuple(made))
    for rows in ([2, 0, 2], [0, 1], [], list(range(len(dataset)))):
        batch = dataset.batch(rows)
        for name, array in made.items():
            np.testing.assert_array_equal(batch[name], array[rows])
    assert len(dataset) == len(made["patches"])
    amplitude = PatchDataset(path, 6, fields=["amplitude"])[1]["amplitude"]
    np.testing.assert_allclose(amplitude, np.abs(made["patches"][1]), rtol=1e-6)
    with pytest.raises(RequestError, match=r"received 8, and .* holds patches of 6"):
        PatchDataset(path, 8)
    assert len(PatchDataset(path, interpolation="bilinear", fill="zeros")) == len(dataset)
    with pytest.raises(RequestError, match=r"received 'nearest', and .* patches of 'bilinear'"):
        PatchDataset(path, interpolation="nearest")
    if grouped:
        return
    groups = np.array([[4, 0], [4, 4], [2, 8]])
    members = PatchDataset(path, groups=groups, fields=tuple(made))[:]
    expected = PatchDataset(toy_scan(), groups=groups, fields=tuple(made))[:]
    for name, array in expected.items():
        np.testing.assert_array_equal(members[name], array, err_msg=name)


@pytest.mark.parametrize(
    "how",
    [
        {"quantity": "intensities"}, {"quantity": "Amplitude"}, {"interpolation": "cubic"},
        {"fill": "zero"}, {"rounding": "half"}, {"patch_size": 0},
    ],
    ids=str,
)  # fmt: skip
def test_names_that_mean_nothing_are_refused_before_a_file_is_opened(how):
    with pytest.raises(RequestError, match=next(iter(how))):
        PatchDataset("no_such_file.npz", **how)


def test_the_scale_is_that_of_the_size_of_patches():
    """PtychoPINN has one N; training data that were stored count that of the patches."""
    scan = toy_scan()
    batch = PatchDataset(scan, 4, fields=["patterns"], normalise=True, quantity="intensity")[:]
    assert batch["patterns"].sum(axis=(1, 2)).mean() == pytest.approx(4.0, rel=1e-6)


def test_an_output_without_patches_is_none_of_ours(tmp_path):
    path = tmp_path / "x.zarr"
    with Store.create(path, {"values": ArraySpec((2,), np.dtype(float))}) as store:
        store.write("values", (), np.zeros(2))
        store.finish(())
    with pytest.raises(InputFileError, match=r"x\.zarr"):
        PatchDataset(path)


def test_shuffling_opens_each_of_many_files_once(tmp_path):
    scans, opened = [], []
    for number in range(7):
        write_scan(tmp_path / f"{number}.npz", toy_scan(seed=number, points=5))
        scans.append(tmp_path / f"{number}.npz")
    dataset = PatchDataset(scans, fields=["patches", "scan", "index"], max_open=3)
    take = dataset._opening.open
    dataset._shelf._open = lambda number: opened.append(number) or take(number)
    dataset.close()
    seen = [(s, i) for b in dataset.batches(2, seed=1, prefetch=0)
            for s, i in zip(b["scan"].tolist(), b["index"].tolist(), strict=True)]  # fmt: skip
    assert sorted(seen) == [(s, i) for s in range(7) for i in range(5)]
    assert sorted(opened) == list(range(7))
    assert seen != sorted(seen)
    firsts = [scan for scan, _ in seen[:15]]
    assert len(set(firsts)) == 3  # shuffled together
    assert firsts != sorted(firsts)


def test_what_is_doubtful_is_said_once(tmp_path):
    scan = dataclasses.replace(toy_scan(), warnings=("looks odd",))
    with logged() as events:
        dataset = PatchDataset([scan, toy_scan()], max_open=1)
        for number in (0, 12, 1, 13):
            dataset[number]
    assert [e["reason"] for e in events if e["event"] == "doubtful_scan"] == ["looks odd"]


def open_files():
    return {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd")
            if os.path.exists(f"/proc/self/fd/{n}")}  # fmt: skip


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_few_of_many_files_are_open(tmp_path):
    paths = []
    for number in range(6):
        paths.append(tmp_path / f"{number}.h5")
        arrays = {"patches": np.full((4, 3, 3), number, np.float32), "positions": np.zeros((4, 2))}
        with Store.create(paths[-1], {n: ArraySpec.of(a) for n, a in arrays.items()}) as store:
            for name, array in arrays.items():
                store.write(name, (), array)
            store.finish(())
    dataset = PatchDataset(paths, fields=["patches", "scan"], max_open=2)
    for batch in dataset.batches(5, seed=0, prefetch=0):
        np.testing.assert_array_equal(batch["patches"][:, 0, 0], batch["scan"])
        assert len(open_files() & set(map(str, paths))) <= 2
    other = pickle.loads(pickle.dumps(dataset))
    assert other[23]["scan"] == 5
    dataset.close()
    assert len(open_files() & set(map(str, paths))) == 1  # that of the other
    with other:
        assert other[0]["scan"] == 0
    assert not open_files() & set(map(str, paths))
    assert dataset[23]["scan"] == 5  # it opens again
    del dataset, batch
    gc.collect()
    assert not open_files() & set(map(str, paths))


# -- order, life -----------------------------------------------------------------------------


@settings(max_examples=15)
@given(st.integers(1, 20), st.integers(0, 3), st.booleans(), st.integers(1, 3), st.integers(0, 4))
def test_every_item_comes_once_in_any_order(size, seed, drop_last, shards, prefetch):
    dataset = PatchDataset(SYNTHETIC, 8, fields=["index"])
    seen = []
    for index in range(shards):
        how = {"shard": (index, shards), "drop_last": drop_last, "prefetch": prefetch}
        batches = [b["index"] for b in dataset.batches(size, seed=seed, epoch=1, **how)]
        assert all(len(batch) == size for batch in batches[: -1 if not drop_last else None])
        seen += np.concatenate([np.empty(0, int), *batches]).tolist()
        assert len(dataset.shard(index, shards)) == len(range(index, 9, shards))
    assert len(set(seen)) == len(seen)
    if not drop_last:
        assert sorted(seen) == list(range(9))


def test_a_selection_of_a_selection_augments_as_the_whole():
    scan, augmentation = toy_scan(), Augmentation(flips=True, turns=True, seed=3)
    dataset = PatchDataset(scan, fields=["patches", "index"], augmentation=augmentation)
    part = dataset.select([8, 6, 4, 2]).select([1, 3])
    dataset.set_epoch(2)
    np.testing.assert_array_equal(part[:]["index"], [6, 2])
    part.set_epoch(2)
    np.testing.assert_array_equal(part[:]["patches"], dataset[[6, 2]]["patches"])
    dataset.set_epoch(3)
    assert not np.array_equal(part[:]["patches"], dataset[[6, 2]]["patches"])


def test_an_iterator_that_is_left_leaves_nothing_behind():
    dataset = PatchDataset(toy_scan(), fields=["index"])
    for batch in dataset.batches(2, prefetch=3):
        np.testing.assert_array_equal(batch["index"], [0, 1])
        break
    errors = dataset.batches(2)
    next(errors)
    with pytest.raises(ZeroDivisionError):
        errors.throw(ZeroDivisionError)
    assert threading.active_count() < 20


def test_errors_come_where_their_batch_would():
    patterns = Patterns((9, 6, 6), np.dtype(np.float32), _breaks, "amplitude", "broken")
    scan = Scan(None, np.zeros((9, 2)), "broken", None, patterns)
    batches = PatchDataset(scan, fields=["patterns"]).batches(3, prefetch=2)
    next(batches)
    with pytest.raises(InputFileError, match="torn"):
        list(batches)


def _breaks(ranges, into):
    if ranges[0][0] > 2:
        raise InputFileError("torn")
    into[...] = 1


def test_one_line_says_what_it_is():
    with logged() as events:
        dataset = PatchDataset([toy_scan(), toy_scan()], fields=["patches", "scan"])
    (event,) = [event for event in events if event["event"] == "dataset"]
    assert event["items"] == 18
    assert event["scans"] == 2
    assert event["item"] == "296 B"  # 36 samples of 8 bytes, and a number
    assert event["threads"] >= 1
    assert "items=18, scans=2" in repr(dataset)


def test_windows_beyond_the_object_are_doubted_once_for_all():
    image, swapped = np.ones((20, 90), np.float32), np.array([[5.0 + 9 * n, 10] for n in range(9)])
    with logged() as events:
        dataset = PatchDataset(Scan(image, swapped, "swapped"), 6)
        for number in range(9):
            dataset[number]
        dataset[:]
    assert len([e for e in events if e["event"] == "doubtful_positions"]) == 1


@pytest.mark.parametrize(
    "how",
    [{}, {"augmentation": Augmentation(flips=True)},
     {"augmentation": Augmentation(noise=True, photons=5.0), "quantity": "amplitude"}],
)  # fmt: skip
def test_empty_datasets_behave(how):
    empty = Scan(np.ones((8, 8), np.complex64), np.zeros((0, 2)), "empty",
                 patterns=Patterns.of(np.ones((0, 4, 4), np.float32), "amplitude"))  # fmt: skip
    for dataset in (
        PatchDataset([], **how),
        PatchDataset(empty, **how),
        PatchDataset([empty, empty], groups=[np.zeros((0, 4), int)] * 2, **how),
        PatchDataset(toy_scan(), **how).select([]),
    ):
        assert len(dataset) == 0
        assert list(dataset) == list(dataset.batches(3, seed=0)) == dataset.__getitems__([]) == []
        assert all(len(array) == 0 for array in dataset[:].values())
        assert dataset.estimate(0).delivered == 0
        with pytest.raises(ItemError):
            dataset[0]
        split = dataset.split(0.5)
        assert len(split.train) == len(split.test) == split.dropped == 0


def test_the_budget_is_held_before_anything_is_read():
    scan = toy_scan()
    dataset = PatchDataset(scan, fields=["patterns"], memory_budget=3000)  # 144 B, 288 B beside
    assert len(dataset.batch(range(6))["patterns"]) == 6
    for call in (
        lambda: dataset.batch([0] * 11),
        lambda: dataset.batches(4, prefetch=2),
    ):
        with pytest.raises(MemoryBudgetError, match=r"a batch of 1[12] items.*2\.93 KiB"):
            call()
    with pytest.raises(MemoryBudgetError, match="a batch of 1 items"):
        PatchDataset(scan, fields=["patterns"], memory_budget=200)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda s: PatchDataset(3), RequestError, "scans: received a int"),
        (lambda s: PatchDataset([s, 3]), RequestError, "received a int among them"),
        (lambda s: PatchDataset(s, fields=["pattern"]), RequestError, "mean 'patterns'"),
        (lambda s: PatchDataset(s, fields=["index"] * 2), RequestError, "named twice"),
        (lambda s: PatchDataset(s, fields="index"), RequestError, "Expected a list of names"),
        (lambda s: PatchDataset(s).to_tf(2, inputs="patches"), RequestError, "inputs: received"),
        (lambda s: PatchDataset(s, groups=[[0, 9]]), RequestError, "points 0 to 9"),
        (lambda s: PatchDataset(s, groups=[0, 1]), RequestError, r"groups: received shape \(2,\)"),
        (lambda s: PatchDataset([s, s], groups=[[[0, 1]]]), RequestError, "those of 1 scans"),
        (lambda s: PatchDataset(s, groups=[[0, 1], [2]]), RequestError, "different lengths"),
        (lambda s: PatchDataset(s, groups=[[[0, 1], [2]]]), RequestError, "different lengths"),
        (lambda s: PatchDataset(s, engine="numba"), RequestError, "engine: received .*numba"),
        (lambda s: PatchDataset(s, normalise="no"), RequestError, "normalise: received 'no'"),
        (lambda s: PatchDataset([s, toy_scan(size=8)]), InputFileError, r"shape \(8, 8\)"),
        (lambda s: PatchDataset(SYNTHETIC), RequestError, "patch_size: received none"),
        (lambda s: PatchDataset(SYNTHETIC, 8, fields=["probe"]), InputFileError, "has no probe"),
        (lambda s: PatchDataset(s)[9], ItemError, "received 9. Expected 0 to 8"),
        (lambda s: PatchDataset(s)[-10], ItemError, "item: received -10"),
        (lambda s: PatchDataset(s)[-1.5], RequestError, "item: received -1.5"),
        (lambda s: PatchDataset(s)["a"], RequestError, "item: received 'a'"),
        (lambda s: PatchDataset(s)[None], RequestError, "item: received None"),
        (lambda s: PatchDataset(s, fields=[]), RequestError, r"fields: received \[\]"),
        (lambda s: PatchDataset(s).split("0.2"), RequestError, "share: received '0.2'"),
        (lambda s: PatchDataset(s).split(True), RequestError, "share: received True"),
        (lambda s: PatchDataset(s).batches(2, shard=2), RequestError, "shard: received 2"),
        (lambda s: PatchDataset(s).batches(2, shard=(1,)), RequestError, "shard: received"),
        (lambda s: PatchDataset(s).to_tf(2, inputs=[]), RequestError, r"inputs: received \[\]"),
        (lambda s: PatchDataset(s).to_keras(2, inputs=[]), RequestError, r"inputs: received"),
        (lambda s: PatchDataset(s).to_keras(2, max_queue_size="a"), RequestError, "max_queue_si"),
        (lambda s: PatchDataset(s)[[0.5]], RequestError, "dtype float64"),
        (lambda s: PatchDataset(s).batches(0), RequestError, "batch_size: received 0"),
        (lambda s: PatchDataset(s).to_tf(2, inputs=["probe"]), RequestError, "'probe' is not"),
        (lambda s: PatchDataset(s).to_keras(2, targets=["patches"]), RequestError, "without"),
        (lambda s: PatchDataset("nowhere.npz"), InputFileError, "no such file|cannot"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(toy_scan())


@pytest.mark.parametrize(
    ("suffix", "keys"),
    [("zarr", "auto"), ("h5", "native"), ("npz", "native"), ("npz", "auto"),
     ("h5", "ptychopinn"), ("zarr", "ptychopinn")],
)  # fmt: skip
def test_what_the_train_job_writes_is_what_would_be_cut(tmp_path, suffix, keys):
    write_scan(tmp_path / "scan.npz", toy_scan(points=30, size=8, shape=(60, 60)))
    settings = GroupSettings(members=4, count=12, seed=3)
    source = ScanSource("npz", tmp_path / "scan.npz")
    path = tmp_path / f"train.{suffix}"
    train.run(
        TrainingJob(source, settings, path, keys=keys, plugin="numba", picture=False, report=False)
    )
    fields = ("patterns", "patches", "positions", "index", "probe")
    stored = PatchDataset(path, fields=fields)[::-1]
    groups = make_groups(read_scan("npz", source.path).positions, settings)
    cut = PatchDataset(source, groups=groups, fields=fields)[::-1]
    for name, array in cut.items():
        np.testing.assert_array_equal(stored[name], array)
    if (suffix, keys) == ("npz", "auto"):  # it is a scan file, too, if that is what is named
        assert len(PatchDataset(ScanSource("npz", path))) == 30


def test_stored_amplitudes_become_intensities_when_these_are_wanted(tmp_path):
    write_scan(tmp_path / "s.h5", toy_scan())
    source, output = ScanSource("file", tmp_path / "s.h5"), tmp_path / "t.zarr"
    groups = GroupSettings(members=2, count=5)
    train.run(TrainingJob(source, groups, output, plugin="numba", picture=False, report=False))
    stored, squared = (
        PatchDataset(output, fields=["patterns", "scale"], quantity=quantity, normalise=True)
        for quantity in (None, "intensity")
    )
    found, expected = squared[:], stored[:]
    np.testing.assert_allclose(found["patterns"], expected["patterns"] ** 2, rtol=1e-5)
    np.testing.assert_allclose(found["scale"], expected["scale"], rtol=1e-6)


def of_patterns(values, quantity="intensity", mask=None, source="a test"):
    positions = np.random.default_rng(0).uniform(8, 20, (len(values), 2))
    patterns = Patterns.of(np.asarray(values, np.float32), quantity)
    image = np.ones((30, 30), np.complex64)
    return Scan(image, positions, source, np.ones((8, 8)), patterns, mask=mask)


@pytest.mark.parametrize("other", ["amplitude", None])
def test_amplitudes_and_intensities_never_stand_in_one_column(other):
    values = np.random.default_rng(0).poisson(9, (4, 8, 8))
    scans = [of_patterns(values), of_patterns(values, other, source="the other")]
    with pytest.raises(InputFileError, match=r"the other: .* Expected intensity .* quantity="):
        PatchDataset(scans, fields=["patterns"])
    assert len(PatchDataset(scans, fields=["patches"])) == 8
    if other is not None:
        counts = PatchDataset(scans, fields=["patterns"], quantity="intensity")[:]["patterns"]
        np.testing.assert_allclose(counts, np.concatenate([values, values.astype(float) ** 2]))


@pytest.mark.parametrize("worst", [np.nan, np.inf])
def test_a_sample_that_is_no_number_sets_no_scale(worst):
    values = np.random.default_rng(0).poisson(9, (4, 8, 8)).astype(np.float32)
    mask = np.ones((8, 8), bool)
    mask[3, 4] = False
    expected = np.mean(np.sum(values * mask, axis=(1, 2)))
    values[2, 3, 4] = worst
    with pytest.raises(InputFileError, match=r"number 2 of its patterns .* NaN or infinite"):
        PatchDataset(of_patterns(values), normalise=True)
    masked = PatchDataset(of_patterns(values, mask=mask), fields=["scale"], normalise=True)
    assert masked[0]["scale"] == pytest.approx(4 / expected**0.5)
    noisy = PatchDataset(of_patterns(values), augmentation=Augmentation(noise=True))
    with pytest.raises(InputFileError, match=r"a test: .* no\s+noise can be drawn"):
        noisy[:]
