"""Autograd through an engine: image and positions, against finite differences in float64."""

import numpy as np
import pytest
from torch_alone import torch

forward_ad = torch.autograd.forward_ad

from ptycho_engine import Engine
from ptycho_engine.errors import CapabilityError, RequestError

SHAPES = {"flat": (4, 2), "channel": (2, 2, 2), "grid": (1, 4, 2)}
NEAR = {"eps": 1e-6, "atol": 1e-6, "rtol": 1e-6}


@pytest.fixture(scope="module")
def engine():
    return Engine("numba")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def where():
    """Inside, on the border and wholly outside; not whole, where slopes jump."""
    places = [[4.25, 5.5], [3.1, 6.2], [8.75, 11.5], [-0.5, 30.3]]
    return torch.tensor(places, dtype=torch.float64, requires_grad=True)


@pytest.mark.parametrize(
    ("fill", "layout"), [("zeros", "flat"), ("edge", "channel"), ("reflect", "grid")]
)
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
def test_gradients_are_those_of_finite_differences(engine, dtype, interpolation, fill, layout):
    """Of complex numbers as torch means them: dL/dRe + i dL/dIm."""
    image = torch.randn(2, 9, 12, dtype=dtype, requires_grad=True)
    how = {"interpolation": interpolation, "fill": fill, "layout": layout}

    def cut(image, places):
        return engine.extract(image, places.reshape(SHAPES[layout]), 3, **how)

    def place(patches, places):
        return engine.place(patches, places.reshape(SHAPES[layout]), (9, 12), **how)

    assert torch.autograd.gradcheck(cut, (image, where()), **NEAR)
    patches = torch.randn_like(cut(image, where())).requires_grad_()
    assert torch.autograd.gradcheck(place, (patches, where()), **NEAR)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_the_gradient_of_the_image_is_a_placement(engine, interpolation):
    for dtype in (torch.float32, torch.complex64):
        image = torch.randn(9, 12, dtype=dtype, requires_grad=True)
        patches = engine.extract(image, where().detach(), 4, interpolation=interpolation)
        upstream = torch.randn_like(patches).mT.contiguous().mT  # strided, as gradients may be
        patches.backward(upstream)
        how = {"interpolation": interpolation}
        expected = engine.place(upstream.numpy(), where().detach().numpy(), (9, 12), **how)
        assert image.grad.dtype is dtype
        np.testing.assert_array_equal(image.grad.numpy(), expected)


def test_gradients_reach_what_stands_before(engine):
    """Positions of single precision, and a loss whose gradient is an expanded scalar."""
    shifts = torch.zeros(4, 2, requires_grad=True)
    image = torch.randn(9, 12, dtype=torch.complex64, requires_grad=True)
    engine.extract(image * 2j, where().detach() + shifts, 4).imag.sum().backward()
    assert shifts.grad.dtype is torch.float32
    assert shifts.grad[0].abs().min() > 1e-3
    weights = engine.place(np.ones((4, 4, 4)), where().detach().numpy(), (9, 12))
    np.testing.assert_allclose(image.grad.real.numpy(), 2 * weights, atol=1e-6)


def test_only_what_is_asked_for_is_computed(engine):
    """Nearest patches have a gradient of the image, and none of the positions."""
    image = torch.randn(9, 12, requires_grad=True)
    loss = engine.extract(image, where(), 4, interpolation="nearest").sum()
    with pytest.raises(CapabilityError, match='no gradient with interpolation="nearest"'):
        loss.backward()
    engine.extract(image, where().detach(), 4, interpolation="nearest").sum().backward()
    assert image.grad.abs().sum() > 0
    legacy = engine.extract(image, where().detach(), 4, rounding="legacy").sum()
    with pytest.raises(RequestError, match='rounding="legacy": has no adjoint'):
        legacy.backward()
    with torch.no_grad():
        assert not engine.extract(image, where(), 4).requires_grad
    assert not engine.extract(image.detach(), where().detach(), 4).requires_grad


def test_a_gradient_of_a_gradient_is_refused(engine):
    """Also where the gradient depends on the image, and what reaches it does not."""
    image, places = torch.randn(9, 12, requires_grad=True), where()
    patches = engine.extract(image, places, 4)
    for loss, of in (((patches**2).sum(), image), (patches.sum(), places)):
        (gradient,) = torch.autograd.grad(loss, of, create_graph=True)
        with pytest.raises(RequestError, match="differentiate twice"):
            gradient.sum().backward()


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")  # torch's own
def test_a_derivative_forwards_is_refused(engine):
    image = torch.ones(9, 12, dtype=torch.float64)
    with (
        forward_ad.dual_level(),
        pytest.raises(RequestError, match="cannot differentiate forwards"),
    ):
        engine.extract(forward_ad.make_dual(image, image), where().detach(), 4)


