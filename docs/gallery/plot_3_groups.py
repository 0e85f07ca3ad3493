"""
Groups of neighbours, and what they cover
=========================================

Networks look at several neighbouring patterns at once. A strategy chooses the groups, and the
coverage says which positions they use, and how often.
"""

import matplotlib.pyplot as plt
import numpy as np

from ptycho_engine import Recipe, group, make_scan
from ptycho_engine.data.simulation.recipe import TrajectorySettings

positions = make_scan(Recipe(trajectory=TrajectorySettings(points=400), seed=2)).positions
groups = group(positions, 4, 200, strategy="random_of_k", neighbours=6, rng=0)
uses = groups.coverage.uses
print(groups.indices.shape, f"{np.mean(uses > 0):.0%} of the positions are used")

# %%
# On the left the positions in the colour of how many groups hold them, with the outlines of every
# tenth group; on the right, how large the groups are.

figure, (scan, sizes) = plt.subplots(
    1, 2, figsize=(9, 4), layout="constrained", width_ratios=(3, 2)
)
points = scan.scatter(positions[:, 1], positions[:, 0], c=uses, s=14, cmap="viridis")
for members in groups.indices[::10]:
    corners = positions[members]
    angles = np.arctan2(*(corners - corners.mean(axis=0)).T)
    corners = corners[np.argsort(angles)]
    scan.fill(corners[:, 1], corners[:, 0], facecolor="tab:orange", alpha=0.4)
scan.set(xlabel="x [object pixels]", ylabel="y [object pixels]", aspect="equal")
scan.invert_yaxis()
figure.colorbar(points, ax=scan, label="groups that hold the position")
sizes.hist(groups.coverage.extents.max(axis=1), bins=20)
sizes.set(xlabel="longer side of a group [object pixels]", ylabel="groups")
plt.show()
