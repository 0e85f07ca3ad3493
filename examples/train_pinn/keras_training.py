"""Training in Keras: progress, checkpoints, resuming and TensorBoard are Keras's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras_network import build_model
from numpy.typing import NDArray
from scan import TrainingScan, seen_positions
from settings import Settings

from ptycho_engine import PatchDataset
from ptycho_engine.layers import PoissonNLL

MODEL = "model.keras"


class Batches(keras.utils.PyDataset):
    """Batches of a dataset in the order of its epochs, as torch's side takes them."""

    def __init__(self, dataset: PatchDataset, settings: Settings, epoch: int) -> None:
        super().__init__()
        self.dataset, self.settings, self.epoch = dataset, settings, epoch
        self.order = dataset.order(settings.seed, epoch)

    def __len__(self) -> int:
        return len(self.order) // self.settings.batch_size

    def __getitem__(self, number: int) -> Any:
        size = self.settings.batch_size
        batch = self.dataset.batch(self.order[number * size : (number + 1) * size])
        batch["positions"] = seen_positions(batch["positions"], self.settings)
        return batch, {"intensity": batch["patterns"]}

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = self.dataset.order(self.settings.seed, self.epoch)


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
    callbacks = [
        keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: _keep(model, folder, losses, logs["loss"])
        )
    ]
    if settings.tensorboard:
        callbacks.append(keras.callbacks.TensorBoard(folder / "tensorboard", profile_batch=0))
    batches = Batches(made.train, settings, len(losses))
    model.fit(
        batches, initial_epoch=len(losses), epochs=settings.epochs, shuffle=False, verbose=2,
        callbacks=callbacks,
    )  # fmt: skip
    return model, losses


def _keep(model: keras.Model, folder: Path, losses: list[float], loss: float) -> None:
    """Save the model and its losses, so that a run that is stopped can go on."""
    losses.append(float(loss))
    beside = folder / f"next-{MODEL}"
    model.save(beside)
    beside.replace(folder / MODEL)
    np.savetxt(folder / "losses.csv", losses)


def predict(model: keras.Model, batch: dict[str, NDArray[Any]]) -> NDArray[np.complex64]:
    """Return the patches (B, N, N, C) of a batch."""
    found = model.predict_on_batch(batch)
    return np.asarray(found["amplitude"] * np.exp(1j * found["phase"]), np.complex64)
