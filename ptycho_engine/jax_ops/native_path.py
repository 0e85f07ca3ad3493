"""jax arrays in, jax arrays out: at once, or inside ``jax.jit``, ``grad`` and ``vmap``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..arrays.forks import refuse_jax_after_fork
from ..compilations import counted
from ..errors import CapabilityError
from ..geometry.kernels import KERNELS
from ..kept import kept
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.prepared import CopyKey
from ..request.windows import Padding, find_windows, padded_bytes, padding_of
from .blending import CutKind, cut_view
from .continuation import continued, placed

#: Owner of the continued objects that are kept.
OWNER = "jax"
#: Complex patches of so many samples, cut of so few taps, take less time on a CPU than it takes to
#: view real and imaginary parts as one number afterwards, 0.15 ms.
FEW_SAMPLES, FEW_TAPS = 2**17, 2


def extract_array(request: ExtractionRequest) -> jax.Array:
    """Cut the patches of a request of jax arrays.

    Parameters
    ----------
    request : ExtractionRequest
        A request of which the object or the positions are jax arrays, traced or not.

    Returns
    -------
    jax.Array, shape `request.output_shape`
        The patches, on the device of the object. Gradients reach the object and, through the
        fractions, traced positions. Patches of traced positions that are NaN or infinite are NaN in
        every sample.

    Raises
    ------
    CapabilityError
        If a trace is of double precision, and jax is told to compute in single.
    """
    if is_traced(request, request.image):
        starts, offsets, refused = traced_windows(request)
        how = padding_of(request), request.fill, kind_of(request)
        patches = cut_object(jnp.asarray(request.image), starts, offsets, *how)
        if refused is not None:
            patches = nan_where(refused[:, None, None], patches)
    else:
        with at_once():
            patches = _cut_known(request)
    return request.arrays.arrange(patches, request.layout, request.channels)


def is_traced(request: LocatedRequest, values: Any) -> bool:
    """Tell whether something of a request is traced.

    Parameters
    ----------
    request : LocatedRequest
        The request.
    values : jax.Array or ndarray
        Its object or its patches.

    Returns
    -------
    bool
        Whether the values or the positions are.

    Raises
    ------
    CapabilityError
        If they are, in double precision, and jax is told to compute in single.
    """
    symbolic = request.arrays.is_symbolic
    traced = symbolic(values) or symbolic(request.positions)
    if traced and request.real_dtype == np.float64 and not jax.config.jax_enable_x64:
        raise CapabilityError(
            f"jax: received {request.dtype_name} inside jit, grad or vmap, and jax is told to "
            "compute in single precision. Expected float32 or complex64. Convert the arrays, or "
            'call jax.config.update("jax_enable_x64", True) first.'
        )
    return traced


@contextmanager
def at_once() -> Iterator[None]:
    """Compute at once, though a trace goes on around this, and in the precision of the arrays.

    What is computed may be kept, and must not belong to a trace. Arrays stay in double precision,
    and intermediate numbers may be, whatever jax is told. `jax.ensure_compile_time_eval` would also
    compute what functions compiled meanwhile hold of constants, zeros as large as the patches too.
    """
    refuse_jax_after_fork()
    with jax.enable_x64(True), jax.core.eval_context():
        yield


def kind_of(request: LocatedRequest) -> CutKind:
    """Find what the function that cuts depends on besides its arrays."""
    return CutKind(request.patch_size, request.interpolation, request.rounding)


def interleave_of(request: LocatedRequest) -> int:
    """Find the numbers per sample: 2 in the real view of complex objects.

    Separable kernels cut from it: XLA's code for complex numbers takes several times as long on a
    CPU.
    """
    separable = KERNELS[request.interpolation].weights is not None
    return 2 if separable and request.dtype.kind == "c" else 1


def traced_windows(request: LocatedRequest) -> tuple[jax.Array, jax.Array, jax.Array | None]:
    """Find windows inside a trace: starts, offsets, and which are refused, if that is not known."""
    if not request.arrays.is_symbolic(request.positions):
        found = find_windows(request)
        return jnp.asarray(found.starts), jnp.asarray(found.offsets), None
    padding = padding_of(request)
    starts, offsets, refused = placed(request.positions, request.shape, request.cut, padding)
    return starts, offsets.astype(request.offset_dtype), refused


def nan_where(refused: jax.Array, values: jax.Array) -> jax.Array:
    """Make values NaN where they are refused.

    The NaN is NumPy's: made by jax outside ``jax.jit``, it were an error under ``jax.debug_nans``.
    """
    return jnp.where(refused, values.dtype.type(np.nan), values)


@partial(jax.jit, static_argnums=(3, 4, 5))  # outside jax.jit, each operation were compiled alone
@counted
def cut_object(
    image: jax.Array,
    starts: jax.Array,
    offsets: jax.Array,
    padding: Padding,
    fill: str,
    kind: CutKind,
) -> jax.Array:
    """Cut flat patches (..., P, N, N) out of an object (..., H, W) that is first continued."""
    return cut_slices(continued(image, padding, fill), starts, offsets, kind)


def cut_slices(
    image: jax.Array, starts: jax.Array, offsets: jax.Array, kind: CutKind, interleave: int = 1
) -> jax.Array:
    """Cut flat patches (..., P, N, k N) of every slice of a continued object (..., H, k W)."""
    cut = partial(cut_view, starts=starts, offsets=offsets, kind=kind, interleave=interleave)
    if image.ndim == 2:
        return cut(image)
    slices = image.reshape(-1, *image.shape[-2:])
    patches = jax.vmap(cut)(slices)
    return patches.reshape(*image.shape[:-2], *patches.shape[1:])


def slopes_of(request: ExtractionRequest, cotangent: jax.Array) -> jax.Array:
    """Differentiate with respect to positions whose numbers are known.

    Parameters
    ----------
    request : ExtractionRequest
        An extraction of jax arrays, not traced: a trace differentiates `extract_array` itself.
    cotangent : jax.Array, shape `request.output_shape`
        ``dL/dRe + i dL/dIm`` of the patches.

    Returns
    -------
    jax.Array of float64, shape (P, 2)
        The gradient of the loss, columns (y, x).
    """
    flat = request.arrays.flatten(cotangent, request.layout)
    with at_once():
        found = find_windows(request)
        padded = _kept_object(request).whole
        slopes = _slopes_at_once(padded, found.starts, found.offsets, flat, kind_of(request))
        return slopes.astype(np.float64)


def _cut_known(request: ExtractionRequest) -> jax.Array:
    """Cut flat patches of an object whose numbers are known."""
    found, kept = find_windows(request), _kept_object(request)
    how = found.starts, found.offsets, kind_of(request)
    if interleave_of(request) == 1 or _few(request) or not _on_cpu(kept.whole):
        return _cut_at_once(kept.whole, *how, 1)
    return _viewed(_cut_at_once(kept.view, *how, 2), request.dtype)


def _few(request: ExtractionRequest) -> bool:
    """Tell whether patches are cut sooner as complex numbers than viewed as such afterwards."""
    size = request.patch_count * request.patch_size**2 * request.slice_count
    return size <= FEW_SAMPLES and KERNELS[request.interpolation].taps <= FEW_TAPS


def _on_cpu(array: jax.Array) -> bool:
    return [device.platform for device in array.devices()] == ["cpu"]


def _viewed(array: jax.Array, dtype: np.dtype[Any]) -> jax.Array:
    """View an array of a CPU in another dtype, as NumPy does: the memory is the same."""
    (device,) = array.devices()
    return jax.device_put(np.asarray(array).view(dtype), device)


@dataclass(frozen=True, eq=False)
class _Continued:
    """All slices of a continued object; `real_dtype` is that of a part of its numbers."""

    whole: jax.Array
    real_dtype: np.dtype[Any]

    @property
    @kept
    def view(self) -> jax.Array:
        """Real and imaginary parts interleaved, in the same memory, on a CPU."""
        return _viewed(self.whole, self.real_dtype)


def _kept_object(request: ExtractionRequest) -> _Continued:
    """Continue all slices of an object, once as long as it is kept."""
    padding = padding_of(request)

    def make() -> _Continued:
        whole = _continued_at_once(jnp.asarray(request.image), padding, request.fill)
        return _Continued(whole, request.real_dtype)

    key = CopyKey(OWNER, (), padding, request.fill)
    return request.prepared.once(key, make, padded_bytes(request) * request.slice_count)


@partial(jax.jit, static_argnums=(1, 2))
@counted
def _continued_at_once(image: jax.Array, padding: Padding, fill: str) -> jax.Array:
    return continued(image, padding, fill)


@partial(jax.jit, static_argnums=(3, 4))
@counted
def _cut_at_once(
    padded: jax.Array, starts: Any, offsets: Any, kind: CutKind, interleave: int
) -> jax.Array:
    return cut_slices(padded, starts, offsets, kind, interleave)


@partial(jax.jit, static_argnums=4)
@counted
def _slopes_at_once(
    padded: jax.Array, starts: Any, offsets: Any, cotangent: jax.Array, kind: CutKind
) -> jax.Array:
    # Of a complex function, jax's own convention takes the conjugate.
    cut = partial(cut_slices, padded, starts, kind=kind)
    slopes: jax.Array = jax.vjp(cut, offsets)[1](cotangent.conj())[0]
    return slopes
