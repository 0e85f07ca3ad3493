"""Workers of a DataLoader cut with an engine, forked after it was used or started anew."""

import subprocess
import sys
from pathlib import Path

import pytest

from ptycho_engine.extras import is_installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("torch"), reason="needs torch"),
]
PROGRAM = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset
from ptycho_engine import Engine
from ptycho_engine.layers.torch import ExtractPatches


class Cuts(Dataset):
    def __init__(self, engine):
        self.engine, self.module = engine, ExtractPatches(8)
        self.image = torch.polar(torch.ones(64, 64), torch.arange(64 * 64.0).reshape(64, 64))
        self.positions = 20 + 20 * torch.rand(24, 2, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return 24

    def __getitem__(self, index):
        where = self.positions[index][None]
        patch = self.engine.extract(self.image, where, 8)[0]
        again = self.module([self.image[None], where[None]])[0, ..., 0]
        assert torch.equal(patch, again)
        return patch


if __name__ == "__main__":
    cuts = Cuts(Engine("numba"))
    expected = torch.stack([cuts[i] for i in range(24)])
    image = cuts.image.requires_grad_()
    cuts.engine.extract(image, cuts.positions, 8).abs().sum().backward()  # autograd has threads
    image.requires_grad_(False)
    loader = DataLoader(cuts, batch_size=6, num_workers=2, multiprocessing_context=sys.argv[1])
    assert torch.equal(torch.cat(list(loader)), expected)
    print("done")
"""


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_workers_cut(way, tmp_path):
    script = Path(tmp_path, "program.py")
    script.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(script), way],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == ["done"], done.stderr
