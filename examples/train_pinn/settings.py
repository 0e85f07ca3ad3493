"""Settings of a training run, as `config.yaml` explains them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """One run; the defaults are those of `config.yaml`."""

    points: int = 900
    step: float = 8.0
    size: int = 64
    photons: float = 1e6
    made_with: str = "numba"
    gridsize: int = 1
    filters: int = 16
    positions: str = "exact"
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
