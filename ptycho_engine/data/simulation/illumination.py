"""Exit waves: patches of the object under the modes of the probe, slice by slice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...arrays.adapter import NUMPY
from ...errors import RequestError
from ...geometry.labels import plain
from ...native import fields as loops
from .cutters import Cutter, Places
from .propagation import SliceGap, far_field, through

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Illumination:
    """A probe that scans an object.

    Attributes
    ----------
    cutter : Cutter
        Cuts the patches, of the probe's size.
    slices : int
        Slices S of the object.
    probe : ndarray of complex, shape (M, N, N)
        The modes.
    transfer : ndarray, shape (N, N), or None
        From one slice to the next, if there are several.
    onward : ndarray, shape (N, N), or None
        To a detector in the near field, as `NearField.to_detector` gives it; None for the far one.
    """

    cutter: Cutter
    slices: int
    probe: Array
    transfer: Array | None
    onward: Array | None = None

    @property
    def size(self) -> int:
        """Size N of the probe."""
        return int(self.probe.shape[-1])

    @property
    def real_dtype(self) -> np.dtype[Any]:
        """Dtype of real numbers of the same precision."""
        return self.probe.real.dtype

    @property
    def bytes_per_pattern(self) -> int:
        """Bytes of patches and of a wave, for each pattern of a chunk."""
        return (self.slices + self._keeps_patches) * self.size**2 * self.probe.itemsize

    @property
    def _keeps_patches(self) -> bool:
        """Whether waves need memory beside the patches, which another mode needs again."""
        return len(self.probe) > 1

    def workspace(self, chunk: int) -> Array:
        """Make room for chunks of so many patterns: fresh pages would cost more than the work."""
        return np.empty(chunk * self.bytes_per_pattern // self.probe.itemsize, self.probe.dtype)

    def exit_waves(self, places: Places, workspace: Array) -> Iterator[Array]:
        """Give the exit wave of each mode, one after the other.

        Parameters
        ----------
        places : ndarray of int, shape (c,)
            Which positions.
        workspace : ndarray of complex
            As `workspace` makes it.

        Yields
        ------
        ndarray, shape (c, N, N)
            In the workspace; what is asked for next overwrites it.
        """
        count, n, real = len(places), self.size, self.real_dtype
        fields = self.slices + self._keeps_patches
        room = workspace[: fields * count * n**2].reshape(fields, count, n, n)
        patches = room[: self.slices]
        self.cutter(places, patches)
        for mode in self.probe:
            wave = room[0]
            if self._keeps_patches:
                wave = room[-1]
                wave[...] = patches[0]
            loops.multiply(wave.view(real), mode[None].view(real))
            for patch in patches[1:]:
                assert self.transfer is not None  # with more than one slice
                wave = through(wave, self.transfer)
                loops.multiply(wave.view(real), patch.view(real))
            yield wave

    def at_detector(self, wave: Array) -> Array:
        """Carry an exit wave (c, N, N) to the detector, whose middle comes first; it is used up."""
        return far_field(wave) if self.onward is None else through(wave, self.onward)


def complex_object(image: ArrayLike, gap: SliceGap | None) -> Array:
    """Check an object, and return it as complex slices (S, H, W)."""
    found = object_samples(image)
    single = found.dtype in (np.float16, np.float32, np.complex64)
    found = found.astype(np.complex64 if single else np.complex128, copy=False)
    if found.ndim == 2:
        return found[None]
    if len(found) > 1 and gap is None:
        raise RequestError(
            f"image: received {len(found)} slices, and no gap between them. Expected "
            "gap=SliceGap(distance, wavelength, pixel_size), in metres; or one slice."
        )
    return found


def probe_modes(probe: ArrayLike, dtype: np.dtype[Any]) -> Array:
    """Check a probe, and return a copy: its modes (M, N, N) in the dtype of the object."""
    found = probe_samples(probe)
    return np.array(found.reshape(-1, *found.shape[-2:]), dtype, order="C")


def good_pixels(mask: ArrayLike, size: int) -> Array:
    """Check the mask of a detector, boolean, (N, N), and return a copy."""
    found = NUMPY.convert(plain(mask, "mask"), "mask")
    if found.shape != (size, size) or found.dtype != bool:
        raise RequestError(
            f"mask: received {found.dtype} of shape {found.shape}. Expected bool of shape "
            f"{(size, size)}, False where the detector sees nothing."
        )
    return found.copy()


def object_samples(image: ArrayLike) -> Array:
    """Check an object, and return its array (H, W) or (S, H, W): what came, if it was one."""
    return _numbers(image, "image", "(H, W) or (S, H, W)")


def probe_samples(probe: ArrayLike) -> Array:
    """Check a probe, and return its array (N, N) or (M, N, N): what came, if it was one."""
    found = _numbers(probe, "probe", "(N, N) or (M, N, N)")
    if found.shape[-1] != found.shape[-2] or 0 in found.shape:
        raise RequestError(
            f"probe: received shape {found.shape}. Expected (N, N) or (M, N, N), square."
        )
    return found


def _numbers(values: ArrayLike, what: str, shapes: str) -> Array:
    found = NUMPY.convert(plain(values, what), what)
    if found.dtype.kind not in "iufc" or found.ndim not in (2, 3) or 0 in found.shape[:-2]:
        raise RequestError(
            f"{what}: received {found.dtype} of shape {found.shape}. Expected numbers of shape "
            f"{shapes}."
        )
    if not np.isfinite(found).all():
        raise RequestError(
            f"{what}: holds samples that are NaN or infinite, which no detector shows. Expected "
            "finite numbers. Set these to 0, or to what is around them."
        )
    return found
