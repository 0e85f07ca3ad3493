"""A parallel CPU kernel compiled by numba, which writes the output in place. Needs no TensorFlow.

Install it with ``pip install "ptycho_engine[numba]"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ptycho_engine import Capabilities, ExtractionRequest, Plan, hookimpl
from ptycho_engine.geometry.kernels import KERNELS
from ptycho_engine.host.capabilities import whole_number_option
from ptycho_engine.native.stores import goes_past_caches
from ptycho_engine.request.planning import make_plan
from ptycho_engine.request.windows import Windows, all_inside, find_windows, pad, padded_bytes
from ptycho_engine.workers import POOL_SIZE, core_count, share

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
        Threads that cut patches; ``auto`` takes one for each core this process may use. They
        come from the pool of the process, which has about as many: more are not used.
    """

    threads: int | str = "auto"

    def __post_init__(self) -> None:
        whole_number_option("threads", self.threads)

    def count(self) -> int:
        """Return the number of threads."""
        if isinstance(self.threads, int):
            return min(self.threads, POOL_SIZE + 1)
        return core_count()


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve every separable kernel on NumPy arrays."""
    return Capabilities(
        interpolations=frozenset(name for name, kernel in KERNELS.items() if kernel.weights),
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
            share(work, np.array_split(order, 4 * threads), threads)
        if not out.flags.c_contiguous:
            out[index] = whole.reshape(out[index].shape)
    return out


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
