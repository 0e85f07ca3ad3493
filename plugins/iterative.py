"""The legacy algorithm: translate the object under each patch, one by one. Deprecated."""

from __future__ import annotations

from typing import Any

from ptycho_engine.ops.runtime import device_memory, prepare_tensorflow
from ptycho_engine.ops.shapes import is_tiled, object_bytes
from ptycho_engine.plugin import (
    Capabilities,
    ExtractionRequest,
    Plan,
    hookimpl,
    make_plan,
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
    """Count the padded object, and a window with what becomes of it."""
    return make_plan(
        request,
        NAME,
        memory_budget,
        fixed_bytes=object_bytes(request, one_shape=False),
        device_bytes=device_memory(),
        bytes_per_patch=4 * request.patch_size**2 * request.dtype.itemsize,
        chunk_size=1,
    )


@hookimpl
def extract_patches(request: ExtractionRequest, out: Any) -> Any:
    """Translate and crop, one patch at a time."""
    prepare_tensorflow()
    from ptycho_engine.ops.arrays import fill_array
    from ptycho_engine.ops.chunks import kind_of
    from ptycho_engine.ops.tensor_path import extract_tensor
    from ptycho_engine.ops.tiles import fill_by_tiles
    from ptycho_engine.ops.translate import cut_by_translation

    function = cut_by_translation(kind_of(request, compiled=True))
    if request.is_tensor:
        return extract_tensor(request, function, 1, one_shape=False)
    fill = fill_by_tiles if is_tiled(request) else fill_array
    return fill(request, out, function, 1, one_shape=False, workers=1)
