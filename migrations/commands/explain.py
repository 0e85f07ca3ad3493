"""``ptycho-migrate explain``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..exit_codes import DONE, FAILED
from ..rules import RULES
from . import complain

PAGES = Path(__file__).parents[1] / "rules"


def run(options: argparse.Namespace) -> int:
    """Print the page of a rule; return the exit code."""
    known = sorted(rule.id for rule in RULES)
    number = options.rule.strip().upper()
    if number not in known:
        complain(f"rule {options.rule!r} is not known. Available: {', '.join(known)}.")
        return FAILED
    print((PAGES / f"{number}.md").read_text(encoding="utf-8"), end="")
    return DONE
