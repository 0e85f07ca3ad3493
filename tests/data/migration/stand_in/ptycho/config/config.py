"""Settings as dataclasses."""

from dataclasses import dataclass


@dataclass
class ModelConfig:
    N: int = 64
    gridsize: int = 1
    use_batched_patch_extraction: bool = True
