"""Measures one call: ``python growth.py PLUGIN KIND`` prints bytes planned, and bytes grown.

In a process of its own, after one warm call of the same kind; what the process has freed goes back
to the system first, so that it cannot hide what the call takes.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# TensorFlow's own pool keeps what was freed, and would hide what the next call takes.
os.environ["TF_ONEDNN_USE_SYSTEM_ALLOCATOR"] = "1"

import numpy as np

from ptycho_engine import Engine, Plan


@dataclass(frozen=True)
class Kind:
    """A kind of call: what is cut, and how it is asked for.

    Attributes
    ----------
    way : str
        One of `WAYS`.
    shape, dtype : tuple, str
        Of the object.
    size, count : int
        Size and number of the patches.
    layout : str
        Of groups of four, unless flat.
    how : dict
        Further arguments of `extract`.
    """

    way: str = "fresh"
    shape: tuple[int, ...] = (600, 700)
    dtype: str = "complex64"
    size: int = 64
    count: int = 10_000
    layout: str = "flat"
    how: dict[str, Any] = field(default_factory=dict)


class Sink:
    """An output that keeps nothing, as a file does."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        self.shape, self.dtype = shape, np.dtype(dtype)

    def __setitem__(self, index: tuple[slice, ...], values: Any) -> None:
        pass


KINDS = {
    "fresh": Kind(),
    "out": Kind("out"),
    "strided": Kind("strided"),
    "file": Kind("file", count=30_000),
    "stream": Kind("stream", count=30_000),
    "block": Kind("block", count=20_000),
    "prepared": Kind("prepared", shape=(2000, 2000)),
    "channel": Kind(layout="channel"),
    "channel out": Kind("out", layout="channel"),
    "grid": Kind(layout="grid"),
    "grid strided": Kind("strided", layout="grid"),
    "large": Kind(shape=(6000, 6000), count=300),
    "large edge": Kind(shape=(6000, 6000), count=300, how={"fill": "edge"}),
    "large prepared": Kind("prepared", shape=(6000, 6000), count=300),
    "slices": Kind(shape=(5, 600, 700), count=2000),
    "patches large": Kind(size=600, count=150),
    "channel large": Kind(size=600, count=152, layout="channel"),
    "few": Kind(count=100),
    "double": Kind(dtype="complex128", count=5000),
    "real": Kind(dtype="float32", count=20_000),
    "bicubic": Kind(how={"interpolation": "bicubic"}),
    "fourier": Kind(how={"interpolation": "fourier"}),
    "legacy": Kind(how={"rounding": "legacy"}),
    "reflect": Kind(how={"fill": "reflect"}),
    "tensor": Kind("tensor"),
    "tensor one chunk": Kind("tensor", count=200),
    "tensor patches large": Kind("tensor", size=600, count=100),
    "tensor edge": Kind("tensor", how={"fill": "edge"}),
    "tensor real": Kind("tensor", dtype="float32", count=20_000),
    "tensor double": Kind("tensor", dtype="complex128", count=5000),
    "tensor channel": Kind("tensor", layout="channel"),
    "tensor grid": Kind("tensor", layout="grid"),
    "tensor slices": Kind("tensor", shape=(5, 600, 700), count=2000),
    "tensor large": Kind("tensor", shape=(6000, 6000), count=300),
    "tensor large edge": Kind("tensor", shape=(6000, 6000), count=300, how={"fill": "edge"}),
    "tensor large real": Kind("tensor", shape=(8000, 8000), dtype="float32", count=300),
}


def prepare(plugin: str, kind: Kind) -> tuple[Callable[[], Any], Callable[[], int]]:
    """Return the call, and what tells the bytes that it should take, once it was made."""
    engine, rng = Engine(plugin, memory_budget="6GiB"), np.random.default_rng(0)
    image: Any = rng.normal(size=kind.shape).astype(np.dtype(kind.dtype).type(0).real.dtype)
    image = image.astype(kind.dtype)
    positions = rng.uniform(0, min(kind.shape[-2:]), (kind.count, 2))
    if kind.layout != "flat":
        positions = positions.reshape(-1, 4, 2)
    how = {"layout": kind.layout, **kind.how}
    if kind.way == "tensor":
        import tensorflow as tf

        image = tf.constant(image)

    def source() -> Any:  # prepared anew: what it comes to keep is a part of the plan
        return engine.prepare(image) if kind.way == "prepared" else image

    def planned(block: int | None = None) -> Plan:
        return engine.plan(source(), positions[:block], kind.size, **how)

    def extract(out: Any = None) -> Any:
        return engine.extract(source(), positions, kind.size, out=out, **how)

    if kind.way in ("fresh", "prepared", "tensor"):
        return extract, lambda: planned().peak_bytes
    if kind.way in ("stream", "block"):
        longest = [0]
        size = {"block_size": kind.count // 3} if kind.way == "block" else {}

        def stream() -> None:
            for block in engine.stream(image, positions, kind.size, **size, **how):
                longest[0] = max(longest[0], len(block.patches))
                del block  # what the caller keeps of a stream is the caller's

        return stream, lambda: planned(longest[0]).peak_bytes
    shape = extract_shape(kind)
    if kind.way == "out":
        out = np.ones(shape, kind.dtype)  # its pages are the caller's
        return lambda: extract(out), lambda: planned().workspace_bytes
    # Files, and arrays that are not contiguous, are filled block by block.
    block = len(next(engine.stream(image, positions, kind.size, **how)).patches)
    to: Any = Sink(shape, kind.dtype)
    if kind.way == "strided":
        to = np.ones((*shape, 2), kind.dtype)[..., 0]
    return lambda: extract(to), lambda: planned(block).peak_bytes


def extract_shape(kind: Kind) -> tuple[int, ...]:
    """Shape of the patches of a kind."""
    groups, n = kind.count // 4, kind.size
    patches = {
        "flat": (kind.count, n, n),
        "channel": (groups, n, n, 4),
        "grid": (groups, 2, 2, n, n, 1),
    }
    return (*kind.shape[:-2], *patches[kind.layout])


def resident(line: str) -> int:
    """Bytes of a line of this process's status: VmRSS, or VmHWM for the most there was."""
    found = re.search(rf"^{line}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


def grown_by(call: Callable[[], Any]) -> int:
    """Bytes by which this process grows, at most, during a call."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts anew
    before = resident("VmRSS")
    result = call()
    after = resident("VmHWM")
    del result
    return after - before


def main(plugin: str, kind: str) -> None:
    """Print what was planned and what one call grew by."""
    call, planned = prepare(plugin, KINDS[kind])
    call()
    print(json.dumps({"grown": grown_by(call), "planned": planned()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
