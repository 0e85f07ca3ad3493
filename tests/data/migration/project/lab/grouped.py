import numpy as np
from ptycho.raw_data import RawData


def cut(image):
    rng = np.random.default_rng(2)
    x, y = rng.uniform(10, 70, (2, 25))
    raw = RawData(x, y, np.ones((25, 16, 16), np.float32), image)
    return raw.generate_grouped_data(16, K=6, nsamples=5, seed=3, gridsize=2)["Y"]
