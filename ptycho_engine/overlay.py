"""The half of an engine that puts patches back: the adjoint of extraction."""

from __future__ import annotations

from typing import Any

from .arrays.adapter import NUMPY
from .arrays.tensors import outside_autograph
from .errors import RequestError
from .geometry.cut import Fill, Interpolation
from .geometry.layouts import Layout
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
