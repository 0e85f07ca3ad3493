"""ptychodus itself, in an environment of its own: it reads what we write, and we what it writes."""

import json

import numpy as np
import pytest
from whole_scan import full

from ptycho_engine.io.scan_files import read_scan, write_scan

pytestmark = pytest.mark.slow

#: Reads our files, writes them again, and says in which pixels the windows begin.
SCRIPT = """
import json, sys
from pathlib import Path
from ptychodus.api.io import load_product, save_product
from ptychodus.plugins.npz_product_file import NPZProductFileIO
from ptychodus.plugins.training_data_file import (
    TrainingDataDiffractionFileReader, TrainingDataProductFileReader)

folder, said = Path(sys.argv[1]), {}
products = {
    "product.h5": load_product, "product.npz": NPZProductFileIO().read,
    "training.h5": TrainingDataProductFileReader().read,
}
for name, read in products.items():
    product = read(folder / name)
    geometry, size = product.object_.get_geometry(), product.probes.get_array().shape[-1]
    x, y = (getattr(geometry, f"map_probe_positions_to_object_{a}_px")(product.probe_positions)
            for a in "xy")
    said[name] = {
        "starts": [[b - (size - 1) / 2, a - (size - 1) / 2] for a, b in zip(x, y)],
        "object": abs(product.object_.get_array()).sum(),
        "probe": abs(product.probes.get_array()).sum(),
        "indexes": [int(i) for i in product.probe_positions.get_indexes()],
        "energy": product.metadata.photon_energy_eV,
    }
    save_product(folder / f"again-{name}.h5", product)
    NPZProductFileIO().write(folder / f"again-{name}.npz", product)
data = TrainingDataDiffractionFileReader().read(folder / "training.h5")
said["patterns"] = float(sum(array.get_patterns().sum() for array in data))
said["bad"] = int(data.get_bad_pixels().sum())
print(json.dumps(said, default=float))
"""


@pytest.mark.parametrize("size", [8, 7])
def test_both_place_every_window_alike(ptychodus, tmp_path, size):
    scan = full(size)
    names = {"product.h5": "ptychodus", "product.npz": "ptychodus"}
    for name, form in (names | {"training.h5": "ptychodus_training"}).items():
        write_scan(tmp_path / name, scan, form)
    done = ptychodus.run("python", "-c", SCRIPT, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    starts = scan.positions - size // 2
    for name in ("product.h5", "product.npz", "training.h5"):
        np.testing.assert_allclose(said[name]["starts"], starts, rtol=0, atol=1e-9)
        assert said[name]["object"] == pytest.approx(np.abs(scan.image).sum(), rel=1e-5)
        assert said[name]["probe"] == pytest.approx(np.abs(scan.probe).sum(), rel=1e-5)
        assert said[name]["energy"] == scan.energy
        for suffix in (".h5", ".npz"):
            again = read_scan("ptychodus", tmp_path / f"again-{name}{suffix}")
            np.testing.assert_allclose(again.positions, scan.positions, rtol=0, atol=1e-9)
            np.testing.assert_array_equal(again.image, scan.image)
            np.testing.assert_array_equal(again.probe, scan.probe)
            assert again.warnings == ()
    assert said["product.h5"]["indexes"] == scan.metadata["scan_index"].tolist()
    intensity = scan.patterns.as_quantity("intensity").read()
    assert said["patterns"] == pytest.approx(float(intensity.sum()), rel=1e-5)
    assert said["bad"] == 1


#: Reads our CXI file as a product and as patterns, and writes the product again.
CXI = """
import json, sys
from pathlib import Path
from ptychodus.plugins.cxi_file import CXIDiffractionFileReader, CXIProductFileIO

folder = Path(sys.argv[1])
product, data = CXIProductFileIO().read(folder / "ours.cxi"), CXIDiffractionFileReader()
geometry, size = product.object_.get_geometry(), product.probes.get_array().shape[-1]
x, y = (getattr(geometry, f"map_probe_positions_to_object_{a}_px")(product.probe_positions)
        for a in "xy")
read = data.read(folder / "ours.cxi")
CXIProductFileIO().write(folder / "theirs.cxi", product)
print(json.dumps({
    "starts": [[b - (size - 1) / 2, a - (size - 1) / 2] for a, b in zip(x, y)],
    "object": abs(product.object_.get_array()).sum(),
    "energy": product.metadata.photon_energy_eV,
    "patterns": float(sum(array.get_patterns().sum() for array in read)),
    "bad": int(read.get_bad_pixels().sum()),
}, default=float))
"""


@pytest.mark.parametrize("size", [8, 7])
def test_both_read_cxi_alike(ptychodus, tmp_path, size):
    scan = full(size)
    write_scan(tmp_path / "ours.cxi", scan)
    done = ptychodus.run("python", "-c", CXI, tmp_path, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    np.testing.assert_allclose(said["starts"], scan.positions - size // 2, rtol=0, atol=1e-9)
    assert said["object"] == pytest.approx(np.abs(scan.image).sum(), rel=1e-5)
    assert said["energy"] == pytest.approx(scan.energy, rel=1e-9)
    intensity = scan.patterns.as_quantity("intensity").read()
    assert said["patterns"] == pytest.approx(float(intensity.sum()), rel=1e-5)
    assert said["bad"] == 1
    again = read_scan("cxi", tmp_path / "theirs.cxi")
    np.testing.assert_allclose(again.positions, scan.positions, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(again.image, scan.image)
    np.testing.assert_array_equal(again.probe, scan.probe)
