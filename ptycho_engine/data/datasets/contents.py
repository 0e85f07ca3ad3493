"""What items are made of: an open scan, or an open output of ours, asked for rows of it.

Rows of a scan are numbers of its points, (K,), or of the members of groups, (B, C). Rows of an
output are those of its arrays, (K,), whether these are points or groups.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine import Engine
from ...errors import InputFileError
from ...geometry import Positions
from ...geometry.cut import Cut
from ...geometry.layouts import flat_to_channel
from ...io.objects.urls import Location, ObjectUrl
from ...io.outputs import StoredOutput
from ...io.pattern_changes import convert_quantity
from ...io.patterns import Patterns, Quantity
from ...io.scan import Scan
from ...kept import kept
from ...request.prepared import PreparedObject
from ..patch_places import mirrored_in_groups
from .columns import Column
from .ordering import Indices
from .rows import beside_rows, take_rows
from .stored import open_stored

Array = NDArray[Any]
#: Threads that read a store in an object store.
FAR_THREADS = 4


@dataclass(eq=False)
class ScanContents:
    """A scan whose patches are cut when they are asked for.

    Attributes
    ----------
    scan : Scan
        The scan, its positions in object pixels.
    cut : Cut
        What is cut.
    engine : Engine
        What cuts it.
    wanted : {"amplitude", "intensity"}, optional
        What patterns are to be; as they are by default.
    """

    scan: Scan
    cut: Cut
    engine: Engine
    wanted: Quantity | None = None
    members: int | None = field(default=None, init=False)

    @property
    def source(self) -> str:
        """Where the scan came from."""
        return self.scan.source

    @property
    def rows(self) -> int:
        """Number of scan points."""
        return len(self._positions)

    @property
    @kept
    def _positions(self) -> Positions:
        if self.scan.positions is None:
            raise InputFileError(
                f"{self.source}: holds no positions. Expected those of the scan. Choose a file "
                "with them."
            )
        return self.scan.positions

    @property
    @kept
    def _looked_at(self) -> tuple[PreparedObject, tuple[str, ...]]:
        """The object, and what is doubtful about all positions: of each batch no more is said."""
        prepared = self.engine.prepare(self.scan.image)
        reach = self.engine.reach(
            prepared,
            self._positions,
            **vars(self.cut),
        )
        return prepared, reach.warnings(self.scan.remedies)

    @property
    def _prepared(self) -> PreparedObject:
        return self._looked_at[0]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about the scan."""
        return self.scan.warnings

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is doubtful about where patches lie."""
        return () if self.scan.image is None else self._looked_at[1]

    @property
    @kept
    def patch(self) -> Column | None:
        """Shape and dtype of a patch, if there is an object."""
        image, size = self.scan.image, self.cut.patch_size
        return None if image is None else Column((*image.shape[:-2], size, size), image.dtype)

    @property
    @kept
    def _patterns(self) -> Patterns | None:
        if self.scan.patterns is None:
            return None
        patterns = self.scan.patterns.opened()
        return patterns if self.wanted is None else patterns.as_quantity(self.wanted)

    @property
    def quantity(self) -> Quantity | None:
        """What its patterns are."""
        return None if self._patterns is None else self._patterns.quantity

    @property
    @kept
    def pattern(self) -> Column | None:
        """Shape and dtype of a pattern, if there are any."""
        found = self._patterns
        return None if found is None else Column(found.shape[1:], found.dtype)

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """Which pixels of the detector are good, (H, W), if it is known."""
        return self.scan.mask

    @property
    @kept
    def probe(self) -> Array | None:
        """The modes of the probe, (modes, N, N), if there is one."""
        found = self.scan.probe
        return None if found is None else found.reshape(-1, *found.shape[-2:])

    @property
    def probe_column(self) -> Column | None:
        """Shape and dtype of the probe, which is not read for that."""
        return _modes(self.scan.probe)

    @property
    def object_size(self) -> tuple[int, int] | None:
        """Height and width of the object, if there is one."""
        return None if self.scan.image is None else self.scan.image.shape[-2:]

    @property
    def held_bytes(self) -> int:
        """Bytes that stay in memory while it is open."""
        return self.scan.held_bytes

    @property
    def beside_rows(self) -> int:
        """Bytes that reading rows takes beside them, however many they are."""
        return 0

    def positions(self, rows: Indices) -> Positions:
        """Return positions (y, x), in object pixels: (K, 2) or (B, C, 2)."""
        return self._positions[rows]

    def windows(self, rows: Indices) -> Positions:
        """Return where patches and patterns show the object: (K, 2), or (B, C, 2) with any C."""
        return self.positions(rows)

    def patches(self, rows: Indices) -> Array:
        """Cut patches, all in one call: (K, [layers,] N, N) or (B, [layers,] N, N, C)."""
        layout: Any = "flat" if rows.ndim == 1 else "channel"
        patches: Array = self.engine.extract(
            self._prepared, self._positions[rows], **vars(self.cut), layout=layout
        )
        layers = self._prepared.image.ndim - 2
        return np.moveaxis(patches, layers, 0) if layers else patches

    def patterns(self, rows: Indices) -> Array:
        """Read patterns: (K, H, W) or (B, H, W, C)."""
        assert self._patterns is not None
        if rows.size == 1:  # the least that is asked for, and often
            number = int(rows.reshape(-1)[0])
            flat = self._patterns.read(number, number + 1)
        else:
            flat = self._patterns.take(rows.reshape(-1))
        return flat if rows.ndim == 1 else flat_to_channel(flat, rows.shape[1])

    def indices(self, rows: Indices) -> Indices:
        """Return numbers of scan points: (K,) or (B, C)."""
        return rows

    def workspace(self, points: int) -> int:
        """Return what cutting so many patches takes of memory beside them."""
        how = vars(self.cut) | {"fill": "zeros"}  # positions that lie nowhere leave the object
        plan = self.engine.plan(self._prepared, np.zeros((points, 2)), **how)
        return plan.workspace_bytes


@dataclass(eq=False)
class StoreContents:
    """An output of ours that holds patches and positions: rows are read from it.

    Attributes
    ----------
    path : Path or ObjectUrl
        Where it lies.
    wanted : {"amplitude", "intensity"}, optional
        What patterns are to be; as they are by default.
    """

    path: Location
    wanted: Quantity | None = None
    engine: Engine | None = field(default=None, init=False)
    warnings: tuple[str, ...] = field(default=(), init=False)
    doubts: tuple[str, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        self._output: StoredOutput = open_stored(self.path)  # once, whoever asks first

    @property
    def source(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def rows(self) -> int:
        """Number of points, or of groups."""
        return int(self._output.patches.shape[0])

    @property
    @kept
    def members(self) -> int | None:
        """Members of a group, or None where rows are points: positions tell."""
        shape = self._output.arrays["positions"].shape
        return int(shape[1]) if len(shape) == 3 else None

    @property
    @kept
    def cut(self) -> Cut:
        """What was cut, as the output records it."""
        recorded = self._output.geometry
        how = {name: recorded[name] for name in ("interpolation", "fill", "rounding")
               if isinstance(recorded.get(name), str)}  # fmt: skip
        assert self.patch is not None
        return Cut(self.patch.shape[-1], **how)

    def _column(self, name: str) -> Column | None:
        array = self._output.arrays.get(name)
        if array is None:
            return None
        shape = tuple(map(int, array.shape[1:]))
        return Column(shape if self.members is None else shape[:-1], np.dtype(array.dtype))

    @property
    def patch(self) -> Column | None:
        """Shape and dtype of a patch, without members."""
        return self._column("patches")

    @property
    @kept
    def _recorded(self) -> Quantity:
        """What the stored patterns are: amplitudes, if nothing is recorded."""
        return "intensity" if self._output.geometry.get("patterns") == "intensity" else "amplitude"

    @property
    def quantity(self) -> Quantity:
        """What its patterns are when they are read."""
        return self.wanted or self._recorded

    @property
    def pattern(self) -> Column | None:
        """Shape and dtype of a pattern, without members."""
        found = self._column("patterns")
        if found is None or self.quantity == self._recorded:
            return found
        return Column(found.shape, np.result_type(found.dtype, np.float32))

    @property
    @kept
    def mask(self) -> NDArray[np.bool_] | None:
        """As `ScanContents`."""
        found, pattern = self._output.arrays.get("mask"), self.pattern
        if found is None or pattern is None or found.shape != pattern.shape:
            return None
        return np.asarray(found[...], bool)

    @property
    @kept
    def probe(self) -> Array | None:
        """The modes of the probe, (modes, N, N), if it is stored."""
        found = self._output.arrays.get("probe")
        return None if found is None else np.asarray(found[...]).reshape(-1, *found.shape[-2:])

    @property
    def probe_column(self) -> Column | None:
        """As `ScanContents`."""
        return _modes(self._output.arrays.get("probe"))

    @property
    def object_size(self) -> tuple[int, int] | None:
        """Height and width of the object that patches were cut from, as far as it is recorded."""
        shape = self._output.geometry.get("object_shape")
        if not isinstance(shape, list) or len(shape) < 2:
            return None
        height, width = (int(size) for size in shape[-2:])
        return height, width

    @property
    def held_bytes(self) -> int:
        """Bytes that stay in memory while it is open."""
        return int(self._positions.nbytes)

    @property
    def _threads(self) -> int:
        """How many chunks are asked for at a time: what is far away is waited for."""
        return FAR_THREADS if isinstance(self.path, ObjectUrl) else 1

    @property
    def beside_rows(self) -> int:
        """Bytes that reading rows takes beside them, however many they are."""
        found = (self._output.arrays.get(name) for name in ("patches", "patterns"))
        return max(beside_rows(array, self._threads) for array in found)

    @property
    @kept
    def _positions(self) -> Positions:
        return self._output.positions

    def positions(self, rows: Indices) -> Positions:
        """As `ScanContents`."""
        return self._positions[rows]

    def windows(self, rows: Indices) -> Positions:
        """As `ScanContents`: patches of mirrored members show another place than their patterns."""
        found = self.positions(rows)
        if self._output.geometry.get("mirrored") is not True or self.members is None:
            return found
        return np.concatenate([found, mirrored_in_groups(found)], axis=1)

    def _take(self, name: str, rows: Indices) -> Array:
        """Read rows (K,), or points of groups (B, C), whose members then stand last."""
        found = take_rows(self._output.arrays[name], rows.reshape(-1), self._threads)
        if rows.ndim == 1:
            return found
        grouped = found.reshape(*rows.shape, *found.shape[1:])
        return np.ascontiguousarray(np.moveaxis(grouped, 1, -1))

    def patches(self, rows: Indices) -> Array:
        """As `ScanContents`."""
        return self._take("patches", rows)

    def patterns(self, rows: Indices) -> Array:
        """As `ScanContents`."""
        found = self._take("patterns", rows)
        if self.quantity == self._recorded:
            return found
        assert self.pattern is not None
        changed = found.astype(self.pattern.dtype)  # a copy: what is found may be mapped
        convert_quantity(changed, self._recorded)
        return changed

    def indices(self, rows: Indices) -> Indices:
        """As `ScanContents`."""
        if "indices" not in self._output.arrays:
            return rows
        return self._take("indices", rows).astype(np.int64)

    def workspace(self, points: int) -> int:
        """As `ScanContents`: nothing is cut."""
        return 0


def _modes(probe: Any) -> Column | None:
    """Return what a probe is with its modes first."""
    if probe is None:
        return None
    *modes, height, width = probe.shape
    return Column((math.prod(modes), height, width), np.dtype(probe.dtype))


#: An open source of items.
Contents = ScanContents | StoreContents
