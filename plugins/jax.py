"""Kernels compiled by jax: for NumPy's arrays and jax's own, on a CPU or a GPU, without TensorFlow.

Install it with ``pip install "ptycho_engine[jax]"``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ptycho_engine.plugin import (
    KERNELS,
    Capabilities,
    ExtractionRequest,
    Plan,
    copied_bytes,
    hookimpl,
    make_plan,
    whole_number_option,
)

NAME = "jax"
#: Chunks that exist at a time: one is computed while the other is copied.
CHUNKS_AT_ONCE = 2


@dataclass(frozen=True)
class Options:
    """Options of the plugin.

    Attributes
    ----------
    chunk_size : int or "auto"
        Patches of a chunk, for NumPy arrays; ``auto`` fills about 8 MiB, less if the budget is
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
    patch_bytes = request.patch_size**2 * request.dtype.itemsize
    if KERNELS[request.interpolation].weights is None:  # windows, weights and spectra
        patch_bytes += 8 * request.cut.span**2 * request.real_dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=copied_bytes(request, NAME),
        bytes_per_patch=patch_bytes,
        chunks_at_once=CHUNKS_AT_ONCE,
        chunk_size=None if isinstance(options.chunk_size, str) else options.chunk_size,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, plan: Plan, out: Any) -> Any:
    """Run the compiled kernel: over chunks of one shape, or over all patches of jax arrays."""
    from ptycho_engine.jax_ops.chunked import fill_array
    from ptycho_engine.jax_ops.native_path import extract_array

    if request.arrays.name == "jax":
        return extract_array(request)
    return fill_array(request, out, plan.chunk_size)
