"""Images moved and warped: equal to a naive sum over all pixels, in every mode of TensorFlow."""

from functools import partial

import numpy as np
import pytest
from events import logged
from golden import cases
from hypothesis import given, settings
from hypothesis import strategies as st

tf = pytest.importorskip("tensorflow")

from ptycho_engine import switches
from ptycho_engine.compilations import compilation_counts
from ptycho_engine.errors import RequestError
from ptycho_engine.ops.motions import _quotient
from ptycho_engine.ops.warp import projective_warp, translate

RNG = np.random.default_rng(0)
SIZE = 5, 6
REACH = 24  # pixels around an image that the reference sums over
KINDS = [(i, f) for i in ("nearest", "bilinear", "bicubic") for f in ("zeros", "edge")]


def normal(*shape, dtype=np.float64):
    numbers = RNG.normal(size=shape)
    return (numbers + 1j * RNG.normal(size=shape) if dtype in ("c8", "c16") else numbers).astype(
        dtype
    )


def weights(distance, interpolation):
    d = np.abs(distance)
    if interpolation == "bilinear":
        return np.maximum(0, 1 - d)
    near = 1.5 * d**3 - 2.5 * d**2 + 1  # Keys 1981, a = -1/2
    far = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def axis_weights(points, size, interpolation, fill):
    """Weight of each of the pixels around for each point, zero for what counts as zero."""
    around = np.arange(-REACH, size + REACH)
    if interpolation == "nearest":
        found = (np.rint(points)[..., None] == around).astype(float)
        judged = (points >= 0) & (points <= size - 1)
        outside = ~judged[..., None] & np.ones(around.shape, bool)
    else:
        found = weights(points[..., None] - around, interpolation)
        outside = np.broadcast_to((around < 0) | (around >= size), found.shape)
    return np.where(outside, 0, found) if fill == "zeros" else found


def reference(images, y, x, interpolation, fill):
    """Sum over all pixels, in float64: images (B, H, W, C), points (B, H', W')."""
    height, width = images.shape[1:3]
    rows = np.clip(np.arange(-REACH, height + REACH), 0, height - 1)
    columns = np.clip(np.arange(-REACH, width + REACH), 0, width - 1)
    wide = images[:, rows][:, :, columns]
    how = interpolation, fill
    return np.einsum(
        "bijr,bijs,brsc->bijc", axis_weights(y, height, *how), axis_weights(x, width, *how), wide
    )


def moved(images, shifts, *how):
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    dy, dx = (shifts[:, i, None, None] for i in (0, 1))
    return reference(images, y - dy, x - dx, *how)


def warped(images, matrices, *how):
    y, x = np.mgrid[: images.shape[1], : images.shape[2]]
    points = np.einsum("bij,jhw->bihw", matrices, np.stack([x, y, np.ones_like(x)]))
    return reference(images, points[:, 1] / points[:, 2], points[:, 0] / points[:, 2], *how)


def homographies(count):
    noise = RNG.normal(size=(count, 3, 3)) * [[0.1, 0.1, 1], [0.1, 0.1, 1], [0.01, 0.01, 0.1]]
    return np.eye(3) + noise


SHIFTS = np.array([[0.25, -1.75], [3.0, 0.0]])
MATRICES = homographies(2)
OPERATORS = {"translate": (translate, SHIFTS), "projective_warp": (projective_warp, MATRICES)}


# -- the numbers -------------------------------------------------------------------------------


