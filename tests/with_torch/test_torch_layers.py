"""The modules of torch equal the references of the layers, and so do their gradients."""

import copy
import io
import pickle

import numpy as np
import pytest
from layer_cases import (
    ALL_EXTRACTIONS,
    ALL_PLACEMENTS,
    ELEMENTWISE,
    EXTRACTIONS,
    LOSSES,
    OPTICS,
    PLACEMENTS,
    SHIFTS,
    TOLERANCE,
    TRANSLATIONS,
    cast,
    check,
    check_slopes,
    leaves,
    noise,
    poisson,
    rebuild,
    some_like,
)
from torch_alone import torch

from ptycho_engine import Engine
from ptycho_engine import layers as keras_layers
from ptycho_engine.compilations import compilation_counts
from ptycho_engine.errors import (
    CapabilityError,
    ConfigurationError,
    MemoryBudgetError,
    RequestError,
)
from ptycho_engine.layers import torch as layers
from ptycho_engine.layers.torch import patch_modules
from ptycho_engine.layers.torch.device_batches import DeviceBatch

CASES = [*ELEMENTWISE, *OPTICS, *LOSSES, *EXTRACTIONS, *TRANSLATIONS, *PLACEMENTS]
SERVED = [c for c in ALL_EXTRACTIONS + ALL_PLACEMENTS if c.arguments["interpolation"] != "fourier"]
WEIGHTED = "ProbeIllumination", "IntensityScale"


def named(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


def made(case, double=True):
    more = {"dtype": torch.float64} if double and case.layer in WEIGHTED else {}
    return getattr(layers, case.layer)(**case.arguments, **more)


def called(module, case, inputs):
    return module(*inputs) if case.layer == "PoissonNLL" else module(inputs)


def tensors_of(inputs):
    return rebuild(inputs, map(torch.from_numpy, leaves(inputs)))


def test_there_is_a_twin_of_every_layer():
    assert set(layers.__all__) == set(keras_layers.__all__) - {"register"}


@pytest.mark.parametrize("precision", ["single", "double"])
@named(CASES)
def test_outputs(case, precision):
    inputs = tensors_of(cast(case, precision))
    check(called(made(case, precision == "double"), case, inputs).detach(), case, precision)


@named([case for case in CASES if case.smooth])
def test_gradients(case):
    tensors = [torch.from_numpy(array).requires_grad_() for array in leaves(case.inputs)]
    output = called(made(case), case, rebuild(case.inputs, iter(tensors)))
    cotangent = some_like(output.detach().numpy(), 9)
    output.backward(torch.from_numpy(np.asarray(cotangent)))
    gradients = [None if t.grad is None else t.grad.numpy() for t in tensors]
    if case.layer == "PoissonNLL":
        assert gradients[0] is None  # counts are data
    else:
        assert all(gradient is not None for gradient in gradients)
    check_slopes(gradients, case, cotangent)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["single", "double"])
