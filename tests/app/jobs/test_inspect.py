"""A look into scans: every number is held against the arrays that were written."""

import json
from pathlib import Path

import numpy as np
import pytest
from real_files import real_file

from ptycho_engine.app.command import dispatch
from ptycho_engine.app.jobs import inspect
from ptycho_engine.app.jobs.findings import describe, doubts_about, window_size
from ptycho_engine.app.jobs.inspect import InspectionJob, run
from ptycho_engine.errors import InputFileError, OutputError, RequestError
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import ScanSource, write_scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store


def write(path, points=12, **more):
    rng = np.random.default_rng(1)
    y, x = rng.uniform(10, 30, (2, points))
    arrays = {
        "ycoords": y,
        "xcoords": x,
        "objectGuess": np.ones((40, 60), np.complex64),
        "probeGuess": np.ones((8, 8), np.complex64),
        "diff3d": np.ones((points, 8, 8), np.float32),
        **more,
    }
    np.savez(path, **arrays)
    return np.stack([y, x], axis=1)


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write("scan.npz")
    return ScanSource("npz", Path("scan.npz"))


def test_it_says_what_is_inside(file):
    positions = write("other.npz")
    (found,) = run(InspectionJob(ScanSource("file", Path("other.npz")))).scans
    assert found["object"] == {
        "shape": [40, 60], "dtype": "complex64", "bytes": 40 * 60 * 8,
        "layer_axis": None, "layer_spacing_m": None,
    }  # fmt: skip
    assert found["probe"]["shape"] == [8, 8]
    assert found["patterns"] == {
        "count": 12, "shape": [8, 8], "dtype": "float32", "quantity": "amplitude",
        "bytes": 12 * 64 * 4,
    }  # fmt: skip
    placed = found["positions"]
    assert (placed["count"], placed["units"], placed["axes"]) == (12, "px", "y, x")
    assert placed["lowest"] == positions.min(axis=0).tolist()
    assert placed["highest"] == positions.max(axis=0).tolist()
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    assert placed["median_step"] == pytest.approx(np.median(steps))
    assert placed["repeated"] == 0
    assert found["windows"].items() >= {"size": 8, "size_of": "patterns", "leaving": 0}.items()
    assert found["energy_eV"] is found["mask"] is found["pixel_size_m"] is None
    assert found["assumptions"] == {"quantity": "amplitude, as the format has it"}


def test_windows_and_coverage_are_those_of_the_size_that_was_asked_for(file):
    positions = write("scan.npz")
    for size in (5, 30):
        (found,) = run(InspectionJob(file, patch_size=size)).scans
        low, high = positions - size // 2, positions - size // 2 + size - 1
        outside = (low < 0).any(axis=1) | (high > [39, 59]).any(axis=1)
        rows, columns = np.arange(40)[:, None, None], np.arange(60)[:, None]
        nearest = np.ceil(low - 0.5)
        over = (nearest[:, 0] <= rows) & (rows < nearest[:, 0] + size)
        over = over & (nearest[:, 1] <= columns) & (columns < nearest[:, 1] + size)
        assert found["windows"]["leaving"] == outside.sum()
        assert found["windows"]["coverage"] == pytest.approx(over.any(axis=2).mean())
        per_pixel = over.sum() / over.any(axis=2).sum()
        assert found["windows"]["windows_per_covered_pixel"] == pytest.approx(per_pixel)


@pytest.mark.parametrize("shift", [0, 0.25, 0.5])
@pytest.mark.parametrize("size", [1, 8])
def test_windows_that_touch_cover_what_lies_under_them_wherever_they_lie(size, shift):
    along = np.arange(8) * size + 8 + shift
    positions = np.stack(np.meshgrid(along, along), axis=-1).reshape(-1, 2)
    windows = describe(Scan(np.ones((90, 90)), positions, "made"), size)["windows"]
    assert windows["coverage"] == 64 * size**2 / 90**2
    assert windows["windows_per_covered_pixel"] == 1


def test_names_are_written_in_a_line_and_command_no_terminal(file):
    evil = "a\n\x1b[2J"
    write(f"{evil}.npz", **{f"{evil}note": np.arange(3)})
    for path in (Path(f"{evil}.npz"), Path()):
        text = run(InspectionJob(ScanSource("file", path))).as_text()
        assert all(line.isprintable() for line in text.split("\n"))
        assert "a\\n\\x1b[2J" in text


