"""The exported folder: a manifest, kernels as StableHLO, expected values as npz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .case import KINDS, Case

MANIFEST = "manifest.json"
#: Changes whenever an older folder could no longer be read.
FORMAT = 1


class TranscriptError(RuntimeError):
    """A folder that holds no kernels, or others than this module reads."""


@dataclass(frozen=True)
class Transcript:
    """Kernels that were exported, one for each kind and case.

    Attributes
    ----------
    folder : Path
        Where they lie.
    cases : tuple of Case
        Patch sizes, with the number of patches of each.
    versions : mapping of str to str
        Of what made them.
    """

    folder: Path
    cases: tuple[Case, ...]
    versions: Mapping[str, str]

    def kernel(self, case: Case, kind: str) -> Path:
        """File of a kernel."""
        return self.folder / f"{kind}-{case.patch_size}.stablehlo"

    def expected(self, case: Case) -> dict[str, np.ndarray]:
        """What each kind of kernel is to answer, complex64: see `Case.answer`."""
        with np.load(self._values(case), allow_pickle=False) as stored:
            patches, gradient = stored["patches"], stored["gradient"]
        return {"flat": patches, "channel": patches, "gradient": gradient}

    def store_expected(self, case: Case, patches: np.ndarray, gradient: np.ndarray) -> None:
        """Store what the kernels of a case are to answer."""
        np.savez(self._values(case), patches=patches, gradient=gradient)

    def _values(self, case: Case) -> Path:
        return self.folder / f"expected-{case.patch_size}.npz"

    def write_manifest(self) -> None:
        """Say what the folder holds; last of all, so that a folder with a manifest is whole."""
        content = {
            "format": FORMAT,
            "versions": dict(self.versions),
            "cases": [asdict(case) | {"checksum": case.checksum()} for case in self.cases],
        }
        (self.folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n")


def read_transcript(folder: Path) -> Transcript:
    """Read the manifest of an exported folder, and check that what it names is there.

    Parameters
    ----------
    folder : Path
        What ``python -m benchmarks --export`` wrote.

    Returns
    -------
    Transcript
        Its cases.

    Raises
    ------
    TranscriptError
        If there is no manifest, one of another format, a file is missing, or this machine draws
        other arguments from the same seed.
    """
    manifest = folder / MANIFEST
    again = "Run `python -m benchmarks --export DIR` where TensorFlow is installed, and carry DIR."
    if not manifest.is_file():
        raise TranscriptError(f"{folder}: no {MANIFEST} in it. Expected exported kernels. {again}")
    content = json.loads(manifest.read_text())
    if content.get("format") != FORMAT:
        raise TranscriptError(
            f"{manifest}: format {content.get('format')}. Expected format {FORMAT}. {again}"
        )
    checksums = [entry.pop("checksum") for entry in content["cases"]]
    cases = tuple(Case(**entry) for entry in content["cases"])
    transcript = Transcript(folder, cases, content["versions"])
    for case, checksum in zip(cases, checksums, strict=True):
        for file in (*(transcript.kernel(case, k) for k in KINDS), transcript._values(case)):
            if not file.is_file():
                raise TranscriptError(f"{file}: missing, though the manifest names it. {again}")
        if case.checksum() != checksum:
            raise TranscriptError(
                f"{manifest}: the arguments for N = {case.patch_size} have the checksum "
                f"{case.checksum()} here. Expected {checksum}. NumPy's generators differ: use the "
                f"NumPy of the export, {transcript.versions.get('numpy')}."
            )
    return transcript