@named(CASES)
def test_outputs_and_gradients_on_a_gpu(case, precision):
    """As on the host."""
    here = [x.requires_grad_() for x in leaves(tensors_of(cast(case, precision)))]
    there = [x.detach().cuda().requires_grad_() for x in here]
    module = made(case, precision == "double")
    expected = called(module, case, rebuild(case.inputs, iter(here)))
    found = called(copy.deepcopy(module).cuda(), case, rebuild(case.inputs, iter(there)))
    assert found.device.type == "cuda"
    check(found.detach().cpu(), case, precision)
    cotangent = torch.from_numpy(np.asarray(some_like(expected.detach().numpy(), 9)))
    expected.backward(cotangent)
    found.backward(cotangent.cuda())
    for ours, theirs in zip(here, there, strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None:
            bound = 100 * TOLERANCE[precision] * float(ours.grad.abs().max())
            np.testing.assert_allclose(theirs.grad.cpu(), ours.grad, rtol=0, atol=bound)


@pytest.fixture
def as_on_a_device(monkeypatch):
    """The CPU is taken for a device, for which jax cuts and places."""
    pytest.importorskip("jax")
    monkeypatch.setattr(patch_modules, "_on_host", lambda tensor: False)


@pytest.mark.parametrize("precision", ["single", "double"])
@named([*EXTRACTIONS, *PLACEMENTS])
def test_batches_on_a_device(as_on_a_device, case, precision):
    test_outputs(case, precision)


@named([case for case in (*EXTRACTIONS, *PLACEMENTS) if case.smooth])
def test_gradients_of_batches_on_a_device(as_on_a_device, case):
    test_gradients(case)


def test_a_batch_on_a_device_is_one_call(as_on_a_device, monkeypatch):
    """Of a function that is compiled once, whatever the positions are."""
    objects, calls = torch.randn(6, 20, 21, dtype=torch.complex64), []
    call = DeviceBatch._call

    def counted(*given, **how):
        calls.append(given)
        return call(*given, **how)

    monkeypatch.setattr(DeviceBatch, "_call", counted)
    module = layers.ExtractPatches(5)
    before = compilation_counts()["xla"]
    for seed in range(3):
        torch.manual_seed(seed)
        module([objects, torch.rand(6, 4, 2, dtype=torch.float64) * 20])
    assert len(calls) == 3
    assert compilation_counts()["xla"] - before == 1


def test_tensors_without_numbers_are_refused():
    where = torch.full((2, 1, 2), 8.0)
    objects = torch.ones(2, 16, 16)
    for given in ([objects.to("meta"), where], [objects, where.to("meta")]):
        with pytest.raises(RequestError, match="holds numbers"):
            layers.ExtractPatches(5)(given)


def test_what_was_changed_in_place_is_named():
    """Not the line in which the module takes a batch apart."""
    objects, where = torch.ones(2, 16, 16, requires_grad=True), torch.full((2, 1, 2), 8.0)
    kept = objects * 1
    patches = layers.ExtractPatches(5)([kept, where])
    kept.mul_(2)
    patches.sum().backward()  # nothing that it needs was changed
    assert objects.grad.sum() == patches.numel()
    kept = objects * 1
    patches = layers.ExtractPatches(5)([kept, where.requires_grad_()])
    kept.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        patches.sum().backward()


@pytest.mark.parametrize(
    ("module", "shape"),
    [(layers.ExtractPatches(3), (5, 9, 9)), (layers.PlacePatches((9, 9)), (5, 3, 3, 2))],
)
def test_a_batch_has_one_gradient(module, shape):
    """Not one for each of its items, as large as the batch, to be added up."""
    values = torch.ones(shape, requires_grad=True)
    where = torch.full((5, 2, 2), 4.25, dtype=torch.float64, requires_grad=True)
    ahead = [module([values, where]).grad_fn]
    seen, into_leaves = set(ahead), 0
    while ahead:
        following = [node for node, _ in ahead.pop().next_functions if node is not None]
        into_leaves += sum(hasattr(node, "variable") for node in following)
        ahead += set(following) - seen
        seen |= set(following)
    assert into_leaves == 2


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")  # torch's own
def test_what_torch_cannot_have_of_a_batch_is_refused():
    objects, where = torch.ones(2, 9, 9), torch.full((2, 1, 2), 4.25)

    def cut(objects):
        return layers.ExtractPatches(3)([objects, where])

    for ask in (
        lambda: torch.func.grad(lambda objects: cut(objects).sum())(objects),
        lambda: torch.func.jvp(cut, (objects,), (objects,)),
        lambda: torch.vmap(cut)(objects[None]),
    ):
        with pytest.raises(RequestError, match="without numbers of its own"):
            ask()
    dual = torch.autograd.forward_ad
    with dual.dual_level(), pytest.raises(RequestError, match="cannot differentiate forwards"):
        cut(dual.make_dual(objects, objects))


@pytest.mark.filterwarnings("ignore")  # torch's own, of each size that Python takes as a number
def test_a_trace_is_refused():
    inputs = [torch.ones(1, 9, 9), torch.full((1, 1, 2), 4.25)]
    for module in (layers.ExtractPatches(3), layers.ReassemblePatches((9, 9))):
        with pytest.raises(
            RequestError, match=r"^torch: a Tensor without .*torch\.jit\.trace: .*$"
        ):
            torch.jit.trace(lambda *inputs, of=module: of(list(inputs)), tuple(inputs))
        inputs[0] = torch.ones(1, 3, 3, 1)


@pytest.mark.filterwarnings("ignore")
def test_a_trace_of_a_batch_on_a_device_is_refused(as_on_a_device):
    inputs = torch.ones(1, 9, 9), torch.full((1, 1, 2), 4.25)
    with pytest.raises(RequestError, match=r"torch\.jit\.trace"):
        torch.jit.trace(lambda *inputs: layers.ExtractPatches(3)(list(inputs)), inputs)


def test_a_batch_on_a_device_refuses_what_is_not_finite(as_on_a_device):
    where = torch.full((1, 1, 2), float("nan"))
    with pytest.raises(RequestError, match="NaN or infinite"):
        layers.ExtractPatches(3)([torch.ones(1, 8, 8), where])


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        (layers.ExtractPatches(5, "nearest"), (1, 16, 16)),
        (layers.PlacePatches((16, 16), "nearest"), (1, 5, 5, 2)),
    ],
)
def test_nearest_has_no_gradient_for_positions_on_a_device(as_on_a_device, module, shape):
    """jax itself says that it is zero."""
    values = torch.ones(shape, requires_grad=True)
    where = torch.full((1, 2, 2), 8.25, dtype=torch.float64)
    module([values, where]).sum().backward()
    assert values.grad.abs().sum() > 0
    with pytest.raises(CapabilityError, match='no gradient with interpolation="nearest"'):
        module([values, where.requires_grad_()]).sum().backward()