@settings(max_examples=10)
@given(
    shifts=st.lists(
        st.tuples(*[st.one_of(st.floats(-9, 9), st.integers(-18, 18).map(lambda n: n / 2))] * 2),
        min_size=2, max_size=2,
    ),
    kind=st.sampled_from(KINDS),
    dtype=st.sampled_from(["f4", "f8", "c8", "c16"]),
)  # fmt: skip
def test_translation_equals_the_sum_over_all_pixels(shifts, kind, dtype):
    images, shifts = normal(2, *SIZE, 2, dtype=dtype), np.array(shifts)
    found = translate(images, shifts, interpolation=kind[0], fill=kind[1])
    assert found.dtype == images.dtype
    single = images.real.dtype == np.float32
    np.testing.assert_allclose(
        found, moved(images, shifts, *kind), rtol=0, atol=3e-6 if single else 1e-13
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_warp_equals_the_sum_over_all_pixels(kind):
    images = normal(2, *SIZE, 3)
    found = projective_warp(images, MATRICES, interpolation=kind[0], fill=kind[1])
    np.testing.assert_allclose(found, warped(images, MATRICES, *kind), rtol=0, atol=1e-13)
    flat = (MATRICES / MATRICES[:, 2:, 2:]).reshape(2, 9)[:, :8]
    again = projective_warp(images, flat, interpolation=kind[0], fill=kind[1])
    np.testing.assert_allclose(again, found, rtol=0, atol=1e-13)


def test_content_moves_by_plus_the_shift():
    image = np.zeros((1, 5, 5, 1))
    image[0, 2, 2] = 1
    assert np.argwhere(translate(image, [[1.0, -2.0]]).numpy()).tolist() == [[0, 3, 0, 0]]


@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_is_computed_in_single(name, dtype):
    operator, parameters = OPERATORS[name]
    images = tf.cast(normal(2, *SIZE, 1), dtype)
    found = operator(images, parameters)
    assert found.dtype == images.dtype
    expected = tf.cast(operator(tf.cast(images, tf.float32), parameters), dtype)
    np.testing.assert_array_equal(tf.cast(found, "float32"), tf.cast(expected, "float32"))


def assert_repeats(result, expected, tolerance=1e-6):
    """As of the drop-ins: relative to the largest number, if it is above 1."""
    assert result.dtype == expected.dtype
    atol = tolerance * max(1.0, np.abs(expected).max(initial=0))
    np.testing.assert_allclose(result, expected, rtol=0, atol=atol)


MOVED = sorted(name for name, case in cases("translate_xla").items() if "out_jit" in case)
WARPED = ["bilinear_edge", "bilinear_zeros", "nearest_edge", "nearest_zeros"]


@pytest.mark.slow_cases("True")
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("name", MOVED)
def test_translation_repeats_the_stored_outputs(name, jit):
    case = cases("translate_xla")[name]
    images, how = case["images"], {"interpolation": str(case["interpolation"]), "jit_compile": jit}
    shifts = case["translations"][:, ::-1]
    shifts = np.resize(shifts, (len(images), 2))  # repeated in turn, which is legacy alone
    assert_repeats(translate(images, shifts, **how), case["out_jit" if jit else "out_nojit"])


@pytest.mark.parametrize("name", WARPED)
def test_warps_repeat_the_stored_outputs(name):
    common, case = cases("projective_warp_xla")["common"], cases("projective_warp_xla")[name]
    images, how = (
        common["images"],
        dict(zip(("interpolation", "fill"), name.split("_"), strict=True)),
    )
    for transforms, expected in (
        ("matrices", "homography"), ("params8", "params8_out"),
        ("identity", "identity_out"), ("half_shift", "half_shift_out"),
    ):  # fmt: skip
        assert_repeats(projective_warp(images, common[transforms], **how), case[expected])
    double = projective_warp(images.astype(float), common["matrices64"], **how)
    assert_repeats(double, case["float64_out"])


@pytest.mark.slow_cases("edge", "nearest")
@pytest.mark.parametrize("name", WARPED)
def test_compiled_warps_repeat_the_stored_outputs(name):
    common, case = cases("projective_warp_xla")["common"], cases("projective_warp_xla")[name]
    interpolation, fill = name.split("_")
    found = projective_warp(
        common["images"], common["matrices"],
        interpolation=interpolation, fill=fill, jit_compile=True,
    )  # fmt: skip
    assert_repeats(found, case["homography_jit"], tolerance=4e-6)


# -- the modes ---------------------------------------------------------------------------------


def in_mode(operator, mode):
    """The same operator, run in another way."""

    def plain(images, parameters):
        return operator(images, parameters)

    def inner(images, parameters):
        return operator(images, parameters, jit_compile=True)

    def in_graph(images, parameters, function):
        signature = [tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in (images, parameters)]
        return tf.function(function, input_signature=signature)(images, parameters)

    return {
        "compiled": inner,
        "compiled around": tf.function(plain, jit_compile=True),
        "compiled around and within": tf.function(inner, jit_compile=True),
        "graph of unknown batch": partial(in_graph, function=plain),
        "compiled within a graph": partial(in_graph, function=inner),
    }[mode]


def test_nothing_is_traced_anew_for_another_shape():
    translate(normal(2, 4, 4, 1), SHIFTS, jit_compile=True)
    before = compilation_counts()["xla"]
    for shape in ((1, 4, 4, 1), (2, 5, 4, 1)):
        translate(normal(*shape), SHIFTS, jit_compile=True)
    assert compilation_counts()["xla"] == before


@pytest.mark.drawn
@pytest.mark.slow_cases("compiled", "graph of unknown batch")
@pytest.mark.parametrize(
    "mode",
    [
        "compiled", "compiled around", "compiled around and within",
        "graph of unknown batch", "compiled within a graph",
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", OPERATORS)
def test_every_mode_gives_the_same_numbers_and_gradients(name, mode):
    operator, parameters = OPERATORS[name]
    given = [tf.constant(normal(2, *SIZE, 1, dtype="c16")), tf.constant(parameters)]

    def run(call):
        with tf.GradientTape() as tape:
            tape.watch(given)
            result = call(*given)
            loss = tf.reduce_sum(tf.abs(result) ** 2)
        return [result, *tape.gradient(loss, given)]

    for found, right in zip(run(in_mode(operator, mode)), run(operator), strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-10)


@pytest.mark.slow_cases("True")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("jit", [False, True])
def test_one_serves_all(name, jit):
    operator, parameters = OPERATORS[name]
    images = normal(2, *SIZE, 1)
    for few, many in ((images[:1], parameters), (images, parameters[:1])):
        spread = np.broadcast_to(few, images.shape), np.broadcast_to(many, parameters.shape)
        expected = operator(*spread)
        found = operator(few, many, jit_compile=jit)
        assert found.shape == images.shape
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)
    nothing = operator(images[:0], parameters[:0], jit_compile=jit)
    assert nothing.shape == (0, *SIZE, 1)


# -- points that are none ----------------------------------------------------------------------


@pytest.mark.slow_cases("True")
@pytest.mark.parametrize("jit", [False, True])
@pytest.mark.parametrize("fill", ["zeros", "edge"])
def test_pixels_without_a_point_are_zero_and_gradients_stay_finite(fill, jit):
    images = tf.constant(1 + np.abs(normal(1, *SIZE, 1)))
    matrix = tf.constant([[[1, 0, 0], [0, 1, 0], [0.5, 0, -1.0]]], tf.float64)  # w = 0 at x = 2
    tiny = tf.tensor_scatter_nd_update(matrix, [[0, 2, 2]], [np.float64(-1 + 1e-300)])
    for transform in (matrix, tiny):
        with tf.GradientTape() as tape:
            tape.watch([images, transform])
            found = projective_warp(images, transform, fill=fill, jit_compile=jit)
        gradients = tape.gradient(found, [images, transform])
        assert not np.any(found[:, :, 2])
        assert all(np.isfinite(numbers).all() for numbers in [found, *gradients])
    assert np.any(found[:, :, 3]) == (fill == "edge")


@pytest.mark.slow_cases("True")
@pytest.mark.parametrize("jit", [False, True])
def test_shifts_beyond_reason(jit):
    images = np.ones((4, *SIZE, 1), np.float32)
    shifts = np.array([[np.inf, 0], [1e300, 0], [-np.inf, 1], [np.nan, 0]])
    for fill, value in (("zeros", 0), ("edge", 1)):
        found = translate(images, shifts, fill=fill, jit_compile=jit).numpy()
        assert np.all(found[:3] == value)
        assert np.isnan(found[3]).all()


def test_pixels_without_weight_do_not_count():
    image = np.ones((1, *SIZE, 1))
    image[0, 2, 2], image[0, 0, 0] = np.nan, np.inf
    np.testing.assert_array_equal(translate(image, [[0.0, 0.0]]), image)
    found = translate(image, [[0.5, 0.0]]).numpy()[0, :, :, 0]
    assert np.argwhere(np.isnan(found)).tolist() == [[2, 2], [3, 2]]


# -- gradients ---------------------------------------------------------------------------------


@pytest.mark.slow_cases("bicubic-zeros", "bilinear-edge")
@pytest.mark.parametrize("name", OPERATORS)
@pytest.mark.parametrize("fill", ["zeros", "edge"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_gradients_equal_finite_differences(name, interpolation, fill):
    operator, parameters = OPERATORS[name]
    parameters = parameters + 0.01  # off the whole pixels, where bilinear has a kink
    given = [normal(2, *SIZE, 1), parameters]
    upstream, ways = normal(2, *SIZE, 1), [normal(*a.shape) for a in given]

    def loss(images, numbers):
        moved = operator(images, numbers, interpolation=interpolation, fill=fill)
        return tf.reduce_sum(upstream * moved)

    tensors = [tf.constant(a) for a in given]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        gradients = tape.gradient(loss(*tensors), tensors)
    for i, (gradient, way) in enumerate(zip(gradients, ways, strict=True)):
        ends = []
        for step in (1e-6, -1e-6):
            shifted = [a + step * way if i == j else a for j, a in enumerate(given)]
            ends.append(loss(*shifted).numpy())
        slope = np.sum(gradient * way)
        assert abs((ends[0] - ends[1]) / 2e-6 - slope) <= 1e-6 * max(1, abs(slope))


@pytest.mark.parametrize("name", OPERATORS)
def test_nearest_has_a_gradient_for_images_alone(name):
    operator, parameters = OPERATORS[name]
    images, parameters = tf.constant(normal(2, *SIZE, 1)), tf.constant(parameters)
    with tf.GradientTape() as tape:
        tape.watch([images, parameters])
        found = operator(images, parameters, interpolation="nearest")
    for_images, for_parameters = tape.gradient(found, [images, parameters])
    assert np.abs(for_images).max() >= 1
    assert for_parameters is None  # a zero would pass for a slope


def test_gradients_of_tiny_divisors():
    """XLA would divide by their square, which is zero."""

    @tf.function(jit_compile=True)
    def slopes(numbers):
        with tf.GradientTape() as tape:
            tape.watch(numbers)
            found = _quotient(*numbers, tf.constant(9))
        return [found, *tape.gradient(found, numbers)]

    for w in (3.0, 3e-20, -3e-37, 3e37):
        found = slopes([tf.constant([0.0, 6 * w]), tf.constant([w, w])])
        right = [0, 6], np.repeat(1 / np.float64(w), 2), [0, -6 / np.float64(w)]
        for one, other in zip(found, right, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-6)


@pytest.mark.slow
def test_gradients_for_matrices_know_no_scale():
    """Of a matrix times any number, which warps alike."""
    images = tf.constant(normal(1, *SIZE, 1, dtype="f4"))
    slopes = []
    for scale in (1.0, 2.0**-100):
        matrix = tf.constant(MATRICES[:1].astype("f4") * np.float32(scale))
        with tf.GradientTape() as tape:
            tape.watch(matrix)
            found = projective_warp(images, matrix, jit_compile=True)
        slopes.append(tape.gradient(found, matrix).numpy() * scale)
    np.testing.assert_array_equal(*slopes)


# -- what is refused ---------------------------------------------------------------------------

IMAGES = np.ones((3, *SIZE, 1), np.float32)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: translate(IMAGES[0], [[0.0, 0.0]]), r"images: received shape \(5, 6, 1\)"),
        (lambda: translate(IMAGES.astype(int), [[0.0, 0.0]]), "images: received dtype int64"),
        (lambda: translate(IMAGES, [0.0, 0.0]), r"shifts: received shape \(2,\)"),
        (lambda: translate(IMAGES, np.zeros((2, 2))), "shifts: received 2 for 3 images"),
        (lambda: translate(IMAGES, np.zeros((1, 2), complex)), "shifts: received dtype complex128"),
        (lambda: translate(IMAGES, [[0.0, 0.0]], fill="reflect"), "fill 'reflect'.*edge, zeros"),
        (lambda: translate(IMAGES, [[0.0, 0.0]], interpolation="cubic"), "Did you mean 'bicubic'"),
        (lambda: projective_warp(IMAGES, np.eye(3)), r"transforms: .*\(3, 3\).*\(B, 8\)"),
        (lambda: projective_warp(IMAGES, np.zeros((1, 9))), r"transforms: .*\(1, 9\)"),
        (lambda: projective_warp(IMAGES, np.array([["a"] * 8])), "transforms: received dtype str"),
        (lambda: translate(None, [[0.0, 0.0]]), "images: received NoneType, which is no tensor"),
        (lambda: translate(IMAGES, [[0.0], [0.0, 1.0]]), "shifts: received list"),
        (lambda: tf.function(projective_warp, [tf.TensorSpec(None)] * 2)(IMAGES, np.ones((1, 8))),
         "transforms: received shape <unknown>"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_refused(call, words):
    with pytest.raises(RequestError, match=words):
        call()


def test_batches_that_do_not_fit_are_refused_as_the_graph_runs():
    signature = [tf.TensorSpec((None, *SIZE, 1), tf.float32), tf.TensorSpec((None, 2), tf.float64)]
    function = tf.function(translate, input_signature=signature)
    assert function(IMAGES, np.zeros((1, 2))).shape == IMAGES.shape
    with pytest.raises(tf.errors.InvalidArgumentError):
        function(IMAGES, np.zeros((2, 2)))


@pytest.mark.parametrize("jit", [False, True])
def test_images_of_no_pixels_have_none(jit):
    assert translate(np.ones((2, 0, 4, 3)), [[0.5, 0.5]], jit_compile=jit).shape == (2, 0, 4, 3)


def test_a_legacy_switch_is_not_heeded_and_logged(monkeypatch):
    monkeypatch.setenv("USE_XLA_TRANSLATE", "0")
    switches._say.cache_clear()
    with logged() as events:
        for _ in range(2):
            translate(IMAGES, [[0.0, 0.0]])
    assert [(e["event"], e["instead"]) for e in events] == [
        ("legacy_switch_not_heeded", "jit_compile=")
    ]


@pytest.mark.slow
def test_what_observes_every_operation_does_not_enter_what_is_compiled():
    tf.debugging.enable_check_numerics()
    try:  # a kind that nothing else compiles
        found = translate(IMAGES, [[0.5, 0.0]], interpolation="bicubic", fill="edge",
                          jit_compile=True)  # fmt: skip
    finally:
        tf.debugging.disable_check_numerics()
    np.testing.assert_array_equal(found, IMAGES)
