"""Files that ptychodus reads of ours, and that we read of its.

ptychodus is in an environment of its own, whose interpreter the variable ``PTYCHODUS_PYTHON``
names: ``python3 -m venv theirs && theirs/bin/pip install ptychodus==1.7``.
"""

import json
import os
import subprocess

import numpy as np
import pytest

from ptycho_engine.io.scan import Scan
from ptycho_engine.io.scan_files import read_scan, write_scan

PYTHON = os.environ.get("PTYCHODUS_PYTHON")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="PTYCHODUS_PYTHON names no interpreter with ptychodus"),
]
SHAPE, SIZE = (41, 52), 8

#: Reads a product, prints what it makes of it, and writes it again.
AGAIN = """
import json, sys
from pathlib import Path
from ptychodus.api.io import load_product, save_product
product = load_product(Path(sys.argv[1]))
array = product.object_.get_array()
geometry = product.object_.get_geometry()
points = [geometry.map_coordinates_probe_to_object(p) for p in product.probe_positions]
print(json.dumps({
    "positions": [(p.y_px, p.x_px) for p in points],
    "indexes": [int(p.index) for p in points],
    "pixels": [geometry.pixel_height_m, geometry.pixel_width_m],
    "energy": product.metadata.photon_energy_eV,
    "distance": product.metadata.detector_distance_m,
    "object": [part.tolist() for part in (array.real, array.imag)],
    "modes": product.probes.get_array().shape[-3:],
}))
save_product(Path(sys.argv[2]), product)
"""


def theirs(code, *arguments):
    command = [PYTHON, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def scan():
    rng = np.random.default_rng(0)
    image = (rng.normal(size=SHAPE) + 1j * rng.normal(size=SHAPE)).astype(np.complex64)
    probe = (rng.normal(size=(2, SIZE, SIZE)) + 0j).astype(np.complex64)
    return Scan(
        image, rng.uniform(8, 30, (9, 2)), "made", probe,
        pixel_size=(2e-8, 3e-8), energy=8000.0, distance=1.5,
    )  # fmt: skip


def test_a_product_means_the_same_to_both(tmp_path, scan):
    write_scan(tmp_path / "ours.h5", scan, "ptychodus")
    found = json.loads(theirs(AGAIN, tmp_path / "ours.h5", tmp_path / "theirs.h5"))
    # Their windows start (N - 1) / 2 before a position, ours N // 2.
    starts = np.array(found["positions"]) - (SIZE - 1) / 2
    np.testing.assert_allclose(starts, scan.positions - SIZE // 2, rtol=0, atol=1e-9)
    assert found["indexes"] == list(range(9))
    np.testing.assert_allclose(found["pixels"], scan.pixel_size, rtol=1e-12)
    assert (found["energy"], found["distance"]) == (scan.energy, scan.distance)
    np.testing.assert_array_equal(
        np.squeeze(found["object"][0]) + 1j * np.squeeze(found["object"][1]), scan.image
    )
    assert found["modes"] == [2, SIZE, SIZE]
    again = read_scan("ptychodus", tmp_path / "theirs.h5")
    np.testing.assert_allclose(again.positions, scan.positions, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(again.image, scan.image)
    np.testing.assert_array_equal(again.probe, scan.probe)
    assert (again.energy, again.distance) == (scan.energy, scan.distance)
