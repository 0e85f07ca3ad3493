"""The legacy algorithm: translate the whole padded object once per patch, and crop. Deprecated."""

from __future__ import annotations

from typing import Any

from ptycho_engine.plugin import (
    Capabilities,
    ExtractionRequest,
    Plan,
    copied_bytes,
    hookimpl,
    make_plan,
    padded_bytes,
    warn,
)

NAME = "iterative"


@hookimpl
def plugin_capabilities() -> Capabilities:
    """Serve everything, slowly; a tensor inside ``tf.function`` too. Warns on selection."""
    warn("PED001")
    return Capabilities(
        roundings=frozenset({"exact", "legacy"}),
        arrays=frozenset({"numpy", "tensorflow"}),
        devices=frozenset({"cpu", "gpu"}),
    )


@hookimpl
def plan_extraction(request: ExtractionRequest, memory_budget: int) -> Plan:
    """Count a few padded copies of the object, whatever the number of patches."""
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=copied_bytes(request) + 3 * padded_bytes(request),
        bytes_per_patch=request.patch_size**2 * request.dtype.itemsize,
        chunk_size=1,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, out: Any) -> Any:
    """Translate and crop, one patch at a time."""
    from ptycho_engine.ops.runtime import prepare_tensorflow

    prepare_tensorflow()
    from ptycho_engine.ops.arrays import fill_array
    from ptycho_engine.ops.chunks import kind_of
    from ptycho_engine.ops.tensor_path import extract_tensor
    from ptycho_engine.ops.translate import cut_by_translation

    function = cut_by_translation(kind_of(request, compiled=True))
    if request.is_tensor:
        return extract_tensor(request, function, 1)
    return fill_array(request, out, function, 1, one_shape=False, workers=1)
