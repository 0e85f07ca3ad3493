"""Values within bounds: activations, the centre of patches, amplitude and phase of a field."""

from __future__ import annotations

from typing import Any

import torch

from ...errors import RequestError
from ...geometry.cut import Cut
from ..layer_settings import finite_number
from .tensor_inputs import as_field, as_real, real_dtype, two_inputs


class ScaledTanh(torch.nn.Module):
    """Map numbers smoothly into an interval: ``scale * tanh(x) + offset``.

    ``ScaledTanh(math.pi)`` gives phases between -pi and pi, ``ScaledTanh(0.5, 0.5)`` amplitudes
    between 0 and 1.

    Parameters
    ----------
    scale : float
        Half the width of the interval.
    offset : float
        Its middle.
    """

    def __init__(self, scale: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.scale = finite_number("ScaledTanh: scale", scale)
        self.offset = finite_number("ScaledTanh: offset", offset)

    def forward(self, inputs: Any) -> torch.Tensor:
        """Map real numbers of any shape."""
        return self.scale * torch.tanh(as_real("ScaledTanh", "inputs", inputs)) + self.offset


class CombineComplex(torch.nn.Module):
    """Combine ``[amplitude, phase]`` to ``amplitude * exp(i phase)``."""

    def forward(self, inputs: Any) -> torch.Tensor:
        """Combine.

        Parameters
        ----------
        inputs : list of two Tensor
            Real amplitudes and phases in radians, in shapes that broadcast.

        Returns
        -------
        Tensor
            The field.

        Raises
        ------
        RequestError
            If the inputs are no list of two real tensors.
        """
        amplitude, phase = two_inputs("CombineComplex", inputs, "amplitude", "phase")
        amplitude = as_real("CombineComplex", "amplitude", amplitude)
        phase = as_real("CombineComplex", "phase", phase)
        dtype = real_dtype(amplitude, phase)
        amplitude, phase = amplitude.to(dtype), phase.to(dtype)
        return torch.complex(amplitude * torch.cos(phase), amplitude * torch.sin(phase))


class CentreMask(torch.nn.Module):
    """Keep the central square of patches; outside it they are zero, even where they are NaN.

    The square is the window of its size at the patch's own anchor, sample ``N // 2``: it begins at
    ``N // 2 - size // 2``.

    Parameters
    ----------
    size : int
        Rows and columns to keep.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = Cut(size).patch_size

    def forward(self, inputs: Any) -> torch.Tensor:
        """Mask.

        Parameters
        ----------
        inputs : Tensor, shape (B, N, N, ...), or list of its real and imaginary part
            The patches.

        Returns
        -------
        Tensor
            The patches, masked, in the same shape.

        Raises
        ------
        RequestError
            If patches have fewer than three axes, or are smaller than the square.
        """
        patches = as_field("CentreMask", inputs)
        if patches.ndim < 3 or min(patches.shape[1:3]) < self.size:
            raise RequestError(
                f"CentreMask: received patches of shape {tuple(patches.shape)}. Expected "
                f"(B, N, N, ...) with N at least the size, {self.size}."
            )
        rows, columns = (self._inside(patches, axis) for axis in (1, 2))
        kept = rows[:, None] & columns
        kept = kept.reshape(1, *kept.shape, *[1] * (patches.ndim - 3))  # (1, N, N, ...)
        return torch.where(kept, patches, torch.zeros_like(patches))

    def _inside(self, patches: torch.Tensor, axis: int) -> torch.Tensor:
        """Tell which samples of an axis belong to the centre."""
        length = patches.shape[axis]
        first = length // 2 - self.size // 2
        index = torch.arange(length, device=patches.device)
        return (index >= first) & (index < first + self.size)
