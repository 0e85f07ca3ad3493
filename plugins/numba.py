"""A parallel CPU kernel compiled by numba, which writes the output in place. Needs no TensorFlow.

Install it with ``pip install "ptycho_engine[numba]"``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import call
from typing import Any, Literal

import numpy as np

from ptycho_engine.native.bands import is_worthwhile
from ptycho_engine.native.kernels import cut
from ptycho_engine.native.placing import add_patches, adds_directly
from ptycho_engine.native.slopes import add_slopes
from ptycho_engine.native.stores import goes_past_caches
from ptycho_engine.native.taps import tap_slopes, tap_weights
from ptycho_engine.plugin import (
    KERNELS,
    POOL_SIZE,
    Capabilities,
    CopyKey,
    ExtractionRequest,
    PlacementRequest,
    Plan,
    Windows,
    all_inside,
    copied_bytes,
    core_count,
    find_windows,
    hookimpl,
    make_plan,
    pad,
    padded_bytes,
    share,
    stacked_windows,
    whole_number_option,
)

NAME = "numba"
#: More than the largest machine has cores.
MOST_THREADS = 4096
#: Bytes of a padded object that few caches hold: it is not copied for the windows that leave it.
LARGE_OBJECT = 24 * 1024**2
#: Bytes of such windows that a thread copies at a time.
STACK_BYTES = 2 * 1024**2

Array = np.ndarray[Any, Any]
#: On a padded object, in its real view, with the first samples of the windows: some groups.
Work = Callable[[Array, Array, Array], None]


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
        if isinstance(self.threads, int) and self.threads > MOST_THREADS:
            raise ValueError(
                f"threads: received more than {MOST_THREADS}. Expected fewer, or 'auto'."
            )

    def count(self, numbers: int) -> int:
        """Return the number of threads for so many numbers."""
        if not is_worthwhile(numbers):
            return 1
        if isinstance(self.threads, int):
            return min(self.threads, POOL_SIZE + 1)
        return core_count()


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve every separable kernel on NumPy arrays."""
    return Capabilities(
        interpolations=frozenset(name for name, kernel in KERNELS.items() if kernel.weights),
        roundings=frozenset({"exact", "legacy"}),
        layouts=frozenset({"flat", "channel"}),
        gradients=frozenset({"image", "positions"}),
        options=Options,
    )


@hookimpl
def plan_extraction(request: ExtractionRequest, options: Options, memory_budget: int) -> Plan:
    """Count the padded object, the weights of all patches, and a group for each thread."""
    threads, source = options.count(math.prod(request.output_shape)), _source(request)
    if source == "inside":
        copied = request.prepared.bytes_with()
    elif source == "strips":
        stack = max(STACK_BYTES, _window_bytes(request))
        copied = min(threads * stack, request.patch_count * _window_bytes(request))
        copied += request.prepared.bytes_with()
    else:
        copied = copied_bytes(request, NAME)
    span = request.patch_size if request.rounding == "legacy" else 1
    weights = 2 * span * KERNELS[request.interpolation].taps * request.real_dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=copied + (weights + 64) * request.patch_count,
        bytes_per_patch=request.patch_size**2 * request.dtype.itemsize,
        chunk_size=1,
        chunks_at_once=threads,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, options: Options, out: Array) -> Array:
    """Cut every slice of the object, its groups shared out among the threads."""
    found = find_windows(request)
    members = request.channels if request.layout == "channel" else 1
    shape = (request.groups, request.patch_size, request.patch_size * members)
    threads = options.count(out.size)
    order = found.down_the_object(request.channels) if threads > 1 else np.arange(request.groups)
    past_caches = goes_past_caches(out, shape[-1] * out.itemsize)
    weights = tap_weights(request, found)
    for index in request.slices:
        whole = out[index] if out.flags.c_contiguous else np.empty(shape, out.dtype)
        how = (*weights, whole.reshape(shape), members, request.rounding == "legacy", past_caches)

        def work(image: Array, starts: Array, groups: Array, how: tuple[Any, ...] = how) -> None:
            cut(image, starts, *how, groups)

        share(call, _pieces(request, found, index, work, order, threads), threads)
        if not out.flags.c_contiguous:
            out[index] = whole.reshape(out[index].shape)
    return out


@hookimpl
def position_gradient(request: ExtractionRequest, cotangent: Array, options: Options) -> Array:
    """Sum cotangent times slope over the samples of each patch, and over slices of the object."""
    found = find_windows(request)
    threads = options.count(cotangent.size)
    order = found.down_the_object(request.channels) if threads > 1 else np.arange(request.groups)
    taps = (*tap_weights(request, found), *tap_slopes(request, found))
    gradient = np.zeros((request.patch_count, 2))
    for index in request.slices:
        work = partial(_add_slopes, request, taps, cotangent[index], gradient)
        share(call, _pieces(request, found, index, work, order, threads), threads)
    return gradient