@pytest.mark.parametrize("batch", [1, 40])
def test_a_batch_on_a_device_has_to_fit(as_on_a_device, monkeypatch, batch):
    """All of it, though it is planned for one object."""
    monkeypatch.setattr(
        patch_modules, "_engine", lambda plugin: Engine(plugin, memory_budget=90_000)
    )
    where = torch.full((batch, 2, 2), 8.25)
    if batch == 1:
        assert layers.ExtractPatches(8)([torch.ones(1, 16, 16), where]).shape == (1, 8, 8, 2)
        return
    with pytest.raises(MemoryBudgetError, match="smaller batches"):
        layers.ExtractPatches(8)([torch.ones(batch, 16, 16), where])
    with pytest.raises(MemoryBudgetError, match="smaller batches"):
        layers.PlacePatches((16, 16))([torch.ones(batch, 8, 8, 2), where])


@pytest.mark.slow
@named(SERVED)
def test_every_way_to_cut_and_to_place(case):
    test_outputs(case, "single")
    test_outputs(case, "double")
    if case.smooth:
        test_gradients(case)


# -- modules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(half):
    real = [torch.randn(1, 4, 4, 1).to(half)]
    for module, inputs, dtype in (
        (layers.ScaledTanh(), real, torch.float32),
        (layers.CombineComplex(), real * 2, torch.complex64),
        (layers.ProbeIllumination(noise(4, 4)), real, torch.complex64),
        (layers.IntensityScale(1e9), real, torch.float32),
        (layers.CentreMask(2), real, torch.float32),
        (layers.FarFieldDiffraction(), real, torch.float32),
        (layers.Translation(), [real[0], torch.from_numpy(SHIFTS[:1])], torch.float32),
    ):
        singles = [x.float() if x.dtype is half else x for x in inputs]
        found, expected = (module(x if len(x) > 1 else x[0]) for x in (inputs, singles))
        assert found.dtype is dtype
        assert torch.equal(found, expected)


def test_states_come_back():
    """All that was trained, and nothing but that."""
    probe = noise(2, 4, 4)
    model = torch.nn.Sequential(
        layers.ProbeIllumination(probe, trainable=True),
        layers.FarFieldDiffraction("intensity"),
        layers.IntensityScale(3.0),
    )
    assert [name for name, _ in model.named_parameters()] == ["0.parts", "2.log_scale"]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    kept = io.BytesIO()
    torch.save(model.state_dict(), kept)
    again = torch.nn.Sequential(
        layers.ProbeIllumination(np.zeros((2, 4, 4))),
        layers.FarFieldDiffraction("intensity"),
        layers.IntensityScale(),
    )
    kept.seek(0)
    again.load_state_dict(torch.load(kept, weights_only=True))
    patches = torch.from_numpy(noise(1, 4, 4, 2).astype(np.complex64))
    assert torch.equal(again(patches), model(patches))
    np.testing.assert_allclose(again[0].probe, 1.5 * probe, rtol=1e-6)
    assert not layers.ProbeIllumination(probe).parts.requires_grad
    assert not layers.IntensityScale(trainable=False).log_scale.requires_grad


