"""How a job of the command ends: its exit code, and words for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..report.swept_runs import Account

DONE, FAULT, REFUSED, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
WORDS = {DONE: "done", FAULT: "a fault", REFUSED: "refused", INTERRUPTED: "interrupted"}


@dataclass(frozen=True)
class Outcome:
    """How a job ended; it travels from the process of the job to that of the command.

    Attributes
    ----------
    code : int
        The exit code of a run of this job alone.
    words : str
        What was written, or what went wrong, in one line.
    account : Account
        What it told of itself until then.
    """

    code: int
    words: str = ""
    account: Account = field(default=Account(), compare=False)

    @property
    def kind(self) -> str:
        """What the code means."""
        return WORDS.get(self.code, f"exit code {self.code}")

    def __str__(self) -> str:
        """Say both, in one line."""
        line = " ".join(self.words.split())
        return f"{self.kind}{line and ': '}{line}"


@dataclass
class Outcomes:
    """What has come of the jobs of a command.

    Attributes
    ----------
    ended : list of Outcome
        Of each job that has ended.
    here : dict of int to Outcome
        Of each job of a sweep that ended in this process, by its number.
    begun : bool
        Whether any has begun: until then an error is one of the configuration.
    """

    ended: list[Outcome] = field(default_factory=list)
    here: dict[int, Outcome] = field(default_factory=dict)
    begun: bool = False

    @property
    def worst(self) -> int:
        """The highest exit code."""
        return max((outcome.code for outcome in self.ended), default=DONE)
