"""Training in torch: the same batches, loss and optimiser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from kept import keep_settings
from numpy.typing import NDArray
from scan import TrainingScan, seen_positions
from settings import Settings
from torch_network import Network

from ptycho_engine.layers.torch import PoissonNLL

CHECKPOINT = "checkpoint.pt"


def train(made: TrainingScan, settings: Settings) -> tuple[Network, list[float]]:
    """As :func:`keras_training.train`."""
    folder = Path(settings.output)
    torch.manual_seed(settings.seed)
    network = Network(settings, made.scan.probe, made.photon_scale, made.frame)
    optimiser = torch.optim.Adam(network.parameters(), settings.learning_rate, eps=1e-8)
    losses: list[float] = []
    if settings.resume and (folder / CHECKPOINT).exists():
        kept = torch.load(folder / CHECKPOINT, weights_only=True)  # tensors and numbers alone
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        losses = kept["losses"]
    board = _board(folder) if settings.tensorboard else None
    criterion = PoissonNLL()
    for epoch in range(len(losses), settings.epochs):
        total, count = 0.0, 0
        for numbers in made.train.batches(
            settings.batch_size, seed=settings.seed, epoch=epoch, drop_last=True
        ):
            numbers["positions"] = seen_positions(numbers["positions"], settings)
            batch = {name: torch.from_numpy(values) for name, values in numbers.items()}
            optimiser.zero_grad()
            loss = criterion(batch["patterns"], network(batch)["intensity"])
            loss.backward()
            optimiser.step()
            total, count = total + float(loss.detach()), count + 1
        losses.append(total / count)
        print(f"Epoch {epoch + 1}/{settings.epochs} - loss: {losses[-1]:.4f}")
        if board is not None:
            board.add_scalar("loss", losses[-1], epoch)
        state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
        torch.save(state | {"losses": losses}, folder / f"next-{CHECKPOINT}")
        (folder / f"next-{CHECKPOINT}").replace(folder / CHECKPOINT)
        keep_settings(settings)
        np.savetxt(folder / "losses.csv", losses)
    return network, losses


def predict(network: Network, batch: dict[str, NDArray[Any]]) -> NDArray[np.complex64]:
    """Return the patches (B, N, N, C) of a batch."""
    with torch.inference_mode():
        found = network({name: torch.from_numpy(values) for name, values in batch.items()})
    amplitude, phase = found["amplitude"].numpy(), found["phase"].numpy()
    return np.asarray(amplitude * np.exp(1j * phase), np.complex64)


def _board(folder: Path) -> Any:
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder / "tensorboard")