@named([ELEMENTWISE[0], OPTICS[0], *EXTRACTIONS[:1], *PLACEMENTS[2:3], TRANSLATIONS[0]])
def test_modules_are_copied_and_pickled(case):
    module, inputs = made(case), tensors_of(case.inputs)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(called(other, case, inputs), called(module, case, inputs))


def test_the_inverse_shares_the_weight():
    scale = layers.IntensityScale(3.0)
    inverse = scale.inverse()
    values = torch.tensor([[1.0, 7.0]])
    with torch.no_grad():
        scale.log_scale.fill_(1.5)
    torch.testing.assert_close(inverse(scale(values)), values)
    torch.testing.assert_close(inverse(values), values * np.exp(-1.5).astype(np.float32))
    assert next(inverse.parameters()) is scale.log_scale


def test_jitter_moves_in_training_alone_and_by_its_seed():
    images, shifts = torch.zeros(500, 9, 9, 1), torch.zeros(1, 2)
    images[:, 4, 4] = 1
    module = layers.Translation(jitter=0.1, seed=3)
    assert torch.equal(module.eval()([images, shifts]), images)
    first, second = (module.train()([images, shifts]) for _ in range(2))
    again = layers.Translation(jitter=0.1, seed=3)
    assert torch.equal(again([images, shifts]), first)
    assert torch.equal(copy.deepcopy(again)([images, shifts]), second)
    along = torch.arange(9.0) - 4
    by = torch.stack([torch.einsum(f"byxc,{axis}->b", first, along) for axis in "yx"], dim=1)
    assert (by != 0).all()
    np.testing.assert_allclose(by.std(dim=0), [0.1, 0.1], rtol=0.15)
    torch.manual_seed(5)
    drawn = layers.Translation(jitter=0.1)
    moved = drawn([images, shifts])
    torch.manual_seed(5)
    assert torch.equal(drawn([images, shifts]), moved)


def test_a_seed_draws_whatever_device_is_the_default():
    inputs = [torch.rand(2, 5, 5, 1), torch.zeros(1, 2)]
    expected = layers.Translation(jitter=0.1, seed=3)(inputs)
    with torch.device("meta"):
        assert torch.equal(layers.Translation(jitter=0.1, seed=3)(inputs), expected)


