"""A store of patches becomes an object: the one that they were cut from, where they cover it."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from events import logged
from PIL import Image
from processes import run_python

from ptycho_engine import Engine, read_output
from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import extract, reassemble, train
from ptycho_engine.app.jobs.extraction_job import ExtractionJob
from ptycho_engine.app.jobs.reassemble import ReassemblyJob, run
from ptycho_engine.data.grouping.group_settings import GroupSettings
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.errors import (
    ConfigurationError,
    InputFileError,
    MemoryBudgetError,
    OutputError,
    RequestError,
)
from ptycho_engine.geometry.cut import Cut
from ptycho_engine.geometry.footprint import footprint
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, read_scan, write_scan
from ptycho_engine.report.canvas import is_ours

RNG = np.random.default_rng(2)
SIZE, SHAPE = 16, (72, 80)
IMAGE = RNG.normal(size=SHAPE) + 1j * RNG.normal(size=SHAPE)
POSITIONS = np.round(RNG.uniform(4, 66, (60, 2)))


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scan("scan.h5", Scan(IMAGE, POSITIONS, "made", IMAGE[:SIZE, :SIZE]))
    cut = Cut(SIZE, "nearest", "edge")
    scan = ScanSource("file", Path("scan.h5"))
    extract.run(ExtractionJob(scan, cut, Path("patches.h5"), "numba", picture=False, report=False))
    return ReassemblyJob(
        PatchSource(Path("patches.h5")),
        Path("object.h5"),
        plugin="numba",
        picture=False,
        report=False,
    )


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_the_object_comes_back_where_windows_lie(job, tmp_path):
    result = run(dataclasses.replace(job, picture=True))
    assert (result.shape, result.patches) == (SHAPE, 60)
    windows = footprint(POSITIONS, SHAPE, SIZE) > 0
    assert 0.3 < windows.mean() < 1
    assert result.covered == windows.mean()
    with read_output("object.h5") as output:
        made, coverage = (output.arrays[name][...] for name in ("object", "coverage"))
        np.testing.assert_allclose(made[windows], IMAGE[windows], atol=1e-12)
        assert not made[~windows].any()
        np.testing.assert_array_equal(coverage > 0, windows)
        np.testing.assert_array_equal(output.positions, POSITIONS)
        assert output.specs["object"].axes == ("y", "x")
        recorded = output.geometry
        assert (recorded["interpolation"], recorded["fill"]) == ("nearest", "edge")
        assert output.provenance["arrays"] == {"patches": "patches", "positions": "positions"}
    again = read_scan("file", Path("object.h5"))  # the output is a scan too
    np.testing.assert_array_equal(again.image, made)
    np.testing.assert_array_equal(again.positions, POSITIONS)
    assert again.pixel_size is None
    assert is_ours(result.picture)
    with Image.open(result.picture) as picture:
        assert picture.width > 2.5 * picture.height  # three panes
    assert names(tmp_path) == {"scan.h5", "patches.h5", "object.h5", "object.h5.png"}


@pytest.mark.parametrize("name", ["object.npz", "object.zarr", "object.cxi"])
def test_other_formats(job, name):
    job = dataclasses.replace(job, pixel_size=2e-8)
    run(dataclasses.replace(job, output=Path(name)))
    expected = Engine("numba").reassemble(
        Engine("numba").extract(IMAGE, POSITIONS, SIZE, interpolation="nearest", fill="edge"),
        POSITIONS, SHAPE, interpolation="nearest", fill="edge",
    )  # fmt: skip
    if name.endswith(".cxi"):
        found = read_scan("cxi", Path(name))
        np.testing.assert_allclose(found.image, expected.object, atol=1e-6)
        np.testing.assert_allclose(found.positions, POSITIONS, atol=1e-6)
        assert found.pixel_size == pytest.approx((2e-8, 2e-8))
        with pytest.raises(OutputError, match="exists already"):
            run(dataclasses.replace(job, output=Path(name), overwrite=True))
    else:
        with read_output(name) as output:
            np.testing.assert_array_equal(output.arrays["object"][...], expected.object)
            np.testing.assert_array_equal(output.arrays["coverage"][...], expected.coverage)


def test_a_format_by_name_is_a_scan_of_it(job):
    run(dataclasses.replace(job, output=Path("o.npz"), format="npz"))
    found = read_scan("npz", Path("o.npz"))
    assert found.image.shape == SHAPE


def test_training_data_is_put_together_too(job):
    groups = GroupSettings(members=4, count=60)
    scan = ScanSource("file", Path("scan.h5"))
    for name in ("t.zarr", "t.h5"):
        train.run(train.TrainingJob(scan, groups, Path(name), patch_size=SIZE, plugin="numba",
                                    picture=False, report=False))  # fmt: skip
        source = PatchSource(Path(name))
        result = run(dataclasses.replace(job, patches=source, output=Path(f"{name}.npz")))
        assert result.patches == 240
        with read_output(result.output) as output:
            covered = output.arrays["coverage"][...] > 0
            np.testing.assert_allclose(output.arrays["object"][covered], IMAGE[covered], atol=1e-6)


@pytest.mark.slow
def test_a_network_s_predictions(job):
    """Amplitude and phase in one file, positions and probe in another, in a frame of their own."""
    patches = Engine("numba").extract(IMAGE.astype("c8"), POSITIONS, SIZE)
    np.savez("predicted.npz", amplitude=np.abs(patches)[..., None],
             phase=np.angle(patches)[..., None])  # fmt: skip
    np.savez("places.npz", where=POSITIONS - 100, probe=IMAGE[:SIZE, :SIZE])
    source = PatchSource(Path("predicted.npz"), positions="where",
                         positions_path=Path("places.npz"))  # fmt: skip
    job = dataclasses.replace(job, patches=source, fit=True, weight="probe", border=2)
    run(job)
    first = (POSITIONS.min(axis=0) - SIZE // 2).astype(int)
    with read_output("object.h5") as output:
        covered = output.arrays["coverage"][...] > 0
        made = output.arrays["object"][...]
        assert output.geometry["origin"] == (first - 100).tolist()
        assert covered.shape == tuple((POSITIONS.max(axis=0) + SIZE // 2 - first).astype(int))
        rows, columns = np.nonzero(covered)
        around = np.pad(IMAGE, SIZE)  # windows leave the object, beyond which lies 0
        expected = around[rows + first[0] + SIZE, columns + first[1] + SIZE]
        np.testing.assert_allclose(made[covered], expected, atol=1e-5)
        assert output.arrays["coverage"][...].max() < 60
        inner = footprint(POSITIONS - first, covered.shape, SIZE - 4) > 0
        np.testing.assert_array_equal(covered, inner)


def test_blocks_give_the_bits_of_all_at_once(job, monkeypatch):
    run(job)
    monkeypatch.setattr(reassemble, "BLOCK_BYTES", 7 * SIZE * SIZE * 16)
    counts = []

    def progress(blocks, count):
        assert count == 60
        for block in blocks:
            counts.append((block.start, block.stop))
            yield block

    run(dataclasses.replace(job, output=Path("blocks.h5")), progress=progress)
    assert counts[:2] == [(0, 7), (7, 14)]
    assert counts[-1] == (56, 60)
    with read_output("object.h5") as one, read_output("blocks.h5") as other:
        for name in ("object", "coverage"):
            np.testing.assert_array_equal(one.arrays[name][...], other.arrays[name][...])


def test_an_interrupt_leaves_nothing(job, tmp_path):
    def progress(blocks, count):
        next(blocks)
        raise KeyboardInterrupt
        yield

    before = names(tmp_path)
    for name in ("object.h5", "object.zarr", "object.cxi"):
        with pytest.raises(KeyboardInterrupt):
            run(
                dataclasses.replace(job, output=Path(name), picture=True, pixel_size=1e-8),
                progress=progress,
            )
    assert names(tmp_path) == before


@pytest.mark.parametrize("name", ["object.h5", "object.cxi"])
def test_an_interrupt_while_it_is_written_leaves_nothing(job, tmp_path, monkeypatch, name):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    before = names(tmp_path)
    monkeypatch.setattr("ptycho_engine.io.store.Store.publish", interrupted)
    monkeypatch.setattr("ptycho_engine.app.jobs.object_output.write_scan", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(
            dataclasses.replace(
                job, output=Path(name), picture=name == "object.h5", pixel_size=1e-8
            )
        )
    assert names(tmp_path) == before


def test_an_earlier_output_is_replaced_when_asked_alone(job):
    run(dataclasses.replace(job, picture=True))
    with pytest.raises(OutputError, match="exists already"):
        run(job)
    run(dataclasses.replace(job, overwrite=True, border=1))
    assert not Path("object.h5.png").exists()  # no old picture beside a new object
    with read_output("object.h5") as output:
        assert output.geometry["border"] == 1


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"output": Path("none/object.h5")}, OutputError, "none does not exist"),
        ({"output": Path("object.nothing")}, OutputError, "no format has the suffix"),
        ({"output": Path("patches.h5"), "overwrite": True}, OutputError, "patches.h5"),
        ({"patches": PatchSource(Path("none.h5"))}, InputFileError, "no such file"),
        ({"patches": PatchSource(Path("scan.h5"))}, InputFileError, "no patches"),
        ({"interpolation": "linear"}, RequestError, "interpolation 'linear' is not known"),
        ({"border": 8}, RequestError, "border: received 8"),
        ({"weight": "probe"}, InputFileError, "holds no probe"),
        ({"memory_budget": 10_000}, MemoryBudgetError, "72 x 80 samples"),
    ],
)
def test_what_cannot_be_done_leaves_nothing(job, tmp_path, changes, error, words):
    before = names(tmp_path)
    with pytest.raises(error, match=words):
        run(dataclasses.replace(job, **changes))
    assert names(tmp_path) == before


@pytest.mark.parametrize("axis", ["slice", "mode"])
def test_planes_stay_what_they_are(job, axis):
    """Slices multiply, modes add."""
    planes = np.stack([IMAGE, IMAGE.conj()])
    write_scan("planes.h5", Scan(planes, POSITIONS, "made", layer_axis=axis))
    scan, cut = ScanSource("file", Path("planes.h5")), Path("cut.zarr")
    extract.run(ExtractionJob(scan, Cut(SIZE, "nearest"), cut, "numba", picture=False))
    for name in ("o.h5", "o.npz", "o.hdf5"):
        changes = {"format": "ptycho_engine"} if name == "o.hdf5" else {}
        run(dataclasses.replace(job, patches=PatchSource(cut), output=Path(name), **changes))
    for name in ("o.h5", "o.hdf5"):
        assert read_scan("ptycho_engine", Path(name)).layer_axis == axis
    with read_output("o.npz") as output:
        assert output.specs["object"].axes == (axis, "y", "x")


def test_what_a_format_lacks_is_said_before_the_work(job, tmp_path, monkeypatch):
    def work(*_):
        raise AssertionError("began")

    monkeypatch.setattr(reassemble, "put_together", work)
    before = names(tmp_path)
    for name, format, words in (
        ("o.cxi", None, r"of unknown size, .* Set pixel_size=METRES\."),
        ("o.ptyd", None, "lacks patterns or positions, .* Choose another format"),
        ("o.hdf5", "ptychodus", "has no probe and no pixel_size and no energy and no distance"),
        ("o.h5", "npz", r"writes \.npz, and received the suffix '\.h5'"),
    ):
        with pytest.raises(OutputError, match=words):
            run(dataclasses.replace(job, output=Path(name), format=format))
    assert names(tmp_path) == before
    with pytest.raises(AssertionError, match="began"):
        run(dataclasses.replace(job, output=Path("o.cxi"), pixel_size=1e-8))


def test_settings_that_contradict_are_refused(job):
    for changes in ({"weight": "light"}, {"fit": True, "shape": (3, 4)}, {"pixel_size": 0.0}):
        with pytest.raises(ConfigurationError):
            dataclasses.replace(job, **changes)


def test_an_object_that_nothing_reaches_is_warned_of(job):
    with logged() as logs:
        run(dataclasses.replace(job, shape=(2, 2), output=Path("small.npz"), fill="zeros"))
    said = [log["event"] for log in logs if log["level"] == "warning"]
    assert said == ["doubtful_positions", "nothing_covered"]


def test_windows_that_leave_the_object_are_counted(job):
    with logged() as logs:
        run(dataclasses.replace(job, output=Path("whole.npz")))
        run(dataclasses.replace(job, shape=(20, 20), output=Path("part.npz"), fill="zeros"))
    whole, part = (log for log in logs if log["event"] == "windows")
    assert whole["leaving"] < part["leaving"] <= part["count"] == whole["count"]


def test_a_picture_that_fails_costs_no_object(job, monkeypatch):
    def fail(*_):
        raise OSError("no font")

    monkeypatch.setattr("ptycho_engine.app.jobs.object_output.draw_object", fail)
    with logged() as logs:
        result = run(dataclasses.replace(job, picture=True))
    assert result.picture is None
    assert "picture_failed" in {log["event"] for log in logs}
    assert Path("object.h5").is_file()


def test_the_command_puts_patches_together(job, capsys):
    typed = ["reassemble", "patches.h5", "plugin=numba", "output.picture=false", "report=false"]
    assert (
        dispatch(
            [
                *typed,
                "output.path=o.npz",
                "shape=[72,90]",
                "border=1",
                "patches.positions_path=patches.h5",
            ]
        )
        == 0
    )
    assert capsys.readouterr().out == f"{Path.cwd() / 'o.npz'}\n"
    with read_output("o.npz") as output:
        assert output.arrays["object"].shape == (72, 90)
        assert output.configuration["shape"] == [72, 90]
    for wrong, words in [
        ("shape=[72]", "shape: received [72]"),
        ("weight=light", "weight 'light' is not known"),
        ("patches.pathes=a", "patches.pathes"),
        ("output.path=o.npz", "exists already"),
    ]:
        assert dispatch([*typed, wrong]) == 2
        assert words in capsys.readouterr().err
    assert dispatch(["reassemble", "plugin=numba"]) == 2
    assert "patches.path: received nothing" in capsys.readouterr().err


MEMORY = """
import json, sys
from pathlib import Path
import numpy as np
from ptycho_engine.allowance import peak_resident_bytes
from ptycho_engine.app.jobs.reassemble import ReassemblyJob, run
from ptycho_engine.data.stored_patches import PatchSource
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store

suffix = sys.argv[1]
rng = np.random.default_rng(0)
for count in (30, 120):
    groups = np.ones((16, 64, 64, 4), np.complex64)
    positions = rng.uniform(32, 200, (16 * count, 4, 2))
    specs = {"patches": ArraySpec((16 * count, 64, 64, 4), groups.dtype),
             "positions": ArraySpec.of(positions)}
    with Store.create(f"{count}.{suffix}", specs) as store:
        for number in range(count):
            store.write("patches", slice(16 * number, 16 * number + 16), groups)
        store.write("positions", (), positions)
for count in (30, 120):
    before = peak_resident_bytes()
    path = Path(f"{count}.{suffix}")
    run(ReassemblyJob(PatchSource(path), Path(f"object-{path}"), plugin="numba", picture=False,
                      report=False))
print(json.dumps(peak_resident_bytes() - before))
"""


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["npz", "h5", "zarr"])
def test_memory_does_not_grow_with_the_patches(tmp_path, suffix):
    """After a store of 63 MB one of 252 MB."""
    done = run_python("-c", MEMORY, suffix, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) < 24 * 2**20
