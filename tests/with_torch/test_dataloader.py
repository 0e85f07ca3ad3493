"""torch's DataLoader takes a dataset as it is; in processes where TensorFlow is not imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ptycho_engine.extras import is_installed

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not is_installed("torch"), reason="needs torch"),
]
TESTS = Path(__file__).parents[1]
PROGRAM = """
import os, sys
sys.path.insert(0, TESTS)
import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler
from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.io.scan_files import write_scan
from toy_scans import toy_scan

if __name__ == "__main__":
    way, folder = sys.argv[1:]
    path = os.path.join(folder, "scan.npz")
    write_scan(path, toy_scan(points=21))
    dataset = PatchDataset(
        path, fields=["patterns", "patches", "positions", "index", "scale"],
        augmentation=Augmentation(flips=True, noise=True, seed=1),
    )
    how = {"generator": torch.Generator().manual_seed(0)}
    if way in ("fork", "spawn"):
        how |= {"num_workers": 2, "multiprocessing_context": way}
    if way == "whole":  # a list of numbers for each batch, which comes as it was made
        how |= {"sampler": BatchSampler(RandomSampler(dataset), 4, False), "batch_size": None}
    else:
        how |= {"batch_size": 4, "shuffle": True}
    for epoch in range(2):
        dataset.set_epoch(epoch)
        seen = []
        for batch in DataLoader(dataset, **how):
            assert batch["patches"].dtype == torch.complex64
            assert batch["positions"].dtype == torch.float64
            expected = dataset.batch(batch["index"].numpy())
            for name, array in expected.items():
                np.testing.assert_array_equal(batch[name].numpy(), array)
            seen += batch["index"].tolist()
        assert sorted(seen) == list(range(21))
    assert "tensorflow" not in sys.modules
    print("done")
"""

TENSORS = """
import sys
sys.path.insert(0, TESTS)
import torch
from events import logged
from ptycho_engine.data.datasets.datasets import PatchDataset
from toy_scans import toy_scan

device = "cuda" if torch.cuda.is_available() else "cpu"
dataset = PatchDataset(toy_scan(points=21), fields=["patches", "index"])
with logged() as events:
    batches = dataset.to_torch(4, device, seed=1)
    (event,) = [event for event in events if event["event"] == "dataset_on_device"]
assert (event["pinned"] is None) == (device == "cpu")
seen = []
for batch in batches:
    assert batch["patches"].device.type == device
    numbers = batch["index"].cpu()
    expected = torch.from_numpy(dataset.batch(numbers.numpy())["patches"])
    assert torch.equal(batch["patches"].cpu(), expected)
    seen += numbers.tolist()
assert sorted(seen) == list(range(21))
print("done")
"""


def test_tensors_come_to_a_device(tmp_path):
    script = tmp_path / "program.py"
    script.write_text(f"TESTS = {str(TESTS)!r}\n{TENSORS}")
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split() == ["done"], done.stderr


@pytest.mark.parametrize("way", ["here", "whole", "fork", "spawn"])
def test_the_loader_delivers_what_the_dataset_holds(tmp_path, way):
    if way == "fork" and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    script = tmp_path / "program.py"
    script.write_text(f"TESTS = {str(TESTS)!r}\n{PROGRAM}")
    done = subprocess.run(
        [sys.executable, str(script), way, str(tmp_path)],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == ["done"], done.stderr
