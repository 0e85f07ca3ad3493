"""A parallel CPU kernel compiled by numba, which writes the output in place. Needs no TensorFlow.

Install it with ``pip install "ptycho_engine[numba]"``.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ptycho_engine import Capabilities, ExtractionRequest, Plan, hookimpl
from ptycho_engine.capabilities import whole_number_option
from ptycho_engine.kernels import KERNELS
from ptycho_engine.planning import make_plan
from ptycho_engine.windows import Windows, find_windows, pad, padded_bytes

try:
    from .numba_kernels import cut_any, cut_two_taps
except ImportError as error:
    raise ImportError('numba is missing: pip install "ptycho_engine[numba]"') from error

NAME = "numba"
#: Numbers below which threads cost more than they save.
SERIAL = 1 << 18

Array = np.ndarray[Any, Any]
Cut = Callable[[Array, Array, int, int], None]


@dataclass(frozen=True)
class Options:
    """Options of the plugin.

    Attributes
    ----------
    threads : int or "auto"
        Threads that cut patches; ``auto`` takes one for each core this process may use.
    """

    threads: int | str = "auto"

    def __post_init__(self) -> None:
        whole_number_option("threads", self.threads)

    def count(self) -> int:
        """Return the number of threads."""
        if isinstance(self.threads, int):
            return self.threads
        affinity = getattr(os, "sched_getaffinity", None)  # not on every platform
        return len(affinity(0)) if affinity else os.cpu_count() or 1


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve everything on NumPy arrays."""
    return Capabilities(layouts=frozenset({"flat", "channel"}), options=Options)


@hookimpl
def plan_extraction(request: ExtractionRequest, memory_budget: int) -> Plan:
    """Count the padded object and the weights of all patches: there are no chunks."""
    copies = request.slice_count + (request.fill != "zeros")  # the other rules pad in two steps
    span = request.patch_size if request.rounding == "legacy" else 1
    weights = 2 * span * KERNELS[request.interpolation].taps * request.real_dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=copies * padded_bytes(request),
        bytes_per_patch=weights + 64,
        chunk_size=max(1, request.patch_count),
    )


@hookimpl
def extract_patches(request: ExtractionRequest, options: Options, out: Array) -> Array:
    """Cut every slice of the object, in as many ranges of groups as there are threads."""
    found = find_windows(request)
    members = request.channels if request.layout == "channel" else 1
    groups = request.groups
    threads = options.count() if out.size > SERIAL else 1
    step = -(-groups // threads)
    cut = _cutter(request, found, members)
    with ThreadPoolExecutor(threads) as pool:  # starts no thread before it is given work
        run = pool.map if threads > 1 else map
        for index in np.ndindex(request.leading_shape):
            image: Array = request.prepared.once(
                ("numba", index, found.padding, request.fill),
                partial(pad, request.image[index], found.padding, request.fill),
            )
            target, written = _rows(request, out[index])
            ranges = range(0, groups, step)
            work = partial(cut, image.view(request.real_dtype), target)
            for _ in run(work, ranges, [*ranges[1:], groups]):
                pass
            if not written:
                out[index] = target.view(request.dtype).reshape(out[index].shape)
    return out


def _rows(request: ExtractionRequest, out: Array) -> tuple[Array, bool]:
    """Return an array of rows of real numbers (B, N, k N C), and whether it is `out` itself."""
    rows = (request.groups, request.patch_size, -1)
    if out.flags.c_contiguous:
        return out.reshape(rows).view(request.real_dtype), True
    return np.empty(out.shape, out.dtype).reshape(rows).view(request.real_dtype), False


def _cutter(request: ExtractionRequest, found: Windows, members: int) -> Cut:
    """Choose the kernel for a request, and prepare its weights."""
    kernel = KERNELS[request.interpolation]
    exact = request.rounding == "exact"

    def cut_uniform(image: Array, out: Array, first: int, last: int) -> None:
        cut_two_taps(image, found.starts, rows, columns, out, members, first, last)

    def cut_general(image: Array, out: Array, first: int, last: int) -> None:
        cut_any(image, found.starts, rows, columns, out, members, not exact, first, last)

    if exact and kernel.taps == 2:
        rows, columns = (np.stack(kernel.weights(t), axis=-1) for t in found.offsets.T)  # (P, 2)
        return cut_uniform
    n = 1 if exact else request.patch_size
    t = _fractions(found.offsets[:, None, :], n, kernel.snaps, exact)  # (P, 1 or N, 2)
    rows = np.stack(kernel.weights(t[..., 0]), axis=-1)  # (P, 1 or N, T)
    columns = np.stack(kernel.weights(t[..., 1]), axis=1)  # (P, T, 1 or N)
    if not exact and request.dtype.kind == "c":
        columns = np.repeat(columns, 2, axis=-1)  # (P, T, 2 N)
    return cut_general


def _fractions(offsets: Array, n: int, snaps: bool, exact: bool) -> Array:
    """Fractions of the samples of each window; as in `ptycho_engine.ops.interpolate`."""
    if not exact:
        index = np.arange(n, dtype=offsets.dtype)[:, None]
        offsets = (index + offsets) - (index + np.floor(offsets))
    return (offsets >= 0.5).astype(offsets.dtype) if snaps else offsets
