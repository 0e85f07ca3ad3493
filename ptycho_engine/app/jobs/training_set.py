"""What training data holds, by name: ours, and PtychoPINN's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.grouping.groups import Groups
from ...data.grouping.published import LEGACY
from ...data.pattern_power import pattern_powers
from ...errors import InputFileError
from ...geometry.cut import Cut
from ...io.patterns import Patterns
from ...io.scan import CuttableScan
from ...io.scan_writing import Named
from ...io.specs import ArraySpec
from ...kept import kept
from ...logs import get_logger

Array = NDArray[Any]
#: From the patches and the patterns of a block of groups to what an array holds of it.
Make = Callable[[Array, Array | None], Array]
#: What is said where coordinates may be stored in single precision.
SINGLE = (
    "the coordinates of the members fit float32. If they are stored so, PtychoPINN forms the means "
    "of groups in float32, and cuts up to {:.1g} pixels from here, where they are float64."
)


#: Patterns are in memory as they are read, in the order of the groups, and in the channel layout.
COPIES = 3
#: What amplitudes times a factor are.
PRODUCT = np.dtype(np.float64)


@dataclass(frozen=True)
class Packing:
    """How arrays with an entry for each group lie in chunks.

    Attributes
    ----------
    chunk : int
        Entries of a chunk.
    shard : int or None
        Entries of a shard, if chunks lie in shards.
    compression : str
        What a chunk is packed with.
    """

    chunk: int
    shard: int | None = None
    compression: str = "none"

    def of(self, spec: ArraySpec) -> ArraySpec:
        """Pack an array along its first axis; one without values stays as it is."""
        if 0 in spec.shape:
            return spec
        rest = spec.shape[1:]
        shards = None if self.shard is None else (self.shard, *rest)
        return replace(
            spec, chunks=(self.chunk, *rest), compression=self.compression, shards=shards
        )


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Arrays of training data: what is in memory, and what comes block by block.

    Attributes
    ----------
    held : dict of str to Named
        Arrays in memory.
    streamed : dict of str to (ArraySpec, callable)
        Arrays of which the first axis is that of the groups, and what makes a block of each.
    points : dict of str to Patterns
        Arrays of which the first axis is that of the points: read from the scan block by block.
    """

    held: dict[str, Named]
    streamed: dict[str, tuple[ArraySpec, Make]]
    points: dict[str, Patterns] = field(default_factory=dict)

    @property
    def group_bytes(self) -> dict[str, int]:
        """Bytes of one group of each streamed array."""
        return {
            name: spec.nbytes // max(1, spec.shape[0]) for name, (spec, _) in self.streamed.items()
        }

    def bytes_beside(self) -> int:
        """Bytes that one group takes beside its patches while its arrays are made.

        Its patterns as they are read, in the order of the groups and in the channel layout; later
        these alone, and what is made of them.
        """
        read = scaled = copied = 0
        for name, size in self.group_bytes.items():
            spec, make = self.streamed[name]
            if make is _read:
                read = size
            elif isinstance(make, ScaledPatterns):
                scaled = size // spec.dtype.itemsize * (spec.dtype.itemsize + PRODUCT.itemsize)
            elif make is _complex64:
                copied = size
        return max(COPIES * read, read + scaled) + copied

    def specs(self, packing: Packing | None = None) -> dict[str, ArraySpec]:
        """Describe all arrays, the streamed ones first, packed as is said."""
        found = {name: spec for name, (spec, _) in self.streamed.items()}
        found |= {name: ArraySpec(p.shape, p.dtype) for name, p in self.points.items()}
        if packing is not None:
            found = {name: packing.of(spec) for name, spec in found.items()}
        return found | {n: ArraySpec.of(a.values, a.axes, a.units) for n, a in self.held.items()}


