"""A process apart that reads files, and compares what it reads with what libraries alone find.

Its module is one that a process which starts anew can import.
"""

import multiprocessing
import resource

import numpy as np

from ptycho_engine.io.scan_files import read_scan

#: Seconds and bytes that reading may take.
SECONDS, BYTES = 30, 8 * 2**30
#: Where the object and the patterns lie, by format, for readers of one array.
PLACES = {
    "npz": ("objectGuess", "diff3d"), "ptychodus": ("object", None), "pty_chi": ("object", "dp"),
    "ptychodus_training": ("object", "patterns"), "ptycho_engine": ("object", "patterns"),
    "cxi": ("entry_1/image_2/data", "entry_1/instrument_1/detector_1/data"),
    "ptyd": ("info/ptycho_engine/object", "chunks/0/data"),
    "dectris": (None, "entry/data/data_000001"),
}  # fmt: skip


def naive(path, name):
    """Read one array by a library alone."""
    if path.is_dir():
        import zarr

        return zarr.open_group(str(path), mode="r")[name][...]
    if path.suffix == ".npz":
        with np.load(path, allow_pickle=False) as file:
            return file[name]
    import h5py

    with h5py.File(path, "r") as file:
        return file[name][...]


def judge(name, path, partner):
    """Say how reading ended: the class and text of an error, or what differs from the libraries."""
    try:
        scan = read_scan(name, path, memory_budget=2**28)
        patterns = None if scan.patterns is None else scan.patterns.read()
    except Exception as error:
        return type(error).__name__, str(error)
    image_key, patterns_key = PLACES.get(name, (None, None))
    para, dp = (path, partner) if partner is not None else (path, path)
    for key, place, found in ((image_key, para, scan.image), (patterns_key, dp, patterns)):
        if key is not None and found is not None:
            held = naive(place, key).reshape(found.shape)
            if not np.array_equal(held, found, equal_nan=held.dtype.kind in "fc"):
                return "different", key
    return "read", ""


def serve(pipe):
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    while job := pipe.recv():
        np.seterr(all="ignore")
        pipe.send(judge(*job))


class Judge:
    """A process that judges files, and another one once it ended or took too long."""

    def __init__(self):
        self.process = None

    def __call__(self, *job):
        if self.process is None:
            context = multiprocessing.get_context("spawn")
            self.pipe, end = context.Pipe()
            self.process = context.Process(target=serve, args=(end,), daemon=True)
            self.process.start()
            end.close()
        self.pipe.send(job)
        try:
            if self.pipe.poll(SECONDS):
                return self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            return "ended", self._end()
        return "took too long", self._end()

    def _end(self):
        self.process.kill()
        self.process.join()
        code, self.process = self.process.exitcode, None
        return code
