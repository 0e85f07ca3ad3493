"""From patches under a probe to what a detector in the far field sees."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch

from ...errors import RequestError
from ..layer_settings import checked_probe, chosen_output
from .tensor_inputs import as_array, as_field, check_rank, complex_dtype, real_dtype


class ProbeIllumination(torch.nn.Module):
    """Multiply patches by a probe, or by each of its modes.

    The probe is kept as one real parameter `parts` of shape (..., 2), real and imaginary part, so
    that every optimizer can train it.

    Parameters
    ----------
    probe : array_like, shape (N, N) or (M, N, N)
        The probe, real or complex; M modes.
    trainable : bool
        Whether it is trained.
    dtype, device : optional
        As for every module of torch with parameters.

    Raises
    ------
    ConfigurationError
        If the probe has another shape, or is not finite.
    """

    def __init__(
        self,
        probe: Any,
        trainable: bool = False,
        *,
        dtype: torch.dtype | None = None,
        device: Any = None,
    ) -> None:
        super().__init__()
        array = checked_probe(as_array(probe))
        parts = np.stack([array.real, array.imag], axis=-1)
        kind = dtype or torch.get_default_dtype()
        self.parts = torch.nn.Parameter(
            torch.tensor(parts, dtype=kind, device=device), requires_grad=trainable
        )  # (..., N, N, 2)

    @property
    def probe(self) -> np.ndarray[Any, Any]:
        """The probe as it is now: ndarray of complex, in the shape in which it was given."""
        parts = as_array(self.parts)
        return np.asarray(parts[..., 0] + 1j * parts[..., 1])

    def forward(self, inputs: Any) -> torch.Tensor:
        """Illuminate.

        Parameters
        ----------
        inputs : Tensor, shape (B, N, N, C), or list of its real and imaginary part
            Patches of the object.

        Returns
        -------
        Tensor of complex, shape (B, N, N, C), or (B, N, N, C, M) for a probe of modes
            Exit waves.

        Raises
        ------
        RequestError
            If the patches do not have the size of the probe.
        """
        patches = as_field("ProbeIllumination", inputs)
        size = self.parts.shape[-3:-1]
        if patches.ndim != 4 or patches.shape[1:3] != size:
            raise RequestError(
                f"ProbeIllumination: received patches of shape {tuple(patches.shape)}. Expected "
                f"(B, {size[0]}, {size[1]}, C), the size of the probe."
            )
        parts = self.parts.to(real_dtype(patches))
        probe = torch.complex(parts[..., 0], parts[..., 1])  # (N, N) or (M, N, N)
        if probe.ndim == 2:
            return patches * probe[..., None]
        return patches[..., None] * probe.permute(1, 2, 0)[:, :, None, :]


class FarFieldDiffraction(torch.nn.Module):
    """Propagate exit waves to the far field, and add up the intensities of modes.

    Intensities are ``sum_m |FFT2(wave_m)|^2 / N^2``, the squares of an orthonormal transform: the
    photons of a pattern are those of its exit wave, as in `ptycho_engine.Simulation`. Amplitudes
    are their roots. A root has no slope at zero; here it is 0 there, so that dark pixels leave
    gradients finite.

    Parameters
    ----------
    output : {"amplitude", "intensity"}
        What is returned.
    shifted : bool
        Whether the zero frequency lies at sample ``N // 2``, or at sample 0.

    Raises
    ------
    ConfigurationError
        If `output` is neither.
    """

    def __init__(
        self, output: Literal["amplitude", "intensity"] = "amplitude", shifted: bool = True
    ) -> None:
        super().__init__()
        self.output = chosen_output(output)
        self.shifted = bool(shifted)

    def forward(self, inputs: Any) -> torch.Tensor:
        """Propagate.

        Parameters
        ----------
        inputs : Tensor, shape (B, N, N, C) or (B, N, N, C, M), or its real and imaginary part
            Exit waves, of M modes.

        Returns
        -------
        Tensor of float, shape (B, N, N, C)
            Patterns.

        Raises
        ------
        RequestError
            If the waves have another number of axes.
        """
        waves = as_field("FarFieldDiffraction", inputs)
        check_rank("FarFieldDiffraction", "exit waves", waves, 4, 5)
        fields = waves.to(complex_dtype(waves))
        if fields.numel():  # MKL has no transform of nothing
            fields = torch.fft.fft2(fields, dim=(1, 2))
        intensity = fields.real**2 + fields.imag**2
        if waves.ndim == 5:
            intensity = intensity.sum(-1)
        intensity = intensity / (waves.shape[1] * waves.shape[2])
        if self.shifted:
            intensity = torch.fft.fftshift(intensity, dim=(1, 2))
        return intensity if self.output == "intensity" else _root(intensity)


def _root(intensity: torch.Tensor) -> torch.Tensor:
    """Return the square root of numbers not below zero; at zero, its slope counts as 0."""
    dark = intensity == 0
    # The root of one is taken there: a slope of infinity times zero would be NaN.
    lit = torch.where(dark, torch.ones_like(intensity), intensity)
    return torch.where(dark, torch.zeros_like(intensity), torch.sqrt(lit))
