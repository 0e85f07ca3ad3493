"""The function that cuts one chunk of patches, built once for each kind of request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from inspect import unwrap
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ..arrays.tensors import is_symbolic
from ..compilations import counted
from ..geometry.kernels import KERNELS
from ..request.extraction import ExtractionRequest
from ..request.located import LocatedRequest
from ..request.windows import padded_bytes
from .aligned import has_gpu
from .gather import gather_elements, gather_windows
from .interpolate import cut_patches
from .modes import unobserved

Array = np.ndarray[Any, Any]
#: Of a padded object (H, k W), starts (P, 2) of int32 and offsets (P, 2), to patches (P, N, k N).
ChunkFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]
#: The same in pieces along the first axis.
PieceFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], Sequence[tf.Tensor]]
#: Bytes of patches up to which a chunk is cut on one thread, and of each of its pieces.
SERIAL_BYTES = 512 * 1024
PIECE_BYTES = 256 * 1024


class ChunkKind(NamedTuple):
    """What a chunk function depends on besides the shapes of its arrays.

    Attributes
    ----------
    patch_size, interpolation, rounding
        As in the request.
    interleave : {1, 2}
        Numbers per sample: 2 for complex objects.
    compiled : bool
        Compiled by XLA, with the window gather; otherwise a plain graph.
    wide : bool
        Whether the padded object may hold more numbers than int32 counts.
    """

    patch_size: int
    interpolation: str
    rounding: str
    interleave: int
    compiled: bool
    wide: bool = False


@cache  # a dropped function would free nothing, and be compiled again
def chunk_function(kind: ChunkKind) -> Any:
    """Return the ``tf.function`` that cuts one chunk.

    Parameters
    ----------
    kind : ChunkKind
        What to build. The same kind gives the same function, so that compiled code is reused.

    Returns
    -------
    tf.function
        Of a padded object (H, k W), starts (P, 2) of int32 and offsets (P, 2), to patches
        (P, N, k N).
    """

    def cut_chunk(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        return cut_patches(
            image,
            tf.cast(starts, tf.int64) if kind.wide else starts,
            offsets,
            patch_size=kind.patch_size,
            interpolation=kind.interpolation,
            rounding=kind.rounding,
            interleave=kind.interleave,
            gather=gather_windows if kind.compiled else gather_elements,
        )

    if kind.compiled:
        return tf.function(counted(cut_chunk), jit_compile=True, autograph=False)
    return tf.function(cut_chunk, reduce_retracing=True, autograph=False)


def bind(
    function: Any, request: ExtractionRequest, image: tf.Tensor, starts: Array, offsets: Array
) -> PieceFunction:
    """Return a compiled chunk function for eager tensors shaped like these, without gradients.

    What ``tf.function`` does at every call to match its arguments takes longer than a small chunk.

    Parameters
    ----------
    function : tf.function
        What `chunk_function` returns for the request's kind, compiled.
    request : ExtractionRequest
        The request.
    image, starts, offsets
        Arguments that it will get.

    Returns
    -------
    callable
        Of these arguments, to the patches: in one piece or, of a small chunk, in a few of whole
        groups.
    """
    patch_bytes = request.patch_size**2 * request.dtype.itemsize
    kernel = KERNELS[request.interpolation]
    little_work = kernel.weights is not None and kernel.taps <= 2
    if little_work and 1 < len(starts) <= SERIAL_BYTES // patch_bytes and not has_gpu():
        groups = max(1, PIECE_BYTES // (request.channels * patch_bytes))
        function = serial_function(unwrap(function.python_function), groups * request.channels)
    like = (tf.TensorSpec(x.shape, x.dtype) for x in (image, starts, offsets))
    with unobserved():
        call: PieceFunction = function.get_concrete_function(*like).inference_fn.call_flat
    return call


def call_unobserved(
    function: Any, of: tuple[int, ...], *arguments: tf.Tensor, compiled: bool = True
) -> tf.Tensor:
    """Call a function without what observes operations, in its gradient neither if it is compiled.

    Parameters
    ----------
    function : tf.function
        Of a chunk.
    of : tuple of int
        Which of its arguments have a gradient.
    *arguments : tf.Tensor
        Eager or symbolic.
    compiled : bool
        Whether XLA compiles it.

    Returns
    -------
    tf.Tensor
        What it returns.
    """
    with unobserved() as observed:
        if observed and compiled and any(map(is_symbolic, arguments)):
            function = differentiated_apart(function, of)
        return function(*arguments)


@cache
def differentiated_apart(function: Any, of: tuple[int, ...]) -> Callable[..., tf.Tensor]:
    """Differentiate a compiled function in another one, which nothing observes either.

    TensorFlow builds the gradient itself where it is asked for, with what observes operations in
    it, and could not compile it then.

    Parameters
    ----------
    function : tf.function
        What is compiled.
    of : tuple of int
        Which of its arguments have a gradient.

    Returns
    -------
    callable
        The same function.
    """
    plain = unwrap(function.python_function)

    @tf.function(jit_compile=True, autograph=False)
    def slopes(arguments: tuple[tf.Tensor, ...], upstream: tf.Tensor) -> list[tf.Tensor | None]:
        # Unlike a tape, this heeds the gradient that was put on the gathering of windows. Nearest
        # samples have no slope along positions, and get None.
        found: list[tf.Tensor | None] = tf.gradients(
            plain(*arguments), [arguments[each] for each in of], upstream
        )
        return found

    @tf.custom_gradient
    def call(*arguments: tf.Tensor) -> Any:
        def gradient(upstream: tf.Tensor) -> list[tf.Tensor | None]:
            with unobserved():
                found = dict(zip(of, slopes(arguments, upstream), strict=True))
            return [found.get(each) for each in range(len(arguments))]

        with unobserved():
            return function(*arguments), gradient

    found: Callable[..., tf.Tensor] = call
    return found


@cache
def serial_function(cut: ChunkFunction, rows: int) -> Any:
    """Cut a small chunk in pieces, on one thread: waking another takes longer than the work.

    XLA shares out among the threads of a CPU whatever it takes to read the whole object, however
    small its result, but neither a single patch nor the update of an array in place.
    """

    def cut_pieces(image: tf.Tensor, starts: tf.Tensor, offsets: tf.Tensor) -> list[tf.Tensor]:
        pieces = []
        for first in range(0, starts.shape[0], rows):
            piece_starts, piece_offsets = (x[first : first + rows] for x in (starts, offsets))
            others = piece_starts.shape[0] - 1
            piece = cut(image, piece_starts[:1], piece_offsets[:1])
            if others:
                piece = tf.raw_ops.TensorStridedSliceUpdate(
                    input=tf.pad(piece, [[0, others], [0, 0], [0, 0]]),
                    begin=[1],
                    end=[1 + others],
                    strides=[1],
                    value=cut(image, piece_starts[1:], piece_offsets[1:]),
                )
            pieces.append(piece)
        return pieces

    return tf.function(counted(cut_pieces), jit_compile=True, autograph=False)


def kind_of(request: LocatedRequest, *, compiled: bool) -> ChunkKind:
    """Return the kind of chunk that serves a request, of patches to be cut or placed."""
    numbers = padded_bytes(request) // request.real_dtype.itemsize
    return ChunkKind(
        request.patch_size,
        request.interpolation,
        request.rounding,
        interleave=2 if request.dtype.kind == "c" else 1,
        compiled=compiled,
        wide=numbers > np.iinfo(np.int32).max or None in request.shape,
    )