COMPILED = [
    *(ELEMENTWISE[i] for i in (0, 1, 3, 5)), OPTICS[0], OPTICS[4], LOSSES[0], *EXTRACTIONS[:1],
    TRANSLATIONS[2], *PLACEMENTS[2:3],
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@named(COMPILED)
def test_compiled_modules_give_the_same(case):
    module, found = made(case), []
    for function in (module, torch.compile(module, backend="aot_eager")):
        tensors = [torch.from_numpy(array).requires_grad_() for array in leaves(case.inputs)]
        output = called(function, case, rebuild(case.inputs, iter(tensors)))
        (output.abs() ** 2).sum().backward()
        found.append([output.detach(), *(t.grad for t in tensors)])
    for value, other in zip(*found, strict=True):
        if value is not None:
            torch.testing.assert_close(other, value, rtol=1e-9, atol=1e-9)


# -- where formulas have no number -----------------------------------------------------------


def test_dark_pixels_leave_gradients_finite():
    waves = torch.zeros(1, 4, 4, 1, dtype=torch.complex64, requires_grad=True)
    ((layers.FarFieldDiffraction()(waves) - 3.0) ** 2).sum().backward()
    assert (waves.grad == 0).all()
    waves = torch.full((1, 4, 4, 1), 1e-25, dtype=torch.complex64, requires_grad=True)
    layers.FarFieldDiffraction()(waves).sum().backward()  # intensities below the least number
    assert waves.grad.isfinite().all()


@pytest.mark.parametrize("output", ["amplitude", "intensity"])
def test_bright_patterns_leave_gradients_finite(output):
    """1e9 photons, all of them in one pixel, and none in the others."""
    waves = torch.full((1, 8, 8, 1), (1e9 / 64) ** 0.5, dtype=torch.complex64, requires_grad=True)
    pattern = layers.FarFieldDiffraction(output)(waves)
    intensity = pattern if output == "intensity" else pattern**2
    counts = torch.zeros(1, 8, 8, 1)
    counts[0, 4, 4, 0], counts[0, 0, 0, 0] = 1e9, 2
    loss = layers.PoissonNLL()(counts, intensity)
    loss.backward()
    assert loss.isfinite()
    assert waves.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_loss_of_any_counts_at_any_rate(dtype):
    floor = 2.0**-10  # the same in both precisions
    numbers = [0.0, 1e-37, 1e-30, 1e-6, floor, 0.5, 1.0, 7.0, 7.0001, 1e4, 1e9, 1.0000001e9, 1e10]
    k, r = (a.ravel().astype(dtype) for a in np.meshgrid(numbers, [-10.0, *numbers]))
    rates = torch.from_numpy(r).requires_grad_()
    loss = layers.PoissonNLL(floor, reduction=None)(torch.from_numpy(k), rates)
    loss.sum().backward()
    share, slope_share = {np.float64: (1e-13, 1e-14), np.float32: (1e-5, 1e-6)}[dtype]
    expected = poisson(k, r, floor)
    # Continued as a line, it is a difference of what Poisson's loss is at the floor.
    more = np.where(r < floor, np.finfo(dtype).eps * np.maximum(k, floor), 0)
    assert (abs(loss.detach().numpy() - expected) <= share * abs(expected) + more).all()
    held = np.maximum(r.astype(float), floor)
    slope = (held - k) / held
    assert (abs(rates.grad.numpy() - slope) <= slope_share * abs(slope)).all()


def test_the_loss_may_be_differentiated_twice():
    counts = torch.tensor([0.0, 2.0, 5.0], dtype=torch.float64)
    rates = torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda r: layers.PoissonNLL()(counts, r), (rates,))


def test_what_is_not_counted_may_be_nan():
    counts = torch.tensor([2.0, torch.nan])
    rates = torch.tensor([3.0, torch.nan], requires_grad=True)
    found = layers.PoissonNLL()(counts, rates, torch.tensor([1.0, 0.0]))
    found.backward()
    np.testing.assert_allclose(
        found.detach(), poisson(np.array([2.0]), np.array([3.0]))[0] / 2, rtol=1e-6
    )
    np.testing.assert_allclose(rates.grad, [1 / 6, 0], rtol=1e-6)
    assert layers.PoissonNLL(reduction=None)(counts, torch.ones(2))[1].isnan()


def test_infinite_rates_have_an_infinite_loss():
    counts, rates = torch.tensor([0, 5, torch.nan]), torch.full((3,), torch.inf, requires_grad=True)
    found = layers.PoissonNLL(reduction=None)(counts, rates)
    (slopes,) = torch.autograd.grad(found.sum(), rates, create_graph=True)
    np.testing.assert_array_equal(found.detach(), [np.inf, np.inf, np.nan])
    np.testing.assert_array_equal(slopes.detach(), [1, 1, np.nan])
    assert torch.autograd.grad(slopes[:2].sum(), rates)[0][:2].tolist() == [0, 0]


