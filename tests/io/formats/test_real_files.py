"""Files that other programs wrote, where they are at hand: read with the numbers that they hold."""

from pathlib import Path

import numpy as np
import pytest
from real_files import real_file

from ptycho_engine.errors import InputFileError
from ptycho_engine.extras import is_installed
from ptycho_engine.io.catalogue import find_format
from ptycho_engine.io.hdf5_file import Hdf5File
from ptycho_engine.io.scan_files import read_scan


def read(name, **options):
    """Read a file with the format that claims it."""
    path = real_file(name)
    return read_scan(find_format(path), path, options)


def test_a_near_field_of_petra():
    """Measured at PETRA III, written by cdtools: no object, so that nothing can be cut."""
    scan = read("cdtools_PETRAIII_P25_Near_Field_Ptycho.cxi")
    patterns = scan.patterns
    assert (patterns.shape, patterns.dtype) == ((200, 100, 100), "i4")
    assert int((~scan.mask).sum()) == 5
    assert scan.positions.shape == (200, 2)
    assert scan.wavelength == pytest.approx(9.794912e-11, rel=1e-6)
    assert scan.distance == pytest.approx(1.12)
    np.testing.assert_allclose(scan.detector_pixel_size, (5.5e-5, 5.5e-5), rtol=1e-6)
    near = read("cdtools_PETRAIII_P25_Near_Field_Ptycho.cxi", propagation="near")
    assert near.pixel_size == scan.detector_pixel_size
    with Hdf5File(Path(scan.source)) as file:
        xyz = file.load("entry_1/sample_1/geometry_1/translation").astype(float)
        counts = file.load("entry_1/instrument_1/detector_1/data")
    assert (xyz[:, :2] < 0).all()
    # The sample moves against the beam, and the detector's vectors point against its axes.
    np.testing.assert_allclose(near.positions * near.pixel_size, xyz[:, 1::-1], rtol=1e-6)
    np.testing.assert_array_equal(patterns.take([199, 7]), counts[[199, 7]])
    with pytest.raises(InputFileError, match="holds no object"):
        scan.for_cutting()


def test_a_reconstruction_of_diamond():
    scan = read("dls_scan_scan1.ptyr")
    assert (scan.image.shape, scan.image.dtype) == ((402, 416), "c8")
    assert (scan.probe.shape, scan.positions.shape) == ((128, 128), (92, 2))
    assert scan.pixel_size == pytest.approx((63.582e-9, 63.582e-9), rel=1e-5)
    assert (scan.energy, scan.metadata["storage"]) == (6200, "SMFG00")
    starts = read("dls_scan_scan1.ptyr", anchor="rounded_ptypy").positions - 64
    assert (starts.min(), starts.max()) == (4, 284)


def test_an_old_product_of_ptychodus():
    scan = read("ptychotorch_metadata_250_nominalPos.hdf5")
    assert scan.positions.shape == (961, 2)
    assert scan.image.shape[-2:] == (415, 415)
    assert scan.image.dtype == "c16"


def test_a_probe_of_matlab():
    scan = read("ptychojl_probe.mat")
    assert (scan.probe.shape, scan.probe.dtype) == ((256, 256), "c16")
    assert scan.image is scan.positions is None
    with Hdf5File(Path(scan.source)) as file:
        np.testing.assert_array_equal(scan.probe, file.load("probe").T)


def test_a_master_of_an_arina():
    """Sixteen frames behind a link, compressed by a filter that is an extra."""
    scan = read("rsciio_arina/test_00_master.h5")
    assert (scan.patterns.shape, scan.patterns.dtype) == ((16, 192, 192), "u4")
    assert (scan.mask.shape, scan.detector_pixel_size) == ((192, 192), (1e-4, 1e-4))
    assert (scan.distance, scan.energy, scan.warnings) == (None, 300e3, ())
    if is_installed("hdf5plugin"):
        assert not scan.patterns.read().any()
    else:
        with pytest.raises(InputFileError, match=r"bitshuffle .HDF5 filter 32008.* hdf5plugin"):
            scan.patterns.read(0, 1)
    data = read("rsciio_arina/test_00_data_000001.h5")
    assert data.patterns.shape == scan.patterns.shape
