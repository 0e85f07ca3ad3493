"""Small scans whose patterns are those of their patches, computed here in double precision."""

import numpy as np

from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan
from ptycho_engine.testing import reference_patches


def far_field(exit_waves):
    """Amplitudes of exit waves (..., N, N): the zero frequency at sample N // 2."""
    spectrum = np.fft.fft2(exit_waves)
    return np.abs(np.fft.fftshift(spectrum, axes=(-2, -1))) / exit_waves.shape[-1]


def toy_scan(points=9, size=6, shape=(24, 21), seed=0, modes=0, name="toy", dtype=np.complex64):
    """Make a scan of random values, with a probe of `modes` modes (0: one, of rank 2)."""
    rng = np.random.default_rng(seed)

    def random(*shape):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)

    image, probe = random(*shape), random(*([modes] if modes else []), size, size)
    positions = rng.uniform(0, np.array(shape) - 1, (points, 2))
    patches = reference_patches(image, positions, size)
    waves = patches[:, None] * probe.reshape(-1, size, size)
    amplitude = np.sqrt((far_field(waves) ** 2).sum(axis=1)).astype(np.float32)
    return Scan(image, positions, name, probe, Patterns.of(amplitude, "amplitude", name))
