"""Training in Keras: progress, checkpoints, resuming and TensorBoard are Keras's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from kept import keep_settings
from keras_network import build_model
from numpy.typing import NDArray
from scan import TrainingScan, seen_positions
from settings import Settings

from ptycho_engine import PatchDataset
from ptycho_engine.layers import PoissonNLL

MODEL = "model.keras"


class Batches(keras.utils.PyDataset):
    """The batches of one epoch, in the order in which torch's side takes them.

    One that shuffled itself at the end of an epoch would begin with the second: Keras ends an epoch
    when it has looked at the first batch to build the model.
    """

    def __init__(self, dataset: PatchDataset, settings: Settings, epoch: int) -> None:
        super().__init__()
        self.dataset, self.settings = dataset, settings
        self.order = dataset.order(settings.seed, epoch)

    def __len__(self) -> int:
        return len(self.order) // self.settings.batch_size

    def __getitem__(self, number: int) -> Any:
        size = self.settings.batch_size
        batch = self.dataset.batch(self.order[number * size : (number + 1) * size])
        batch["positions"] = seen_positions(batch["positions"], self.settings)
        return batch, {"intensity": batch["patterns"]}


def train(made: TrainingScan, settings: Settings) -> tuple[keras.Model, list[float]]:
    """Train a network, or go on with one.

    Returns
    -------
    model : keras.Model
        As it was saved after the last epoch.
    losses : list of float
        Mean loss of each epoch, those of an earlier run included.
    """
    folder = Path(settings.output)
    keras.utils.set_random_seed(settings.seed)
    if settings.resume and (folder / MODEL).exists():
        model = keras.models.load_model(folder / MODEL)
    else:
        model = build_model(settings, made.scan.probe, made.photon_scale, made.frame)
        model.compile(
            keras.optimizers.Adam(settings.learning_rate, epsilon=1e-8),
            {"intensity": PoissonNLL()},
            jit_compile=settings.jit_compile,
        )
    log = folder / "losses.csv"
    losses = list(np.atleast_1d(np.loadtxt(log))) if settings.resume and log.exists() else []
    callbacks = []
    if settings.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(folder / "tensorboard", profile_batch=0))
    for epoch in range(len(losses), settings.epochs):
        batches = Batches(made.train, settings, epoch)
        found = model.fit(
            batches, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0,
            callbacks=callbacks,
        )  # fmt: skip
        losses.append(float(found.history["loss"][0]))
        print(f"Epoch {epoch + 1}/{settings.epochs} - loss: {losses[-1]:.4f}")
        _keep(model, settings, losses)
    return model, losses


def _keep(model: keras.Model, settings: Settings, losses: list[float]) -> None:
    """Save the model, its settings and losses, so that a run that is stopped can go on."""
    folder = Path(settings.output)
    beside = folder / f"next-{MODEL}"
    model.save(beside)
    beside.replace(folder / MODEL)
    keep_settings(settings)
    np.savetxt(folder / "losses.csv", losses)


def predict(model: keras.Model, batch: dict[str, NDArray[Any]]) -> NDArray[np.complex64]:
    """Return the patches (B, N, N, C) of a batch."""
    found = model.predict_on_batch(batch)
    return np.asarray(found["amplitude"] * np.exp(1j * found["phase"]), np.complex64)