def _add_slopes(
    request: ExtractionRequest,
    taps: tuple[Array, ...],
    cotangent: Array,
    gradient: Array,
    image: Array,
    starts: Array,
    groups: Array,
) -> None:
    """Add the gradients of the positions of some groups, of one slice."""
    if cotangent.ndim == 3 and cotangent.flags.c_contiguous:
        whole = cotangent.view(request.real_dtype)
        add_slopes(image, starts, *taps, whole, groups, groups, gradient)
        return
    members = np.arange(request.channels)
    step = max(1, STACK_BYTES // (request.channels * _window_bytes(request)))
    for part in (groups[i : i + step] for i in range(0, len(groups), step)):
        flat = cotangent[part]
        if flat.ndim == 4:  # (B, N, N, C)
            flat = np.moveaxis(flat, -1, 1).reshape(-1, *flat.shape[1:3])
        flat = np.ascontiguousarray(flat).view(request.real_dtype)
        patches = (part[:, None] * request.channels + members).ravel()
        add_slopes(image, starts, *taps, flat, np.arange(len(patches)), patches, gradient)


def _pieces(
    request: ExtractionRequest,
    found: Windows,
    index: tuple[int, ...],
    work: Work,
    order: Array,
    threads: int,
) -> list[Callable[[], None]]:
    """Divide one slice of the object into pieces of work, each for some of the groups."""
    image, real, firsts = request.image[index], request.real_dtype, found.starts
    source, stacked = _source(request), list[Array]()
    if source == "padded":
        image = request.prepared.once(
            CopyKey(NAME, index, found.padding, request.fill),
            partial(pad, image, found.padding, request.fill),
            padded_bytes(request),
        )
    else:
        firsts = firsts - np.int32(found.padding.before)
    if source == "strips":
        order, leaving = _divided(request, firsts, order)
        groups = max(1, STACK_BYTES // (request.channels * _window_bytes(request)))
        stacked = [leaving[i : i + groups] for i in range(0, len(leaving), groups)]
    parts = [order] if threads == 1 else np.array_split(order, 4 * threads)
    pieces: list[Callable[[], None]] = [
        partial(work, image.view(real), firsts, part) for part in parts if len(part)
    ]
    return pieces + [partial(_stacked, request, image, firsts, work, part) for part in stacked]


def _stacked(
    request: ExtractionRequest, image: Array, firsts: Array, work: Work, groups: Array
) -> None:
    """Do the work of groups of which a window leaves the object on copies of their windows."""
    span, members = request.cut.span, np.arange(request.channels)
    patches = (groups[:, None] * request.channels + members).ravel()
    stack = stacked_windows(image, firsts[patches], span, request.fill)
    starts = np.zeros_like(firsts)
    starts[patches, 0] = span * np.arange(len(patches))
    work(stack.view(request.real_dtype), starts, groups)


def _divided(request: ExtractionRequest, firsts: Array, order: Array) -> tuple[Array, Array]:
    """Divide groups into those that lie inside the object, and those of which a window leaves."""
    end = np.array(request.image.shape[-2:]) - request.cut.span
    inside: Array = ((firsts >= 0) & (firsts <= end)).reshape(request.groups, -1)
    kept = np.all(inside[order], axis=1)
    return order[kept], order[~kept]


def _source(request: ExtractionRequest) -> Literal["inside", "strips", "padded"]:
    """Choose what windows are cut from.

    ``inside``: from the object as it is, since none leaves it; an object that many calls share is
    padded once anyway. ``strips``: those inside from the object, which is too large to be copied
    for the others. ``padded``: from a padded copy, as ever of a read-only or strided object, for
    which the kernel would be compiled once more.
    """
    shared, large = request.prepared.shared, padded_bytes(request) > LARGE_OBJECT
    if (shared and not large) or not request.image.flags.carray:
        return "padded"
    if not shared and all_inside(request):
        return "inside"
    return "strips" if large else "padded"


def _window_bytes(request: ExtractionRequest) -> int:
    return request.cut.span**2 * request.dtype.itemsize


@hookimpl
def plan_placement(request: PlacementRequest, options: Options, memory_budget: int) -> Plan:
    """Count a canvas, the weights of all patches, copies of strided ones, a group a thread."""
    weights = 2 * KERNELS[request.interpolation].taps * request.real_dtype.itemsize
    canvas = 0 if adds_directly(request) else padded_bytes(request)
    flags = request.patches.flags
    ready = flags.c_contiguous and flags.aligned
    copied = 0 if ready else request.patches_bytes // request.slice_count
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=canvas + copied + (weights + 64) * request.patch_count,
        bytes_per_patch=request.patch_size**2 * request.dtype.itemsize,
        chunk_size=1,
        chunks_at_once=options.count(request.patches.size),
    )


@hookimpl
def place_patches(request: PlacementRequest, options: Options, out: Array) -> Array:
    """Add the patches, in one order whatever the number of threads."""
    return add_patches(request, out, options.count(request.patches.size))