def test_parts_of_what_is_not_finite_are_weighed_apart():
    """As the layers of Keras do: a complex product would make NaN of both."""
    patches = np.ones((1, 8, 8, 1), np.complex64)
    patches[0, 3, 3], patches[0, 4, 5] = complex(np.inf, 1), complex(1, np.nan)
    weights = np.full((8, 8), 0.5)
    weights[0, 0] = 1
    given = torch.from_numpy(patches)
    where = torch.full((1, 1, 2), 4.0)
    placed = layers.ReassemblePatches((8, 8), weights=weights)([given, where])
    np.testing.assert_array_equal(placed, patches[..., 0])
    scale = layers.IntensityScale(2.0)
    moved = layers.Translation(fill="edge")([given, torch.tensor([[0.5, 0.0]])])
    halves = (patches.real + np.roll(patches.real, 1, axis=1)) / 2
    np.testing.assert_array_equal(moved.real, halves)
    assert np.argwhere(moved.isnan().numpy())[:, 1:3].tolist() == [[4, 5], [5, 5]]
    for found, factor in ((scale(given), 2), (scale.inverse()(given), 0.5)):
        for part in (np.real, np.imag):
            np.testing.assert_allclose(
                part(found.detach().numpy()), factor * part(patches), rtol=1e-6
            )


@pytest.mark.parametrize("module", [layers.Translation(), layers.IntensityScale(2.0)])
def test_fields_of_any_strides(module):
    """Conjugated, transposed and repeated: their parts are looked at as real numbers."""
    field = some(1, 4, 4, 2).to(torch.complex128)
    shifts = torch.tensor([[0.5, 0.25]])
    for given in (field.conj(), field.mT, field[..., :1].expand(1, 4, 4, 2), field[:, ::2, ::3]):
        found, expected = (
            module([each, shifts] if isinstance(module, layers.Translation) else each)
            for each in (given, given.resolve_conj().clone(memory_format=torch.contiguous_format))
        )
        torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.filterwarnings("ignore:.torch.jit.script:FutureWarning")  # torch's own
def test_the_loss_may_be_differentiated_forwards():
    counts = torch.tensor([0.0, 2.0, 5.0, 3.0], dtype=torch.float64)
    rates = torch.tensor([1.0, 3.0, 5.0, 1e-5], dtype=torch.float64)

    def loss(rates):
        return layers.PoissonNLL(reduction="sum")(counts, rates)

    slopes = torch.func.grad(loss)(rates)
    torch.testing.assert_close(torch.func.jacfwd(loss)(rates), slopes)
    curvature = torch.tensor([0, 2 / 9, 1 / 5, 0], dtype=torch.float64).diag()
    torch.testing.assert_close(torch.func.hessian(loss)(rates), curvature)
    with pytest.raises(RequestError, match="forwards twice"):
        torch.func.jacfwd(torch.func.jacfwd(loss))(rates)


def test_the_loss_of_nothing_is_none():
    nothing, some = torch.zeros(0, 3), torch.ones(2, 3)
    assert layers.PoissonNLL()(nothing, nothing) == 0
    mean = layers.PoissonNLL(reduction="mean_with_sample_weight")
    assert mean(some, 2 * some, torch.zeros(2)) == 0


def test_losses_of_many_at_once():
    counts, rates = torch.arange(6.0).reshape(3, 2), torch.full((3, 2), 2.0)
    loss = layers.PoissonNLL()
    each = torch.stack([loss(*pair) for pair in zip(counts, rates, strict=True)])
    torch.testing.assert_close(torch.vmap(loss)(counts, rates), each)


def test_probes_from_any_tensor():
    probe = some(4, 4)
    np.testing.assert_allclose(
        layers.ProbeIllumination(probe.conj()).probe, probe.numpy().conj(), rtol=1e-6
    )
    half = layers.ProbeIllumination(probe.real.bfloat16(), dtype=torch.bfloat16)
    np.testing.assert_array_equal(half.probe, probe.real.bfloat16().float())


def test_weights_of_items_and_of_pixels():
    counts, rates = np.arange(12.0).reshape(3, 2, 2, 1), np.full((3, 2, 2, 1), 5.0)
    each, items = poisson(counts, rates), np.array([1.0, 0.0, 2.0])
    pixels = (counts > 3).astype(float)
    loss = layers.PoissonNLL()
    for weight, expected in (
        (items, (each * items[:, None, None, None]).mean()),
        (pixels, (each * pixels).mean()),
        (pixels[..., 0], (each * pixels).mean()),
    ):
        found = loss(*map(torch.from_numpy, (counts, rates, weight)))
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    mean = layers.PoissonNLL(reduction="mean_with_sample_weight")
    found = mean(*map(torch.from_numpy, (counts, rates, pixels)))
    np.testing.assert_allclose(found, (each * pixels).sum() / pixels.sum(), rtol=1e-12)


