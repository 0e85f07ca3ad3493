"""Scans written anew: equal as far as the format goes, and what is lost is said."""

import dataclasses
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from events import logged

from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import convert
from ptycho_engine.app.jobs.convert import ConversionJob, run
from ptycho_engine.app.jobs.scan_output import differences
from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, read_scan, write_scan

RNG = np.random.default_rng(4)
SCAN = Scan(
    np.exp(1j * RNG.normal(size=(20, 30))).astype(np.complex64),
    RNG.uniform(5, 15, (7, 2)),
    "made",
    np.ones((2, 8, 8), np.complex64),
    Patterns.of(RNG.uniform(size=(7, 8, 8)).astype(np.float32), "amplitude"),
)


@pytest.fixture
def job(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_scan("in.npz", SCAN)
    return ConversionJob(ScanSource("npz", Path("in.npz")), Path("out.npz"), report=False)


def test_a_scan_comes_out_as_it_went_in(job):
    result = run(job)
    assert (result.dropped, result.changed) == ((), ())
    found = read_scan("npz", result.output)
    np.testing.assert_array_equal(found.image, SCAN.image)
    np.testing.assert_array_equal(found.positions, SCAN.positions)
    np.testing.assert_array_equal(found.probe, SCAN.probe)
    np.testing.assert_array_equal(found.patterns.read(), SCAN.patterns.read())


def test_options_of_the_reader_count(job, capsys):
    arguments = ["convert", "in.npz", "out.npz", "scan.swapped=true", "scan.quantity=intensity"]
    assert dispatch(arguments) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{Path.cwd() / 'out.npz'}\n"
    assert "quantity intensity became amplitude" in captured.err
    found = read_scan("npz", Path("out.npz"))
    np.testing.assert_array_equal(found.positions, SCAN.positions[:, ::-1])
    np.testing.assert_allclose(found.patterns.read(), np.sqrt(SCAN.patterns.read()), rtol=1e-6)


def test_frames_are_prepared_on_the_way(job, capsys):
    """Of a scan as it was measured: an object would not belong to what comes of it."""
    measured = Scan(
        None, SCAN.positions, "measured", None, Patterns.of(SCAN.patterns.read(), "intensity"),
        pixel_size=(1e-8, 1e-8), detector_pixel_size=(5e-5, 5e-5), energy=8000.0, distance=1.0,
    )  # fmt: skip
    write_scan("raw.cxi", measured)
    typed = ["detector.flip_y=true", "detector.bin=2", "detector.positions_follow=false"]
    assert dispatch(["convert", "raw.cxi", "ready.cxi", *typed]) == 0
    assert "steps=" in capsys.readouterr().err
    found = read_scan("cxi", Path("ready.cxi"))
    frames = SCAN.patterns.read()[:, ::-1]
    binned = frames.reshape(7, 4, 2, 4, 2).sum(axis=(2, 4))
    np.testing.assert_allclose(found.patterns.read(), binned, rtol=1e-6)
    assert found.detector_pixel_size == pytest.approx((1e-4, 1e-4))
    assert dispatch(["convert", "in.npz", "out.npz", *typed]) == 2
    assert "is for what was measured" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("detector.centre=[1]", "detector.centre: received [1]. Expected 2 finite numbers"),
        ("detector.matrix=[[1,0],[0,x]]", "detector.matrix"),
        ("detector.fill=white", "fill 'white' is not known"),
        ("detector.bin=0", "bin: received 0"),
    ],
)
def test_frames_that_cannot_be_prepared_so_are_refused(job, tmp_path, capsys, typed, words):
    assert dispatch(["convert", "in.npz", "out.npz", typed]) == 2
    assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


def test_what_the_format_has_no_place_for_is_said(job, monkeypatch):
    more = {"note": "of the user", "scan_index": np.zeros(7, int)}
    full = dataclasses.replace(
        SCAN, energy=8000.0, distance=1.5, pixel_size=(1e-8, 1e-8),
        mask=np.ones((8, 8), bool), metadata=more,
    )  # fmt: skip
    monkeypatch.setattr(convert, "read_scan", lambda *_, **__: full)
    with logged() as logs:
        result = run(job)
    assert set(result.dropped) == {"energy", "distance", "pixel size", "mask", "note"}
    (fields,) = [log["dropped"] for log in logs if log["event"] == "not_in_this_format"]
    assert set(fields) == {"energy", "distance", "pixel_size", "mask"}
    (said,) = [log["reason"] for log in logs if log["event"] == "dropped"]
    assert said == "out.npz has no place for: note"


