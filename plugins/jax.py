"""Kernels compiled by jax, on a CPU or a GPU, without TensorFlow.

Arrays of torch and CuPy on a device are handed to jax there, by DLPack.
Install it with ``pip install "ptycho_engine[jax]"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ptycho_engine.plugin import (
    KERNELS,
    Capabilities,
    ExtractionRequest,
    PlacementRequest,
    Plan,
    copied_bytes,
    hookimpl,
    make_plan,
    padded_bytes,
    whole_number_option,
)

NAME = "jax"
#: Chunks that exist at a time: one is computed while the other is copied.
CHUNKS_AT_ONCE = 2
#: Twice as many take a third longer: what jax allocates for them is returned to the system.
CHUNK_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class Options:
    """Options of the plugin.

    Attributes
    ----------
    chunk_size : int or "auto"
        Patches of a chunk, for NumPy arrays; ``auto`` fills about 4 MiB, less if the budget is
        small. Patches of jax arrays are cut in one go.
    """

    chunk_size: int | str = "auto"

    def __post_init__(self) -> None:
        whole_number_option("chunk_size", self.chunk_size)


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve everything, on jax arrays too, and on a GPU if jax has one."""
    return Capabilities(
        interpolations=frozenset(KERNELS),
        roundings=frozenset({"exact", "legacy"}),
        layouts=frozenset({"flat", "channel", "grid"}),
        arrays=frozenset({"numpy", "jax"}),
        gradients=frozenset({"image", "positions"}),
        devices=frozenset({"cpu", "gpu"}),
        options=Options,
    )


@hookimpl
def plan_extraction(request: ExtractionRequest, options: Options, memory_budget: int) -> Plan:
    """Count the continued object, and the chunks in work."""
    return _plan(request, request.image, options, memory_budget, copied_bytes(request, NAME))


@hookimpl
def plan_placement(request: PlacementRequest, options: Options, memory_budget: int) -> Plan:
    """Count the continued object, the sum that is made anew, and the chunks in work."""
    return _plan(request, request.patches, options, memory_budget, 3 * padded_bytes(request))


@hookimpl
def extract_patches(request: ExtractionRequest, plan: Plan, out: Any) -> Any:
    """Run the compiled kernel: over chunks of one shape, or over all patches of jax arrays."""
    if request.arrays.name == "jax":
        from ptycho_engine.jax_ops.native_path import extract_array

        return extract_array(request)
    from ptycho_engine.jax_ops.chunked import fill_array

    return fill_array(request, out, plan.chunk_size)


@hookimpl
def place_patches(request: PlacementRequest, plan: Plan, out: Any) -> Any:
    """Run the transpose of the kernel: the same bits every time, but on a GPU."""
    if request.arrays.name == "jax":
        from ptycho_engine.jax_ops.adjoint import place_array

        return place_array(request)
    from ptycho_engine.jax_ops.chunked import add_to_array

    return add_to_array(request, out, plan.chunk_size)


@hookimpl
def position_gradient(request: ExtractionRequest, cotangent: Any, plan: Plan) -> Any:
    """Run the derivative of the kernel along the fractions."""
    if request.arrays.name == "jax":
        from ptycho_engine.jax_ops.native_path import slopes_of

        return slopes_of(request, cotangent)
    from ptycho_engine.jax_ops.chunked import sum_slopes

    return sum_slopes(request, cotangent, plan.chunk_size)


def _plan(
    request: ExtractionRequest | PlacementRequest,
    values: Any,
    options: Options,
    memory_budget: int,
    fixed_bytes: int,
) -> Plan:
    """Plan chunks, or all patches at once of arrays of jax, which lie where `values` do."""
    patch_bytes = request.patch_size**2 * request.dtype.itemsize
    if KERNELS[request.interpolation].weights is None:  # windows, weights and spectra
        patch_bytes += 8 * request.cut.span**2 * request.real_dtype.itemsize
    chunk_size = None if isinstance(options.chunk_size, str) else options.chunk_size
    free = None
    if request.arrays.name == "jax":
        from ptycho_engine.jax_ops.memory import device_memory

        free, chunk_size = device_memory(values), max(1, request.patch_count)
        fixed_bytes *= request.slice_count
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=fixed_bytes,
        bytes_per_patch=patch_bytes,
        chunk_size=chunk_size,
        chunk_bytes=CHUNK_BYTES,
        chunks_at_once=CHUNKS_AT_ONCE,
        device_bytes=free,
    )
