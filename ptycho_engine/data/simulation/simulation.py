"""Diffraction patterns of an object, a probe and scan positions, chunk by chunk.

A pattern is ``|F(O(r + p) P(r))|^2 / N^2``, F being the discrete Fourier transform, summed over the
incoherent modes of the probe P; sums over a pattern equal sums over the exit wave (Parseval). A
thick object has slices, with free space between them. In the near field, free space takes the place
of F / N.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...arrays.adapter import adapter_of
from ...display import Shown, array_in_words
from ...engine import Engine
from ...errors import ConfigurationError, RequestError, at_caller
from ...geometry.cut import Cut, Fill, Interpolation
from ...kept import kept
from ...logs import get_logger
from ...memory import parse_bytes
from ...native import fields as loops
from ...phantoms.numbers import real_number, whole_number
from ...request.checks import check_block_size, check_positions
from ...workers import core_count, share
from .cutters import Cutter, EngineCutter, NativeCutter, Places, check_room
from .exposure import Exposure
from .far_field import across_the_object, write_patterns
from .illumination import Illumination, complex_object, good_pixels, probe_modes
from .noise import BLOCK, find_noise, load_noise, stream
from .plain_settings import instance_of
from .propagation import NearField, SliceGap

#: Samples of the patterns in one chunk, at most: 64 of 64 x 64. More leave the caches, fewer cost
#: calls of Python.
CHUNK_SAMPLES = 2**18
#: More than the largest machine has cores.
MOST_THREADS = 4096
#: What arguments are, if they are given.
KINDS = {"exposure": Exposure, "gap": SliceGap, "near_field": NearField, "engine": Engine}

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, repr=False)
class PatternBlock(Shown):
    """A run of consecutive patterns.

    Attributes
    ----------
    start, stop : int
        Their range.
    patterns : ndarray, shape (stop - start, N, N)
        The patterns, in an array of their own.
    """

    start: int
    stop: int
    patterns: Array


class Simulation(Shown):
    """The patterns of a scan, computed when they are asked for.

    Every pattern has the same bits whichever range it is asked for in, and whatever the number
    of threads and the size of chunks.

    Parameters
    ----------
    image : array_like, shape (H, W) or (S, H, W)
        The object, or its S slices in the order in which the beam meets them; it must not be
        changed in place while the simulation is used.
    positions : array_like, shape (P, 2)
        Where the probe is, (y, x) in object pixels: sample ``N // 2`` of the probe sits there.
        Columns that have names go by them.
    probe : array_like, shape (N, N) or (M, N, N)
        The illumination, or its M incoherent modes.
    exposure : Exposure
        Photons, noise and detector.
    gap : SliceGap, optional
        The free space between slices; needed with two or more.
    near_field : NearField, optional
        The free space to a detector in the near field; by default it is in the far one.
    mask : array_like of bool, shape (N, N), optional
        False where the detector sees nothing, and patterns are 0.
    scale : float, optional
        The photon scale s, in place of the one that follows from `exposure.photons`.
    interpolation, fill
        As for :meth:`ptycho_engine.Engine.extract`; windows that leave the object are refused.
    engine : Engine, optional
        Cuts the patches, a chunk a call; by default the kernel of the plugin ``numba`` does.
    memory_budget : int or str, optional
        Bytes that patterns and workspace may take together; by default half of what is free.
    threads : int, optional
        Threads that work at the same time; by default one for each core.

    Attributes
    ----------
    shape : (int, int, int)
        Of all patterns, (P, N, N).
    dtype : dtype
        Of the patterns: float32 or float64 as the object, or unsigned integers.

    Raises
    ------
    RequestError, OutOfBoundsError
        If arrays do not fit, are not finite, have masked values or a unit, or a window leaves the
        object.
    MemoryBudgetError
        If not even one pattern a time fits the budget.
    UnknownPluginError, PluginLoadError, PluginError, ConfigurationError
        If the noise model is unknown, cannot be had, or has no such option; if another argument
        is none of its kind.

    Examples
    --------
    >>> simulation = Simulation(np.ones((8, 8)), [[4, 4]], np.ones((4, 4)),
    ...                         Exposure(photons=100, noise=False, quantity="intensity"))
    >>> simulation.patterns()[0].round(3)
    array([[  0.,   0.,   0.,   0.],
           [  0.,   0.,   0.,   0.],
           [  0.,   0., 100.,   0.],
           [  0.,   0.,   0.,   0.]])
    """

    @at_caller
    def __init__(
        self,
        image: ArrayLike,
        positions: ArrayLike,
        probe: ArrayLike,
        exposure: Exposure | None = None,
        *,
        gap: SliceGap | None = None,
        near_field: NearField | None = None,
        mask: ArrayLike | None = None,
        scale: float | None = None,
        interpolation: Interpolation = "bilinear",
        fill: Fill = "error",
        engine: Engine | None = None,
        memory_budget: int | str | None = None,
        threads: int | None = None,
    ) -> None:
        _check_kinds(exposure=exposure, gap=gap, near_field=near_field, engine=engine)
        threads = core_count() if threads is None else threads
        self._threads = whole_number("threads", threads, 1, MOST_THREADS)
        self.exposure = exposure or Exposure()
        chosen = self.exposure
        find_noise(chosen.model)  # a name that means nothing is refused, with noise or without
        wanted = chosen.noise or chosen.options  # so are its options
        model = load_noise(chosen.model, chosen.options) if wanted else None
        self._noise = model if chosen.noise else None
        slices = complex_object(image, gap)
        self._given_scale = None if scale is None else _checked_scale(scale, slices.dtype)
        modes = probe_modes(probe, slices.dtype)
        size = modes.shape[-1]
        self._mask = None if mask is None else good_pixels(mask, size)
        transfer = None
        if len(slices) > 1 and gap is not None:
            transfer = gap.transfer(size).astype(slices.dtype)
        self._budget = parse_bytes(memory_budget)
        judge = (engine or Engine("numba")).with_budget(self._budget)
        prepared = judge.prepare(slices)
        pairs, _ = check_positions(positions, "flat")
        places = np.array(adapter_of(pairs).to_numpy(pairs))
        # Of all positions at once: those of a chunk may well lie within a pixel.
        reach = judge.reach(prepared, places, size, interpolation=interpolation, fill=fill)
        for text in reach.warnings():
            get_logger().warning("doubtful_positions", reason=text)
        what = Cut(size, interpolation, "zeros" if fill == "error" else fill)
        cutter: Cutter = (
            EngineCutter(judge, prepared, places, what)
            if engine
            else NativeCutter(prepared, places, what, self._budget)
        )
        onward = None if near_field is None else near_field.to_detector(size).astype(slices.dtype)
        self._light = Illumination(cutter, len(slices), modes, transfer, onward)
        self._object, self._positions = array_in_words(slices), places
        self.shape = (len(places), size, size)
        self.dtype = self.exposure.dtype_of_counts or self._light.real_dtype
        self._shares(0)  # what cannot be done is refused here

    def _shown(self) -> dict[str, object]:
        """Say what its representation shows."""
        return {
            "patterns": array_in_words(self),
            "object": self._object,
            "probe": array_in_words(self._light.probe),
            "exposure": self.exposure,
        }

    @property
    @kept
    def scale(self) -> float:
        """The photon scale ``s = sqrt(photons / mean of the sums over |exit wave|^2)``.

        The one given; else found once, over all positions, when it is first needed; 1 without
        `exposure.photons`.
        """
        photons, count = self.exposure.photons, self.shape[0]
        if self._given_scale is not None:
            return self._given_scale
        if photons is None or not count:
            return 1.0
        energies = np.zeros(count)

        def add(room: _Room, places: Places) -> None:
            for wave in self._light.exit_waves(places, room.waves):
                loops.add_energies(wave.view(self._light.real_dtype), energies, places)

        chunk, threads = self._shares(0)
        order = across_the_object(self._positions)
        self._share(add, [order[a:b] for a, b in _pieces(0, count, chunk)], chunk, threads)
        mean = float(energies.mean())
        if not mean > 0:
            raise ConfigurationError(
                f"exposure.photons: {photons:g} photons cannot be scaled to, since no light "
                "leaves the object. Expected an object and a probe that overlap."
            )
        return math.sqrt(photons / mean)

    @at_caller
    def patterns(self, start: int = 0, stop: int | None = None, out: Array | None = None) -> Array:
        """Compute the patterns of a range.

        Parameters
        ----------
        start, stop : int
            The range, as of a slice; all by default.
        out : ndarray, shape (stop - start, N, N), optional
            Receives them; of `dtype`, contiguous.

        Returns
        -------
        ndarray, shape (stop - start, N, N)
            Amplitudes or intensities, zero frequency at sample ``N // 2``; in the near field, those
            of each sample of the window.

        Raises
        ------
        RequestError
            If `out` cannot take them.
        MemoryBudgetError
            If patterns and workspace exceed the budget.
        """
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        shape = (max(0, stop - start), *self.shape[1:])
        fresh = math.prod(shape) * self.dtype.itemsize if out is None else 0
        chunk, threads = self._shares(fresh)
        if out is None:
            out = np.empty(shape, self.dtype)
        elif out.shape != shape or out.dtype != self.dtype or not out.flags.carray:
            raise RequestError(
                f"out: received {array_in_words(out)}. Expected {self.dtype.name} of shape {shape},"
                " contiguous and writeable."
            )
        if not shape[0]:
            return out
        scale = self.scale if self.exposure.needs_scale else 1.0  # found before work is shared out
        if self.exposure.is_plain:
            self._write_plain(start, out, scale, chunk, threads)
        else:
            self._write_counts(start, out, scale, chunk, threads)
        return out

    @at_caller
    def blocks(self, block_size: int | None = None) -> Iterator[PatternBlock]:
        """Compute the patterns block by block, in order, within a bounded memory.

        Parameters
        ----------
        block_size : int, optional
            Patterns of a block; by default some chunks for each thread.

        Yields
        ------
        PatternBlock
            Each with an array of its own.

        Raises
        ------
        RequestError, MemoryBudgetError
            If a block cannot be had, before the first is asked for.
        """
        check_block_size(block_size)
        if block_size is None:
            bytes_each = max(1, self.shape[1] ** 2 * self.dtype.itemsize)
            chunk, threads = self._shares(0)
            wanted = max(1, min(self._budget // 4 // bytes_each, 4 * threads * chunk))
            block_size = wanted // BLOCK * BLOCK or wanted
        pieces = _pieces(0, self.shape[0], block_size)
        self._shares(min(block_size, self.shape[0]) * self.shape[1] ** 2 * self.dtype.itemsize)
        return (PatternBlock(a, b, self.patterns(a, b)) for a, b in pieces)

    def _write_plain(self, start: int, out: Array, scale: float, chunk: int, threads: int) -> None:
        """Write patterns as they reach the detector, wherever in the object is next."""
        amplitude = self.exposure.quantity == "amplitude"

        def write(room: _Room, into: Places) -> None:
            write_patterns(self._light, into + start, room.waves, scale, amplitude, out, into)
            if self._mask is not None:
                out[into] *= self._mask

        order = across_the_object(self._positions[start : start + len(out)])
        pieces = [order[a:b] for a, b in _pieces(0, len(out), chunk)]
        self._share(write, pieces, chunk, threads)

    def _write_counts(self, start: int, out: Array, scale: float, chunk: int, threads: int) -> None:
        """Write what the detector makes of them, a block of noise after the other."""
        stop, shape = start + len(out), self.shape[1:]

        def write(room: _Room, block: tuple[int, int]) -> None:
            draw = None
            if self._noise is not None:
                rng = stream(self.exposure.seed or 0, block[0] // BLOCK)
                draw = partial(self._noise, rng=rng)
            for a, b in _pieces(*block, chunk):
                count = b - a
                mean = room.means[: count * shape[0] ** 2].reshape(count, *shape)
                places = np.arange(a, b)
                write_patterns(self._light, places, room.waves, scale, False, mean, places - a)
                # Noise is drawn from the beginning of its block on, wanted or not.
                wanted = out[max(a, start) - start : max(b, start) - start]
                into = wanted if len(wanted) == count else np.empty((count, *shape), out.dtype)
                self.exposure.record(mean, into, scale, draw, self._mask)
                if into is not wanted:
                    wanted[...] = into[count - len(wanted) :]

        self._share(write, _pieces(start // BLOCK * BLOCK, stop, BLOCK), chunk, threads)

    def _shares(self, held: int) -> tuple[int, int]:
        """Choose patterns of a chunk and threads; refuse what exceeds the budget."""
        samples = self.shape[1] ** 2
        # Beside the waves: means, draws of the noise, and patterns that nobody wanted.
        each = self._light.bytes_per_pattern + samples * (16 + self.dtype.itemsize)
        held += self._light.cutter.held_bytes
        check_room(held + each, self._budget)
        wanted, left = max(1, CHUNK_SAMPLES // samples), self._budget - held
        threads = max(1, min(self._threads, left // each))
        chunk = min(wanted, max(self.shape[0], 1), left // (threads * each))
        return chunk, threads

    def _share(
        self, work: Callable[..., None], pieces: Sequence[Any], chunk: int, threads: int
    ) -> None:
        """Work pieces off in threads, each in a room of its own."""
        rooms: deque[_Room] = deque()
        samples = 0 if self.exposure.is_plain else chunk * self.shape[1] ** 2

        def work_off(piece: Any) -> None:
            try:
                room = rooms.pop()
            except IndexError:
                room = _Room(self._light.workspace(chunk), np.empty(samples))
            work(room, piece)
            rooms.append(room)

        share(work_off, pieces, threads)


@dataclass(frozen=True, eq=False)
class _Room:
    """Memory of one thread, reused from chunk to chunk."""

    waves: Array
    means: NDArray[np.float64]


def _check_kinds(**given: object) -> None:
    """Refuse arguments of other classes than `KINDS` says."""
    for name, value in given.items():
        if value is not None:
            instance_of(name, value, KINDS[name])


def _checked_scale(scale: float, dtype: np.dtype[Any]) -> float:
    """Check a photon scale: patterns of a precision hold its square, and divide by it."""
    least, most = (math.sqrt(limit) for limit in (np.finfo(dtype).tiny, np.finfo(dtype).max))
    return real_number("scale", scale, "a photon scale", least, most)


def _pieces(start: int, stop: int, step: int) -> list[tuple[int, int]]:
    """Divide a range into runs of `step`."""
    return [(first, min(first + step, stop)) for first in range(start, stop, step)]
