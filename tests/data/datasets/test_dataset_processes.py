"""Processes that get a dataset, forked or started anew, deliver what one process does."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from processes import run_python
from toy_scans import toy_scan

from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.io.scan_files import write_scan
from ptycho_engine.io.specs import ArraySpec
from ptycho_engine.io.store import Store

TESTS = Path(__file__).parents[2]
PROGRAM = """
import multiprocessing, sys, warnings
import numpy as np
from ptycho_engine import Engine
from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset

def part(dataset, shard):
    return list(dataset.batches(2, seed=3, epoch=1, shard=shard))

def send(pipe, dataset, shard):
    pipe.send(part(dataset, shard))

if __name__ == "__main__":
    warnings.simplefilter("ignore")  # of forks beside threads
    method, plugin, *paths = sys.argv[1:]
    dataset = PatchDataset(
        paths, engine=Engine(plugin), fields=["patches", "positions", "index", "scan"],
        augmentation=Augmentation(flips=True),
    )
    expected = [part(dataset, (index, 2)) for index in range(2)]  # threads and files are in use
    begun = dataset.batches(3, prefetch=4)
    next(begun)
    start, found = multiprocessing.get_context(method), []
    for index in range(2):  # a fork inherits the dataset, with all that is open
        here, there = start.Pipe()
        process = start.Process(target=send, args=(there, dataset, (index, 2)))
        process.start()
        found.append(here.recv())
        process.join()
    for own, other in zip(expected, found, strict=True):
        for one, two in zip(own, other, strict=True):
            for name, array in one.items():
                np.testing.assert_array_equal(array, two[name])
    print(sum(map(len, found)))
