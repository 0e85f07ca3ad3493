"""Files that other programs wrote, where they are at hand: what no reader knows is named."""

import pytest
from real_files import real_file

from ptycho_engine.errors import InputFileError
from ptycho_engine.io.scan_files import read_scan


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ptychonn_test235_truncated.npz", r"Found: position, reciprocal\."),
        ("ptychopinn_compute_loss_c4_regression.npz", r"Found: expected, loss, seed\."),
        ("rsciio_arina/test_00.h5", r"none of the formats with the suffix '\.h5'"),
    ],
)
def test_what_no_format_knows_is_named(name, found):
    path = real_file(name)
    with pytest.raises(InputFileError, match=found):
        read_scan("file", path)
