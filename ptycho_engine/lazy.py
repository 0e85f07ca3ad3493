"""The part of an engine that cuts later, elsewhere: patches as an array of Dask."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .arrays.adapter import NUMPY
from .errors import RequestError, at_caller
from .extras import require
from .geometry import Positions
from .geometry.cut import Cut, Fill, Interpolation, Rounding
from .geometry.layouts import Layout
from .kept import kept
from .request.checks import check_block_size
from .request.extraction import ExtractionRequest
from .request.planning import block_groups
from .request.prepared import PreparedObject
from .service import Service

if TYPE_CHECKING:
    from .engine import Engine


@dataclass(frozen=True, eq=False)
class Cutter:
    """Cuts patches of one object, wherever it is sent.

    Attributes
    ----------
    engine : Engine
        What cuts.
    image : ndarray, shape (..., H, W)
        The object.
    cut : Cut
        What is cut.
    layout : {"flat", "channel", "grid"}
        How patches lie.
    """

    engine: Engine
    image: NDArray[Any]
    cut: Cut
    layout: Layout = "flat"

    @property
    @kept
    def prepared(self) -> PreparedObject:
        """The object, with padded copies that are made once."""
        prepared = self.engine.prepare(self.image)
        if prepared.watch is not None:  # whoever sends it has looked at all positions
            prepared.watch.is_over = True
        return prepared

    def __call__(self, positions: Positions, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the patches at positions, of the shape that the layout takes; in `out`, if any."""
        cut = asdict(self.cut)
        patches: NDArray[Any] = self.engine.extract(
            self.prepared, positions, **cut, layout=self.layout, out=out
        )
        return patches


class Lazy:
    """What `Engine` inherits."""

    _service: Service

    @at_caller
    def extract_lazy(
        self,
        image: Any,
        positions: Any,
        patch_size: int,
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
        layout: Layout = "flat",
        chunks: int | None = None,
    ) -> Any:
        """Describe the patches as an array of Dask, whose blocks are cut when they are computed.

        The object is one constant of the graph, which a cluster sends once to each worker. It is no
        copy: change neither object nor positions in place before all is computed, since blocks cut
        later would be of what stands there then. Pass ``image.copy()`` where you do.

        Parameters
        ----------
        image, positions, patch_size, interpolation, fill, rounding, layout
            As for `extract`, NumPy only. All is checked at once.
        chunks : int, optional
            Patches (groups, in the other layouts) of a block; by default those of `stream`.

        Returns
        -------
        dask.array.Array
            The patches, of the shape and dtype that `extract` returns, in blocks of groups.

        Raises
        ------
        MissingExtraError
            If dask is not installed.
        RequestError, CapabilityError
            As `extract`.

        Examples
        --------
        >>> import numpy as np
        >>> from ptycho_engine import Engine
        >>> image = np.arange(25.0).reshape(5, 5)
        >>> patches = Engine("numba").extract_lazy(image, [[2.0, 2.5], [2.0, 4.0]], 2, chunks=1)
        >>> patches.shape, patches.numblocks
        ((2, 2, 2), (2, 1, 1))
        >>> float(patches.sum().compute())
        82.0
        """
        require("dask", "extract_lazy")
        engine: Any = self
        cut = Cut(patch_size, interpolation, fill, rounding)
        request: ExtractionRequest = engine._request(image, positions, cut, layout)
        if request.arrays is not NUMPY:
            raise RequestError("extract_lazy: takes NumPy arrays. Use extract for tensors.")
        check_block_size(chunks, "chunks")
        engine._look_at(request)
        step = chunks or block_groups(request, self._service.plan(request))
        cutter = Cutter(engine, request.image, request.cut, layout)
        return lazy_array(cutter, request, step)


def lazy_array(cutter: Cutter, request: ExtractionRequest, step: int) -> Any:
    """Return an array of Dask whose blocks of `step` groups a cutter makes.

    Parameters
    ----------
    cutter : Cutter
        The constant of the graph.
    request : ExtractionRequest
        What is cut.
    step : int
        Groups of a block.
    """
    import dask.array as da
    from dask import delayed
    from dask.base import tokenize

    shape, axis = request.output_shape, len(request.leading_shape)
    places = request.positions
    if request.layout != "flat":
        places = places.reshape(-1, request.channels, 2)
    what = tokenize(cutter.engine, request.image, asdict(request.cut), request.layout)
    name = f"cutter-{what}"
    constant = delayed(cutter, name=name, traverse=False)
    cut = delayed(cut_block, pure=False)
    meta = np.empty((0,) * len(shape), request.dtype)
    edges = [*range(0, request.groups, step), request.groups] if request.groups else [0, 0]
    blocks = [
        da.from_delayed(
            cut(constant, places[start:stop]),
            (*shape[:axis], stop - start, *shape[axis + 1 :]),
            meta=meta,
        )
        for start, stop in pairwise(edges)
    ]
    return da.concatenate(blocks, axis=axis)


def cut_block(cutter: Cutter, positions: Positions) -> NDArray[Any]:
    """Cut a block, in whatever process computes it."""
    return cutter(positions)
