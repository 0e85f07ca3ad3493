from ptycho.config.config import ModelConfig


def sizes():
    config = ModelConfig(N=16, gridsize=2, use_batched_patch_extraction=True)
    return [config.N, config.gridsize]
