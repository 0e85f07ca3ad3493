import numpy as np
import pytest

from ptycho_engine.errors import ConfigurationError, InputFileError, OutputError
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.scan_files import read_scan, write_scan
from ptycho_engine.plugin import Scan


@pytest.fixture
def path(tmp_path):
    np.save(tmp_path / "object.npy", np.arange(12.0).reshape(3, 4))
    path = tmp_path / "scan.txt"
    path.write_text("# object: object.npy\n1.0 2.0\n1.5 0.5\n")
    return path


def test_the_suffix_finds_it(path):
    assert find_format(path) == "text"
    scan = read_scan("text", path)
    np.testing.assert_array_equal(scan.positions, [[1, 2], [1.5, 0.5]])
    np.testing.assert_array_equal(scan.image, np.arange(12.0).reshape(3, 4))


def test_its_option(path):
    np.testing.assert_array_equal(
        read_scan("text", path, {"pixel_size": 0.5}).positions, [[2, 4], [3, 1]]
    )
    with pytest.raises(ConfigurationError, match="pixel_size: received -1"):
        read_scan("text", path, {"pixel_size": -1.0})


@pytest.mark.parametrize("text", ["", "1 2\n", "# object: none.npy\n", "# object: object.npy\n1\n"])
def test_other_text_is_refused(path, text):
    path.write_text(text)
    with pytest.raises(InputFileError, match="cannot be read as text"):
        read_scan("text", path)


def test_a_scan_comes_back_as_it_was_written(tmp_path):
    rng = np.random.default_rng(0)
    scan = Scan(rng.normal(size=(3, 4)) * 1j, rng.normal(size=(5, 2)), "a test")
    write_scan(tmp_path / "new.txt", scan)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new.npy", "new.txt"]
    again = read_scan("file", tmp_path / "new.txt")
    np.testing.assert_array_equal(again.positions, scan.positions)
    np.testing.assert_array_equal(again.image, scan.image)


@pytest.mark.parametrize("taken", ["new.txt", "new.npy"])
def test_what_stands_there_stays(tmp_path, taken):
    (tmp_path / taken).write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        write_scan(tmp_path / "new.txt", Scan(np.ones((3, 4)), np.zeros((1, 2)), "a test"))
    assert [p.name for p in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_text() == "mine"
