"""The same network in torch, of the twins of the layers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from architecture import KERNEL, convolutions, first_weights
from numpy.typing import NDArray
from settings import Settings
from torch import Tensor, nn
from torch.nn import functional

from ptycho_engine.layers import torch as layers


class Network(nn.Module):
    """As :func:`keras_network.build_model`, with the same first weights."""

    def __init__(
        self, settings: Settings, probe: NDArray[np.complex64], scale: float, frame: int
    ) -> None:
        super().__init__()
        self.frame = frame
        self.convolutions = nn.ModuleDict()
        drawn = first_weights(settings.channels, settings.filters, settings.seed)
        for name, sizes in convolutions(settings.channels, settings.filters).items():
            convolution = nn.Conv2d(*sizes, KERNEL, padding="same")
            kernel, bias = map(torch.from_numpy, drawn[name])
            convolution.weight = nn.Parameter(kernel.permute(3, 2, 0, 1).contiguous())
            convolution.bias = nn.Parameter(bias)
            self.convolutions[name] = convolution
        self.scale = layers.IntensityScale(scale)
        self.unscale = self.scale.inverse()
        self.amplitude = layers.ScaledTanh(0.5, 0.5)
        self.phase = layers.ScaledTanh(np.pi, 0.0)
        self.combine = layers.CombineComplex()
        between = {"interpolation": settings.interpolation}
        weights = np.abs(probe) ** 2
        self.reassemble = layers.ReassemblePatches((frame, frame), weights=weights, **between)
        self.extract = layers.ExtractPatches(settings.size, **between)
        self.illuminate = layers.ProbeIllumination(probe)
        self.diffract = layers.FarFieldDiffraction()

    def forward(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return intensity, amplitude and phase (B, N, N, C) for patterns and positions."""
        amplitude, phase = self._network(self.unscale(batch["patterns"].sqrt()))
        patches = self.combine([amplitude, phase])
        positions = batch["positions"]
        local = positions - positions.mean(1, keepdim=True) + float(self.frame // 2)
        seen = self.extract([self.reassemble([patches, local]), local])
        expected = self.scale(self.diffract(self.illuminate(seen)))
        return {"intensity": expected**2, "amplitude": amplitude, "phase": phase}

    def _network(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return amplitude and phase (B, N, N, C) for amplitudes of patterns (B, N, N, C)."""
        values = inputs.permute(0, 3, 1, 2)  # (B, C, N, N)

        def convolve(name: str) -> Tensor:
            return functional.relu(self.convolutions[name](values))

        values = functional.avg_pool2d(convolve("encode_1"), 2)
        values = functional.avg_pool2d(convolve("encode_2"), 2)
        values = functional.interpolate(convolve("bottom"), scale_factor=2.0)
        values = functional.interpolate(convolve("decode_1"), scale_factor=2.0)
        values = convolve("decode_2")
        heads = (
            self.convolutions[name](values).permute(0, 2, 3, 1) for name in ("amplitude", "phase")
        )
        amplitude, phase = heads
        return self.amplitude(amplitude), self.phase(phase)
