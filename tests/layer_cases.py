"""What layers are to compute, for every framework that has them: NumPy in double precision.

Written from the documents of the layers alone: shares no code with them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

import numpy as np

from ptycho_engine.testing import reference_patches

#: Largest error as a share of the largest magnitude that is expected, by precision.
TOLERANCE = {"double": 1e-12, "single": 2e-6}
#: Of a slope along a direction, in double precision, against differences.
SLOPE_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """A layer at work.

    `inputs` are what it is called with: an array, or a list of them; those of the loss are counts
    and rates. `reference` maps the same to what is expected. `smooth` says whether differences of
    the reference judge gradients for each of the inputs.
    """

    name: str
    layer: str
    arguments: dict[str, Any]
    inputs: Any
    reference: Callable[[Any], np.ndarray]
    smooth: bool = True


def as_single(inputs):
    """Cast to single precision, but positions, which stand second beside objects."""
    if isinstance(inputs, list):
        return [as_single(value) for value in inputs]
    return inputs.astype(np.complex64 if inputs.dtype.kind == "c" else np.float32)


def cast(case, precision):
    """Inputs of a case in a precision; positions and shifts always stay double."""
    if precision == "double":
        return case.inputs
    if case.layer in ("ExtractPatches", "PlacePatches", "ReassemblePatches", "Translation"):
        return [as_single(case.inputs[0]), case.inputs[1]]
    return as_single(case.inputs)


def check(found, case, precision):
    """Compare what a layer gave for `cast(case, precision)` with what is expected."""
    expected = case.reference(cast(case, precision))
    found = np.asarray(found)
    double = precision == "double"
    kinds = {"c": ("complex64", "complex128"), "f": ("float32", "float64")}
    assert found.dtype == kinds[expected.dtype.kind][double]
    assert found.shape == expected.shape
    bound = TOLERANCE[precision] * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=bound)


def leaves(inputs):
    """Arrays of inputs, nested or not."""
    if isinstance(inputs, list):
        return [array for value in inputs for array in leaves(value)]
    return [inputs]


def rebuild(inputs, arrays):
    """Inputs of the same nesting with other arrays, which are taken from an iterator."""
    if isinstance(inputs, list):
        return [rebuild(value, arrays) for value in inputs]
    return next(arrays)


def some_like(array, seed):
    """Noise of an array's shape and kind."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(array.shape)
    return noise + 1j * rng.standard_normal(array.shape) if array.dtype.kind == "c" else noise


def check_slopes(gradients, case, cotangent):
    """Compare gradients of ``Re sum(conj(cotangent) * output)`` with differences of the reference.

    `gradients` are, for each of the leaves, ``dL/dRe + i dL/dIm``; None is passed over.
    """
    arrays = leaves(case.inputs)
    assert len(gradients) == len(arrays)
    for index, gradient in enumerate(gradients):
        if gradient is None:
            continue
        direction = some_like(arrays[index], 100 + index)
        step, sides = 1e-6, []
        for sign in (1, -1):
            moved = list(arrays)
            moved[index] = arrays[index] + sign * step * direction
            output = case.reference(rebuild(case.inputs, iter(moved)))
            sides.append(np.vdot(cotangent, output).real)
        expected = (sides[0] - sides[1]) / (2 * step)
        size = np.linalg.norm(np.ravel(gradient)) * np.linalg.norm(np.ravel(direction))
        slope = np.vdot(gradient, direction).real
        assert abs(slope - expected) <= SLOPE_TOLERANCE * max(size, abs(expected)), case.name


# -- the references --------------------------------------------------------------------------


def far_field(inputs, output="amplitude", shifted=True):
    waves = np.asarray(inputs, np.complex128)
    intensity = np.abs(np.fft.fft2(waves, axes=(1, 2), norm="ortho")) ** 2
    if waves.ndim == 5:
        intensity = intensity.sum(-1)
    if shifted:
        intensity = np.fft.fftshift(intensity, axes=(1, 2))
    return intensity if output == "intensity" else np.sqrt(intensity)


def illuminated(patches, probe):
    patches = np.asarray(patches, np.complex128)
    if probe.ndim == 2:
        return np.einsum("bijc,ij->bijc", patches, probe)
    return np.einsum("bijc,mij->bijcm", patches, probe)


