"""
A simulated scan
================

A specimen of cells under a zone plate's focus, with photons and their noise: patterns of which
all is known that made them.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine import Exposure, Recipe, make_scan
from ptycho_engine.data.simulation.recipe import ObjectSettings, ProbeSettings, TrajectorySettings

recipe = Recipe(
    object=ObjectSettings("cells"),
    probe=ProbeSettings("zone_plate", size=128, outer_zone_width=40e-9, defocus=40e-6),
    trajectory=TrajectorySettings(points=100, step=10),
    exposure=Exposure(photons=1e5, seed=3, quantity="intensity"),
    seed=3,
)
scan = make_scan(recipe)
patterns = scan.simulation.patterns()
print(patterns.shape, f"{patterns.sum(axis=(1, 2)).mean():.0f} photons on average")

# %%

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
axes[0].imshow(np.angle(scan.image), cmap="gray")
axes[0].plot(scan.positions[:, 1], scan.positions[:, 0], ".", color="tab:orange", markersize=3)
axes[0].set_title("phase of the object")
axes[1].imshow(np.abs(scan.probe.reshape(-1, 128, 128)[0]), cmap="magma")
axes[1].set_title("amplitude of the probe")
axes[2].imshow(np.log1p(patterns[50]), cmap="inferno")
axes[2].set_title("a pattern, logarithm of counts")
for one in axes:
    one.axis("off")
plt.show()