def test_positions_that_are_hardly_meant_are_told(job, monkeypatch):
    far = dataclasses.replace(SCAN, positions=SCAN.positions + 1000)
    with logged() as logs, monkeypatch.context() as patch:
        patch.setattr(convert, "read_scan", lambda *_, **__: far)
        run(job)
    (said,) = [log["reason"] for log in logs if log["event"] == "doubtful_positions"]
    assert "7 of 7 windows leave the object" in said
    with logged() as logs:
        run(dataclasses.replace(job, output=Path("again.npz")))
    assert "doubtful_positions" not in [log["event"] for log in logs]


def test_differences_are_more_than_rounding():
    before = {"dtype": "f4", "units": "px", "extent": [5.0, 5.0], "lowest": [0.0, 1.0],
              "highest": [5.0, 6.0]}  # fmt: skip
    assert list(differences(before, before | {"lowest": [1e-8, 1.0]})) == []
    assert list(differences(before, before | {"lowest": [0.1, 1.0]})) == [
        "lowest [0.0, 1.0] became [0.1, 1.0]"
    ]
    assert list(differences(before, before | {"dtype": "f8"})) == ["dtype f4 became f8"]
    assert list(differences(8000.0, 8000.001)) == []
    assert list(differences([1e-8, 1e-8], [1e-8, 2e-8])) == ["[1e-08, 1e-08] became [1e-08, 2e-08]"]


def test_patterns_are_read_block_by_block(job, monkeypatch):
    sizes = []

    def load(ranges, into):
        sizes.append(len(into))
        into[...] = 1

    patterns = Patterns((1000, 128, 128), np.dtype("f4"), load, "amplitude")
    positions = np.full((1000, 2), 10.0)
    scan = dataclasses.replace(SCAN, positions=positions, patterns=patterns, probe=None)
    monkeypatch.setattr(convert, "read_scan", lambda *_, **__: scan)
    counts = []

    @contextmanager
    def counting(noun, total):
        assert (noun, total) == ("patterns", 1000)
        yield counts.append

    run(job, counting=counting)
    assert sum(sizes) == 1000
    assert max(sizes) * 128 * 128 * 4 <= 16 * 2**20
    assert counts == np.cumsum(sizes).tolist()


def test_an_interrupt_leaves_nothing(job, tmp_path):
    @contextmanager
    def counting(noun, total):
        def done(count):
            raise KeyboardInterrupt

        yield done

    with pytest.raises(KeyboardInterrupt):
        run(job, counting=counting)
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"output": Path("in.npz")}, OutputError, "exists already"),
        ({"output": Path("no folder/out.npz")}, OutputError, "the folder no folder does not"),
        ({"output": Path("out.nothing")}, OutputError, "no format has the suffix"),
        ({"scan": ScanSource("npz", Path("none.npz"))}, InputFileError, "no such file"),
        (  # before what exists
            {"scan": ScanSource("npz", Path("in.npz"), {"anchor": "x"}), "output": Path("in.npz")},
            ConfigurationError,
            "anchor 'x' is not known",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_read(
    job, tmp_path, monkeypatch, changes, error, words
):
    monkeypatch.setattr(convert, "read_scan", lambda *_, **__: pytest.fail("was read"))
    with pytest.raises(error, match=words):
        run(dataclasses.replace(job, **changes))
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]


def test_the_command_wants_both_files(job, capsys):
    for arguments, words in [
        (["in.npz"], "output.path: received nothing"),
        (["in.npz", "a.npz", "b.npz"], "received 3 files, in.npz, a.npz, b.npz. Expected two."),
        (["in.npz", "a.npz", "output.path=b.npz"], "received it beside the file 'a.npz'"),
        (["none.npz", "a.npz"], "none.npz: no such file"),
    ]:
        assert dispatch(["convert", *arguments]) == 2
        assert words in capsys.readouterr().err
    assert dispatch(["convert", "in.npz", "as it is.npz", "output.format=npz"]) == 0


def test_a_full_disk_leaves_nothing(job, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ptycho_engine.io.containers.npz.NpzContainer.write", full)
    assert dispatch(["convert", "in.npz", "out.npz"]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["in.npz"]