def test_what_has_no_weight_may_be_nan():
    patches = torch.full((1, 4, 4, 1), torch.nan)
    patches[0, 1:3, 1:3, 0] = 1
    patches.requires_grad_()
    total = (layers.CentreMask(2)(patches) ** 2).sum()
    total.backward()
    assert total == 4
    assert patches.grad.isfinite().all()
    images = torch.full((1, 4, 4, 1), torch.nan)
    images[0, 1] = 1
    moved = layers.Translation()([images, torch.tensor([[1.0, 0.0]])])
    assert (moved[0, 2] == 1).all()
    assert (moved[0, 0] == 0).all()
    for value in (torch.nan, torch.inf):
        moved = layers.Translation()([torch.ones(1, 4, 4, 1), torch.tensor([[0.0, value]])])
        assert moved.isnan().all() if np.isnan(value) else (moved == 0).all()


def test_shifts_have_slopes_at_whole_numbers():
    images = torch.arange(5.0).reshape(1, 5, 1, 1).expand(1, 5, 5, 1)
    shifts = torch.zeros(1, 2, requires_grad=True)
    layers.Translation(fill="edge")([images, shifts])[:, 1:4].sum().backward()
    assert shifts.grad.tolist() == [[-15.0, 0.0]]


def test_patches_of_a_constant_give_it_back():
    rng = np.random.default_rng(2)
    where = torch.from_numpy(rng.uniform(-3, 15, (3, 2, 2)))
    patches = torch.full((3, 5, 5, 2), 7.0)
    found = layers.ReassemblePatches((12, 14))([patches, where])
    covered = layers.PlacePatches((12, 14))([patches, where]) != 0
    assert 20 < covered.sum() < covered.numel()
    torch.testing.assert_close(found[covered], torch.full_like(found[covered], 7))
    assert (found[~covered] == 0).all()


