"""The settings of a run, kept beside its model: whoever goes on with it has to have the same."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from settings import Settings

KEPT = "settings.json"
#: What may be another when a run goes on.
FREE = ("epochs", "made_with", "output", "resume", "tensorboard")


def keep_settings(settings: Settings) -> None:
    """Write the settings beside the model that was trained with them."""
    folder = Path(settings.output)
    (folder / f"next-{KEPT}").write_text(json.dumps(_bound(settings), indent=2))
    (folder / f"next-{KEPT}").replace(folder / KEPT)


def check_kept(settings: Settings) -> None:
    """Refuse to go on with a model that was trained with other settings.

    Raises
    ------
    SystemExit
        With what differs.
    """
    kept = Path(settings.output) / KEPT
    if not kept.exists():  # nothing to go on with
        return
    trained, asked = json.loads(kept.read_text()), _bound(settings)
    differ = [name for name in asked if trained.get(name) != asked[name]]
    if differ:
        there = " ".join(f"{name}={trained.get(name)}" for name in differ)
        here = " ".join(f"{name}={asked[name]}" for name in differ)
        raise SystemExit(
            f"resume: {settings.output} was trained with {there}, received {here}. Expected the "
            f"same; only {', '.join(FREE)} may differ. Repeat them, or name another output."
        )


def _bound(settings: Settings) -> dict[str, object]:
    return {name: value for name, value in asdict(settings).items() if name not in FREE}
