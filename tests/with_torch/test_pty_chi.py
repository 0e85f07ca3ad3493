"""pty-chi's bilinear patches, their placement and the gradients of both, beside ours."""

import pytest
from torch_alone import torch

from ptycho_engine import Engine

pytest.importorskip("ptychi", reason="needs pty-chi")
# Of pty-chi's sources, said where they are compiled: once after they were installed.
pytestmark = pytest.mark.filterwarnings("ignore:invalid escape sequence")

COUNT, SIDE = 5, 60
#: Double precision, and sums of some hundred numbers of about 1.
EQUAL = {"rtol": 1e-9, "atol": 1e-9}


@pytest.fixture(params=[torch.float64, torch.complex128], ids=str)
def image(request):
    torch.manual_seed(0)
    return torch.randn(SIDE, SIDE, dtype=request.param)


def centres(positions, size):
    """Positions as pty-chi takes them: its window starts at p - N / 2, for odd N too."""
    return positions + size / 2 - size // 2


def gradients(values, *inputs):
    """Of a loss that is not linear in the values."""
    return torch.autograd.grad((values.abs() ** 2).sum(), inputs)


@pytest.mark.parametrize("size", [8, 9])
def test_extraction_and_its_gradients(image, size):
    from ptychi.image_proc import extract_patches_bilinear_shift

    image.requires_grad_()
    where = (20 + 20 * torch.rand(COUNT, 2, dtype=torch.float64)).requires_grad_()
    ours = Engine("numba").extract(image, where, size)
    theirs = extract_patches_bilinear_shift(image, centres(where, size), (size, size))
    torch.testing.assert_close(ours, theirs, **EQUAL)
    expected = gradients(theirs, image, where)
    torch.testing.assert_close(gradients(ours, image, where), expected, **EQUAL)
    assert expected[1].abs().min() > 1e-3


@pytest.mark.parametrize("size", [8, 9])
def test_placement_and_its_gradients(image, size):
    from ptychi.image_proc import place_patches_bilinear_shift

    where = (20 + 20 * torch.rand(COUNT, 2, dtype=torch.float64)).requires_grad_()
    patches = torch.randn(COUNT, size, size, dtype=image.dtype, requires_grad=True)
    ours = Engine("numba").place(patches, where, (SIDE, SIDE))
    nothing = torch.zeros_like(image)
    theirs = place_patches_bilinear_shift(nothing, centres(where, size), patches)
    torch.testing.assert_close(ours, theirs, **EQUAL)
    expected = gradients(theirs, patches, where)
    torch.testing.assert_close(gradients(ours, patches, where), expected, **EQUAL)
    assert expected[1].abs().min() > 1e-3
