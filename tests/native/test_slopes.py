"""The gradient of positions in numba, against plain differences of the reference patches."""

import numpy as np
import pytest
from ptycho_engine.plugins import numba as plugin
from requests_built import build_request

from ptycho_engine import Engine
from ptycho_engine.errors import CapabilityError
from ptycho_engine.geometry.kernels import KERNELS
from ptycho_engine.testing import reference_patches

#: Inside, whole, on every border, and wholly outside.
POSITIONS = np.array(
    [[6.25, 7.5], [5.0, 8.0], [-0.4, 3.7], [12.6, 16.2], [4.5, -1.25], [3.3, 40.5], [-30.2, 5.6],
     [7.75, 9.125]]
)  # fmt: skip
SHAPES = {"flat": (8, 2), "channel": (2, 4, 2)}
STEP = 2.0**-17  # central differences of float64 are exact to about 1e-9 there


def noise(dtype, shape, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape) + 1j * rng.standard_normal(shape)
    return (values if np.dtype(dtype).kind == "c" else values.real).astype(dtype)


def gradient(image, positions, cotangent, n, layout="flat", threads=2, **how):
    request = build_request(image, positions, n, layout=layout, **how)
    return plugin.position_gradient(request, cotangent, plugin.Options(threads))


def slope(image, axis, n, interpolation, fill):
    """Return d patch / d position along an axis; on whole positions, that to the right."""
    if interpolation == "bilinear":  # linear up to the next pixel
        below, above = POSITIONS.copy(), POSITIONS.copy()
        below[:, axis] = np.floor(POSITIONS[:, axis])
        above[:, axis] = below[:, axis] + 1
        step = 1.0
    else:
        move = STEP * np.eye(2)[axis]
        below, above, step = POSITIONS - move, POSITIONS + move, 2 * STEP
    first, last = (reference_patches(image, p, n, interpolation, fill) for p in (below, above))
    return (last - first) / step


@pytest.mark.parametrize("fill", ["zeros", "edge", "reflect"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_equals_the_slopes_of_reference_patches(interpolation, fill):
    n, how = 5, {"interpolation": interpolation, "fill": fill}
    for dtype in ("float64", "complex64"):
        image = noise(dtype, (2, 13, 17))
        slopes = [slope(image, axis, n, **how) for axis in (0, 1)]  # each (2, P, N, N)
        flat = noise(dtype, slopes[0].shape, seed=1)
        products = [(flat.conj() * found).real for found in slopes]
        expected = np.stack([product.sum((0, 2, 3)) for product in products], axis=-1)
        tolerance = np.full(8, 1e-7 if dtype == "float64" else 2e-5)
        if interpolation == "bicubic":
            tolerance[1] = 1e-4  # of a whole position, where second derivatives jump
        for layout, shape in SHAPES.items():
            cotangent = flat
            if layout == "channel":
                cotangent = np.moveaxis(flat.reshape(2, 2, 4, n, n), 2, -1)  # strided, too
            found = gradient(image, POSITIONS.reshape(shape), cotangent, n, layout, **how)
            assert found.dtype == np.float64
            assert np.all(np.abs(found - expected) <= tolerance[:, None])


def test_slopes_are_the_derivatives_of_weights():
    for kernel in KERNELS.values():
        if kernel.slopes is None:
            continue
        for t in (0.125, 0.5, 0.875):
            above, below = (np.array(kernel.weights(t + d)) for d in (STEP, -STEP))
            found = np.array(kernel.slopes(t))
            np.testing.assert_allclose(found, (above - below) / (2 * STEP), rtol=0, atol=1e-9)
            assert found.sum() == pytest.approx(0, abs=1e-15)


def test_threads_and_copies_change_no_bit(monkeypatch):
    """Nor does what windows are read from: the object, copies of windows, a padded object."""
    monkeypatch.setattr("ptycho_engine.native.bands.SERIAL", 0)
    rng = np.random.default_rng(2)
    image, positions = noise("complex64", (60, 70)), rng.uniform(-3, 65, (40, 2))
    cotangent = noise("complex64", (40, 6, 6), seed=3)
    found = gradient(image, positions, cotangent, 6, threads=1)
    assert np.array_equal(found, gradient(image, positions, cotangent, 6, threads=3))
    monkeypatch.setattr(plugin, "LARGE_OBJECT", 0)
    monkeypatch.setattr(plugin, "STACK_BYTES", 4096)
    assert np.array_equal(found, gradient(image, positions, cotangent, 6, threads=3))
    assert np.array_equal(found, gradient(image, positions, cotangent.mT.copy().mT, 6))


def test_what_has_no_gradient_is_refused():
    engine = Engine("numba")
    for how in ({"interpolation": "nearest"}, {"rounding": "legacy"}):
        request = build_request(noise("float64", (13, 17)), POSITIONS, 4, **how)
        with pytest.raises(CapabilityError, match="positions have no gradient"):
            engine._service.position_gradient(request, np.ones(request.output_shape))
    request = build_request(noise("float64", (13, 17)), np.empty((0, 2)), 4)
    assert engine._service.position_gradient(request, np.ones((0, 4, 4))).shape == (0, 2)
