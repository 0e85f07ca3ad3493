"""How a job of the command ends: its exit code, and words for it."""

from __future__ import annotations

from dataclasses import dataclass, field

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130
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
    """

    code: int
    words: str = ""

    def __str__(self) -> str:
        """Say both, in one line."""
        line = " ".join(self.words.split())
        return f"{WORDS.get(self.code, f'exit code {self.code}')}{line and ': '}{line}"


@dataclass
class Outcomes:
    """What has come of the jobs of a command.

    Attributes
    ----------
    ended : list of Outcome
        Of each job that has ended.
    begun : bool
        Whether any has begun: until then an error is one of the configuration.
    """

    ended: list[Outcome] = field(default_factory=list)
    begun: bool = False

    @property
    def worst(self) -> int:
        """The highest exit code."""
        return max((outcome.code for outcome in self.ended), default=DONE)
