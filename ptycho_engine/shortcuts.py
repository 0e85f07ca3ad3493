"""One call in place of an engine, for those who cut once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .arrays.tensors import outside_autograph
from .engine import DEFAULT_PLUGIN, Engine
from .geometry.cut import Fill, Interpolation, Rounding
from .geometry.layouts import Layout


@outside_autograph
def extract_patches(
    image: Any,
    positions: Any,
    patch_size: int,
    *,
    plugin: str | object = DEFAULT_PLUGIN,
    options: Mapping[str, Any] | None = None,
    memory_budget: int | str | None = None,
    interpolation: Interpolation = "bilinear",
    fill: Fill = "zeros",
    rounding: Rounding = "exact",
    layout: Layout = "flat",
    out: Any = None,
    progress: bool = False,
) -> Any:
    """Cut patches once: ``Engine(plugin, ...).extract(image, positions, patch_size, ...)``.

    Parameters
    ----------
    image, positions, patch_size, interpolation, fill, rounding, layout, out, progress
        As for :meth:`Engine.extract`.
    plugin, options, memory_budget
        As for :class:`Engine`.

    Returns
    -------
    ndarray, tf.Tensor or `out`
        The patches.
    """
    engine = Engine(plugin, options=options, memory_budget=memory_budget)
    return engine.extract(
        image, positions, patch_size,
        interpolation=interpolation, fill=fill, rounding=rounding, layout=layout, out=out,
        progress=progress,
    )  # fmt: skip
