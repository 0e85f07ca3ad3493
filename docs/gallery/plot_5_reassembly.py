"""
Patches put together
====================

``Engine.reassemble`` is the way back: the weighted mean of what all patches say of a sample. Here
the patches are noisy, as the predictions of a network are, and overlap averages the noise away.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine import Engine, Recipe, make_scan
from ptycho_engine.data.simulation.recipe import TrajectorySettings

scan = make_scan(Recipe(trajectory=TrajectorySettings(points=120, step=10), seed=4))
engine = Engine("numba")
patches = engine.extract(scan.image, scan.positions, 64)
rng = np.random.default_rng(0)
noise = rng.normal(scale=0.3, size=(2, *patches.shape)).astype(np.float32)
noisy = patches + noise[0] + 1j * noise[1]
made = engine.reassemble(noisy, scan.positions, scan.image.shape, border=2)

# %%
# A patch, the object made of all of them, and how many patches lie over each of its samples. What
# no patch covers is 0.

figure, axes = plt.subplots(1, 3, figsize=(9, 3.4), layout="constrained")
axes[0].imshow(np.angle(noisy[60]), cmap="gray", vmin=-0.7, vmax=0.7)
axes[0].set_title("phase of a noisy patch")
axes[1].imshow(np.angle(made.object), cmap="gray", vmin=-0.7, vmax=0.7)
axes[1].set_title("phase of the object")
coverage = axes[2].imshow(made.coverage, cmap="viridis")
axes[2].set_title("coverage")
figure.colorbar(coverage, ax=axes[2], shrink=0.8, label="patches")
for one in axes:
    one.axis("off")
plt.show()

# %%
# The error falls with the square root of the coverage.

covered = made.coverage >= 1
before, after = (np.abs(noisy - patches)).mean(), np.abs(made.object - scan.image)[covered].mean()
print(f"mean error of a sample: {before:.3f} in a patch, {after:.3f} in the object")
