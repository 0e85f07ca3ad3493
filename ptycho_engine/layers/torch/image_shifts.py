"""Images moved by shifts, with a jitter in training."""

from __future__ import annotations

from typing import Any, Literal

import torch

from ...arrays.tensors import outside_autograph
from ...errors import RequestError
from ...geometry.kernels import KERNELS, REACH
from ..layer_settings import check_translation, finite_number, whole_seed
from .tensor_inputs import as_field, as_real, check_rank, real_dtype, two_inputs


class Translation(torch.nn.Module):
    """Move the content of images by shifts: ``out(p) = in(p - shift)``.

    Parameters
    ----------
    interpolation : {"bilinear", "nearest", "bicubic"}
        How samples between pixels are formed. ``nearest`` rounds half to even, and has no gradient
        for shifts.
    fill : {"zeros", "edge"}
        What the pixels outside count as. For ``nearest`` under ``zeros`` a point outside the
        centres of the border is zero, however near.
    jitter : float
        Standard deviation of a normal displacement of each image, in pixels, that is added to its
        shift in training mode alone; at least 0.
    seed : int, optional
        Of the displacements. Without one, torch draws them, as ``torch.manual_seed`` says.

    Raises
    ------
    RequestError, ConfigurationError
        If one of them cannot be used.
    """

    def __init__(
        self,
        interpolation: Literal["bilinear", "nearest", "bicubic"] = "bilinear",
        fill: Literal["zeros", "edge"] = "zeros",
        jitter: float = 0.0,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        check_translation(interpolation, fill, jitter)
        self.interpolation, self.fill = interpolation, fill
        self.jitter = finite_number("Translation: jitter", jitter)
        self.seed = whole_seed(seed)
        known = self.seed is not None
        self.generator = torch.Generator().manual_seed(self.seed) if known else None

    def forward(self, inputs: Any) -> torch.Tensor:
        """Move.

        Parameters
        ----------
        inputs : list of two
            Images (B, H, W, C), a tensor or the list of its real and imaginary part, and shifts
            (B or 1, 2), columns (y, x), in pixels; content moves by +shift.

        Returns
        -------
        Tensor, shape (B, H, W, C), dtype of the images
            The images moved. Gradients reach images and, but for ``nearest``, shifts. An infinite
            shift moves all content away; NaN gives NaN. A pixel without weight does not count,
            even if it is NaN.

        Raises
        ------
        RequestError
            If the inputs have other shapes.
        """
        images, shifts = two_inputs("Translation", inputs, "images", "shifts")
        images = as_field("Translation", images)
        check_rank("Translation", "images", images, 4)
        shifts = as_real("Translation", "shifts", shifts, torch.float64)
        if shifts.ndim != 2 or shifts.shape[1] != 2:
            raise RequestError(
                f"Translation: received shifts of shape {tuple(shifts.shape)}. Expected (B, 2), or "
                "(1, 2) for all images, columns (y, x)."
            )
        if len({len(images), len(shifts)} - {1}) > 1:
            raise RequestError(
                f"shifts: received {len(shifts)} for {len(images)} images. Expected as many as "
                "images, or one for all."
            )
        if self.training and self.jitter:
            normal = _draw(max(len(images), len(shifts)), self.generator)  # one for each result
            shifts = shifts + self.jitter * normal.to(shifts)
        if images.is_complex():  # part by part: a complex product makes NaN of infinity
            parts = torch.view_as_real(images.resolve_conj()).flatten(3)  # (B, H, W, 2 C)
            moved = self._moved(parts, shifts).unflatten(3, (images.shape[3], 2))
            return torch.view_as_complex(moved)
        return self._moved(images, shifts)

    def _moved(self, images: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
        """Move real images."""
        how = self.interpolation, self.fill
        bad = shifts.isnan().any(dim=1)[:, None, None, None]
        moved = _along(_along(images, shifts[:, 0], 1, *how), shifts[:, 1], 2, *how)
        return torch.where(bad, torch.full_like(moved[:1, :1, :1, :1], torch.nan), moved)


@outside_autograph
def _draw(count: int, generator: torch.Generator | None) -> torch.Tensor:
    """Draw normal numbers (count, 2); a generator can enter no graph."""
    # Where a generator lies, whatever device torch takes by default.
    device = None if generator is None else generator.device
    return torch.randn((count, 2), generator=generator, device=device)


def _along(
    images: torch.Tensor, shifts: torch.Tensor, axis: int, interpolation: str, fill: str
) -> torch.Tensor:
    """Move images (B or 1, H, W, C) along one axis, by shifts (B or 1,)."""
    size, shape = images.shape[axis], [len(shifts), 1, 1, 1]
    shape[axis] = size
    pixels = torch.arange(size, dtype=shifts.dtype, device=images.device)
    points = (pixels - shifts.to(images.device)[:, None]).clamp(-REACH, size - 1 + REACH)
    points = points.reshape(shape)  # (B or 1, H, 1, 1) or (B or 1, 1, W, 1)
    total = images.new_zeros(())
    for index, weight in _taps(points, size, interpolation, fill, real_dtype(images)):
        taken = torch.take_along_dim(images, index, dim=axis)
        # Zero times NaN would be NaN; where the sample is finite, its slope counts.
        unseen = (weight == 0) & ~taken.isfinite()
        total = total + weight * torch.where(unseen, torch.zeros_like(taken), taken)
    return total


def _taps(
    points: torch.Tensor, size: int, interpolation: str, fill: str, dtype: torch.dtype
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the pixel and the weight of each tap along one axis."""
    if interpolation == "nearest":
        places, judged = [torch.round(points.detach())], [points]
        weights: tuple[torch.Tensor, ...] = (torch.ones_like(points, dtype=dtype),)
    else:
        kernel = KERNELS[interpolation]
        assert kernel.weights is not None
        first = torch.floor(points).detach()
        weights = kernel.weights((points - first).to(dtype))
        places = judged = [first + (i - kernel.before) for i in range(kernel.taps)]
    if fill == "zeros":
        weights = tuple(
            torch.where((at >= 0) & (at <= size - 1), weight, torch.zeros_like(weight))
            for at, weight in zip(judged, weights, strict=True)
        )
    inner = (at.nan_to_num().clamp(0, size - 1).long() for at in places)
    return list(zip(inner, weights, strict=True))