def centred(patches, size):
    kept = np.zeros_like(patches, np.result_type(patches, np.float64))
    first = [n // 2 - size // 2 for n in patches.shape[1:3]]
    square = (slice(None), *(slice(f, f + size) for f in first))
    kept[square] = patches[square]
    return kept


def _poisson(k, r, floor):
    held = max(r, floor)
    logarithm = k * (k / held).ln() if k else 0
    return held - k + logarithm + (r - held) * (1 - k / held)


def poisson(counts, rates, floor=1e-3):
    """The loss of each pixel by the textbook, in 60 digits."""
    with localcontext(prec=60):
        pixels = [
            _poisson(Decimal(float(k)), Decimal(float(r)), Decimal(floor))
            for k, r in zip(counts.flat, rates.flat, strict=True)
        ]
    return np.reshape(np.array(pixels, np.float64), counts.shape)


def cut(inputs, **how):
    objects, positions = _field(inputs[0]), inputs[1]
    cut = [reference_patches(o, p, **how) for o, p in zip(objects, positions, strict=True)]
    return np.moveaxis(np.stack(cut), 1, -1)


def _field(value):
    return value[0] + 1j * value[1] if isinstance(value, list) else value


def moved(inputs, interpolation="bilinear", fill="zeros"):
    """Images translated: one patch as large as the image, or the nearest sample of each pixel."""
    images, shifts = _field(inputs[0]), inputs[1]
    height, width = images.shape[1:3]
    size = max(height, width)
    output = np.zeros(images.shape, np.result_type(images, np.float64))
    for image, shift, out in zip(images, np.resize(shifts, (len(images), 2)), output, strict=True):
        for channel in range(image.shape[-1]):
            if interpolation == "nearest":
                out[..., channel] = _nearest(image[..., channel], shift, fill)
            else:
                how = {"interpolation": interpolation, "fill": fill}
                patch = reference_patches(image[..., channel], [size // 2 - shift], size, **how)
                out[..., channel] = patch[0, :height, :width]
    return output


def _nearest(image, shift, fill):
    """Half to even; outside the centres of the border, ``zeros`` is zero."""
    places = [np.arange(size) - by for size, by in zip(image.shape, shift, strict=True)]
    both = list(zip(places, image.shape, strict=True))
    index = [np.rint(np.clip(p, 0, n - 1)).astype(int) for p, n in both]
    inside = [(p >= 0) & (p <= n - 1) for p, n in both]
    found = image[np.ix_(*index)]
    return found if fill == "edge" else np.where(inside[0][:, None] & inside[1], found, 0)


def placed(inputs, shape, interpolation="bilinear", fill="zeros"):
    """The adjoint of the reference of extraction, which is known by what it does to impulses."""
    patches, positions = _field(inputs[0]), inputs[1]
    height, width = shape
    impulses = np.eye(height * width).reshape(-1, height, width)
    how = {"interpolation": interpolation, "fill": fill}
    objects = [
        np.einsum("spij,ijp->s", reference_patches(impulses, where, len(own), **how), own)
        for own, where in zip(
            patches.astype(np.result_type(patches, float)), positions, strict=True
        )
    ]
    return np.reshape(objects, (-1, height, width))


def reassembled(inputs, shape, weights=None, **how):
    patches, positions = _field(inputs[0]), inputs[1]
    size = patches.shape[1]
    weights = np.ones((size, size)) if weights is None else weights
    each = np.broadcast_to(weights[..., None], patches.shape)
    patches = np.where(each == 0, 0, patches)
    total, coverage = (placed([p, positions], shape, **how) for p in (each * patches, each))
    covered = coverage > 1e-20
    if how.get("interpolation") in ("bicubic", "fourier"):
        for own, where in zip(covered, positions, strict=True):
            under = np.zeros(shape, bool)
            for y, x in where - size // 2:
                rows, columns = np.arange(shape[0]) - y, np.arange(shape[1]) - x
                in_rows, in_columns = ((r >= 0) & (r <= size - 1) for r in (rows, columns))
                under |= in_rows[:, None] & in_columns
            own &= under
    return np.where(covered, total / np.where(covered, coverage, 1), 0)


# -- the cases -------------------------------------------------------------------------------


def noise(*shape, kind="c", seed=0):
    rng = np.random.default_rng([seed, *shape])
    values = rng.standard_normal(shape)
    return values + 1j * rng.standard_normal(shape) if kind == "c" else values


def _pair(array):
    return [array.real.copy(), array.imag.copy()]


def _of_pair(reference, **how):
    return lambda inputs: reference(inputs[0] + 1j * inputs[1], **how)


def _elementwise():
    real, field = noise(2, 5, 5, 3, kind="f"), noise(2, 5, 5, 3)
    yield Case("tanh", "ScaledTanh", {"scale": 3.0, "offset": -0.5}, real,
               lambda x: 3.0 * np.tanh(x.astype(float)) - 0.5)  # fmt: skip
    yield Case("combine", "CombineComplex", {}, [real, noise(2, 5, 5, 3, kind="f", seed=1)],
               lambda x: x[0].astype(float) * np.exp(1j * x[1].astype(float)))  # fmt: skip
    for kind, values in (("real", real), ("complex", field)):
        yield Case(f"scale-{kind}", "IntensityScale", {"initial": 2.5}, values,
                   lambda x: 2.5 * x.astype(np.result_type(x, float)))  # fmt: skip
    yield Case("scale-pair", "IntensityScale", {"initial": 0.5}, _pair(field),
               _of_pair(lambda x: 0.5 * x.astype(complex)))  # fmt: skip
    for n, size in ((5, 3), (6, 3), (6, 4), (5, 2), (4, 4)):
        yield Case(f"mask-{n}-{size}", "CentreMask", {"size": size}, noise(2, n, n, 2),
                   lambda x, size=size: centred(x, size))  # fmt: skip
    yield Case("mask-modes", "CentreMask", {"size": 2}, noise(2, 5, 5, 2, 3, kind="f"),
               lambda x: centred(x, 2))  # fmt: skip
    yield Case("mask-pair", "CentreMask", {"size": 2}, _pair(noise(2, 5, 5, 2)),
               _of_pair(centred, size=2))  # fmt: skip


def _optics():
    for n in (6, 7):
        one, modes = noise(n, n, seed=2), noise(3, n, n, seed=3)
        for name, probe in (("one", one), ("modes", modes), ("real", one.real)):
            yield Case(f"probe-{name}-{n}", "ProbeIllumination", {"probe": probe},
                       noise(2, n, n, 2), lambda x, p=probe: illuminated(x, p))  # fmt: skip
        for output in ("amplitude", "intensity"):
            for shifted in (True, False):
                how = {"output": output, "shifted": shifted}
                for name, shape in (("one", (2, n, n, 2)), ("modes", (2, n, n, 2, 3))):
                    yield Case(f"far-{output}-{shifted}-{name}-{n}", "FarFieldDiffraction", how,
                               noise(*shape), lambda x, h=how: far_field(x, **h))  # fmt: skip
    yield Case("probe-of-real-patches", "ProbeIllumination", {"probe": noise(6, 6)},
               noise(2, 6, 6, 2, kind="f"), lambda x: illuminated(x, noise(6, 6)))  # fmt: skip
    yield Case("probe-pair", "ProbeIllumination", {"probe": noise(6, 6)}, _pair(noise(2, 6, 6, 2)),
               _of_pair(illuminated, probe=noise(6, 6)))  # fmt: skip
    yield Case("far-pair", "FarFieldDiffraction", {}, _pair(noise(2, 6, 6, 2)),
               _of_pair(far_field))  # fmt: skip


def _loss():
    rng = np.random.default_rng(5)
    rates = rng.uniform(0.5, 40, (3, 4, 4, 2))
    counts = rng.poisson(rates).astype(float)
    yield Case("loss", "PoissonNLL", {}, [counts, rates], lambda x: poisson(*x).mean())
    yield Case("loss-of-pixels", "PoissonNLL", {"reduction": None}, [counts, rates],
               lambda x: poisson(*x))  # fmt: skip
    yield Case("loss-sum-floor", "PoissonNLL", {"reduction": "sum", "floor": 5.0}, [counts, rates],
               lambda x: poisson(*x, floor=5.0).sum())  # fmt: skip


#: Positions (y, x) in three objects of 12 x 14: inside, across a border, outside, far outside.
POSITIONS = np.array([
    [[5.25, 6.5], [-0.75, 12.375]],
    [[11.625, -3.25], [40.5, 6.25]],
    [[3.75, 9.125], [523.4, -418.3]],
])  # fmt: skip


def extraction(patch_size=5, kind="c", **how):
    """A case of ExtractPatches."""
    how = {"patch_size": patch_size, "interpolation": "bilinear", "fill": "zeros", **how}
    objects = noise(3, 12, 14, kind=kind, seed=7)
    return Case("-".join(map(str, ("extract", kind, *how.values()))), "ExtractPatches", how,
                [objects, POSITIONS], lambda x: cut(x, **how),
                smooth=how["interpolation"] != "nearest")  # fmt: skip


SHAPE = (12, 14)


def placement(size=5, kind="c", **how):
    """A case of PlacePatches."""
    how = {"shape": SHAPE, "interpolation": "bilinear", "fill": "zeros", **how}
    return Case("-".join(map(str, ("place", kind, size, *list(how.values())[1:]))), "PlacePatches",
                how, [noise(3, size, size, 2, kind=kind, seed=8), POSITIONS],
                lambda x: placed(x, **how), smooth=how["interpolation"] != "nearest")  # fmt: skip


def reassembly(size=5, kind="c", weighted=True, **how):
    """A case of ReassemblePatches."""
    how = {"shape": SHAPE, "interpolation": "bilinear", "fill": "zeros", **how}
    name = "-".join(map(str, ("reassemble", kind, size, *list(how.values())[1:])))
    if weighted:
        weights = abs(noise(size, size, kind="f", seed=9))
        weights[0, 1] = 0
        how["weights"] = weights
    return Case(name + "-weighted" * weighted, "ReassemblePatches", how,
                [noise(3, size, size, 2, kind=kind, seed=8), POSITIONS],
                lambda x: reassembled(x, **how),
                smooth=how["interpolation"] != "nearest")  # fmt: skip


SHIFTS = np.array([[0.25, -1.625], [-2.375, 3.0625], [40.5, 2.25]])


def translation(kind="c", shifts=SHIFTS, **how):
    """A case of Translation."""
    how = {"interpolation": "bilinear", "fill": "zeros", **how}
    return Case("-".join(map(str, ("move", kind, len(shifts), *how.values()))), "Translation", how,
                [noise(3, 6, 7, 2, kind=kind, seed=10), shifts], lambda x: moved(x, **how),
                smooth=how["interpolation"] != "nearest")  # fmt: skip


KERNELS = "nearest", "bilinear", "bicubic", "fourier"
FILLS = "zeros", "edge", "reflect"

ELEMENTWISE = list(_elementwise())
OPTICS = list(_optics())
LOSSES = list(_loss())
EXTRACTIONS = [
    extraction(),
    Case("extract-pair", "ExtractPatches", {"patch_size": 5},
         [_pair(noise(3, 12, 14, seed=7)), POSITIONS], lambda x: cut(x, patch_size=5)),
]  # fmt: skip
TRANSLATIONS = [
    *(
        translation(kind, interpolation=kernel, fill=fill)
        for kind in "fc"
        for kernel in KERNELS[:3]
        for fill in FILLS[:2]
    ),
    translation(shifts=SHIFTS[:1]),
    Case("move-pair", "Translation", {}, [_pair(noise(3, 6, 7, 2)), SHIFTS], moved),
]
PLACEMENTS = [
    placement(),
    Case("place-pair", "PlacePatches", {"shape": SHAPE},
         [_pair(noise(3, 5, 5, 2, seed=8)), POSITIONS], lambda x: placed(x, SHAPE)),
    reassembly(),
    reassembly(weighted=False),
]  # fmt: skip
ALL_PLACEMENTS = [
    make(size, kind, interpolation=kernel, fill=fill)
    for make in (placement, reassembly)
    for size, kind in ((4, "c"), (5, "f"))
    for kernel in KERNELS
    for fill in FILLS
]
#: Many compilations.
ALL_EXTRACTIONS = [
    extraction(size, kind, interpolation=kernel, fill=fill)
    for size in (4, 5)
    for kind in "fc"
    for kernel in KERNELS
    for fill in FILLS
]