def some(*shape):
    return torch.from_numpy(noise(*shape))


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: layers.ScaledTanh(scale=np.nan), ConfigurationError, "scale is nan"),
        (lambda: layers.IntensityScale(0), ConfigurationError, "above zero"),
        (lambda: layers.PoissonNLL(floor=0), ConfigurationError, "above zero"),
        (lambda: layers.PoissonNLL(reduction="avg"), ConfigurationError, "sum_over_batch_size"),
        (lambda: layers.FarFieldDiffraction("phase"), ConfigurationError, "amplitude, intensity"),
        (lambda: layers.ProbeIllumination(np.ones((3, 4))), ConfigurationError, r"\(N, N\)"),
        (lambda: layers.CentreMask(0), RequestError, "patch_size"),
        (lambda: layers.ExtractPatches(4, fill="error"), RequestError, "reflect"),
        (lambda: layers.ExtractPatches(4, "cubic"), RequestError, "bicubic"),
        (lambda: layers.ExtractPatches(4, "fourier"), CapabilityError, "numba: does not serve"),
        (lambda: layers.PlacePatches((4, 0)), RequestError, r"\(H, W\)"),
        (lambda: layers.Translation(jitter=-1), ConfigurationError, "at least 0"),
        (lambda: layers.CentreMask(5)(some(1, 4, 4, 1)), RequestError, "at least the size, 5"),
        (lambda: layers.ProbeIllumination(noise(4, 4))(some(1, 5, 5, 1)), RequestError, "B, 4, 4"),
        (lambda: layers.FarFieldDiffraction()(some(5, 5)), RequestError, "4 or 5 axes"),
        (lambda: layers.CombineComplex()(some(2, 2)), RequestError, "amplitude, phase"),
        (lambda: layers.CombineComplex()([some(2, 2)] * 2), RequestError, "real tensor"),
        (lambda: layers.ExtractPatches(4)([some(2, 5, 5), torch.zeros(3, 1, 2)]), RequestError,
         "3 sets of positions for a batch of 2"),
        (lambda: layers.ExtractPatches(4)([some(2, 5, 5), torch.zeros(2, 2)]), RequestError,
         r"\(B, C, 2\)"),
        (lambda: layers.CentreMask(2)([torch.ones(1, 4, 4, 1), torch.ones(1, 4, 4, 2)]),
         RequestError, "Expected one shape"),
        (lambda: layers.CombineComplex()([torch.ones(2, 3), torch.ones(2, 4)]), RequestError,
         "shapes that broadcast"),
        (lambda: layers.CombineComplex()({"amplitude": some(2)}), RequestError, "received dict"),
        (lambda: layers.ProbeIllumination([[1, 2], [3]]), ConfigurationError, "one length"),
        (lambda: layers.InverseIntensityScale(layers.ScaledTanh()), ConfigurationError,
         "Expected an IntensityScale"),
        (lambda: layers.Translation(seed=1.5), ConfigurationError, "whole number"),
        (lambda: layers.PoissonNLL(floor=1e-44), ConfigurationError, "1e-12"),
        (lambda: layers.PoissonNLL()(torch.ones(2, 3), torch.ones(2, 3), torch.ones(3)),
         RequestError, "first axes"),
        (lambda: layers.PoissonNLL()(torch.ones(2), torch.ones(2), torch.ones(2, 1)),
         RequestError, "first axes"),
        (lambda: layers.ExtractPatches(4)([some(1, 5, 5), torch.full((1, 1, 2), torch.nan)]),
         RequestError, "NaN or infinite"),
        (lambda: layers.PlacePatches((9, 9))([some(1, 4, 4, 2), torch.zeros(1, 1, 2)]),
         RequestError, "1 positions for 2 patches"),
        (lambda: layers.ReassemblePatches((9, 9), weights=np.ones((3, 3)))(
            [some(1, 4, 4, 1), torch.zeros(1, 1, 2)]), RequestError, "weights of size 3"),
        (lambda: layers.Translation()([some(2, 5, 5, 1), torch.zeros(3, 2)]), RequestError,
         "3 for 2 images"),
        (lambda: layers.PoissonNLL()(torch.ones(2, 3), torch.ones(2, 1)), RequestError,
         "one shape"),
    ],
)  # fmt: skip
def test_refusals(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_a_network_learns_an_object_and_its_probe():
    """Diffraction in the loss: cut, illuminate, propagate, scale, compare with counts."""
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    window = np.hanning(12)[:, None] * np.hanning(12)
    where = torch.from_numpy(rng.uniform(7, 17, (1, 20, 2)))
    cut, seen = layers.ExtractPatches(12), layers.FarFieldDiffraction("intensity")
    scale = layers.IntensityScale(50.0)
    phase = torch.from_numpy(0.5 * noise(1, 24, 24, kind="f")).float()

    def expected(phase, probe):
        objects = layers.CombineComplex()([torch.ones_like(phase), phase])
        return scale(seen(probe(cut([objects, where]))))

    with torch.no_grad():
        counts = torch.poisson(expected(phase, layers.ProbeIllumination(window)))
    guess = torch.zeros_like(phase, requires_grad=True)
    probe = layers.ProbeIllumination(0.8 * window, trainable=True)
    optimizer = torch.optim.Adam([guess, *probe.parameters()], lr=0.03)
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = layers.PoissonNLL()(counts, expected(guess, probe))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 3


@pytest.mark.parametrize("objects", [0, 2])
def test_nothing_is_cut_placed_and_diffracted_with_gradients(objects):
    members = 0 if objects else 3
    held = torch.ones(objects, 7, 8, dtype=torch.complex64, requires_grad=True)
    where = torch.zeros(objects, members, 2)
    patches = layers.ExtractPatches(4)([held, where])
    placed = layers.PlacePatches((7, 8))([patches, where])
    assert patches.shape == (objects, 4, 4, members)
    assert placed.shape == (objects, 7, 8)
    pattern = layers.FarFieldDiffraction()(patches)
    assert pattern.shape == patches.shape
    (placed.abs().sum() + pattern.sum()).backward()
    assert (held.grad == 0).all()
