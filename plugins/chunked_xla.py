"""Chunks of one fixed shape through a kernel compiled by XLA: the default.

Each tap of the kernel is one XLA window gather of N x N samples; XLA fuses the gathers and the
weighted sum into one pass. Two threads take turns in computing a chunk and copying it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ptycho_engine.ops.runtime import device_memory, prepare_tensorflow
from ptycho_engine.ops.shapes import canvas_bytes, object_bytes, spread_bytes
from ptycho_engine.plugin import (
    KERNELS,
    Capabilities,
    ExtractionRequest,
    PlacementRequest,
    Plan,
    hookimpl,
    make_plan,
    whole_number_option,
)

NAME = "chunked_xla"
WORKERS = 2


@dataclass(frozen=True)
class Options:
    """Options of the plugin.

    Attributes
    ----------
    chunk_size : int or "auto"
        Patches of a chunk; ``auto`` fills about 8 MiB, less if the budget is small.
    """

    chunk_size: int | str = "auto"

    def __post_init__(self) -> None:
        whole_number_option("chunk_size", self.chunk_size)


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve everything, on tensors too, and on a GPU if TensorFlow has one."""
    return Capabilities(
        interpolations=frozenset(KERNELS),
        roundings=frozenset({"exact", "legacy"}),
        layouts=frozenset({"flat", "channel"}),
        arrays=frozenset({"numpy", "tensorflow"}),
        gradients=frozenset({"image", "positions"}),
        devices=frozenset({"cpu", "gpu"}),
        options=Options,
    )


@hookimpl
def plan_extraction(request: ExtractionRequest, options: Options, memory_budget: int) -> Plan:
    """Count the padded object, and the chunks in work."""
    patch_bytes = request.patch_size**2 * request.dtype.itemsize
    if KERNELS[request.interpolation].weights is None:  # spectra, of twice the real numbers
        patch_bytes += 6 * request.cut.span**2 * request.real_dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=object_bytes(request, one_shape=True),
        device_bytes=device_memory(),
        bytes_per_patch=patch_bytes,
        chunks_at_once=WORKERS,
        chunk_size=None if isinstance(options.chunk_size, str) else options.chunk_size,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, plan: Plan, out: Any) -> Any:
    """Run the compiled kernel over chunks of one shape."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.extract(request, out, plan.chunk_size, compiled=True, workers=WORKERS)


@hookimpl
def plan_placement(request: PlacementRequest, options: Options, memory_budget: int) -> Plan:
    """Count the canvases, and a chunk with its windows."""
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=canvas_bytes(request, one_shape=True),
        device_bytes=device_memory(),
        bytes_per_patch=spread_bytes(request),
        chunk_size=None if isinstance(options.chunk_size, str) else options.chunk_size,
    )


@hookimpl
def place_patches(request: PlacementRequest, plan: Plan, out: Any) -> Any:
    """Add patches chunk by chunk, in order: the same bits in every run on a CPU."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.place(request, out, plan.chunk_size, compiled=True)


@hookimpl
def position_gradient(request: ExtractionRequest, cotangent: Any, plan: Plan) -> Any:
    """Differentiate the chunks that `extract_patches` cuts."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.position_gradient(request, cotangent, plan.chunk_size, compiled=True)
