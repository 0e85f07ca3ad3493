"""Train a network to see objects in diffraction patterns, by physics alone.

    python examples/train_pinn/train.py gridsize=2 epochs=20
    python examples/train_pinn/train.py framework=torch output=outputs/torch

It never sees an object: its patches are lit by the probe and carried to the detector, and the loss
compares that with the counts measured there.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path

import hydra
import numpy as np
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

sys.path.insert(0, str(Path(__file__).parent))

from kept import check_kept
from reconstruction import draw, judge, reassemble
from scan import make_training_scan
from settings import Settings


def run(settings: Settings) -> dict[str, object]:
    """Train, save, reconstruct and judge; returns what ``figures.json`` then holds."""
    if settings.resume:
        check_kept(settings)
    made = make_training_scan(settings)
    folder = Path(settings.output)
    folder.mkdir(parents=True, exist_ok=True)
    if settings.framework == "keras":
        import keras_training as training
    else:
        import torch_training as training  # type: ignore[no-redef]
    model, losses = training.train(made, settings)
    predict = partial(training.predict, model)
    figures = {}
    for name, dataset in {"train": made.train, "test": made.test}.items():
        found, seen = reassemble(predict, made, dataset, settings)
        figures[name] = asdict(judge(found, seen, made.scan.image))
        np.savez(folder / f"object_{name}.npz", object=found, seen=seen)
        truth = np.where(seen, made.scan.image, 0)
        draw(np.where(seen, found, 0), truth, losses, folder / f"object_{name}.png")
    result = {"losses": losses, "figures": figures}
    (folder / "figures.json").write_text(json.dumps(result, indent=2))
    print(json.dumps(figures, indent=2))
    return result


@hydra.main(version_base="1.3", config_path=".", config_name="config")
def main(config: DictConfig) -> None:
    """Run with the settings of the command line."""
    run(OmegaConf.to_object(config))  # type: ignore[arg-type]


ConfigStore.instance().store("settings", Settings)


if __name__ == "__main__":
    main()
