"""The metadata documents of a Zarr 3 store, as plain dictionaries.

They are written here, past the library, because it does so in threads of its own: those go on after
an interrupt, and cannot be had while the interpreter exits.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import OutputError
from ..specs import ArraySpec

NAME = "zarr.json"
#: What a sample is worth that was never written, by the kind of its dtype.
FILL_VALUES = {"b": False, "i": 0, "u": 0, "f": 0.0, "c": [0.0, 0.0]}
#: Bytes of the widest sample that the format knows, by kind.
WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}


def array_metadata(name: str, spec: ArraySpec, chunks: tuple[int, ...]) -> dict[str, Any]:
    """Describe an array of uncompressed chunks with checksums.

    Raises
    ------
    OutputError
        If the format does not know the dtype.
    """
    if spec.dtype.itemsize > WIDEST[spec.dtype.kind]:
        raise OutputError(
            f"{name}: received dtype {spec.dtype}, which Zarr does not know. Expected samples of "
            f"at most {WIDEST[spec.dtype.kind]} bytes. Convert them, or choose .h5."
        )
    endian = {"configuration": {"endian": sys.byteorder}} if spec.dtype.itemsize > 1 else {}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(spec.shape),
        "data_type": spec.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunks)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": FILL_VALUES[spec.dtype.kind],
        "codecs": [{"name": "bytes", **endian}, {"name": "crc32c"}],
        "attributes": {"units": spec.units} if spec.units else {},
        "storage_transformers": [],
        **({"dimension_names": list(spec.axes)} if spec.axes else {}),
    }


def group_metadata(
    attributes: Mapping[str, Any], arrays: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Describe a group: its attributes and, in the same document, its arrays.

    The copy of the arrays' documents lets a reader open all of them with one file, which xarray
    expects; one that does not know it may leave it out.
    """
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": dict(attributes),
        "consolidated_metadata": {
            "kind": "inline",
            "must_understand": False,
            "metadata": dict(sorted(arrays.items())),
        },
    }


def write_metadata(folder: Path, document: Mapping[str, Any]) -> None:
    """Write the document of a group or array; a kill leaves the one before, or none."""
    folder.mkdir(exist_ok=True)
    partial = folder / f"{NAME}.partial"
    partial.write_text(json.dumps(document, indent=2), encoding="utf-8")
    os.replace(partial, folder / NAME)
