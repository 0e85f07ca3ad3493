"""The half of an engine that puts patches back: the adjoint of extraction."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from .arrays.adapter import NUMPY, adapter_of
from .arrays.tensors import outside_autograph
from .errors import RequestError, at_caller
from .geometry.cut import Cut, Fill, Interpolation
from .geometry.layouts import Layout
from .report.progress import shown
from .request.mosaic import Mosaic, reassemble
from .request.normalisation import Place, Reassembled
from .request.placement import build_placement, check_accumulator
from .service import Service


class Overlay:
    """What `Engine` inherits."""

    _service: Service

    @property
    def hooks(self) -> frozenset[str]:
        """The hooks that the plugin implements, see `ptycho_engine.host.hookspecs`."""
        return self._service.plugin.hooks

    @outside_autograph
    def place(
        self,
        patches: Any,
        positions: Any,
        shape: tuple[int, int],
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        layout: Layout = "flat",
        out: Any = None,
    ) -> Any:
        """Add each patch onto the object under its scan position: the exact adjoint of `extract`.

        With the same arguments, ``vdot(extract(x), y) = vdot(x, place(y))`` for every object x and
        all patches y, but for rounding. Nothing is divided by the number of patches that overlap.

        Parameters
        ----------
        patches : array_like or tensor, (..., P, N, N), (..., B, N, N, C) or (..., B, g, g, N, N, 1)
            The patches, in `layout`; float32, float64, complex64 or complex128. Leading axes
            (modes, slices) become those of the object.
        positions : array_like or tensor, shape (P, 2), or (B, C, 2) for channel and grid
            Scan positions (y, x) in object pixels; sample ``N // 2`` of a patch lands there.
        shape : (int, int)
            Height H and width W of the object.
        interpolation, fill, layout
            As for `extract`. What a patch shows of the continued object goes to the sample that is
            repeated there; with ``zeros`` it is dropped.
        out : ndarray, optional
            Is added to, and returned: shape (..., H, W), the patches' dtype. After an error in the
            midst of the work it may hold some of the patches. Not for tensors.

        Returns
        -------
        ndarray, tensor or `out`
            The object, (..., H, W), of the patches' dtype: NumPy for NumPy and tensors for
            tensors. The same bits for any number of threads, unless an option of the plugin asks
            for less.

        Raises
        ------
        RequestError, OutOfBoundsError
            If the arguments describe no placement.
        CapabilityError
            If the plugin does not serve it.
        MemoryBudgetError
            If object and workspace exceed the memory budget.

        Examples
        --------
        >>> import numpy as np
        >>> from ptycho_engine import Engine
        >>> Engine("numba").place(np.ones((2, 1, 1)), [[0, 0], [1, 0.5]], (2, 2))
        array([[1. , 0. ],
               [0.5, 0.5]])
        """
        request = build_placement(
            patches, positions, shape, interpolation=interpolation, fill=fill, layout=layout
        )
        self._service.check_placement(request)
        if request.arrays is not NUMPY:
            if out is not None:
                raise RequestError("out: cannot receive tensors. Leave it out for tensor input.")
            return self._service.place_native(request)
        if out is not None:
            check_accumulator(request, out)
        return self._service.place(request, out)

    @at_caller
    def reassemble(
        self,
        patches: Any,
        positions: Any,
        shape: tuple[int, int] | None = None,
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        layout: Layout = "flat",
        probe: ArrayLike | None = None,
        weights: ArrayLike | None = None,
        border: int = 0,
        progress: bool = False,
    ) -> Reassembled:
        """Put overlapping patches together: their sum, divided by how much covers each sample.

        See :mod:`ptycho_engine.request.normalisation` for the definition.

        Parameters
        ----------
        patches : array, shape (..., P, N, N), or that of `layout`; or iterable
            The patches, NumPy only: an array, a memory map, HDF5 dataset or Zarr array, read slice
            by slice, or an iterable of arrays or `Block` in order, such as `stream` yields.
        positions : array_like, shape (P, 2), or (B, C, 2) for channel and grid
            Where they lie, (y, x) in object pixels, as for `extract`.
        shape : (int, int), optional
            Height and width of the object; by default the least that holds all windows.
        interpolation, fill, layout
            How patches were cut, as for `place`.
        probe : array_like, shape (N, N) or (modes, N, N), optional
            Samples count by its intensity, summed over modes, the brightest 1.
        weights : array_like, shape (N, N) or (P, N, N), optional
            What samples count, 0 or more, in place of a probe.
        border : int
            Samples at each side of a patch that are left out.
        progress : bool
            Show a bar: on standard error, or in the notebook.

        Returns
        -------
        Reassembled
            `object` (..., H, W) and `coverage` (H, W).

        Raises
        ------
        RequestError, CapabilityError, MemoryBudgetError
            If it cannot be done. Patches are never all in memory, object and coverage are.
        """
        if adapter_of(patches, positions) is not NUMPY:
            raise RequestError(
                "reassemble: takes NumPy arrays. Use place for other arrays, and divide by the "
                "placement of ones; or the layer ReassemblePatches."
            )

        def placer(cut: Cut, size: tuple[int, int]) -> Place:
            how: Any = {"interpolation": cut.interpolation, "fill": cut.fill}
            return lambda block, where, out: self.place(block, where, size, **how, out=out)

        return reassemble(
            placer,
            patches,
            positions,
            shape,
            Mosaic(interpolation, fill, layout, border),
            probe=probe,
            weights=weights,
            memory_budget=self._service.memory_budget,
            watch=shown if progress else None,
        )
