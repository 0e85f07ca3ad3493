"""Outputs of ours that hold patches, under our names or under PtychoPINN's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...geometry import from_legacy
from ...io.objects.urls import Location
from ...io.outputs import StoredOutput, read_output
from ..patch_places import LEGACY, OURS
from ..stored_patches import PROBES

#: What arrays of training data are called by PtychoPINN.
PTYCHOPINN = {
    "patches": "Y",
    "patterns": "diffraction",
    "indices": "nn_indices",
    PROBES[0]: PROBES[1],
}


def open_stored(path: Location) -> StoredOutput:
    """Open an output of ours; training data with PtychoPINN's names has ours, too.

    Raises
    ------
    InputFileError
        If there is none, or it cannot be read.
    """
    output = read_output(path)
    if not _is_theirs(output):
        return output
    arrays: dict[str, Any] = dict(output.arrays)
    found = {ours: arrays[name] for ours, name in PTYCHOPINN.items() if name in arrays}
    found[OURS] = from_legacy(np.asarray(arrays[LEGACY][...]))
    return replace(output, arrays=arrays | found)


def holds_patches(path: Location) -> bool:
    """Whether an output of ours holds patches; scans that we write are read as scans."""
    with read_output(path) as output:  # names alone: positions of training data may be many
        return _is_theirs(output) or {"patches", OURS} <= output.arrays.keys()


def _is_theirs(output: StoredOutput) -> bool:
    """Whether an output has training data under PtychoPINN's names, and not under ours."""
    names = output.arrays.keys()
    return OURS not in names and {LEGACY, PTYCHOPINN["patches"]} <= names
