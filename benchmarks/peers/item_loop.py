"""The loop that projects write by hand: one position an item, a pattern and its patch.

Patterns, object and positions come from a pair of HDF5 files; the two halves of an item are made
by a pool of threads, by one that was made for this item, or by nobody else.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np

#: Who makes the halves of an item.
POOLS = ("created per item", "persistent", "none")


class ItemLoop:
    """Items of a pair of files.

    Parameters
    ----------
    dp : Path
        The file of the patterns.
    image : ndarray, shape (H, W)
        The object of the other file.
    positions : ndarray, shape (P, 2)
        Positions (y, x) in object pixels.
    pool : str
        One of `POOLS`.
    """

    def __init__(self, dp: Path, image: np.ndarray, positions: np.ndarray, pool: str) -> None:
        self.file = h5py.File(dp, "r")
        self.patterns, self.image, self.positions = self.file["dp"], image, positions
        self.size = self.patterns.shape[-1]
        self.pool = ThreadPoolExecutor(2) if pool == "persistent" else None
        self.kind = pool

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, number: int) -> dict[str, Any]:
        if self.kind == "none":
            return self.item(number, None)
        with ThreadPoolExecutor(2) if self.pool is None else nullcontext(self.pool) as pool:
            return self.item(number, pool)

    def item(self, number: int, pool: Executor | None) -> dict[str, Any]:
        if pool is None:
            pattern, patch = self.pattern(number), self.patch(number)
        else:
            halves = pool.submit(self.pattern, number), pool.submit(self.patch, number)
            pattern, patch = (half.result() for half in halves)
        return {"patterns": pattern, "amplitude": np.abs(patch), "phase": np.angle(patch)}

    def pattern(self, number: int) -> np.ndarray:
        return np.sqrt(self.patterns[number])

    def patch(self, number: int) -> np.ndarray:
        """Cut one patch, one axis after the other."""
        y, x = self.positions[number] - self.size // 2
        row, column = int(np.floor(y)), int(np.floor(x))
        window = self.image[row : row + self.size + 1, column : column + self.size + 1]
        dy, dx = np.float32(y - row), np.float32(x - column)
        rows = window[:-1] * (1 - dy) + window[1:] * dy
        return rows[:, :-1] * (1 - dx) + rows[:, 1:] * dx
