"""``python -m benchmarks.startup``: what starting costs, as ratios of whole processes.

Each round runs every command once, so that whatever else the machine does meets all of them; the
ratio of two commands is that of their medians.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from .table import format_table

#: The least that an application of Hydra can be.
MINIMAL = """
import hydra
from omegaconf import DictConfig

@hydra.main(version_base="1.3", config_path=None)
def main(config: DictConfig) -> None:
    pass

main()
"""
COMMANDS = {
    "import numpy": ["-c", "import numpy"],
    "import hydra": ["-c", "import hydra"],
    "minimal Hydra application --help": ["minimal.py", "--help"],
    "import ptycho_engine": ["-c", "import ptycho_engine"],
    "ptycho-engine --help": ["-m", "ptycho_engine", "--help"],
    "ptycho-engine plugins": ["-m", "ptycho_engine", "plugins"],
}
#: What is measured, against what, and the ratio that it should stay below.
GOALS = (
    ("import ptycho_engine", "import numpy", 1.5),
    ("ptycho-engine --help", "minimal Hydra application --help", 1.4),
    ("ptycho-engine plugins", "import hydra", 1.3),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the ratios, and return 0 whatever they are."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command")
    seconds = measure(max(1, parser.parse_args(arguments).rounds))
    rows = []
    for what, against, goal in GOALS:
        ratio = seconds[what] / seconds[against]
        rows.append((what, against, f"{seconds[what]:.3f}", f"{ratio:.2f}", str(goal)))
    print(format_table(("start of", "against", "seconds", "ratio", "goal"), rows, left=2))
    return 0


def measure(rounds: int) -> dict[str, float]:
    """Return the median duration of each command, a first round left out."""
    durations: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "minimal.py").write_text(MINIMAL)
        for _ in range(rounds + 1):
            for name, command in COMMANDS.items():
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, *command], cwd=folder, check=True, stdout=subprocess.DEVNULL
                )
                durations[name].append(time.perf_counter() - start)
    return {name: median(times[1:]) for name, times in durations.items()}


if __name__ == "__main__":
    sys.exit(main())
