"""Settings of a training run; each is a key of the command line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass  # not frozen: Hydra writes the command line into it
class Settings:
    """One run.

    Attributes
    ----------
    points, step, size, photons
        The simulated scan: positions, their mean spacing in pixels, size N of the patterns, mean
        counts of a pattern.
    made_with : str
        Plugin that cuts the patches of the simulation: its choice changes no figure.
    gridsize : {1, 2}
        Side of a group; 2 for groups of four neighbours.
    filters : int
        Channels of the first convolution.
    positions : {"exact", "rounded"}
        Whether patches meet at their positions, or at the nearest whole pixels: the baseline.
    interpolation : {"bilinear", "bicubic"}
        How patches are put together and cut between pixels. Bilinear weights blur more the nearer
        a position is to half a pixel, which members of a group then disagree about.
    framework : {"keras", "torch"}
        What trains.
    epochs, batch_size, learning_rate
        How long, and how.
    jit_compile : bool
        Whether XLA compiles the training step; of Keras alone.
    seed : int
        For everything that is drawn.
    output : str
        Folder of checkpoints, losses, model, figures and pictures.
    resume : bool
        Whether to go on with what is there, which was trained with the same settings but for
        `epochs`, `made_with`, `output` and `tensorboard`.
    tensorboard : bool
        Whether to write what TensorBoard shows.
    """

    points: int = 900
    step: float = 8.0
    size: int = 64
    photons: float = 1e6
    made_with: str = "numba"
    gridsize: int = 1
    filters: int = 16
    positions: str = "exact"
    interpolation: str = "bilinear"
    framework: str = "keras"
    epochs: int = 60
    batch_size: int = 8
    learning_rate: float = 1e-3
    jit_compile: bool = True
    seed: int = 0
    output: str = "outputs/pinn"
    resume: bool = False
    tensorboard: bool = False

    def __post_init__(self) -> None:
        for name, choices in (
            ("gridsize", (1, 2)),
            ("positions", ("exact", "rounded")),
            ("interpolation", ("bilinear", "bicubic")),
            ("framework", ("keras", "torch")),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise SystemExit(f"{name}: received {value!r}. Expected one of {choices}.")
        if self.size % 4:
            raise SystemExit(f"size: received {self.size}. Expected a multiple of 4.")

    @property
    def channels(self) -> int:
        """Patterns of a group."""
        return self.gridsize**2
