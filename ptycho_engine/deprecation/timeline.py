"""The removal timeline, rendered from the table of deprecations.

``python -m ptycho_engine.deprecation.timeline`` prints the page `migrations/timeline.md`.
"""

from __future__ import annotations

from .table import CATEGORIES, ENVIRONMENT, TABLE, Deprecation


def timeline(table: tuple[Deprecation, ...] = TABLE) -> dict[str, tuple[Deprecation, ...]]:
    """Return the entries by the release that removes them, soonest first."""
    releases = sorted({entry.removal for entry in table}, key=lambda v: [*map(int, v.split("."))])
    return {r: tuple(entry for entry in table if entry.removal == r) for r in releases}


def timeline_page(table: tuple[Deprecation, ...] = TABLE) -> str:
    """Return `migrations/timeline.md`."""
    lines = [
        "# Removal timeline",
        "",
        "Made from `ptycho_engine/deprecation/table.py` by "
        "`python -m ptycho_engine.deprecation.timeline`.",
        "",
        f"Each name warns when it is used. `{ENVIRONMENT}=error` turns the warnings into errors.",
        "The command `ptycho-migrate` follows this table and goes with its last entry; a later "
        "user runs it from the release before.",
    ]
    for release, entries in timeline(table).items():
        category = CATEGORIES[release].__name__
        lines += [
            "",
            f"## Removed in {release}",
            "",
            f"Until then each warns with `ptycho_engine.deprecation.table.{category}`.",
            "",
            "| id | what | deprecated since | use instead | guide |",
            "|---|---|---|---|---|",
        ]
        lines += [_row(entry) for entry in entries]
    return "\n".join(lines) + "\n"


def _row(entry: Deprecation) -> str:
    guide = f"[{entry.guide[:4]}]({entry.guide})"
    name = f"{entry.kind} `{entry.old}`"
    return f"| {entry.id} | {name} | {entry.since} | {entry.replacement} | {guide} |"


if __name__ == "__main__":
    print(timeline_page(), end="")