def native_set(
    scan: CuttableScan, groups: Groups, cut: Cut, patterns: Patterns | None
) -> TrainingSet:
    """Describe training data under our names.

    Parameters
    ----------
    scan : CuttableScan
        The scan.
    groups : Groups
        B groups of C members.
    cut : Cut
        What is cut.
    patterns : Patterns or None
        Amplitudes of the scan, if it has any.
    """
    pixels, pair = "object pixels", "coordinate"
    held = {
        "positions": Named(groups.members, ("group", "member", pair), pixels),
        "centres": Named(groups.centres, ("group", pair), pixels),
        "relative": Named(groups.relative, ("group", "member", pair), pixels),
        "indices": Named(groups.indices, ("group", "member")),
        "seeds": Named(groups.seeds, ("group",)),
    }
    if scan.probe is not None:
        held["probe"] = Named(scan.probe)
    if scan.mask is not None:
        held["mask"] = Named(scan.mask)
    streamed: dict[str, tuple[ArraySpec, Make]] = {"patches": (patch_spec(scan, groups, cut), _cut)}
    if patterns is not None:
        streamed["patterns"] = (pattern_spec(patterns, groups), _read)
    return TrainingSet(held, streamed)


def patch_spec(scan: CuttableScan, groups: Groups, cut: Cut) -> ArraySpec:
    """Describe the patches, (B, [layers,] N, N, C)."""
    count, members = groups.indices.shape
    size = cut.patch_size
    shape = (count, *scan.image.shape[:-2], size, size, members)
    return ArraySpec(shape, scan.image.dtype, ("group", *scan.layer_axes, "y", "x", "member"))


def pattern_spec(patterns: Patterns, groups: Groups) -> ArraySpec:
    """Describe the patterns, (B, H, W, C)."""
    count, members = groups.indices.shape
    axes = ("group", "detector_y", "detector_x", "member")
    return ArraySpec((count, *patterns.shape[1:], members), patterns.dtype, axes)


def _cut(patches: Array, patterns: Array | None) -> Array:
    return patches


def _read(patches: Array, patterns: Array | None) -> Array:
    assert patterns is not None
    return patterns


def _complex64(patches: Array, patterns: Array | None) -> Array:
    return patches.astype(np.complex64, copy=False)


# -- PtychoPINN's names ----------------------------------------------------------------------


def ptychopinn_set(
    scan: CuttableScan, groups: Groups, cut: Cut, patterns: Patterns | None
) -> TrainingSet:
    """Describe training data as PtychoPINN has it.

    The grouped arrays are those that its ``generate_grouped_data`` returns; beside them stand the
    arrays of a scan file, which its ``RawData.from_file`` reads.

    Parameters
    ----------
    scan, groups, cut, patterns
        As for :func:`native_set`.

    Raises
    ------
    InputFileError
        If the scan lacks patterns, or its object has layers.
    """
    if patterns is None or scan.layer_axis is not None:
        lacks = "holds no patterns" if patterns is None else "has an object of several layers"
        raise InputFileError(
            f"{scan.source}: {lacks}, and PtychoPINN's names are for patterns and one object. "
            "Expected both. Set output.keys=native, or choose another scan."
        )
    count, members = groups.indices.shape
    size, side = cut.patch_size, patterns.shape[1:]
    held = {
        **_coordinates("coords", scan.positions, groups),
        **_coordinates("coords_start", _starts(scan), groups),
        "nn_indices": Named(groups.indices),
        "objectGuess": Named(scan.image),
        **_scan_arrays(scan),
    }
    if groups.sample is not None:
        held["sample_indices"] = Named(groups.sample)
    streamed: dict[str, tuple[ArraySpec, Make]] = {
        "diffraction": (ArraySpec((count, *side, members), patterns.dtype), _read),
        "X_full": (
            ArraySpec((count, *side, members), np.dtype(np.float32)),
            ScaledPatterns(partial(amplitude_scale, patterns, groups, size, scan.mask)),
        ),
        "Y": (
            ArraySpec((count, size, size, members), np.dtype(np.complex64)),
            _complex64,
        ),
    }
    return TrainingSet(held, streamed, {"diff3d": patterns})


