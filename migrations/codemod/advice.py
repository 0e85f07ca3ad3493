"""What to do about a parameter that chooses how the engine works."""

from __future__ import annotations

from typing import Any

from .names import parameters


def advice(key: str, value: Any = None) -> str:
    """Say what a legacy parameter is in the engine.

    Parameters
    ----------
    key : str
        The parameter.
    value : object
        The literal it is set to, or None.

    Returns
    -------
    str
        The middle of a comment.
    """
    if key == "use_batched_patch_extraction" and isinstance(value, bool):
        chosen = "chunked_xla (batched without XLA)" if value else "iterative"
        return f"{key}={value} is plugin={chosen}"
    if key == "patch_extraction_batch_size" and isinstance(value, int):
        return f"{key}={value} is plugin.chunk_size={value}, or plugin.batch_size with batched"
    if key == "use_xla_translate" and value is False:
        return f"{key}=False is plugin=batched, unless batched extraction is off"
    return f"{key} is now {parameters()[key].replacement}"