def test_what_no_file_says_is_none():
    found = describe(Scan(None, None, "nothing"))
    assert {key for key, value in found.items() if value} == {"source"}
    assert json.loads(json.dumps(found)) == found


def test_positions_in_metres_stay_metres_and_windows_are_counted_in_pixels():
    scan = Scan(
        np.ones((9, 9)), np.array([[4e-8, 4e-8], [8e-8, 4e-8]]), "made", units="m",
        pixel_size=(1e-8, 1e-8), energy=8000.0, distance=2.0, mask=np.array([[True, False]] * 2),
        patterns=Patterns.of(np.ones((2, 2, 2))),
    )  # fmt: skip
    found = describe(scan, 3)
    assert found["positions"]["units"] == "m"
    assert found["positions"]["extent"] == pytest.approx([4e-8, 0])
    assert found["windows"]["leaving"] == 1
    assert found["wavelength_m"] == pytest.approx(1.5498e-10, rel=1e-4)
    assert found["mask"] == {"shape": [2, 2], "bad_pixels": 2}


def test_the_command_prints_it_for_people_and_for_programs(file, capsys):
    assert dispatch(["inspect", "scan.npz"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["source", "scan.npz"]
    assert any(line.startswith("object              40 x 60 complex64, 18.7") for line in lines)
    assert any("8 x 8 (size of the patterns): 0 of 12 leave" in line for line in lines)
    assert dispatch(["inspect", "scan.npz", "--json", "patch_size=5", "scan.swapped=true"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["windows"]["size"] == 5
    assert found["assumptions"]["swapped"] == "True"


def test_a_folder_is_a_list_of_scans(file, tmp_path, capsys):
    write("another.npz", points=3)
    Path("broken.npz").write_bytes(b"PK")
    Path("notes.txt").write_text("none of ours")
    assert dispatch(["inspect", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["scan", "another.npz", "broken.npz", "scan.npz"]
    assert "40 x 60" in lines[1]
    assert "InputFileError" in lines[2]
    found = json.loads(run(InspectionJob(ScanSource("file", tmp_path))).as_json())
    assert [scan.get("error") is None for scan in found] == [True, False, True]
    assert found[2]["positions"]["count"] == 12


def test_of_a_folder_scans_alone_are_listed(tmp_path):
    """A pair of files is one scan, and patches are none."""
    scan = Scan(
        np.ones((40, 60), np.complex64), np.full((3, 2), 20.0), "made", np.ones((8, 8), "c8"),
        Patterns.of(np.ones((3, 8, 8)), "intensity"), pixel_size=(1e-9, 1e-9), energy=8e3,
        distance=1.0,
    )  # fmt: skip
    write_scan(tmp_path / "a_dp.hdf5", scan, "pty_chi")
    patches = np.ones((3, 8, 8))
    for name in ("patches.h5", "patches.zarr", "patches.npz"):
        arrays = {"patches": ArraySpec.of(patches, ("point", "y", "x"))}
        with Store.create(tmp_path / name, arrays, configuration={"patch_size": 8}) as store:
            store.write("patches", (), patches)
    job = InspectionJob(ScanSource("file", tmp_path))
    (found,) = run(job).scans
    assert (found["source"], found.get("error")) == (str(tmp_path / "a_dp.hdf5"), None)
    assert found["patterns"]["count"] == 3
    for name in ("a_dp.hdf5", "a_para.hdf5"):
        (tmp_path / name).unlink()
    with pytest.raises(InputFileError, match="outputs of ptycho-engine that are no scans"):
        run(job)


def test_a_folder_without_scans_and_a_picture_of_several_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputFileError, match="holds no file with the suffix"):
        run(InspectionJob(ScanSource("file", tmp_path / "empty")))
    with pytest.raises(RequestError, match="a picture shows one scan"):
        run(InspectionJob(ScanSource("file", tmp_path), picture=tmp_path / "p.png"))


def test_other_subcommands_take_no_folder(file, tmp_path, capsys):
    assert dispatch([str(tmp_path)]) == 2
    assert "is a folder. Expected one scan" in capsys.readouterr().err


def test_a_picture_is_drawn_where_it_is_asked_for(file, tmp_path):
    picture = tmp_path / "p.png"
    found = run(InspectionJob(file, picture=picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture) in found.as_text()
    with pytest.raises(OutputError, match="exists already"):
        run(InspectionJob(file, picture=picture))


def test_what_is_no_picture_is_kept_and_no_setting_of_others_advised(file, tmp_path):
    mine = tmp_path / "mine.png"
    mine.write_text("mine")
    with pytest.raises(OutputError, match=r"was kept.*or choose another name\.$"):
        run(InspectionJob(file, picture=mine))
    assert mine.read_text() == "mine"


def test_a_picture_that_cannot_be_written_is_refused(file, tmp_path, capsys):
    assert dispatch(["inspect", "scan.npz", "picture=none/p.png"]) == 2
    assert "the folder" in capsys.readouterr().err
    assert dispatch(["inspect", "scan.npz", "picture=pic.xyz"]) == 2
    assert "the suffix '.xyz' for a picture. Expected .png" in capsys.readouterr().err
    assert not Path("pic.xyz").exists()
    assert dispatch(["inspect", "scan.npz", "picture=scan.npz"]) == 2
    assert "is the input itself" in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, -3])
def test_a_size_that_is_none_is_refused(file, size):
    with pytest.raises(RequestError, match="patch_size: received"):
        run(InspectionJob(file, patch_size=size))


def test_a_missing_file_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert dispatch(["inspect"]) == 2
    assert "scan.path: received nothing" in capsys.readouterr().err
    assert dispatch(["inspect", "scan.path=none.npz"]) == 2
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("dls_scan_scan1.ptyr", None, (128, 0, 92)),
        ("ptychotorch_metadata_250_nominalPos.hdf5", None, (256, 755, 961)),
    ],
)
def test_windows_of_files_of_other_programs(name, size, expected):
    (found,) = run(InspectionJob(ScanSource("file", real_file(name)), size)).scans
    windows = found["windows"]
    assert (windows["size"], windows["leaving"], found["positions"]["count"]) == expected


def test_a_measured_file_of_another_program():
    path = real_file("cdtools_PETRAIII_P25_Near_Field_Ptycho.cxi")
    (found,) = run(InspectionJob(ScanSource("file", path))).scans
    assert found["object"] is found["windows"] is None
    assert found["patterns"]["quantity"] == "intensity"
    assert found["mask"] == {"shape": [100, 100], "bad_pixels": 5}


def test_without_an_object_positions_and_a_pattern_are_drawn(tmp_path, monkeypatch):
    views = []
    draw = inspect.draw_measurement
    monkeypatch.setattr(inspect, "draw_measurement", lambda view: views.append(view) or draw(view))
    patterns = np.arange(12 * 64, dtype=np.float32).reshape(12, 8, 8)
    positions = np.random.default_rng(3).uniform(0, 9, (12, 2))
    scan = Scan(None, positions, "made", patterns=Patterns.of(patterns, "amplitude"))
    write_scan(tmp_path / "bare.h5", scan)
    picture = tmp_path / "p.png"
    run(InspectionJob(ScanSource("file", tmp_path / "bare.h5"), picture=picture))
    assert picture.read_bytes().startswith(b"\x89PNG")
    (view,) = views
    np.testing.assert_array_equal(view.positions, positions)
    np.testing.assert_array_equal(view.pattern, patterns[6])
    assert (view.units, view.size, view.index) == ("object pixels", 8, 6)


@pytest.mark.parametrize("what", ["probe", "patterns"])
def test_an_empty_array_tells_no_size_of_windows(what):
    empty = {
        "probe": np.ones((0, 0), complex),
        "patterns": Patterns.of(np.ones((2, 0, 0)), "intensity"),
    }
    scan = Scan(np.ones((20, 20)), np.full((2, 2), 9.0), "a test", **{what: empty[what]})
    assert describe(scan)["windows"] is None
    assert doubts_about(scan) == ()
    both = Scan(scan.image, scan.positions, "a test", np.ones((4, 4)), empty["patterns"])
    assert (window_size(both, None), window_size(both, 8)) == ((4, "probe"), (8, "patch_size"))
