"""A parallel CPU kernel compiled by numba, which writes the output in place. Needs no TensorFlow.

Install it with ``pip install "ptycho_engine[numba]"``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ptycho_engine.native.stores import goes_past_caches
from ptycho_engine.plugin import (
    KERNELS,
    Capabilities,
    ExtractionRequest,
    Plan,
    Windows,
    all_inside,
    find_windows,
    hookimpl,
    make_plan,
    pad,
    padded_bytes,
    whole_number_option,
)

try:
    from ptycho_engine.native.kernels import cut
except ImportError as error:
    raise ImportError('numba is missing: pip install "ptycho_engine[numba]"') from error

NAME = "numba"
#: Numbers below which threads cost more than they save.
SERIAL = 1 << 18

Array = np.ndarray[Any, Any]


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
    """Serve every separable kernel on NumPy arrays."""
    return Capabilities(
        interpolations=frozenset(name for name, kernel in KERNELS.items() if kernel.weights),
        roundings=frozenset({"exact", "legacy"}),
        layouts=frozenset({"flat", "channel"}),
        options=Options,
    )


@hookimpl
def plan_extraction(request: ExtractionRequest, options: Options, memory_budget: int) -> Plan:
    """Count the padded object, the weights of all patches, and a group for each thread."""
    padded = 0 if _needs_no_padding(request) else padded_bytes(request)
    span = request.patch_size if request.rounding == "legacy" else 1
    weights = 2 * span * KERNELS[request.interpolation].taps * request.real_dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=request.slice_count * padded + (weights + 64) * request.patch_count,
        bytes_per_patch=request.patch_size**2 * request.dtype.itemsize,
        chunk_size=1,
        chunks_at_once=options.count(),
    )


@hookimpl
def extract_patches(request: ExtractionRequest, options: Options, out: Array) -> Array:
    """Cut every slice of the object, its groups shared out among the threads."""
    found = find_windows(request)
    rows, columns = _weights(request, found)
    members = request.channels if request.layout == "channel" else 1
    shape = (request.groups, request.patch_size, request.patch_size * members)
    threads = options.count() if out.size > SERIAL else 1
    order = found.down_the_object(request.channels) if threads > 1 else np.arange(request.groups)
    past_caches = goes_past_caches(out, shape[-1] * out.itemsize)
    as_it_is, starts = _needs_no_padding(request), found.starts
    if as_it_is:
        starts = starts - np.int32(found.padding.before)
    for index in request.slices:
        image: Array
        if as_it_is:
            image = request.image[index]
        else:
            image = request.prepared.once(
                ("numba", index, found.padding, request.fill),
                partial(pad, request.image[index], found.padding, request.fill),
            )
        whole = out[index] if out.flags.c_contiguous else np.empty(shape, out.dtype)
        arrays = (
            image.view(request.real_dtype), starts, rows, columns, whole.reshape(shape),
        )  # fmt: skip
        work = partial(cut, *arrays, members, request.rounding == "legacy", past_caches)
        if threads == 1:
            work(order)
        else:
            _share(work, np.array_split(order, 4 * threads), threads)
        if not out.flags.c_contiguous:
            out[index] = whole.reshape(out[index].shape)
    return out


def _share(work: Callable[[Array], None], parts: Iterable[Array], threads: int) -> None:
    """Work off the parts in this thread and helpers, whoever is free taking the next."""
    rest = iter(parts)

    def help_out() -> None:
        for part in rest:
            work(part)

    with ThreadPoolExecutor(threads - 1) as pool:
        helpers = [pool.submit(help_out) for _ in range(threads - 1)]
        help_out()
    for helper in helpers:
        helper.result()


def _needs_no_padding(request: ExtractionRequest) -> bool:
    """Tell whether the object serves as it is; one that many calls share is padded once anyway.

    Nor a read-only or strided one does: the kernel would be compiled once more.
    """
    as_compiled = bool(request.image.flags.carray) and not request.prepared.shared
    return as_compiled and all_inside(request)


def _weights(request: ExtractionRequest, found: Windows) -> tuple[Array, Array]:
    """Weights along y (P, 1 or N, T) and x (P, T, 1 or k N); as in `ptycho_engine.ops`."""
    kernel = KERNELS[request.interpolation]
    assert kernel.weights is not None  # others are not declared
    t = found.offsets[:, None, :]  # (P, 1, 2)
    if request.rounding == "legacy":
        index = np.arange(request.patch_size, dtype=t.dtype)[:, None]
        t = (index + t) - (index + np.floor(t))  # (P, N, 2)
    if kernel.snaps:
        t = t >= 0.5
    weights = np.array(kernel.weights(t.astype(request.real_dtype)))  # (T, P, 1 or N, 2)
    rows = np.ascontiguousarray(weights[..., 0].transpose(1, 2, 0))
    columns = np.ascontiguousarray(weights[..., 1].transpose(1, 0, 2))
    if request.rounding == "legacy" and request.dtype.kind == "c":
        columns = np.repeat(columns, 2, axis=-1)
    return rows, columns
