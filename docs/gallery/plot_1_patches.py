"""
Patches of a scan
=================

One call cuts a patch at each scan position. Sample ``N // 2`` of a patch sits exactly at its
position, whatever fraction of a pixel that is.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine import Recipe, extract_patches, make_scan
from ptycho_engine.data.simulation.recipe import TrajectorySettings

# %%
# A simulated scan has all that a measured one has: an object, and positions in it, as columns (y,
# x) in object pixels.

scan = make_scan(Recipe(trajectory=TrajectorySettings(points=60), seed=1))
patches = extract_patches(scan.image, scan.positions, 64, plugin="numba")
print(scan.image.shape, patches.shape, patches.dtype)

# %%
# The object under its positions, and the windows of four of them with what is in them.

chosen = [0, 20, 40, 59]
figure, axes = plt.subplot_mosaic("aabc;aade", figsize=(9, 4.6), layout="constrained")
axes["a"].imshow(np.angle(scan.image), cmap="gray")
axes["a"].plot(scan.positions[:, 1], scan.positions[:, 0], ".", color="tab:orange", markersize=4)
for name, index, colour in zip("bcde", chosen, ("C0", "C1", "C2", "C3"), strict=True):
    y, x = scan.positions[index]
    window = plt.Rectangle((x - 32.5, y - 32.5), 64, 64, fill=False, edgecolor=colour, linewidth=2)
    axes["a"].add_patch(window)
    axes[name].imshow(np.angle(patches[index]), cmap="gray", vmin=-0.5, vmax=0.5)
    axes[name].set_title(f"({y:.2f}, {x:.2f})", color=colour, fontsize=9)
    axes[name].axis("off")
axes["a"].set(xlabel="x [object pixels]", ylabel="y [object pixels]")
plt.show()
