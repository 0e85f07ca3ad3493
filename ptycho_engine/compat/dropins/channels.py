"""Conversions between the channel, flat and grid formats as PtychoPINN has them.

Flat index ``b * C + c``, ``c = row * g + column``, where g is `gridsize` and C its square. All take
a tensor or array of any dtype and return a tensor with the same samples. `N` and `gridsize`, left
out, come from ``ptycho.params`` if the program has imported it; legacy code takes them from there
alone in `_fromgrid`, `_grid_to_channel` and `_channel_to_patches`. CompatError is raised if a
number is nowhere, the shape is another, or the samples do not fill whole groups.
"""

from __future__ import annotations

from typing import Any

from ...deprecation.table import deprecated
from ...errors import CompatError, RequestError
from ...geometry.labels import refuse_masked
from ..params import ambient


@deprecated("PED011")
def _channel_to_flat(img: Any) -> Any:
    """Turn channel format (B, H, W, C) into flat format (B * C, H, W, 1); H and W may differ."""
    return channel_to_flat(img)


@deprecated("PED012")
def _flat_to_channel(img: Any, N: int | None = None, gridsize: int | None = None) -> Any:
    """Turn flat format (B * C, N, N, 1) into channel format (B, N, N, C)."""
    return _arranged(img, "channel", N, gridsize)


@deprecated("PED013")
def _togrid(img: Any, gridsize: int | None = None, N: int | None = None) -> Any:
    """Turn flat format (B * C, N, N, 1) into grid format (B, g, g, N, N, 1)."""
    return _arranged(img, "grid", N, gridsize)


@deprecated("PED014")
def _fromgrid(img: Any, N: int | None = None) -> Any:
    """Turn grid format (B, g, g, N, N, 1) into flat format (B * C, N, N, 1)."""
    n = ambient.size("N", N)
    return _reshaped(img, (n, n, 1))


@deprecated("PED015")
def _grid_to_channel(grid: Any, gridsize: int | None = None) -> Any:
    """Turn grid format (B, g, g, N, N, 1) into channel format (B, N, N, C)."""
    import tensorflow as tf

    side = ambient.size("gridsize", gridsize)
    shape = (None, side, side, None, None, 1)
    tensor = shaped("grid", grid, shape, f"(B, {side}, {side}, N, N, 1)")
    n, m = sizes(tensor)[3:5]
    return tf.reshape(tf.transpose(tensor, (0, 3, 4, 1, 2, 5)), (-1, n, m, side**2))


@deprecated("PED016")
def _channel_to_patches(channel: Any, N: int | None = None, gridsize: int | None = None) -> Any:
    """Turn channel format (B, N, N, C) into grid format (B, g, g, N, N, 1)."""
    return _arranged(channel_to_flat(channel), "grid", N, gridsize)


@deprecated("PED017")
def flatten_offsets(channels: Any) -> Any:
    """Turn offsets (B, 1, 2, C) into a list (B * C, 2) of [x, y].

    Parameters
    ----------
    channels : tf.Tensor or ndarray, shape (B, 1, 2, C)
        Offsets in object pixels.

    Returns
    -------
    tf.Tensor, shape (B * C, 2)
        The same offsets.

    Raises
    ------
    CompatError
        If the shape is another.
    """
    return offsets_to_flat(channels)


def channel_to_flat(img: Any) -> Any:
    """Do what `_channel_to_flat` does, without its warning."""
    import tensorflow as tf

    tensor = shaped("img", img, (None,) * 4, "(B, H, W, C)")
    _, height, width, _ = sizes(tensor)
    return tf.reshape(tf.transpose(tensor, (0, 3, 1, 2)), (-1, height, width, 1))


def offsets_to_flat(offsets: Any) -> Any:
    """Do what `flatten_offsets` does, without its warning."""
    words = "(B, 1, 2, C), [x, y] on axis 2"
    return channel_to_flat(shaped("offsets", offsets, (None, 1, 2, None), words))[:, 0, :, 0]


def unmasked(name: str, value: Any) -> Any:
    """Return what a caller passed, unless a mask of it would be lost."""
    try:
        refuse_masked(value, name)
    except RequestError as error:
        raise CompatError(str(error)) from None
    return value


def shaped(name: str, value: Any, wanted: tuple[int | None, ...], words: str) -> Any:
    """Return a tensor of a shape; within a graph, what is not known yet is checked later."""
    import tensorflow as tf

    tensor = tf.convert_to_tensor(unmasked(name, value))
    if not tensor.shape.is_compatible_with(wanted):
        raise CompatError(f"{name}: received shape {tensor.shape}. Expected {words}.")
    return tf.ensure_shape(tensor, wanted)


def sizes(tensor: Any) -> list[Any]:
    """Return the length of each axis: a number, or a tensor where the graph does not know it."""
    import tensorflow as tf

    known = enumerate(tensor.shape)
    return [tf.shape(tensor)[axis] if size is None else size for axis, size in known]


def _arranged(img: Any, layout: str, N: int | None, gridsize: int | None) -> Any:
    """Take the samples as flat patches in whole groups, as legacy code does, and arrange them."""
    import tensorflow as tf

    from ...ops.arrange import arrange_tensor

    n, side = ambient.size("N", N), ambient.size("gridsize", gridsize)
    groups = _reshaped(img, (side**2, n, n))
    return arrange_tensor(tf.reshape(groups, (-1, n, n)), layout, side**2)


def _reshaped(img: Any, group: tuple[int, ...]) -> Any:
    """Cut the samples into whole groups of one shape."""
    import tensorflow as tf

    tensor = tf.convert_to_tensor(unmasked("img", img))
    samples, wanted = tensor.shape.num_elements(), tf.TensorShape(group).num_elements()
    if samples is not None and samples % wanted:
        raise CompatError(
            f"img: received shape {tensor.shape}, which does not fill groups of {group}. "
            "Check N and gridsize."
        )
    return tf.reshape(tensor, (-1, *group))
