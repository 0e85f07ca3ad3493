"""
The adjoint, as a dot product
=============================

``Engine.place`` is the exact adjoint of ``Engine.extract``: for any object x and any patches y,
the dot product of ``extract(x)`` with y is that of x with ``place(y)``. Gradients with respect to
an object are made of the pair, and so are most algorithms of ptychography.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine import Engine

rng = np.random.default_rng(0)


def complex_noise(*shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


engine = Engine("numba")
positions = rng.uniform(-4, 100, (200, 2))  # some windows leave the object
image, patches = complex_noise(96, 96), complex_noise(200, 16, 16)
for interpolation in ("nearest", "bilinear", "bicubic"):
    for fill in ("zeros", "edge", "reflect"):
        how = {"interpolation": interpolation, "fill": fill}
        forward = np.vdot(patches, engine.extract(image, positions, 16, **how))
        backward = np.vdot(engine.place(patches, positions, image.shape, **how), image)
        print(f"{interpolation:9} {fill:8} {abs(forward - backward) / abs(forward):.0e}")

# %%
# What the adjoint of a single patch of ones looks like: its weights, at the fraction of a pixel
# where it lies.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.2), layout="constrained")
for axis, interpolation in zip(axes, ("nearest", "bilinear", "bicubic"), strict=True):
    ones = np.ones((1, 6, 6))
    placed = engine.place(ones, [[7.5, 7.25]], (14, 14), interpolation=interpolation)
    drawn = axis.imshow(placed, cmap="RdBu", vmin=-1.2, vmax=1.2)
    axis.plot(7.25, 7.5, "k+", markersize=12)
    axis.set_title(interpolation)
figure.colorbar(drawn, ax=axes, shrink=0.8)
plt.show()
