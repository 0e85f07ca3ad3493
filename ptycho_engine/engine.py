"""The programmatic interface: arrays in, patches out, through the plugin named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .arrays.adapter import NUMPY
from .arrays.tensors import outside_autograph
from .discovery import PluginSource
from .display import Shown
from .errors import RequestError, at_caller
from .geometry.cut import Cut, Fill, Interpolation, Rounding
from .geometry.layouts import Layout
from .host.capabilities import Capabilities
from .host.choice import AUTO, choose, refuse_options, require_framework
from .host.host import Host
from .lazy import Lazy
from .logs import get_logger
from .memory import parse_bytes
from .overlay import Overlay
from .report.progress import shown
from .request.blocks import Block, check_out
from .request.checks import check_block_size, prepare_object
from .request.extraction import ExtractionRequest, build_request
from .request.planning import Plan
from .request.prepared import PreparedObject
from .request.reach import Reach, find_doubts, measure_reach
from .request.watch import Watch
from .service import Service

DEFAULT_PLUGIN = AUTO


class Engine(Overlay, Lazy, Shown):
    """Cuts patches with one plugin and one memory budget, and puts them back.

    Parameters
    ----------
    plugin : str or object
        Name of an installed plugin, or an object with functions marked by
        ``ptycho_engine.hookimpl``; ``"auto"`` takes the first that can run here of
        ``chunked_xla``, ``jax`` and ``numba``, and no options.
    options : mapping, optional
        The plugin's options by name.
    memory_budget : int or str, optional
        Bytes, or a text such as ``"2GiB"``, that patches and workspace may take together; by
        default half of the memory that is free when a call begins.
    wrappers : sequence of str
        Names of installed plugins whose wrappers surround the one chosen.
    host : Host, optional
        Where plugins were registered by hand; a fresh one by default. It is read once: what it
        takes in later changes no engine that was made of it, nor does an engine change it.
    reason : str, optional
        Why this plugin, for the log line.
    context : mapping, optional
        More for the log line, such as where each value comes from.

    Raises
    ------
    PluginError
        If the plugin is unknown, cannot be imported or breaks the contract of the hook.
    MissingExtraError
        If the framework of a built-in plugin is not installed.
    ConfigurationError
        If an option or the budget cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(25.0).reshape(5, 5)
    >>> Engine().extract(image, [[2.0, 2.5]], 2)
    array([[[ 6.5,  7.5],
            [11.5, 12.5]]])
    """

    @at_caller
    def __init__(
        self,
        plugin: str | object = DEFAULT_PLUGIN,
        *,
        options: Mapping[str, Any] | None = None,
        memory_budget: int | str | None = None,
        wrappers: Sequence[str] = (),
        host: Host | None = None,
        reason: str | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> None:
        host = Host() if host is None else host.copy()
        name = plugin if isinstance(plugin, str) else host.register(plugin)
        reason = reason or ("named by the caller" if isinstance(plugin, str) else "registered")
        if plugin == AUTO:
            refuse_options(options)
            name, why = choose(host.sources)
            reason = f"{reason}; {why}"
        require_framework(host.source(name))
        host.activate_wrappers(wrappers)
        self._host, self._plugin = host, host.select(name)
        self._made_of = {
            "plugin": name,  # what auto took here
            "options": options,
            "memory_budget": memory_budget,
            "wrappers": wrappers,
            "reason": reason,
        }
        values = self._plugin.capabilities.read_options(name, options)
        budget = None if memory_budget is None else parse_bytes(memory_budget)
        self._service = Service(self._plugin, values, budget)
        self._watch = Watch()
        self.reason = reason  # why this plugin, in words
        source = self._plugin.source
        get_logger().info(
            "plugin_selected",
            plugin=name,
            reason=reason,
            options=self.options,
            source=source.target,
            distribution=f"{source.distribution} {source.version}".strip(),
            wrappers=list(wrappers),
            **(context or {}),
        )

    @property
    def plugin(self) -> str:
        """Name of the plugin."""
        return self._plugin.name

    @property
    def source(self) -> PluginSource:
        """Where the plugin comes from."""
        return self._plugin.source

    @property
    def capabilities(self) -> Capabilities:
        """What the plugin declares."""
        return self._plugin.capabilities

    @property
    def options(self) -> dict[str, Any]:
        """The plugin's options, defaults included."""
        options = self._service.options
        return {} if options is None else dict(vars(options))

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        given = {key: self._made_of[key] for key in ("memory_budget", "wrappers")}
        return {"plugin": self.plugin, "options": self.options} | {
            k: v for k, v in given.items() if v
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as what the engine was made of: the receiver imports the plugin itself."""
        return _restored, (self._made_of, self._host.registered(self.plugin))

    def __deepcopy__(self, memo: dict[int, Any]) -> Engine:
        """Nothing in an engine changes: a copy is the engine."""
        return self

    @at_caller
    def with_budget(self, memory_budget: int | str | None) -> Engine:
        """Return this engine with another memory budget; its plugin is not selected anew."""
        budget = None if memory_budget is None else parse_bytes(memory_budget)
        engine = object.__new__(Engine)
        vars(engine).update(vars(self))
        engine._service = replace(self._service, memory_budget=budget)
        engine._made_of = self._made_of | {"memory_budget": memory_budget}
        return engine

    @at_caller
    def plan(
        self,
        image: Any,
        positions: Any,
        patch_size: int,
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
        layout: Layout = "flat",
    ) -> Plan:
        """Predict chunking and memory without doing any work.

        Parameters
        ----------
        image, positions, patch_size, interpolation, fill, rounding, layout
            As for `extract`.

        Returns
        -------
        Plan
            Chunk size and count, bytes of the patches and of the workspace.
        """
        cut = Cut(patch_size, interpolation, fill, rounding)
        request = self._request(image, positions, cut, layout)
        return self._service.plan_native(request)[1]

    @at_caller
    def prepare(self, image: Any) -> PreparedObject:
        """Make repeated calls on one object cheap: pass the result in place of `image`.

        Parameters
        ----------
        image : array_like or tf.Tensor, shape (..., H, W)
            The object; it must not be changed in place afterwards.

        Returns
        -------
        PreparedObject
            The object, which keeps its padded copies between calls.

        Raises
        ------
        RequestError
            If its rank or dtype is not that of an object.
        """
        return prepare_object(image, shared=True)

    @outside_autograph
    def extract(
        self,
        image: Any,
        positions: Any,
        patch_size: int,
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
        layout: Layout = "flat",
        out: Any = None,
        progress: bool = False,
    ) -> Any:
        """Cut the patch under each scan position out of the object.

        Parameters
        ----------
        image : array_like or tf.Tensor, shape (..., H, W)
            The object; float32, float64, complex64 or complex128. The same windows are cut from
            each of its leading axes (modes, slices); channels that stand last are refused.
        positions : array_like or tf.Tensor, shape (P, 2), or (B, C, 2) for channel and grid
            Scan positions (y, x) in object pixels; sample ``N // 2`` of a patch sits there.
            Columns that have names go by them. Masks, and units other than pixels, are refused,
            of the object too. NaN and infinity are refused, in a graph as it runs. Where XLA
            compiles the caller's function and nothing can be raised, their patches are NaN in
            every sample; likewise those of windows that ``fill="error"`` refuses.
        patch_size : int
            Size N of the patches.
        interpolation : {"bilinear", "nearest", "bicubic", "fourier"}
            How samples between pixels are formed: ``bicubic`` is cubic convolution (Keys, 1981,
            a = -1/2); ``fourier`` takes a window with a margin, tapers it smoothly to zero beyond
            the patch, and shifts it as a band-limited image. Plugins say in their capabilities
            which they serve. Whole positions give exact copies; no smooth kernel jumps.
        fill : {"zeros", "edge", "reflect", "error"}
            What lies outside the object; ``error`` refuses windows that leave it, with the
            neighbours that a position between pixels needs: for ``fourier``, its margin.
        rounding : {"exact", "legacy"}
            ``legacy`` repeats the float32 coordinates of PtychoPINN, and so its numbers.
        layout : {"flat", "channel", "grid"}
            See :mod:`ptycho_engine.geometry.layouts`.
        out : array, optional
            Receives the patches: a NumPy array, memmap, HDF5 dataset, Zarr array, or anything
            else with `shape`, `dtype` and slice assignment. It shares no memory with the object.
            Not for tensors.
        progress : bool
            Show a bar: on standard error, or in the notebook. Not for tensors.

        Returns
        -------
        ndarray, tf.Tensor or `out`
            The patches, (..., P, N, N), (..., B, N, N, C) or (..., B, g, g, N, N, 1); NumPy for
            NumPy and tensors for tensors, also inside ``tf.function``.

        Raises
        ------
        RequestError, OutOfBoundsError
            If the arguments describe no extraction.
        CapabilityError
            If the plugin does not serve it.
        MemoryBudgetError
            If patches and workspace exceed the memory budget.
        """
        cut = Cut(patch_size, interpolation, fill, rounding)
        request = self._request(image, positions, cut, layout)
        if request.arrays is not NUMPY:
            if out is not None or progress:
                what = "progress: cannot be shown of" if out is None else "out: cannot receive"
                raise RequestError(f"{what} tensors. Leave it out for tensor input.")
            self._look_at(request)
            return self._service.extract_native(request)
        if out is not None:
            check_out(request, out)
        self._look_at(request)
        whole = out is None or (isinstance(out, np.ndarray) and out.flags.c_contiguous)
        if whole and not progress:
            return self._service.extract(request, out)
        return self._service.extract_in_blocks(request, out, shown if progress else None)

    @at_caller
    def stream(
        self,
        image: Any,
        positions: Any,
        patch_size: int,
        *,
        block_size: int | None = None,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
        layout: Layout = "flat",
        progress: bool = False,
    ) -> Iterator[Block]:
        """Cut patches block by block, in order, within a bounded memory.

        Parameters
        ----------
        image, positions, patch_size, interpolation, fill, rounding, layout
            As for `extract`, NumPy only.
        block_size : int, optional
            Patches (groups, in the other layouts) of a block; by default a few chunks.
        progress : bool
            Show a bar: on standard error, or in the notebook.

        Yields
        ------
        Block
            Each with an array of its own.

        Raises
        ------
        RequestError, CapabilityError, MemoryBudgetError
            As `extract`, before the first block is asked for.
        """
        cut = Cut(patch_size, interpolation, fill, rounding)
        request = self._request(image, positions, cut, layout)
        if request.arrays is not NUMPY:
            raise RequestError("stream: takes NumPy arrays. Use extract for tensors.")
        check_block_size(block_size)
        self._look_at(request)
        blocks = self._service.blocks(request, block_size)
        return shown(blocks, request.groups) if progress else blocks

    def reach(
        self,
        image: Any,
        positions: Any,
        patch_size: int,
        *,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "zeros",
        rounding: Rounding = "exact",
    ) -> Reach:
        """Find out where windows lie; what is doubtful about them this engine says no more.

        Parameters
        ----------
        image, positions, patch_size, interpolation, fill, rounding
            As for `extract`, flat and with numbers that are known.

        Returns
        -------
        Reach
            How many windows leave the object, how far, and what is doubtful about that.
        """
        request = self._request(
            image, positions, Cut(patch_size, interpolation, fill, rounding), "flat"
        )
        self._watch.is_over = True
        if request.prepared.watch is not None:
            request.prepared.watch.is_over = True
        rows, columns = request.image.shape[-2:]
        numbers = request.arrays.to_numpy(request.positions)
        return measure_reach(numbers, (int(rows), int(columns)), request.cut)

    def _look_at(self, request: ExtractionRequest) -> None:
        """Warn, once for each engine or prepared object, of positions that are hardly meant."""
        watch = request.prepared.watch or self._watch
        if watch.is_due(request.patch_count):
            for text in find_doubts(request):
                watch.is_over = True
                get_logger().warning("doubtful_positions", reason=text)

    def _request(self, image: Any, positions: Any, cut: Cut, layout: Layout) -> ExtractionRequest:
        """Validate arguments, and refuse what the plugin does not serve."""
        request = build_request(image, positions, cut, layout=layout)
        self._service.check(request)
        return request


def _restored(made_of: dict[str, Any], registered: Mapping[str, object]) -> Engine:
    """Make an engine anew, with what was registered by hand under the names it had."""
    host = Host()
    for name, plugin in registered.items():
        host.register(plugin, name)
    return Engine(**made_of, host=host)
