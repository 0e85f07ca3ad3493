"""Two checkouts in turn: ``python -m benchmarks.versus OTHER [--python PYTHON]``.

Each is measured by the harness in its own tree, in processes of its own. Within a turn both run the
same task, and which begins changes from turn to turn; a ratio is the median over the turns.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from .effort import QUICK, Effort
from .settings import progress
from .table import format_table, number
from .worker import ROOT, measure

#: For each section: what a row is called by, and its figure that a busy machine disturbs least.
COMPARED = {
    "throughput": (("contender", "layout", "output"), "to_first_touch"),
    "latency": (("plugin", "object"), "microseconds"),
}
#: (section, row's name) to a figure.
Figures = Mapping[tuple[str, str], float]


@dataclass(frozen=True)
class Checkout:
    """A tree, and the interpreter of an environment in which that tree is installed."""

    root: Path
    python: str

    def figures(
        self, plugin: str, effort: Effort, sections: Sequence[str]
    ) -> dict[tuple[str, str], float]:
        """Measure a plugin once."""
        problem = effort.problem
        tasks: dict[str, dict[str, Any]] = {
            "throughput": {
                "contender": plugin,
                "problem": asdict(problem),
                "repeats": effort.repeats,
                "seconds": effort.seconds,
            },
            "latency": {
                "plugin": plugin,
                "problem": asdict(replace(problem, patches=16)),
                "calls": effort.calls,
            },
        }
        found = {}
        for section in sections:
            names, figure = COMPARED[section]
            result = measure(section, tasks[section], python=self.python, root=self.root)
            for row in result["rows"]:
                if figure in row:
                    found[section, ", ".join(row[name] for name in names)] = row[figure]
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure both checkouts and print this one's figures over those of the other."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.versus", description=__doc__)
    parser.add_argument("other", type=Path, metavar="OTHER", help="root of the other checkout")
    parser.add_argument("--python", help="its interpreter; by default OTHER/.venv/bin/python")
    parser.add_argument("--plugin", action="append", help="repeatable; chunked_xla and numba")
    parser.add_argument("--only", choices=COMPARED, action="append", help="a section; repeatable")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    given = parser.parse_args(arguments)
    other = given.other.resolve()
    python = given.python or str(other / ".venv" / "bin" / "python")
    this = Checkout(ROOT, sys.executable)
    turns = []
    for turn in range(given.turns):
        for plugin in given.plugin or ("chunked_xla", "numba"):
            progress(f"turn {turn + 1} of {given.turns}: {plugin}")
            both = [this, Checkout(other, python)]
            order = both[:: 1 if turn % 2 else -1]
            how = QUICK if given.quick else Effort(), given.only or tuple(COMPARED)
            taken = {checkout: checkout.figures(plugin, *how) for checkout in order}
            turns.append((taken[both[0]], taken[both[1]]))
    print(report(turns))
    return 0


def report(turns: Sequence[tuple[Figures, Figures]]) -> str:
    """Make the table out of the figures of each turn, of this checkout and of the other."""
    rows = []
    for key in dict.fromkeys(key for own, _ in turns for key in own):
        pairs = [(own[key], other[key]) for own, other in turns if key in own and key in other]
        if not pairs:
            rows.append((*key, "-", "-", "-", "0"))
            continue
        ratios = sorted(own / other for own, other in pairs)
        cells = median(ratios), ratios[0], ratios[-1]
        rows.append((*key, *(number(ratio) for ratio in cells), str(len(pairs))))
    header = ("section", "", "/ other", "least", "most", "turns")
    title = "This checkout over the other: throughput as time over first touch, latency as time"
    return f"{title}\n\n{format_table(header, rows, left=2)}"


if __name__ == "__main__":
    sys.exit(main())