"""


@pytest.fixture
def paths(tmp_path):
    """A scan file, and an HDF5 and a Zarr output."""
    write_scan(tmp_path / "scan.npz", toy_scan())
    made = PatchDataset(toy_scan(), fields=["patches", "positions"])[:]
    found = [tmp_path / "scan.npz", tmp_path / "patches.h5", tmp_path / "patches.zarr"]
    for path in found[1:]:
        specs = {name: ArraySpec.of(array) for name, array in made.items()}
        with Store.create(path, specs, geometry={"object_shape": [24, 21]}) as store:
            for name, array in made.items():
                store.write(name, (), array)
            store.finish(())
    return [str(path) for path in found]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_forked_processes_deliver_the_same(paths):
    done = run_python("-c", PROGRAM, "fork", "numba", *paths)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "14"


@pytest.mark.slow
@pytest.mark.parametrize("plugin", ["numba", "chunked_xla"])
def test_processes_started_anew_deliver_the_same(paths, tmp_path, plugin):
    if plugin != "numba":
        pytest.importorskip("tensorflow")
    script = tmp_path / "program.py"
    script.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(script), "spawn", plugin, *paths],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "14"


REFUSAL = """
import os, sys
import numpy as np
from ptycho_engine import Engine
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.errors import ForkedProcessError
from ptycho_engine.io.scan import Scan
scan = Scan(np.ones((20, 20), np.float32), np.full((4, 2), 9.25), "scan")
dataset = PatchDataset(scan, 4, engine=Engine("chunked_xla"))
dataset[0]
pid = os.fork()
if pid == 0:
    try:
        dataset[0]
    except ForkedProcessError as error:
        print('get_context("spawn")' in str(error), flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""


@pytest.mark.slow
@pytest.mark.tensorflow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_what_computes_in_tensorflow_refuses_in_a_fork():
    done = subprocess.run(
        [sys.executable, "-c", REFUSAL], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.stdout.split() == ["True"], done.stderr


THREADS = """
import threading
from ptycho_engine import Engine
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.workers import POOL_SIZE
from toy_scans import toy_scan
engine, scan = Engine("numba"), toy_scan()
for number in range(int(sys.argv[1])):
    with PatchDataset(scan, engine=engine) as dataset:
        for batch in dataset.batches(2, seed=number):
            if number % 2:
                break
names = [thread.name for thread in threading.enumerate()]
print(sum(name.startswith("ptycho_engine") for name in names) <= POOL_SIZE)
print(len(names) <= POOL_SIZE + 1)
"""


@pytest.mark.slow
def test_a_thousand_datasets_leave_no_thread(scaled):
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{THREADS}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(scaled(1000))],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.stdout.split() == ["True", "True"], done.stderr


GROWTH = """
import numpy as np
from growth import grown_by
from ptycho_engine import Engine
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan

def counting(ranges, into):
    into[...] = ranges[0][0]

def go_through(count, way):
    rng = np.random.default_rng(0)
    image = np.ones((512, 512), np.complex64)
    patterns = Patterns((count, 64, 64), np.dtype(np.float32), counting, "amplitude")
    scan = Scan(image, rng.uniform(40, 470, (count, 2)), "scan", None, patterns)
    dataset = PatchDataset(scan, engine=Engine("numba"))
    if way == "tf":
        batches = dataset.to_tf(64, inputs=["patterns"], targets=["patches"], seed=0)
    elif way == "torch":
        from torch.utils.data import DataLoader
        batches = DataLoader(dataset, 64, shuffle=True)
    else:
        batches = dataset.batches(64, seed=0)
    seen = 0
    for batch in batches:
        seen += len(batch[0] if way == "tf" else batch["patterns"])
    assert seen == count

if __name__ == "__main__":
    way, few, many = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    go_through(1000, way)
    print(grown_by(lambda: go_through(few, way)), grown_by(lambda: go_through(many, way)))
"""


@pytest.mark.slow
@pytest.mark.parametrize("way", ["batches", "tf", "torch"])
def test_memory_does_not_grow_with_the_patches(way, scaled):
    """200,000 patches, 6.5 GB, take what 10,000 do, but for 100 bytes of numbers an item."""
    if way != "batches":
        pytest.importorskip("tensorflow") if way == "tf" else _needs_torch()
    few, many = 10_000, max(20_000, scaled(200_000))
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{GROWTH}"
    done = subprocess.run(
        [sys.executable, "-c", code, way, str(few), str(many)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    small, large = map(int, done.stdout.split()[-2:])
    assert large < small + 100 * (many - few) + 20e6, (small / 1e6, large / 1e6)


PEAK = """
import numpy as np
from growth import grown_by
from ptycho_engine import Engine
from ptycho_engine.data.datasets.augmentation import Augmentation
from ptycho_engine.data.datasets.datasets import PatchDataset
from ptycho_engine.io.patterns import Patterns
from ptycho_engine.io.scan import Scan

def filled(ranges, into):
    into[...] = 3

COUNT, SIZE = 4000, 64
rng, engine = np.random.default_rng(0), Engine("numba")
scan = Scan(
    np.ones((512, 512), np.complex64), rng.uniform(40, 470, (COUNT, 2)), "scan",
    np.ones((2, SIZE, SIZE), np.complex64),
    Patterns((COUNT, SIZE, SIZE), np.dtype(np.float32), filled, "amplitude"),
)
for how in (
    {}, {"fields": ["amplitude", "phase"]}, {"fields": ["patterns", "probe"]},
    {"groups": np.arange(COUNT).reshape(-1, 4)}, {"augmentation": Augmentation(flips=True)},
    {"fields": ["patterns"], "augmentation": Augmentation(noise=True)},
):
    dataset = PatchDataset(scan, engine=engine, **how)
    rows = rng.permutation(len(dataset))[: len(dataset) * 3 // 4]
    dataset.batch(rows)
    print(grown_by(lambda: dataset.batch(rows)) / dataset.estimate(len(rows)).peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_the_peak_of_a_batch_is_what_is_said():
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r})\n{PEAK}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    ratios = [float(line) for line in done.stdout.split()]
    assert len(ratios) == 6, done.stderr
    assert 0.85 < min(ratios) <= max(ratios) < 1.15, ratios


def _needs_torch():
    from ptycho_engine.extras import is_installed

    if not is_installed("torch"):
        pytest.skip("needs torch")


def test_epochs_travel():
    """A copy has the epoch that it was made in."""
    import pickle

    dataset = PatchDataset(toy_scan())
    dataset.set_epoch(4)
    other = pickle.loads(pickle.dumps(dataset))
    assert other.epoch == 4
    np.testing.assert_array_equal(other[3]["patches"], dataset[3]["patches"])
