"""Patches in files: our outputs, training data, predictions of a network, with their positions.

Which arrays are meant is recognised by their names, or said. Patches may be complex or real, or
come as a pair of reals; they may lie one by one or in groups, members last.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputFileError, one_line
from ..geometry import Positions
from ..geometry.layouts import Layout
from ..io.objects.urls import Location
from ..io.outputs import is_output, read_output
from ..io.stacks import Stacks, open_stacks
from .patch_parts import PatchParts, find_parts
from .patch_places import Places, find_places

Array = NDArray[Any]
#: Names of the probe.
PROBES = ("probe", "probeGuess")
#: Names of an array of the object that patches were cut from.
OBJECTS = ("object", "objectGuess")


@dataclass(frozen=True)
class PatchSource:
    """Where patches lie, and under which names; names left out are recognised.

    Attributes
    ----------
    path : Path or ObjectUrl
        The file or store.
    patches : str, optional
        The array of patches, complex or real.
    amplitude, phase, real, imag : str, optional
        Two arrays in place of it: amplitude and phase in radians, or real and imaginary part.
    positions : str, optional
        The array of positions (y, x), in object pixels.
    positions_path : Path or ObjectUrl, optional
        Another file that holds the positions, and the probe.
    probe : str, optional
        The array of the probe.
    """

    path: Location
    patches: str | None = None
    amplitude: str | None = None
    phase: str | None = None
    real: str | None = None
    imag: str | None = None
    positions: str | None = None
    positions_path: Location | None = None
    probe: str | None = None


@dataclass(frozen=True, eq=False)
class StoredPatches:
    """Patches of an open file.

    Attributes
    ----------
    layout : {"flat", "channel"}
        How they lie.
    positions : ndarray of float64, shape (P, 2) or (B, C, 2)
        Where, (y, x) in object pixels.
    parts : PatchParts
        Which arrays they are made of.
    layers : tuple of int
        Axes between the first and the rows of a patch: modes, slices.
    layer_axes : tuple of str
        What an output of ours calls them; empty where nothing does.
    probe : ndarray or None
        The probe, (N, N) or (modes, N, N).
    recorded : mapping
        What an output of ours records of their geometry: how they were cut, from what.
    said : dict of str to str
        Which arrays were taken, in words.
    """

    layout: Layout
    positions: Positions
    parts: PatchParts
    layers: tuple[int, ...]
    layer_axes: tuple[str, ...]
    probe: Array | None
    recorded: Mapping[str, Any]
    said: dict[str, str]

    @property
    def patch_size(self) -> int:
        """Rows and columns of a patch."""
        return self.parts.shape[-1 if self.layout == "flat" else -2]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the patches."""
        return self.parts.dtype

    @property
    def object_shape(self) -> tuple[int, int] | None:
        """Height and width of the object that they were cut from, as far as it is recorded."""
        shape = self.recorded.get("object_shape")
        if not isinstance(shape, list) or len(shape) < 2:
            return None
        height, width = (int(length) for length in shape[-2:])
        return height, width

    def blocks(self, size: int) -> Iterator[Array]:
        """Read all patches once, about `size` bytes at a time: layers first, else as `layout`."""
        entry = math.prod(self.parts.shape[1:]) * self.dtype.itemsize
        axes = 3 if self.layout == "flat" else 4
        for block in self.parts.in_steps(max(1, size // max(1, entry))):
            yield np.moveaxis(block, 0, -axes) if self.layers else block


@contextmanager
def open_patches(source: PatchSource) -> Iterator[StoredPatches]:
    """Open patches; of large arrays nothing is read.

    Raises
    ------
    InputFileError
        If the file cannot be read, or does not hold patches and positions that fit each other, at
        least one of each.
    """
    with ExitStack() as stack:
        file = stack.enter_context(open_stacks(source.path))
        beside = file
        if source.positions_path is not None:
            beside = stack.enter_context(open_stacks(source.positions_path))
        recorded = _geometry(beside.path)
        if recorded.get("units") == "metres":
            raise InputFileError(
                f"{beside.path}: its positions are in metres. Expected object pixels. Convert the "
                "scan first, with the size of a pixel."
            )
        places = find_places(beside, source.positions, mirrored=recorded.get("mirrored") is True)
        parts = find_parts(file, source)
        layout, layers, parts = _arrangement(file, parts, places)
        if 0 in parts.shape:
            raise InputFileError(
                f"{file.path}: {parts.said} has shape {one_line(parts.shape, 60)}, and holds "
                "nothing. Expected at least one patch. Cut some, or name another array: "
                "patches.patches=NAME."
            )
        positions = places.positions
        if layout == "channel":
            positions = positions.reshape(-1, parts.shape[-1], 2)
        probe_name = _probe_name(beside, source.probe)
        yield StoredPatches(
            layout,
            positions,
            parts,
            layers,
            _layer_axes(source.path, parts.said, layout, layers),
            None if probe_name is None else _probe(beside, probe_name, parts),
            _object_shape(beside) | recorded | _geometry(source.path),
            {"patches": parts.said, "positions": places.said}
            | ({} if probe_name is None else {"probe": probe_name}),
        )


def _geometry(path: Location) -> dict[str, Any]:
    """Return what an output of ours says its numbers mean; nothing of anything else."""
    if not is_output(path):
        return {}
    with read_output(path) as output:
        return output.geometry


def _layer_axes(
    path: Location, name: str, layout: Layout, layers: tuple[int, ...]
) -> tuple[str, ...]:
    """Return what an output of ours calls the axes between the first and the rows of a patch."""
    if not layers or not is_output(path):
        return ()
    with read_output(path) as output:
        axes = output.specs[name].axes if name in output.specs else ()
    inner = axes[1:-2] if layout == "flat" else axes[1:-3]
    return inner if len(inner) == len(layers) else ()


def _object_shape(file: Stacks) -> dict[str, Any]:
    """Return the shape of the object beside positions, as records have it, if one is there."""
    name = next((name for name in OBJECTS if name in file.names), None)
    return {} if name is None else {"object_shape": list(file.header(name).shape)}


def _arrangement(
    file: Stacks, parts: PatchParts, places: Places
) -> tuple[Layout, tuple[int, ...], PatchParts]:
    """Find out how patches lie, from their shape and the number of positions."""
    count, shape = len(places.positions), parts.shape
    if shape[0] == count and len(shape) > 3 and shape[-3] == shape[-2]:
        if shape[-1] == 1:  # a network's channel
            parts = parts.without_channel()
        elif shape[-1] == 2 and parts.dtype.kind == "f" and shape[-2] != 2:
            parts = parts.of_pairs()
        shape = parts.shape
    if shape[0] == count and len(shape) > 2 and shape[-2] == shape[-1]:
        return "flat", shape[1:-2], parts
    pairs = len(shape) > 4 and shape[-1] == 2 and shape[-4] == shape[-3]
    if pairs and shape[0] * shape[-2] == count and parts.dtype.kind == "f":
        parts = parts.of_pairs()
        shape = parts.shape
    if len(shape) > 3 and shape[0] * shape[-1] == count and shape[-3] == shape[-2]:
        return "channel", shape[1:-3], parts
    raise InputFileError(
        f"{file.path}: {parts.said} has shape {one_line(shape, 60)}, and there are {count} "
        f"positions ({places.said}). Expected (P, N, N), (P, N, N, 1) or (B, N, N, C), reals "
        "also as (real, imaginary) along a last axis, and a position for each patch. Name other "
        "arrays: patches.patches=NAME, patches.positions=NAME."
    )


def _probe_name(file: Stacks, wanted: str | None) -> str | None:
    if wanted is not None:
        return wanted
    return next((name for name in PROBES if name in file.names), None)


def _probe(file: Stacks, name: str, parts: PatchParts) -> Array:
    """Load a probe, which is no larger than a few patches."""
    header = file.header(name)
    if len(header.shape) not in (2, 3) or header.dtype.kind not in "iufc":
        raise InputFileError(
            f"{file.path}: {name!r} has shape {one_line(header.shape, 60)}, dtype {header.dtype}. "
            "Expected a probe, (N, N) or (modes, N, N). Name another: patches.probe=NAME."
        )
    return file.load(name)
