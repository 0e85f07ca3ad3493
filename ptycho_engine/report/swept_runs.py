"""What came of a sweep: of each run what varies, how it ended, what it made and what it took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

#: What says that a JSON file is a summary of ours, and the version of its layout.
FORMAT, VERSION = "ptycho_engine sweep", 1


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a run tells of itself.

    Attributes
    ----------
    output : str or None
        The path of what it wrote, if it did.
    report : str or None
        The path of the report beside it.
    plugin : str or None
        Who computed.
    patches : int or None
        Patches that it cut or placed.
    working : float or None
        Seconds of that work, written and drawn; the scan was read before, and frameworks loaded.
    seconds : float or None
        Seconds of the whole run.
    peak_bytes : int or None
        The most memory that its process held, libraries included.
    warnings : tuple of str
        What it warned of.
    """

    output: str | None = None
    report: str | None = None
    plugin: str | None = None
    patches: int | None = None
    working: float | None = None
    seconds: float | None = None
    peak_bytes: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class SweptRun(Account):
    """One run of a sweep, with what it told of itself.

    Attributes
    ----------
    number : int
        Its number in the sweep, from 0.
    settings : mapping of str to str
        What was set for it, by key, as it was typed.
    outcome : str
        How it ended, in a word or two.
    code : int
        The exit code of such a run alone; 0 if all is done.
    words : str
        What it answered, or what went wrong.
    """

    number: int
    settings: Mapping[str, str]
    outcome: str
    code: int
    words: str = ""

    @property
    def failed(self) -> bool:
        """Whether it did not do what it should."""
        return self.code != 0

    @property
    def rate(self) -> float | None:
        """Patches a second of the work; None where either is not known."""
        return self.patches / self.working if self.patches and self.working else None

    def records(self) -> dict[str, Any]:
        """Return it in plain values, as `sweep.json` has it."""
        known = asdict(self) | {"settings": dict(self.settings), "warnings": list(self.warnings)}
        return known | {"patches_per_second": self.rate and round(self.rate, 1)}


@dataclass(frozen=True)
class Sweep:
    """All runs of a sweep.

    Attributes
    ----------
    folder : Path
        Where the summary goes; the runs have folders of their own in it.
    launcher : str
        What started the runs.
    created : str
        When it ended, as ISO 8601 has it.
    at_once : int
        Runs that shared this machine at a time.
    cores : int or None
        Cores that each was given; None where none was told.
    runs : tuple of SweptRun
        In the order of their numbers.
    """

    folder: Path
    launcher: str
    created: str
    at_once: int
    cores: int | None
    runs: tuple[SweptRun, ...]

    @property
    def varying(self) -> tuple[str, ...]:
        """The keys whose values differ between runs, in the order in which they were typed."""
        every = dict.fromkeys(key for run in self.runs for key in run.settings)
        return tuple(key for key in every if len({run.settings.get(key) for run in self.runs}) > 1)

    @property
    def common(self) -> dict[str, str]:
        """What was set alike for every run."""
        varying = self.varying
        first = self.runs[0].settings if self.runs else {}
        return {key: value for key, value in first.items() if key not in varying}

    @property
    def failed(self) -> int:
        """Number of runs that did not do what they should."""
        return sum(run.failed for run in self.runs)

    @property
    def worst_first(self) -> list[SweptRun]:
        """The runs that failed, then the others, each in order."""
        return sorted(self.runs, key=lambda run: (not run.failed, run.number))

    def records(self) -> dict[str, Any]:
        """Return the content of `sweep.json`."""
        from .. import __version__

        return {
            "format": FORMAT,
            "version": VERSION,
            "ptycho_engine": __version__,
            "created": self.created,
            "folder": str(self.folder),
            "launcher": self.launcher,
            "runs_at_once": self.at_once,
            "cores_of_a_run": self.cores,
            "varying": list(self.varying),
            "common": self.common,
            "failed": self.failed,
            "runs": [run.records() for run in self.runs],
        }


def settings_of(overrides: Sequence[str]) -> dict[str, str]:
    """Return the values of overrides by their keys, ``+key=value`` and ``~key`` too."""
    pairs = (override.partition("=") for override in overrides)
    return {key.lstrip("+"): value for key, _, value in pairs}
