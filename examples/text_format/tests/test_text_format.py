import numpy as np
import pytest

from ptycho_engine.errors import ConfigurationError, InputFileError
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.scan_files import read_scan


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
