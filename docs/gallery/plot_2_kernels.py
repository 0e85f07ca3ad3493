"""
Kernels compared
================

A kernel says what lies between the samples. All share one anchor, so changing it moves no patch.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine.geometry import INTERPOLATIONS
from ptycho_engine.testing import reference_patches

# %%
# What a kernel does to a single bright pixel, as the window moves over it in steps of 1/16: the
# value of the sample at the window's position, which is the kernel itself. ``reference_patches``
# is the slow, plain code in float64 that every plugin is held against.

image = np.zeros((33, 33))
image[16, 16] = 1
offsets = np.arange(-3, 3 + 1 / 16, 1 / 16)
positions = np.column_stack([np.full_like(offsets, 16), 16 + offsets])
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for kernel in INTERPOLATIONS:
    patches = reference_patches(image, positions, 8, interpolation=kernel)
    axis.plot(offsets, patches[:, 4, 4], label=kernel)
axis.set(xlabel="distance [pixels]", ylabel="weight of the sample")
axis.legend()
plt.show()

# %%
# What remains of a wave half a pixel from the samples. Nyquist's frequency is 0.5 cycles a pixel:
# ``bilinear`` dampens fine detail, ``bicubic`` less, and ``fourier`` hardly any of it.

frequencies = np.linspace(0.02, 0.46, 23)
x = np.arange(128)
figure, axis = plt.subplots(figsize=(7, 3.6), layout="constrained")
for kernel in INTERPOLATIONS:
    kept = []
    for frequency in frequencies:
        wave = np.broadcast_to(np.exp(2j * np.pi * frequency * x), (128, 128))
        patch = reference_patches(wave, [[64.0, 64.5]], 32, interpolation=kernel)[0]
        kept.append(np.abs(patch).mean())
    axis.plot(frequencies, kept, label=kernel)
axis.set(xlabel="cycles a pixel", ylabel="amplitude kept")
axis.legend()
plt.show()
