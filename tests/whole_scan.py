"""A scan that leaves nothing open, and the built-in formats that can write it."""

import dataclasses

import numpy as np
import pytest

from ptycho_engine.io.catalogue import list_formats, load_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan


def _writers():
    """Yield name and suffix of each; where two suffixes are of one kind of file, one is slow."""
    for source in list_formats():
        if not source.built_in or not load_format(source.name).writes:
            continue
        seen = set()
        for suffix in source.suffixes:
            kind = suffix if suffix in (".npz", ".zarr", ".nxs") else "HDF5"
            marks = [pytest.mark.slow] if kind in seen else []
            seen.add(kind)
            yield pytest.param(source.name, suffix, marks=marks)


#: Name and suffix.
WRITERS = list(_writers())
COUNT = 5


def full(size=8, **changes):
    """A scan that leaves nothing open, in an object that is not square."""
    rng = np.random.default_rng(size)
    mask = np.ones((size, size), bool)
    mask[1, 3] = False
    scan = Scan(
        image=(rng.normal(size=(30, 41)) + 1j * rng.normal(size=(30, 41))).astype(np.complex64),
        positions=rng.uniform(2, 25, (COUNT, 2)),
        source="a test",
        probe=(rng.normal(size=(2, size, size)) + 1j).astype(np.complex64),
        patterns=Patterns.of(rng.random((COUNT, size, size)).astype(np.float32), "amplitude"),
        nominal_positions=rng.uniform(2, 25, (COUNT, 2)),
        pixel_size=(5e-9, 5e-9),
        detector_pixel_size=(75e-6, 75e-6),
        energy=8000.0,
        distance=1.5,
        mask=mask,
        metadata={"scan_index": np.arange(COUNT)[::-1].copy()},
    )
    return dataclasses.replace(scan, **changes)
