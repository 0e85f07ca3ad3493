"""The journal of an unfinished output: what it is to be, and a line for each finished region."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .regions import Box, Key, box_of
from .specs import ArraySpec

NAME = "journal.jsonl"


@dataclass(frozen=True)
class Finished:
    """A line: a region, and the checksum of its values in each array.

    It is a CRC-32C, or None where the format has checksums of its own.
    """

    region: Key
    checksums: Mapping[str, int | None]

    def boxes(self, arrays: Mapping[str, ArraySpec]) -> dict[str, Box]:
        """Return where the region lies in each of its arrays."""
        return {name: box_of(self.region, arrays[name].shape) for name in self.checksums}


@dataclass
class Journal:
    """A text file of JSON lines that only grows; a line that a kill cut off does not count.

    Attributes
    ----------
    identity : dict
        What decides whether two runs write the same: the first line.
    lines : list of Finished
        The regions that are finished.
    """

    path: Path
    identity: dict[str, Any]
    lines: list[Finished] = field(default_factory=list)

    @classmethod
    def begin(cls, folder: Path, identity: dict[str, Any]) -> Journal:
        """Start the journal of a new output."""
        path = folder / NAME
        path.write_text(json.dumps({"identity": identity}) + "\n", encoding="utf-8")
        return cls(path, identity)

    @classmethod
    def load(cls, folder: Path) -> Journal | None:
        """Read the journal of a folder; None if there is none that can be read."""
        path = folder / NAME
        try:
            first, *rest = path.read_text(encoding="utf-8").split("\n")[:-1]
            journal = cls(path, json.loads(first)["identity"])
            for line in rest:
                entry = json.loads(line)
                region = tuple((start, stop) for start, stop in entry["region"])
                journal.lines.append(Finished(region, dict(entry["crc32c"])))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return journal

    def rewrite(self, lines: list[Finished]) -> None:
        """Keep only these lines, and lose what a kill cut off."""
        self.lines = []
        new = self.path.with_suffix(".new")
        first = json.dumps({"identity": self.identity})
        text = [first, *(_to_line(line) for line in lines)]
        new.write_text("".join(f"{line}\n" for line in text), encoding="utf-8")
        os.replace(new, self.path)
        self.lines = list(lines)

    def append(self, line: Finished) -> None:
        """Add a line, in one write."""
        with self.path.open("ab", buffering=0) as stream:
            stream.write(f"{_to_line(line)}\n".encode())
        self.lines.append(line)


def _to_line(line: Finished) -> str:
    return json.dumps({"region": line.region, "crc32c": dict(line.checksums)})
