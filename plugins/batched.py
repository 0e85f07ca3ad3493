"""One vectorised TensorFlow call for each batch, without XLA."""

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

NAME = "batched"


@dataclass(frozen=True)
class Options:
    """Options of the plugin.

    Attributes
    ----------
    batch_size : int or "auto"
        Patches of a batch; ``auto`` fills about 8 MiB, less if the budget is small.
    """

    batch_size: int | str = "auto"

    def __post_init__(self) -> None:
        whole_number_option("batch_size", self.batch_size)


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve everything, on tensors too."""
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
    """Count the padded object; indices and windows of a batch, and the terms of their sum."""
    kernel = KERNELS[request.interpolation]
    span = request.cut.span
    numbers = 2 if request.dtype.kind == "c" else 1
    if kernel.weights is None:  # spectra, complex also for real objects
        window_bytes, terms_bytes = 0, 5 * span**2 * 2 * request.real_dtype.itemsize
    else:
        window_bytes = span**2 * numbers * (2 * 4 + request.real_dtype.itemsize)
        # Measured: of doubles, TensorFlow holds two terms more at once.
        terms = kernel.taps**2 + (2 if request.real_dtype.itemsize == 8 else 0)
        terms_bytes = terms * request.patch_size**2 * request.dtype.itemsize
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=object_bytes(request, one_shape=False),
        device_bytes=device_memory(),
        bytes_per_patch=window_bytes + terms_bytes,
        chunk_size=None if isinstance(options.batch_size, str) else options.batch_size,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, plan: Plan, out: Any) -> Any:
    """Run the graph over batches."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.extract(request, out, plan.chunk_size, compiled=False, workers=1)


@hookimpl
def plan_placement(request: PlacementRequest, options: Options, memory_budget: int) -> Plan:
    """Count the canvases, and a chunk with its windows and their indices."""
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=canvas_bytes(request, one_shape=False),
        device_bytes=device_memory(),
        bytes_per_patch=spread_bytes(request) + 2 * 8 * request.cut.span**2,
        chunk_size=None if isinstance(options.batch_size, str) else options.batch_size,
    )


@hookimpl
def place_patches(request: PlacementRequest, plan: Plan, out: Any) -> Any:
    """Add patches chunk by chunk, in order: the same bits in every run on a CPU."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.place(request, out, plan.chunk_size, compiled=False)


@hookimpl
def position_gradient(request: ExtractionRequest, cotangent: Any, plan: Plan) -> Any:
    """Differentiate the chunks that `extract_patches` cuts."""
    prepare_tensorflow()
    from ptycho_engine.ops import serving

    return serving.position_gradient(request, cotangent, plan.chunk_size, compiled=False)
