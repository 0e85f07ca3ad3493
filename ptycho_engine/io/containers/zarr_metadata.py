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
#: Higher levels take several times as long, for a few per cent of noisy numbers.
ZSTD_LEVEL = 1
#: What a sample is worth that was never written, by the kind of its dtype.
FILL_VALUES = {"b": False, "i": 0, "u": 0, "f": 0.0, "c": [0.0, 0.0]}
#: Bytes of the widest sample that the format knows, by kind.
WIDEST = {"b": 1, "i": 8, "u": 8, "f": 8, "c": 16}


def array_metadata(name: str, spec: ArraySpec, chunks: tuple[int, ...]) -> dict[str, Any]:
    """Describe an array of chunks with checksums, or of shards of such chunks.

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
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(spec.shape),
        "data_type": spec.dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(spec.shards or chunks)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": FILL_VALUES[spec.dtype.kind],
        "codecs": _codecs(spec, chunks),
        "attributes": {"units": spec.units} if spec.units else {},
        "storage_transformers": [],
        **({"dimension_names": list(spec.axes)} if spec.axes else {}),
    }


def _codecs(spec: ArraySpec, chunks: tuple[int, ...]) -> list[dict[str, Any]]:
    """Say how a chunk becomes bytes, and how a shard holds them."""
    endian = {"configuration": {"endian": sys.byteorder}} if spec.dtype.itemsize > 1 else {}
    found: list[dict[str, Any]] = [{"name": "bytes", **endian}]
    if spec.compression == "zstd":
        found.append({"name": "zstd", "configuration": {"level": ZSTD_LEVEL, "checksum": False}})
    found.append({"name": "crc32c"})
    if spec.shards is None:
        return found
    index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    how = {
        "chunk_shape": list(chunks),
        "codecs": found,
        "index_codecs": index,
        "index_location": "end",
    }
    return [{"name": "sharding_indexed", "configuration": how}]


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


def to_text(document: Mapping[str, Any]) -> str:
    """Return a document as it is stored."""
    return json.dumps(document, indent=2)


def write_metadata(folder: Path, document: Mapping[str, Any]) -> None:
    """Write the document of a group or array; a kill leaves the one before, or none."""
    folder.mkdir(exist_ok=True)
    partial = folder / f"{NAME}.partial"
    partial.write_text(to_text(document), encoding="utf-8")
    os.replace(partial, folder / NAME)