def test_changes_in_place_are_noticed_where_they_matter(engine):
    image, places = torch.randn(9, 12), where()
    patches = engine.extract(image, places, 4)
    image += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        patches.sum().backward()
    image.requires_grad_()
    patches = engine.extract(image, places.detach(), 4)
    with torch.no_grad():
        image += 1  # the adjoint does not look at the image
    patches.sum().backward()


def test_a_plugin_without_an_adjoint_says_so():
    class Slices:
        from ptycho_engine import hookimpl

        @hookimpl
        def extract_patches(self, request, out):
            out[...] = 0
            return out

    image = torch.randn(9, 12, requires_grad=True)
    loss = Engine(Slices()).extract(image, where(), 4).sum()
    with pytest.raises(CapabilityError, match=r"implements no place_patches.*numba"):
        loss.backward()


def test_arrays_that_are_no_tensors_may_stand_beside(engine):
    image = np.random.default_rng(0).standard_normal((9, 12))
    image.flags.writeable = False
    places = where()
    engine.extract(image, places, 4).sum().backward()
    assert places.grad.shape == (4, 2)
    places, patches = where(), np.ones((1, 2, 2, 3, 3, 1))
    placed = engine.place(patches, places[None], (9, 12), layout="grid")
    (placed**2).sum().backward()
    assert places.grad.abs().max() > 0
    numbers = places.detach().numpy()[None]
    np.testing.assert_array_equal(
        placed.detach(), engine.place(patches, numbers, (9, 12), layout="grid")
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
def test_compiled_functions_give_the_same_gradients(engine):
    """The graph breaks at the call, and goes on after it."""
    image = torch.randn(9, 12, requires_grad=True)

    def loss(image, places):
        patches = engine.extract(image * 2, places, 4) ** 2
        return (engine.place(patches, places, (9, 12)) ** 2).sum()

    found = []
    for function in (loss, torch.compile(loss, backend="aot_eager")):
        for _ in range(2):
            places = where()
            value = function(image, places)
            found.append([value, *torch.autograd.grad(value, (image, places))])
    for others in found[1:]:
        for value, other in zip(found[0], others, strict=True):
            torch.testing.assert_close(other, value)


def test_gradient_descent_finds_positions(engine):
    """What it is for: positions that are off by up to half a pixel come back."""
    rows, columns = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    image = torch.exp(1j * (torch.sin(rows / 3) + torch.cos(columns / 4))).to(torch.complex64)
    true = 12 + 16 * torch.rand(30, 2, dtype=torch.float64)
    measured = engine.extract(image, true, 16)
    places = (true + torch.rand_like(true) - 0.5).requires_grad_()
    optimizer = torch.optim.Adam([places], lr=0.05)
    for _ in range(60):
        optimizer.zero_grad()
        (engine.extract(image, places, 16) - measured).abs().square().sum().backward()
        optimizer.step()
    assert (places.detach() - true).square().mean().sqrt() < 0.02


def test_arrays_may_change_before_the_gradient_is_asked_for(engine):
    """A buffer that is filled again, of which torch keeps no version."""
    rng = np.random.default_rng(0)
    image, patches = rng.standard_normal((9, 12)), rng.standard_normal((4, 3, 3))
    weight = torch.tensor(rng.standard_normal((9, 12)))
    places = where()
    calls = (
        lambda: (engine.extract(image, places, 3) * torch.tensor(patches)).sum(),
        lambda: (engine.place(patches, places, (9, 12)) * weight).sum(),
    )
    expected = [torch.autograd.grad(call(), places)[0] for call in calls]
    losses = [call() for call in calls]
    image *= 2
    patches[...] = 0
    for loss, gradient in zip(losses, expected, strict=True):
        assert torch.equal(torch.autograd.grad(loss, places)[0], gradient)


def test_a_prepared_object_is_not_copied(engine, monkeypatch):
    """Who prepares an object promises not to change it."""
    prepared, places = engine.prepare(np.ones((9, 12))), where()
    seen = []
    kept = torch.from_numpy
    monkeypatch.setattr(torch, "from_numpy", lambda array: (seen.append(array), kept(array))[1])
    engine.extract(prepared, places, 3).sum().backward()
    assert any(array is prepared.image for array in seen)
    assert places.grad.shape == (4, 2)
