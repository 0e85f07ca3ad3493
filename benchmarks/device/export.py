"""Writes the project's own kernels, as TensorFlow's XLA bridge compiles them, for jax to run."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from ptycho_engine.testing.reference import reference_patches

from .case import KINDS, MEMBERS, Case
from .transcript import MANIFEST, Transcript

PATCH_SIZES = (32, 64, 128, 256)
#: Of the patches of each case: five times the cache of a large GPU.
PATCH_BYTES = 256 * 1024**2


def cases(
    patch_sizes: Sequence[int] = PATCH_SIZES,
    patch_bytes: int = PATCH_BYTES,
    object_size: int = 1024,
) -> tuple[Case, ...]:
    """One case for each patch size, all of about as many bytes."""
    return tuple(
        Case(n, max(MEMBERS, patch_bytes // (8 * n * n) // MEMBERS * MEMBERS), object_size)
        for n in patch_sizes
    )


def export(folder: Path, chosen: Sequence[Case]) -> Transcript:
    """Write kernels and expected values of some cases.

    Parameters
    ----------
    folder : Path
        Made if missing; files of the same names are replaced.
    chosen : sequence of Case
        What to export.

    Returns
    -------
    Transcript
        What was written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    versions = {name: version(name) for name in ("ptycho_engine", "tensorflow", "numpy")}
    transcript = Transcript(folder, tuple(chosen), versions)
    for case in chosen:
        for kind in KINDS:
            transcript.kernel(case, kind).write_bytes(stablehlo(case, kind))
        transcript.store_expected(case, expected_patches(case), expected_gradient(case))
    transcript.write_manifest()
    return transcript


def stablehlo(case: Case, kind: str) -> bytes:
    """Serialise one kernel, for the shapes of its case."""
    import tensorflow as tf

    specs = [tf.TensorSpec(a.shape, a.dtype) for a in case.arguments(kind)]
    function = tf.function(_traced(case, kind), jit_compile=True, autograph=False)
    serialised: bytes = function.experimental_get_compiler_ir(*specs)(stage="stablehlo_serialized")
    return serialised


def _traced(case: Case, kind: str) -> Any:
    import tensorflow as tf

    from ptycho_engine.ops.chunks import ChunkKind, chunk_function

    n = case.patch_size
    cut_chunk = chunk_function(ChunkKind(n, "bilinear", "exact", interleave=2, compiled=True))

    def channel(image: Any, starts: Any, fractions: Any) -> Any:
        members = tf.reshape(cut_chunk(image, starts, fractions), (-1, MEMBERS, n, n, 2))
        return tf.reshape(tf.transpose(members, [0, 2, 3, 1, 4]), case.output_shape("channel"))

    def gradient(starts: Any, fractions: Any, upstream: Any) -> Any:
        image = tf.zeros(case.output_shape("gradient"))  # linear: any object has this gradient
        with tf.GradientTape() as tape:
            tape.watch(image)
            patches = cut_chunk(image, starts, fractions)
        return tape.gradient(patches, image, upstream)

    return {"flat": cut_chunk.python_function, "channel": channel, "gradient": gradient}[kind]


def expected_patches(case: Case) -> np.ndarray:
    """Rows of the checked patches, by the reference that shares no code with the kernels."""
    image = case.image().view(np.complex64)
    patches = reference_patches(image, case.positions()[case.checked], case.patch_size)
    return case.thin(patches.astype(np.complex64))


def expected_gradient(case: Case) -> np.ndarray:
    """Rows of the gradient of the checked patches, summed in double precision."""
    n, side = case.patch_size, case.object_size
    gradient = np.zeros((side, side), np.complex128)
    upstream = case.checked_upstream().view(np.complex64).astype(np.complex128)
    windows = zip(case.starts()[case.checked], case.fractions()[case.checked], strict=True)
    for ((y, x), (v, u)), patch in zip(windows, upstream, strict=True):
        for row, row_weight in enumerate((1 - float(v), float(v))):
            for column, weight in enumerate((1 - float(u), float(u))):
                part = np.s_[y + row : y + row + n, x + column : x + column + n]
                gradient[part] += row_weight * weight * patch
    return gradient[:: case.gradient_step].astype(np.complex64)
