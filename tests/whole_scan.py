"""A scan that leaves nothing open, and the built-in formats that can write it."""

import dataclasses

import numpy as np

from ptycho_engine.io.catalogue import list_formats, load_format
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan

#: Name and suffix; of those that name one kind of file, the first.
WRITERS = [
    (source.name, suffix)
    for source in list_formats()
    if source.built_in and load_format(source.name).writes
    for suffix in source.suffixes
    if suffix != ".h5" or ".hdf5" not in source.suffixes
]
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