@dataclass(frozen=True, eq=False)
class ScaledPatterns:
    """Makes ``X_full`` of the patterns of groups.

    Attributes
    ----------
    measure : callable
        Finds what they are multiplied with, when it is first needed: nobody reads for a plan.
    """

    measure: Callable[[], np.float64]

    @property
    @kept
    def factor(self) -> np.float64:
        """What patterns are multiplied with."""
        return self.measure()

    def __call__(self, patches: Array, patterns: Array | None) -> Array:
        """Return scaled patterns, float32."""
        scaled: Array = (_read(patches, patterns) * self.factor).astype(np.float32)
        return scaled

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel with the number, not with what it is found of."""
        return ScaledPatterns, (partial(np.float64, self.factor),)


def amplitude_scale(
    patterns: Patterns, groups: Groups, size: int, mask: NDArray[np.bool_] | None
) -> np.float64:
    """Return the factor of ``X_full``: groups have (N / 2)**2 in the mean over their members.

    The patterns are read once for it, block by block. It is 1 if they are dark.

    Raises
    ------
    InputFileError
        If a pixel that the mask does not exclude is NaN or infinite.
    """
    power = np.zeros(patterns.shape[0])
    for start, stop, block in patterns.blocks():
        power[start:stop] = pattern_powers(block, "amplitude", mask, patterns.source, start)
    mean = np.mean(power[groups.indices]) if groups.indices.size else 0.0
    return np.float64(np.sqrt((size / 2) ** 2 / mean)) if mean else np.float64(1)


def _starts(scan: CuttableScan) -> Array:
    return scan.positions if scan.nominal_positions is None else scan.nominal_positions


def _scan_arrays(scan: CuttableScan) -> dict[str, Named]:
    """Arrays of a scan file: coordinates (M,), the probe, and indices."""
    found = {}
    for suffix, positions in (("", scan.positions), ("_start", _starts(scan))):
        for column, axis in enumerate("yx"):
            found[f"{axis}coords{suffix}"] = Named(np.ascontiguousarray(positions[:, column]))
    index = scan.metadata.get("scan_index")
    found["scan_index"] = Named(np.zeros(len(scan.positions), int) if index is None else index)
    if scan.probe is not None:
        probe = scan.probe if scan.probe.ndim == 2 else scan.probe[0]  # it knows one mode
        found["probeGuess"] = Named(np.ascontiguousarray(probe))
    return found


def _coordinates(name: str, positions: Array, groups: Groups) -> dict[str, Named]:
    """Members (B, 1, 2, C) in the order [x, y], their mean, and the mean less each."""
    coords = published_coordinates(positions[groups.indices])
    means, local = split_published(coords)
    return {
        f"{name}_nn": Named(coords),
        f"{name}_offsets": Named(means),
        f"{name}_relative": Named(local),
    }


def published_coordinates(members: Array) -> Array:
    """Return positions (B, C, 2), columns (y, x), as (B, 1, 2, C), rows [x, y]."""
    return np.ascontiguousarray(np.moveaxis(members[..., ::-1], 1, -1)[:, None])


def split_published(coords: Array) -> tuple[Array, Array]:
    """Return means (B, 1, 2, 1), and the mean less each member, (B, 1, 2, C)."""
    means = coords.mean(axis=-1, keepdims=True)
    return means, -(coords - means)


def mirrored_members(groups: Groups) -> Array:
    """Return where PtychoPINN cuts: (B, C, 2), columns (y, x), members mirrored about their mean.

    Its ``get_image_patches`` adds to each mean what its ``get_relative_coords`` returns, which is
    the mean less the member. It does so in the dtype that coordinates are stored in, this in
    float64: a warning says what that comes to for groups of its own that may be stored in float32.
    """
    places = _mirrored(groups.members)
    if groups.strategy == LEGACY:
        _doubt_precision(groups.members, places)
    return places


def _doubt_precision(members: Array, places: Array) -> None:
    with np.errstate(over="ignore"):  # what float32 does not hold does not fit it
        single = members.astype(np.float32)
    if np.array_equal(single, members):
        apart = np.abs(_mirrored(single) - places.astype(np.float32)).max(initial=0)
        if apart:
            get_logger().warning("doubtful_precision", reason=SINGLE.format(apart))


def _mirrored(members: Array) -> Array:
    means, local = split_published(published_coordinates(members))
    return np.moveaxis((means + local)[:, 0], -1, 1)[..., ::-1]
